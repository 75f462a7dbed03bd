"""Phone numbers, group ids and senders as the Sinch API reference describes them."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[1-9][0-9]{6,14}")
_DIGITS = re.compile(r"[0-9]+")
_FILLING = re.compile(r"[\s()\[\]\-]+")
_TRUNK_ZERO = re.compile(r"\(0\)")
"""The zero that only callers inside a country dial, written as in +44 (0)7700 900222."""
_LEAST_NATIONAL = 4
"""Digits behind leading zeros that are enough to look for: fewer would match too many numbers."""
_GROUP_ID = re.compile(r"[0-9A-Za-z]{26}")

MAX_ALPHANUMERIC_SENDER = 11
MAX_NUMERIC_SENDER = 18


def normalise_number(text: str) -> str | None:
    """The digits of an international number, or None. Separators and a leading ``+`` or ``00`` are fine."""
    if _NUMBER.fullmatch(text):
        return text
    digits = _FILLING.sub("", text)
    digits = digits[1:] if digits.startswith("+") else digits.removeprefix("00")
    return digits if _NUMBER.fullmatch(digits) else None


def parts_of_number(text: str) -> list[str]:
    """The digits of a part of a number; nothing if the text is something else.

    Leading zeros may be the prefix of a national or international number or part of the digits, so there can
    be two readings.
    """
    digits = _FILLING.sub("", _TRUNK_ZERO.sub("", text)).removeprefix("+")
    if not digits.isascii() or not digits.isdigit():
        return []
    number = digits.lstrip("0")
    return [digits] if number == digits or len(number) < _LEAST_NATIONAL else [digits, number]


def is_group_id(text: str) -> bool:
    return _GROUP_ID.fullmatch(text) is not None


def normalise_sender(text: str) -> str | None:
    """The digits of a number or short code, a name unchanged; None if it is neither.

    A short code may begin with zeros, so ``00`` is removed only from a full international number.
    """
    number = normalise_number(text)
    if number:
        return number
    digits = _FILLING.sub("", text).removeprefix("+")
    if _DIGITS.fullmatch(digits):
        return digits
    has_letter = any(character.isalpha() for character in text)
    return text if has_letter and text.isprintable() else None


def is_sender_too_long(sender: str) -> bool:
    limit = MAX_NUMERIC_SENDER if _DIGITS.fullmatch(sender) else MAX_ALPHANUMERIC_SENDER
    return len(sender) > limit
