"""Countries by the first digits of a number, against the library's own answers."""

from __future__ import annotations

import phonenumbers
import pytest

from sinch_provider.sms.campaign.countries import UNKNOWN, country_of, is_country

TYPES = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
@pytest.mark.parametrize("kind", TYPES)
def test_examples_of_each_country(region: str, kind: int) -> None:
    number = phonenumbers.example_number_for_type(region, kind)
    if number is not None:
        digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        assert country_of(digits) == phonenumbers.region_code_for_number(number)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("467017406" + "05", "SE"),
        ("447700900222", "GB"),
        ("12025550123", "US"),
        ("14165550123", "CA"),
        ("18765550123", "JM"),
        ("99900000001", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_numbers_that_nobody_has(number: str, country: str) -> None:
    assert country_of(number) == country


def test_a_satellite_phone_belongs_to_no_country() -> None:
    number = phonenumbers.example_number_for_non_geo_entity(870)
    assert number is not None
    assert country_of(f"870{number.national_number}") == "001"


@pytest.mark.parametrize("name", ["SE", "CA", "GG", "001", "ZZ"])
def test_names(name: str) -> None:
    assert is_country(name)


@pytest.mark.parametrize("name", ["XX", "", "se", "UK", "default"])
def test_other_names(name: str) -> None:
    assert not is_country(name)
