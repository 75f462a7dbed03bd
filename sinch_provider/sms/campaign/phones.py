"""Phone numbers of a column: international ones, and national ones of one country."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sinch_provider.sms.campaign.rows import is_missing
from sinch_provider.sms.fields.recipients import NATIONAL, as_text, is_group_id, normalize_each

MISSING: Final = "is missing"
GROUP: Final = "is a group id: a campaign texts people, whose numbers it has to know"
TOO_SHORT: Final = "has too few digits: no country has numbers that short"
NOT_OF_COUNTRY: Final = "is not a number of default_country, and not an international one with + in front"
AMBIGUOUS: Final = (
    "may be a number of default_country without its zero, or an international one without +: "
    "write the zero or + in front"
)
ZERO: Final = "has a zero after the country code, and numbers of that country have none there"
#: Digits of the shortest international numbers: those of Niue.
_SHORTEST: Final = 7
_OR_GROUP: Final = ", or a group id"
#: The longest country code, and a digit.
_BEGINNING: Final = 4
#: Until 2019, a mobile number of Mexico had a 1 after the country code. ``phonenumbers`` has forgotten it.
_MEXICO: Final = "521"
_MEXICO_DIGITS: Final = 13


def read_numbers(values: Sequence[Any], country: str | None = None) -> tuple[list[str], dict[int, str]]:
    """
    Turn the numbers of a column into digits as on the wire, each number into the same ones however it is
    written.

    Without a country, a million clean ones take a fraction of a second. With one, those that begin with ``+``
    or ``00`` do. Others take a hundred times as long, because only ``phonenumbers`` knows how people of a
    country write them.

    :param country: Whose numbers those without ``+`` or ``00`` are, such as ``SE``. None: they begin with a
        country code.
    :returns: Digits for each value, which are empty if it has a fault; and the faults by index. They quote
        nothing.
    """
    normal, wrong = normalize_each(values, groups=False)
    if country is not None:
        for index, value in enumerate(values):
            if index not in wrong or wrong[index] == NATIONAL:
                text = as_text(value)
                # What was read has no other plus than the first.
                if "+" in text:
                    continue
                digits = _digits(text)
                if digits.startswith("00"):
                    continue
                found = _of_country(normal[index] or digits, country)
                wrong.pop(index, None)
                if len(found) == 1:
                    normal[index] = found[0]
                else:
                    normal[index], wrong[index] = "", AMBIGUOUS if found else NOT_OF_COUNTRY
    _drop_prefixes(normal, wrong)
    for index, number in enumerate(normal):
        if 0 < len(number) < _SHORTEST:
            normal[index], wrong[index] = "", TOO_SHORT
    return normal, {index: _reason(values[index], rule) for index, rule in wrong.items()}


def readings(value: Any, country: str) -> list[str]:
    """
    Return all numbers that a value may be whose fault is ``AMBIGUOUS``, as digits on the wire.

    :param country: As for :func:`read_numbers`.
    """
    (normal,), _ = normalize_each([value], groups=False)
    return _of_country(normal or _digits(as_text(value)), country)


def _digits(text: str) -> str:
    return "".join(each for each in text if "0" <= each <= "9")


def _drop_prefixes(normal: list[str], wrong: dict[int, str]) -> None:
    """
    Drop prefixes of national numbers that were written after a country code, as in ``+44 07700 900222``.

    Otherwise, one person would be two, and an opt-out in one spelling would not count for the other.
    """
    # There are few beginnings: looking at each number would cost ten times as much.
    doubtful = {each for each in {number[:_BEGINNING] for number in normal} if _has_prefix(each)}
    if not doubtful:
        return
    for index, number in enumerate(normal):
        if number[:_BEGINNING] in doubtful:
            normal[index] = _without_prefix(number)
            if not normal[index]:
                wrong[index] = ZERO


@cache
def _has_prefix(beginning: str) -> bool:
    """Whether a zero, or a prefix of national numbers, follows the country code of such numbers."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    if beginning.startswith(_MEXICO):
        return True
    for end in range(1, _BEGINNING):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(beginning[:end] or 0), ())
        metadata = (PhoneMetadata.metadata_for_region(each, None) for each in regions)
        patterns = [each.national_prefix_for_parsing for each in metadata if each is not None]
        # Some match nothing at all, too: there, the prefix may be missing.
        found = (re.match(each, beginning[end:]) for each in ("0", *patterns) if each)
        if regions and any(each is not None and each.end() for each in found):
            return True
    return False


def _without_prefix(digits: str) -> str:
    """Leave the prefix out, or a zero where the country keeps it; empty if there is no such number."""
    import phonenumbers

    if digits.startswith(_MEXICO) and len(digits) == _MEXICO_DIGITS:
        return digits.replace(_MEXICO, _MEXICO[:-1], 1)
    number = phonenumbers.parse(f"+{digits}")
    if number.italian_leading_zero:
        return digits if phonenumbers.is_valid_number(number) else ""
    if phonenumbers.is_possible_number(number):
        return _written(number)
    after_code = digits.removeprefix(str(number.country_code))
    return "" if after_code.startswith("0") else digits


def _reason(value: Any, rule: str) -> str:
    if is_missing(value):
        return MISSING
    if isinstance(value, str) and is_group_id(value.strip()):
        return GROUP
    return rule.removesuffix(_OR_GROUP)


def _of_country(digits: str, country: str) -> list[str]:
    """
    Read a number as somebody in a country writes it. None: it is no number. Two: it may be both of them.

    What begins with a zero can only be a national number, so it is enough that there may be one like it. But
    where the zero stays, that says nothing. Anything else may be an international number without ``+``. Then
    only one that exists counts, at home first where people write their numbers like that. Where they begin
    with a zero, neither is likelier.
    """
    import phonenumbers

    try:
        home = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return []
    exists = phonenumbers.is_valid_number(home)
    if digits.startswith("0"):
        fits = phonenumbers.is_possible_number(home) and not home.italian_leading_zero
        return [_written(home)] if exists or fits else []
    if exists and not _begins_with_zero(home):
        return [_written(home)]
    found = [_written(home)] if exists else []
    try:
        abroad = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return found
    if phonenumbers.is_valid_number(abroad):
        found.append(_written(abroad))
    return list(dict.fromkeys(found))


def _begins_with_zero(number: Any) -> bool:
    """Whether people of its country write it with a zero in front."""
    import phonenumbers

    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return str(written).lstrip("(").startswith("0")


def _written(number: Any) -> str:
    import phonenumbers

    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))[1:]
