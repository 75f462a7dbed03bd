"""Keep phone numbers, message texts and tokens out of everything that is shown or stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Any, Final

_HIDDEN: Final = "***"
# A run of seven or more digits, also when written with blanks, dashes, dots or brackets between them. Left
# readable is what belongs to an id or a time: digits with letters beside them (but for a plus sign as URLs
# write it), groups of a UUID, seconds and their fractions.
_NUMBER: Final = re.compile(
    r"(?P<date>(?:19|20)\d{2}-[01]\d-[0-3]\d(?!\d))|"
    r"(?:(?<=%2[Bb])|(?<![0-9A-Za-z_])(?<!:[0-9]{2}:)(?<![0-9A-Fa-f]{4}-))"
    r"\+?\d(?:[ \u00a0().-]{0,3}\d){6,}"
    r"(?![0-9A-Za-z_]|-[0-9A-Fa-f]{4}-)"
)
# Digits that may hold a number of the request's own, whatever stands beside them.
_DIGITS: Final = re.compile(r"\+?\d(?:[ \u00a0().-]{0,3}\d){4,}")
#: Shared with a private text, this many characters are a quotation of it.
_QUOTATION: Final = 12
# Line breaks, terminal codes, marks that turn the direction of writing, and halves of characters.
_UNPRINTED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def mask_number(number: str) -> str:
    """
    Shorten a phone number to what tells it apart without giving it away: ``+4477***0222``.

    :param number: Any text; everything but its digits is dropped.
    """
    digits = "".join(character for character in number if character in "0123456789")
    if len(digits) >= 10:
        return f"+{digits[:4]}{_HIDDEN}{digits[-4:]}"
    if len(digits) >= 7:
        return f"+{digits[:2]}{_HIDDEN}{digits[-2:]}"
    return _HIDDEN


def one_line(text: str) -> str:
    """Make a blank of everything that would break the line or move the cursor of whoever reads a log."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(each) in _UNPRINTED else each for each in text)


def mask_text(text: str, private: Iterable[str] = (), numbers: Collection[str] = ()) -> str:
    """
    Clean a text that somebody else wrote, such as an error text of the server: one line, no phone numbers.

    :param text: The text to clean.
    :param private: Further strings (message texts, tokens) to blank out wherever they occur in it.
    :param numbers: Digits of phone numbers that are known, and recognised even in the middle of a word.
    """
    text = one_line(text)
    # A text loses blanks around it on its way into an error.
    secrets = sorted({one_line(each).strip() for each in private}, key=len, reverse=True)
    for secret in secrets:
        if len(secret) > 3 and secret in text:
            text = text.replace(secret, _HIDDEN)
    quoted = {text[at : at + _QUOTATION] for at in range(len(text) - _QUOTATION + 1)}
    for secret in secrets:
        # One look-up for each of perhaps a million places; a search through the text would take seconds.
        if any(secret[at : at + _QUOTATION] in quoted for at in range(len(secret) - _QUOTATION + 1)):
            return "(not shown: it quotes the message)"
    if numbers:
        text = _DIGITS.sub(lambda match: _without(match[0], numbers), text)
    return _NUMBER.sub(lambda match: match["date"] or mask_number(match[0]), text)


def _without(digits: str, numbers: Collection[str]) -> str:
    """Mask the known numbers in a run of digits, however they are spaced."""
    places = [at for at, character in enumerate(digits) if character.isdecimal()]
    plain = "".join(digits[at] for at in places)
    shown, done, at = "", 0, 0
    lengths = sorted({len(number) for number in numbers}, reverse=True)
    while at < len(plain):
        found = next(
            (plain[at : at + length] for length in lengths if plain[at : at + length] in numbers), ""
        )
        if found:
            shown += digits[done : places[at]].removesuffix("+") + mask_number(found)
            at += len(found)
            done = places[at - 1] + 1
        else:
            at += 1
    return shown + digits[done:]


class Private:
    """
    A value that prints as a summary, so that it can sit where Airflow shows or stores what it finds.

    :param value: The value to keep from view.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        value = self.value
        if isinstance(value, str):
            return f"<hidden: {len(value)} characters>"
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            return f"<hidden: {len(value)} entries>"
        return "<hidden>"

    @staticmethod
    def reveal(value: Any) -> Any:
        """Return what is inside, or the value itself where nothing was hidden."""
        return value.value if isinstance(value, Private) else value
