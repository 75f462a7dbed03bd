"""Recipients: reads phone numbers in any international format and group ids, and writes them for the API."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from types import NoneType
from typing import Any, Final

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import whole_number
from sinch_provider.sms.masking import mask_number

#: E.164 allows at most 15 digits. No number with fewer than five can be reached from abroad.
MIN_DIGITS: Final = 5
MAX_DIGITS: Final = 15

_GROUP_ID: Final = r"[0-9A-Za-z]{26}"
# Many recipients are read at once, as one text with this character between them. Nobody writes it by hand.
_BETWEEN: Final = "\x1f"
# Python counts it as a blank. What is found must not reach from one recipient to the next.
_BLANKS: Final = rf"[^\S{_BETWEEN}]*"
_TRUNK_ZERO: Final = rf"\({_BLANKS}0{_BLANKS}\)"
_NUMBER: Final = rf"[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}"
# The form that most numbers have already. Going through their characters would cost ten times as much.
_CLEAN: Final = rf"\+?({_NUMBER})"
_PLAIN: Final = rf"[0-9]{{{MIN_DIGITS},{MAX_DIGITS}}}"
_DECIMAL: Final = "is a number with a decimal point: pass phone numbers as text"
#: The fault of a number as people write it at home.
NATIONAL: Final = "must start with a country code: national numbers (leading 0) cannot be sent to"
_SEPARATORS: Final = r"[,;\r\n]+"
# Blanks, invisible marks and dashes. Not line breaks, which may separate two numbers.
_DROPPED_CATEGORIES: Final = frozenset({"Zs", "Cf", "Pd"})
_DROPPED: Final = frozenset("()[]")
#: All of them that are in ASCII, as ``str.translate`` and as ``bytes.translate`` want them.
_DROPPED_ASCII: Final = {ord(each): None for each in " -()[]"}
_DROPPED_BYTES: Final = bytes(_DROPPED_ASCII)
# A number that passed through a data frame, a spreadsheet or a NUMERIC column: only zeros follow its dot,
# or fewer digits than a group of a phone number has.
_FRACTION: Final = r"[^.]*\.(0*|[0-9]{1,2})"
#: Lists in lists, such as the outputs of several tasks, are taken apart to this depth.
_MAX_DEPTH: Final = 4
#: The types of single recipients that need no closer look. No subclasses, which may behave differently.
_SINGLE: Final = frozenset({str, int, NoneType})

_CLEAN_NUMBERS: Final = rf"\+?{_NUMBER}(?:{_BETWEEN}\+?{_NUMBER})*"
_ANY: Final = rf"(?:\+?{_NUMBER}|{_GROUP_ID})"
_CLEAN_RECIPIENTS: Final = rf"{_ANY}(?:{_BETWEEN}{_ANY})*"
_WITHOUT_ORNAMENTS: Final = rf"(?:\+|00)?({_NUMBER})"
#: How many are read at once. If one of them is not clean, all of them take the longer way.
_PORTION: Final = 1000


def is_group_id(recipient: str) -> bool:
    """Whether a recipient names a group (26 letters and digits) rather than a person."""
    return len(recipient) == 26 and recipient.isascii() and recipient.isalnum()


def normalize_number(number: str) -> str:
    """
    Turn a phone number in any international format into the digits that the API uses.

    A leading ``+`` or ``00`` is optional; blanks, dashes, brackets, dots and invisible marks are dropped. A
    trunk zero written as ``(0)`` is dropped too, except where the country keeps it.

    :param number: For instance ``"+44 7700-900 222"``, ``"00447700900222"`` or ``"+44 (0)7700 900222"``.
    :raises ValueError: It is not an international number. The text gives the reason without the number.
    """
    if clean := re.fullmatch(_CLEAN, number):
        return clean[1]
    number = number.strip()
    kept = _without_ornaments(number)
    if re.fullmatch(_FRACTION, kept):
        # Without the dot it would be somebody else's number.
        raise ValueError(_DECIMAL)
    kept = kept.replace(".", "")
    digits = kept[1:] if kept.startswith("+") else kept.removeprefix("00")
    if not re.fullmatch(_PLAIN, digits):
        raise ValueError(
            f"must be an international phone number of {MIN_DIGITS} to {MAX_DIGITS} digits, or a group id"
        )
    if digits.startswith("0"):
        raise ValueError(NATIONAL)
    if re.search(_TRUNK_ZERO, number):
        digits = _without_trunk_zero(digits)
    return digits


def _without_ornaments(number: str) -> str:
    if number.isascii():
        return number.translate(_DROPPED_ASCII)
    return "".join(
        character
        for character in number
        if character not in _DROPPED and unicodedata.category(character) not in _DROPPED_CATEGORIES
    )


def _without_trunk_zero(digits: str) -> str:
    # Whether the zero stays depends on the country: Italy keeps it. The library knows.
    import phonenumbers

    try:
        parsed = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        raise ValueError("has a zero in brackets that cannot be interpreted: leave the zero out") from None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)[1:]


def normalize_recipient(recipient: Any) -> str:
    """
    Turn one recipient into its form on the wire: the digits of a phone number, or a group id as it is.

    :param recipient: Text, or a whole number as data frames have it.
    :raises ValueError: It is neither a phone number nor a group id.
    """
    text = as_text(recipient).strip()
    return text if is_group_id(text) else normalize_number(text)


def as_text(number: Any) -> str:
    """
    Read a phone number that is text, or a whole number as in data frames and databases.

    :raises ValueError: It is neither. A floating-point number may have lost digits or gained a wrong one.
    """
    if isinstance(number, str):
        return number
    whole = whole_number(number)
    if whole is not None and 0 <= whole < 10**MAX_DIGITS:
        return str(whole)
    if number is None:
        raise ValueError("is missing (None)")
    if isinstance(number, (float, Decimal)):
        raise ValueError(_DECIMAL)
    if isinstance(number, tuple):
        raise ValueError("is a row of several columns: pass the phone number alone")
    raise ValueError(f"must be an international phone number as text, not {type(number).__name__}")


def split_recipients(value: Any) -> list[Any]:
    """
    Split a collection of recipients, also one that was rendered as text.

    Lists in the collection, such as the outputs of several tasks, and rows of one column are split too.

    :param value: A list or another iterable; or text: one recipient, several separated by commas, semicolons
        or line breaks, or a list written as JSON or Python.
    :raises ValueError: The value is neither text nor a collection.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("[", "(")) and text.endswith(("]", ")")):
            parsed = _literal(text)
            if isinstance(parsed, (list, tuple)):
                return _flattened(list(parsed))
        return [part.strip() for part in re.split(_SEPARATORS, text) if part.strip()]
    if whole_number(value) is not None:
        return [value]
    if isinstance(value, Iterable) and not isinstance(value, (Mapping, bytes)):
        return _flattened(list(value))
    if isinstance(value, (float, Decimal)):
        raise ValueError(_DECIMAL)
    raise ValueError(f"must be a list of recipients or text, not {type(value).__name__}")


def _flattened(values: list[Any]) -> list[Any]:
    kinds = set(map(type, values))
    if kinds <= _SINGLE:
        return values
    # Lists, or rows of one column as SQL gives them.
    if kinds == {list} or (kinds == {tuple} and set(map(len, values)) == {1}):
        inner = list(chain.from_iterable(values))
        if _SINGLE.issuperset(map(type, inner)):
            return inner
    return list(_flat(values))


def _flat(values: Iterable[Any], depth: int = 1) -> Iterator[Any]:
    for value in values:
        # In a row with more columns, ids cannot be distinguished from phone numbers.
        row = isinstance(value, tuple) and len(value) != 1
        nested = isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)) and not row
        if nested and depth < _MAX_DEPTH:
            yield from _flat(value, depth + 1)
        else:
            yield value


def _literal(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return read(text)
    return None


def normalize_each(recipients: Sequence[Any], *, groups: bool = True) -> tuple[list[str], dict[int, str]]:
    """
    Turn many recipients into their form on the wire, each as :func:`normalize_recipient` does.

    Nothing is taken apart, and repeated recipients stay. A million numbers take a fraction of a second,
    because clean ones are read a thousand at a time.

    :param groups: Whether group ids count.
    :returns: A text for each recipient, which is empty if it has a fault; and the faults by its index.
    """
    normal: list[str] = []
    faults: dict[int, str] = {}
    for start in range(0, len(recipients), _PORTION):
        portion = recipients[start : start + _PORTION]
        found = _read_at_once(portion, groups=groups)
        if found is None:
            found = _read_without_ornaments(portion)
            for index, text in enumerate(found):
                if text:
                    continue
                recipient = portion[index]
                try:
                    found[index] = (
                        normalize_recipient(recipient) if groups else normalize_number(as_text(recipient))
                    )
                except ValueError as error:
                    faults[start + index] = str(error)
        normal += found
    return normal, faults


def _read_clean(recipients: list[Any]) -> list[str] | None:
    """Read a list in which all are clean, as most lists are; None if one of them is something else."""
    normal: list[str] = []
    for start in range(0, len(recipients), _PORTION):
        found = _read_at_once(recipients[start : start + _PORTION], groups=True)
        if found is None:
            return None
        normal += found
    return normal


def _read_at_once(portion: Sequence[Any], *, groups: bool) -> list[str] | None:
    """Read clean recipients; None if one of them is something else."""
    if set(map(type, portion)) != {str}:
        return None
    text = _BETWEEN.join(portion)
    clean = re.fullmatch(_CLEAN_NUMBERS, text) or (groups and re.fullmatch(_CLEAN_RECIPIENTS, text))
    # One that holds the character itself would look like two.
    if not clean or text.count(_BETWEEN) != len(portion) - 1:
        return None
    return text.replace("+", "").split(_BETWEEN) if "+" in text else list(portion)


def _read_without_ornaments(portion: Sequence[Any]) -> list[str]:
    """Read numbers after dropping the usual characters between their digits; empty for everything else."""
    text = _BETWEEN.join(map(_plain_text, portion))
    if text.count(_BETWEEN) != len(portion) - 1:
        return [""] * len(portion)
    if "(" in text:
        # A zero in brackets is not dropped. Any other character in its place makes the number one to look at.
        text = re.sub(_TRUNK_ZERO, "?", text)
    kept = text.encode("ascii", "replace").translate(None, _DROPPED_BYTES).decode("ascii").split(_BETWEEN)
    read = re.compile(_WITHOUT_ORNAMENTS).fullmatch
    return [found[1] if (found := read(each)) else "" for each in kept]


def _plain_text(recipient: Any) -> str:
    """Return a text, or a number as text; empty if it is neither, or of a subclass."""
    if type(recipient) is str:
        return recipient
    return str(recipient) if type(recipient) is int and 0 <= recipient < 10**MAX_DIGITS else ""


def normalize_recipients(value: Any, field: str) -> tuple[list[str], list[Fault]]:
    """
    Normalise a collection of recipients of any size. Repeated recipients count once.

    :param value: As for :func:`split_recipients`.
    :param field: Name for the faults, such as ``to``.
    :returns: The distinct recipients in the order of their first appearance, and every fault.
    """
    if type(value) is list and (clean := _read_clean(value)) is not None:
        return list(dict.fromkeys(clean)), []
    try:
        parts = split_recipients(value)
    except ValueError as error:
        return [], [Fault(field, str(error))]
    normal, wrong = normalize_each(parts)
    recipients = dict.fromkeys(normal)
    faults = []
    for index, rule in wrong.items():
        part = parts[index]
        faults.append(Fault(f"{field}[{index}]", rule, mask_number(part) if isinstance(part, str) else ""))
    if faults:
        del recipients[""]
    return list(recipients), faults
