"""Time zones by the first digits of a number, against the library's own answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from sinch_provider.sms.campaign.window import SendWindow
from sinch_provider.sms.campaign.zones import zones_of

#: A year, in which every change of clocks happens.
MOMENTS = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=each) for each in range(365)]
MOBILE = phonenumbers.PhoneNumberType.MOBILE


def examples() -> dict[str, phonenumbers.PhoneNumber]:
    """The example of a mobile number of each region that has one."""
    found = {
        region: phonenumbers.example_number_for_type(region, MOBILE)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    }
    return {region: number for region, number in found.items() if number is not None}


def digits(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


EXAMPLES = examples()


@pytest.mark.parametrize("region", EXAMPLES)
def test_no_zone_of_the_library_is_forgotten(region: str) -> None:
    number = EXAMPLES[region]
    library = frozenset(time_zones_for_number(number)) - {UNKNOWN_TIMEZONE}
    ours = zones_of(digits(number))
    assert ours
    # For numbers without area codes the library answers with all zones of a country code, all 42 of +1.
    area = library if number.country_code not in (1, 7) else library & ours
    assert area <= ours


def test_other_answers_are_those_of_the_area() -> None:
    different = {
        region: len(zones_of(digits(number)))
        for region, number in EXAMPLES.items()
        if zones_of(digits(number)) != frozenset(time_zones_for_number(number))
    }
    # Micronesia: the library knows the island of the example.
    assert different.pop("FM") == 3
    assert {EXAMPLES[region].country_code for region in different} == {1, 7}
    assert set(different.values()) == {1, 2}


@pytest.mark.parametrize(("opens", "closes"), [("09:00", "20:00"), ("10:00", "18:00")])
def test_every_region_has_an_hour_in_common(opens: str, closes: str) -> None:
    """And whoever is texted in it is texted inside the window of all zones."""
    window = SendWindow(opens, closes)
    for region, number in EXAMPLES.items():
        zones = zones_of(digits(number))
        for now in MOMENTS[::7]:
            opening = window.opening(zones, now)
            assert opening is not None, region
            for zone in zones:
                start, end = (each.astimezone(ZoneInfo(zone)) for each in opening)
                assert opens <= f"{start:%H:%M}" < closes
                assert opens < f"{end:%H:%M}" <= closes
                assert start.date() == end.date()


def test_an_unknown_country_code_has_no_zone() -> None:
    assert zones_of("999501") == frozenset()
    assert zones_of("") == frozenset()
