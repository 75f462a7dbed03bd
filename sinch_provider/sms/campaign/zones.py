"""
Time zones of phone numbers, from the data of ``phonenumbers``.

Its own function for this needs 40 seconds for a million numbers, because it reads each number in full. Only
the first digits matter here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

#: Country codes in which the zone depends on more digits: those of North America, of Russia and Kazakhstan,
#: of Indonesia, and those where mobile numbers have area codes. In all others, people keep their mobile
#: number when they move, so they may be in any zone of the country.
_BY_AREA: Final = ("1", "7", "52", "54", "55", "62")
#: Mobile numbers of Russia and Indonesia have no area, but the data has the zone of the capital for them.
_MOBILE: Final = ("79", "628")
_LONGEST_COUNTRY_CODE: Final = 3
#: Kinds of numbers that belong to no area, as ``phonenumbers`` names them.
_WITHOUT_AREA: Final = ("toll_free", "premium_rate", "shared_cost", "personal_number", "uan")


def zones_of(number: str) -> frozenset[str]:
    """
    Return the time zones in which a phone number may be; empty if that is unknown.

    :param number: Digits, as on the wire.
    """
    zones, codes, longest = _data()
    for length in range(1, _LONGEST_COUNTRY_CODE + 1):
        code = number[:length]
        if code in codes:
            break
    else:
        return frozenset()
    by_area = code in _BY_AREA and not number.startswith(_MOBILE)
    has_area = by_area and not _without_area(code)(number[length:])
    for end in range(longest if has_area else length, 0, -1):
        found = zones.get(number[:end])
        if found is not None:
            return found
    return frozenset()


@cache
def _without_area(code: str) -> Callable[[str], object]:
    """Return what recognises the national numbers of a country code that belong to no area."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    region = COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    described = (getattr(PhoneMetadata.metadata_for_region(region), kind, None) for kind in _WITHOUT_AREA)
    patterns = [each.national_number_pattern for each in described if each is not None]
    return re.compile("|".join(f"(?:{each})" for each in patterns if each)).fullmatch


@cache
def _data() -> tuple[Mapping[str, frozenset[str]], frozenset[str], int]:
    """Zones by prefix, country codes, and the length of the longest prefix."""
    # Loading it takes a while, and most campaigns have no window.
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

    known: dict[tuple[str, ...], frozenset[str]] = {}
    zones = {prefix: known.setdefault(names, frozenset(names)) for prefix, names in TIMEZONE_DATA.items()}
    return zones, frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE)), TIMEZONE_LONGEST_PREFIX
