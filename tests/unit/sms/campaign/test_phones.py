"""Numbers of a column, international and national."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import phonenumbers
import pytest

from sinch_provider.sms.campaign.phones import (
    AMBIGUOUS,
    GROUP,
    MISSING,
    NOT_OF_COUNTRY,
    ZERO,
    read_numbers,
    readings,
)
from sinch_provider.sms.fields.recipients import MIN_DIGITS

SWEDISH = "46701740605"
AT_HOME = "070-174 06 05"
GROUP_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


@pytest.mark.parametrize(
    ("value", "country", "number"),
    [
        ("+46701740605", None, SWEDISH),
        ("46701740605", None, SWEDISH),
        (46701740605, None, SWEDISH),
        (Decimal(46701740605), None, SWEDISH),
        ("+46 70-174 06 05", "SE", SWEDISH),
        ("0046 70 174 06 05", "SE", SWEDISH),
        ("070-174 06 05", "SE", SWEDISH),
        ("(0)70 174 06 05", "SE", SWEDISH),
        # A spreadsheet dropped the zero, or the plus.
        ("701740605", "SE", SWEDISH),
        (701740605, "SE", SWEDISH),
        ("46701740605", "SE", SWEDISH),
        (46701740605, "SE", SWEDISH),
        ("46 (0)70 174 06 05", "SE", SWEDISH),
        ("07700 900222", "GB", "447700900222"),
        ("+447700900222", "SE", "447700900222"),
        ("00447700900222", "SE", "447700900222"),
        ("(202) 555-0123", "US", "12025550123"),
        ("12025550123", "US", "12025550123"),
        # A national number after the country code.
        (f"+46 {AT_HOME}", None, SWEDISH),
        (f"46{AT_HOME}", None, SWEDISH),
        (f"0046 {AT_HOME}", "GB", SWEDISH),
        ("+44 07700 900222", None, "447700900222"),
        ("+44 07700 900222", "GB", "447700900222"),
        # From abroad, without plus: no Swedish number looks like it.
        ("12025550123", "SE", "12025550123"),
        # American ones look like it. But people in China write theirs without a zero.
        ("13055550123", "CN", "86" + "13055550123"),
        ("0046701740605", "DE", SWEDISH),
        ("+46701740605", "DE", SWEDISH),
        ("046701740605", "DE", "49" + "46701740605"),
    ],
)
def test_read(value: Any, country: str | None, number: str) -> None:
    assert read_numbers([value], country) == ([number], {})
    # Beside a clean one, and beside a bad one.
    normal, wrong = read_numbers(["+447700900333", value, "x"], country)
    assert normal == ["447700900333", number, ""]
    assert set(wrong) == {2}


@pytest.mark.parametrize(
    ("value", "country", "reason"),
    [
        (None, None, MISSING),
        ("", None, MISSING),
        (" \t", "SE", MISSING),
        (float("nan"), "SE", MISSING),
        (GROUP_ID, None, GROUP),
        (GROUP_ID, "SE", GROUP),
        ("070-174 06 05", None, "must start with a country code"),
        ("+0701740605", "SE", "must start with a country code"),
        ("0000701740605", "SE", "must start with a country code"),
        ("070", "SE", "must be an international phone number of 5 to 15 digits"),
        ("070174", "SE", None),
        ("0701740605070174", "SE", None),
        ("447700900222", "SE", NOT_OF_COUNTRY),
        ("4407700900222", "GB", NOT_OF_COUNTRY),
        # Such numbers exist in Germany and Austria too.
        (SWEDISH, "DE", AMBIGUOUS),
        (int(SWEDISH), "DE", AMBIGUOUS),
        ("46 70-174 06 05", "DE", AMBIGUOUS),
        ("12025550123", "AT", AMBIGUOUS),
        ("+1 0" + "202 555 0123", None, ZERO),
        ("+46 070", None, ZERO),
        ("NULL", "SE", MISSING),
        ("Maria", "SE", "must be an international phone number of 5 to 15 digits"),
        ("701740605.0", "SE", "is a number with a decimal point"),
        (701740605.0, "SE", "is a number with a decimal point"),
        (("+46701740605",), None, "is a row of several columns"),
        (b"0701740605", "SE", "must be an international phone number as text, not bytes"),
    ],
)
def test_refused(value: Any, country: str | None, reason: str | None) -> None:
    normal, wrong = read_numbers(["+447700900333", value], country)
    assert normal == ["447700900333", ""]
    if reason is not None:
        assert wrong[1].startswith(reason)
    assert "group id" not in wrong[1] or wrong[1] == GROUP


def test_what_may_be_two_numbers_is_both_of_them() -> None:
    assert readings(SWEDISH, "DE") == [f"49{SWEDISH}", SWEDISH]
    assert readings(int(SWEDISH), "DE") == [f"49{SWEDISH}", SWEDISH]
    assert readings("46 (0)70-174 06 05", "DE") == [f"49{SWEDISH}", SWEDISH]


def test_the_code_of_a_country_may_also_be_how_its_numbers_begin() -> None:
    number = phonenumbers.example_number_for_type("DE", phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    assert digits.startswith("4915")
    # There is an area in Germany with 0491.
    assert read_numbers([digits, f"+{digits}"], "DE") == (["", digits], {0: AMBIGUOUS})
    assert readings(digits, "DE") == [f"49{digits}", digits]


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_people_of_each_country_write_their_numbers_as_at_home(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is None or len(str(number.national_number)) < MIN_DIGITS:
        pytest.skip("no example, or one of four digits")
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    assert read_numbers([written, f"+{digits}"], region) == ([digits, digits], {})


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_prefix_of_each_country_after_its_code_makes_no_other_number(region: str) -> None:
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None or len(str(number.national_number)) < MIN_DIGITS:
            continue
        digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        assert read_numbers([f"+{digits}"]) == ([digits], {})
        assert read_numbers([f"+{number.country_code} {written}"]) == ([digits], {})


@pytest.mark.parametrize(
    ("region", "prefix"), [("LT", "8"), ("BY", "80"), ("RU", "8"), ("HU", "06"), ("MX", "1"), ("BR", "0")]
)
def test_prefixes_that_are_not_in_use_any_more_make_no_other_number_either(region: str, prefix: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    code, national = number.country_code, number.national_number
    expected = f"{code}{national}"
    assert read_numbers([f"+{code}{prefix}{national}", f"+{expected}"]) == ([expected, expected], {})


def test_the_library_does_not_know_all_prefixes() -> None:
    mexico, argentina = (
        str(example.national_number)
        for region in ("MX", "AR")
        if (example := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE))
    )
    assert read_numbers([f"+52 044 {mexico}"]) == ([""], {0: ZERO})
    # A mobile number, as people write it at home.
    area, number = argentina[1:3], argentina[3:]
    assert read_numbers([f"+54 {area} 15 {number}"]) == ([f"54{area}15{number}"], {})


@pytest.mark.parametrize("region", ["RU", "MX"])
def test_numbers_that_only_begin_like_a_prefix_are_left_alone(region: str) -> None:
    begins = {"RU": "812", "MX": "1"}[region]
    code = phonenumbers.country_code_for_region(region)
    digits = f"{code}{begins}5550123"
    assert read_numbers([f"+{digits}"]) == ([digits], {})
