"""Countries of phone numbers, from the data of ``phonenumbers``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

#: What CLDR and ``phonenumbers`` call a country that is not known.
UNKNOWN: Final = "ZZ"
#: Digits after a calling code that several countries share, which tell these apart. In North America they are
#: an area code.
_AREA: Final = 5
_AREA_OF: Final[Mapping[str, int]] = {"1": 3}
#: A digit that a number may have in every place.
_FILLING: Final = "2"
_REMEMBERED: Final = 50_000


def country_of(number: str) -> str:
    """
    Return the country of a phone number as ISO 3166 names it, such as ``SE``.

    Satellite phones and other numbers of no country have ``001``, unknown calling codes ``ZZ``.

    :param number: Digits, as on the wire.
    """
    codes = _codes()
    for length in (1, 2, 3):
        code = number[:length]
        found = codes.get(code)
        if found is not None:
            break
    else:
        return UNKNOWN
    if len(found) == 1:
        return found[0]
    return _of_several(number[: length + _AREA_OF.get(code, _AREA)], len(number)) or found[0]


def is_country(name: str) -> bool:
    """Whether prices or senders may name it."""
    return name == UNKNOWN or any(name in names for names in _codes().values())


@cache
def _codes() -> Mapping[str, tuple[str, ...]]:
    """Countries by calling code; where several share one, the main country comes first."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return {str(code): tuple(names) for code, names in COUNTRY_CODE_TO_REGION_CODE.items()}


@lru_cache(maxsize=_REMEMBERED)
def _of_several(beginning: str, length: int) -> str | None:
    """The library's answer for numbers that begin like this; None: it knows no such number."""
    import phonenumbers

    # Not the number itself: what is remembered must not depend on whose number came first.
    number = phonenumbers.parse("+" + beginning.ljust(length, _FILLING))
    return phonenumbers.region_code_for_number(number)
