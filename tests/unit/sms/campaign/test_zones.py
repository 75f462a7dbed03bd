"""Time zones by the first digits of a number, against the library's own answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from sinch_provider.sms.campaign.window import SendWindow
from sinch_provider.sms.campaign.zones import zones_of

#: A year, in which every change of clocks happens.
MOMENTS = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=each) for each in range(365)]
Kind = phonenumbers.PhoneNumberType
MOBILE = Kind.MOBILE
#: The country code of satellites, of free numbers and so on: `phonenumbers` knows no zone.
NO_COUNTRY = (800, 808, 870, 878, 881, 882, 883, 888, 979)
#: Kinds of numbers that belong to no area.
NO_AREA = (Kind.TOLL_FREE, Kind.PREMIUM_RATE, Kind.PERSONAL_NUMBER)


def examples() -> dict[str, phonenumbers.PhoneNumber]:
    """The example of a mobile number of each region that has one."""
    found = {
        region: phonenumbers.example_number_for_type(region, MOBILE)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    }
    return {region: number for region, number in found.items() if number is not None}


def digits(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def all_examples() -> Iterator[tuple[int, phonenumbers.PhoneNumber]]:
    """The example of each kind of each region, and those of no country."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in sorted(Kind.values()):
            if (number := phonenumbers.example_number_for_type(region, kind)) is not None:
                yield kind, number
    for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        number = phonenumbers.example_number_for_non_geo_entity(code)
        assert number is not None
        yield Kind.UNKNOWN, number


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
    # Indonesia: it believes that mobile numbers are those of Jakarta.
    assert different.pop("ID") == 3
    # Kazakhstan is there, and Russia is not: its mobile numbers have no area.
    assert "RU" not in different
    assert {EXAMPLES[region].country_code for region in different} == {1, 7}
    assert set(different.values()) == {1, 2}


def has_area(kind: int, number: phonenumbers.PhoneNumber) -> bool:
    """Whether the area of a number is known, where the library answers with all zones of a country code."""
    return number.country_code in (1, 7) and kind not in NO_AREA


def test_no_example_has_a_zone_of_the_library_that_is_forgotten():
    for kind, number in all_examples():
        library = frozenset(time_zones_for_number(number)) - {UNKNOWN_TIMEZONE}
        assert library <= zones_of(digits(number)) or has_area(kind, number), number


@pytest.mark.parametrize(("opens", "closes"), [("09:00", "20:00"), ("10:00", "18:00")])
def test_every_example_is_texted_inside_the_window_of_all_its_zones_or_refused(opens, closes):
    window = SendWindow(opens, closes)
    alike = defaultdict(set)
    for kind, number in all_examples():
        alike[zones_of(digits(number))].add((number.country_code, kind))
    refused = alike.pop(frozenset())
    assert {code for code, _ in refused} == set(NO_COUNTRY)
    for zones, numbers in alike.items():
        openings = [window.opening(zones, now) for now in MOMENTS[::7]]
        if None in openings:
            # All 42 zones of North America, and the 16 of Russia and Kazakhstan, in which mobile numbers of
            # Russia may be too. For these the narrow window is never open.
            assert {code for code, _ in numbers} <= {1, 7}
            assert {kind for _, kind in numbers - {(7, MOBILE)}} <= {*NO_AREA, Kind.VOIP, Kind.UAN}
            continue
        for opening in filter(None, openings):
            for zone in zones:
                start, end = (each.astimezone(ZoneInfo(zone)) for each in opening)
                assert opens <= f"{start:%H:%M}" < closes
                assert opens < f"{end:%H:%M}" <= closes
                assert start.date() == end.date()


@pytest.mark.parametrize(("region", "code"), [("RU", "7"), ("ID", "62")])
def test_mobile_numbers_without_an_area_may_be_anywhere_in_the_country(region, code):
    mobile, country = EXAMPLES[region], frozenset(TIMEZONE_DATA[code])
    fixed = phonenumbers.example_number_for_type(region, Kind.FIXED_LINE)
    assert fixed is not None
    assert zones_of(digits(mobile)) == country
    assert zones_of(digits(fixed)) < country
    # Also one that the library does not know yet.
    assert zones_of(digits(mobile)[: len(code) + 1]) == country


def test_mobile_numbers_of_kazakhstan_are_not_those_of_russia():
    assert zones_of(digits(EXAMPLES["KZ"])) == {"Asia/Almaty", "Asia/Aqtobe"}


@pytest.mark.parametrize(("closes", "winter", "summer"), [("18:00", 0, 0), ("19:00", 0, 1), ("20:00", 1, 2)])
def test_russian_mobile_numbers_share_few_hours(closes, winter, summer):
    # From Kaliningrad, for which the library has Bucharest, to Kamchatka it is ten hours, in summer nine.
    zones = zones_of(digits(EXAMPLES["RU"]))
    for month, hours in ((1, winter), (7, summer)):
        opening = SendWindow("09:00", closes).opening(zones, datetime(2026, month, 7, tzinfo=UTC))
        assert (opening.end - opening.start if opening else timedelta()) == timedelta(hours=hours)


def test_an_unknown_country_code_has_no_zone() -> None:
    assert zones_of("999501") == frozenset()
    assert zones_of("") == frozenset()
