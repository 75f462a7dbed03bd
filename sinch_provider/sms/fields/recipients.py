"""Recipients: reads phone numbers in any international format and group ids, and writes them for the API."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import whole_number
from sinch_provider.sms.masking import mask_number

#: E.164 allows at most 15 digits. No number with fewer than five can be reached from abroad.
MIN_DIGITS: Final = 5
MAX_DIGITS: Final = 15

_GROUP_ID: Final = re.compile(r"[0-9A-Za-z]{26}")
_TRUNK_ZERO: Final = re.compile(r"\(\s*0\s*\)")
# The form that most numbers have already. Going through their characters would cost ten times as much.
_CLEAN: Final = re.compile(rf"\+?([1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}})")
_PLAIN: Final = re.compile(rf"[0-9]{{{MIN_DIGITS},{MAX_DIGITS}}}")
_DECIMAL: Final = "is a number with a decimal point: pass phone numbers as text"
_SEPARATORS: Final = re.compile(r"[,;\r\n]+")
# Blanks, invisible marks and dashes. Not line breaks, which may separate two numbers.
_DROPPED_CATEGORIES: Final = frozenset({"Zs", "Cf", "Pd"})
_DROPPED: Final = frozenset("()[]")
# A number that passed through a data frame, a spreadsheet or a NUMERIC column: only zeros follow its dot,
# or fewer digits than a group of a phone number has.
_FRACTION: Final = re.compile(r"[^.]*\.(0*|[0-9]{1,2})")
#: Lists in lists, such as the outputs of several tasks, are taken apart to this depth.
_MAX_DEPTH: Final = 4


def is_group_id(recipient: str) -> bool:
    """Whether a recipient names a group (26 letters and digits) rather than a person."""
    return _GROUP_ID.fullmatch(recipient) is not None


def normalize_number(number: str) -> str:
    """
    Turn a phone number in any international format into the digits that the API uses.

    A leading ``+`` or ``00`` is optional; blanks, dashes, brackets, dots and invisible marks are dropped. A
    trunk zero written as ``(0)`` is dropped too, except where the country keeps it.

    :param number: For instance ``"+44 7700-900 222"``, ``"00447700900222"`` or ``"+44 (0)7700 900222"``.
    :raises ValueError: It is not an international number. The text gives the reason without the number.
    """
    if clean := _CLEAN.fullmatch(number):
        return clean[1]
    number = number.strip()
    kept = _without_ornaments(number)
    if _FRACTION.fullmatch(kept):
        # Without the dot it would be somebody else's number.
        raise ValueError(_DECIMAL)
    kept = kept.replace(".", "")
    digits = kept[1:] if kept.startswith("+") else kept.removeprefix("00")
    if not _PLAIN.fullmatch(digits):
        raise ValueError(
            f"must be an international phone number of {MIN_DIGITS} to {MAX_DIGITS} digits, or a group id"
        )
    if digits.startswith("0"):
        raise ValueError("must start with a country code: national numbers (leading 0) cannot be sent to")
    if _TRUNK_ZERO.search(number):
        digits = _without_trunk_zero(digits)
    return digits


def _without_ornaments(number: str) -> str:
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
                return list(_flat(parsed))
        return [part.strip() for part in _SEPARATORS.split(text) if part.strip()]
    if whole_number(value) is not None:
        return [value]
    if isinstance(value, Iterable) and not isinstance(value, (Mapping, bytes)):
        return list(_flat(value))
    if isinstance(value, (float, Decimal)):
        raise ValueError(_DECIMAL)
    raise ValueError(f"must be a list of recipients or text, not {type(value).__name__}")


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


def normalize_recipients(value: Any, field: str) -> tuple[list[str], list[Fault]]:
    """
    Normalise a collection of recipients. Repeated recipients count once.

    :param value: As for :func:`split_recipients`.
    :param field: Name for the faults, such as ``to``.
    :returns: The distinct recipients in the order of their first appearance, and every fault.
    """
    try:
        parts = split_recipients(value)
    except ValueError as error:
        return [], [Fault(field, str(error))]
    recipients: dict[str, None] = {}
    faults = []
    for index, part in enumerate(parts):
        try:
            recipients[normalize_recipient(part)] = None
        except ValueError as error:
            shown = mask_number(part) if isinstance(part, str) else ""
            faults.append(Fault(f"{field}[{index}]", str(error), shown))
    return list(recipients), faults
