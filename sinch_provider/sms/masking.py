"""Masks phone numbers, message texts and tokens in everything that is shown or stored."""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Any, Final
from urllib.parse import unquote

_HIDDEN: Final = "***"
# Characters between the digits of a number: spaces, dashes and hyphens of all kinds, brackets.
_DASHES: Final = r"\u058a\u05be\u1806\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
_BLANKS: Final = r"\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_BETWEEN: Final = rf"[ {_BLANKS}{_DASHES}()./_,-]{{0,3}}"
# Patterns are texts, which `re` compiles when they are first used: whoever only parses a Dag masks nothing.
# Seven or more digits, also with other characters between them. Digits that may belong to an id or a time are
# left to _WORD: digits next to letters (except a plus sign as written in URLs), groups of a UUID, seconds.
_NUMBER: Final = (
    r"(?P<date>(?:19|20)\d{2}-[01]\d-[0-3]\d(?!\d))|"
    r"(?:(?<=%2[Bb])|(?<![0-9A-Za-z_])(?<!:[0-9]{2}:)(?<![0-9A-Fa-f]{4}-))"
    rf"\+?\d(?:{_BETWEEN}\d){{6,}}"
    r"(?![0-9A-Za-z_]|-[0-9A-Fa-f]{4}-)"
)
# Batch ids, UUIDs, digests, our own references, and other words.
_WORD: Final = (
    r"(?P<id>(?<![0-9A-Za-z])(?:[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}"
    r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|af-[0-9a-f]{26,64})(?![0-9A-Za-z]))"
    r"|[0-9A-Za-z_]{7,}"
)
_RUN: Final = r"(?a)(?<!\d)(?P<date>(?:19|20)\d{2}[01]\d[0-3]\d)(?!\d)|\d{7,}"
# Digits that may contain a number of the request, next to any other characters.
_DIGITS: Final = rf"\+?\d(?:{_BETWEEN}\d){{4,}}"
_ESCAPED: Final = r"\\+(?:u([0-9a-fA-F]{4})|([\"/]))"
_BASE64: Final = r"[A-Za-z0-9+/_-]{16,}"
#: How often a text is decoded: servers quote texts that other servers have quoted.
_ROUNDS: Final = 3
_NOT_SHOWN: Final = "(not shown: it quotes the message)"
#: A text that shares this many characters with a private text quotes it.
_QUOTATION: Final = 12
# Line breaks, terminal codes, marks that change the direction of writing, and halves of characters.
_UNPRINTED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def mask_number(number: str) -> str:
    """
    Mask the middle of a phone number: ``+4477***0222``.

    :param number: Any text. Only its digits are used.
    """
    digits = "".join(character for character in number if character in "0123456789")
    if len(digits) >= 10:
        return f"+{digits[:4]}{_HIDDEN}{digits[-4:]}"
    if len(digits) >= 7:
        return f"+{digits[:2]}{_HIDDEN}{digits[-2:]}"
    return _HIDDEN


def one_line(text: str) -> str:
    """Replace characters that would break a log line or control a terminal by spaces."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(each) in _UNPRINTED else each for each in text)


def mask_text(text: str, private: Iterable[str] = (), numbers: Collection[str] = ()) -> str:
    """
    Mask phone numbers and private texts in a text of another origin, such as an error text of a server.

    :param text: The text to mask. The result has one line.
    :param private: Message texts and tokens to mask.
    :param numbers: Digits of known phone numbers. They are masked even in the middle of a word.
    """
    text = one_line(text)
    # An error may quote a text without the spaces around it.
    secrets = sorted({one_line(each).strip() for each in private}, key=len, reverse=True)
    for secret in secrets:
        if len(secret) > 3 and secret in text:
            text = text.replace(secret, _HIDDEN)
    plain = _plain(text)
    hidden = [_plain(run) for run in map(_from_base64, re.findall(_BASE64, text)) if run]
    read = [each.casefold() for each in (text, plain, plain.replace("+", " "), *hidden)]
    if _quoted(read, {form.casefold() for each in secrets for form in (each, _plain(each))}):
        return _NOT_SHOWN
    masked, found = _masked(text, numbers)
    if any(_masked(each, numbers)[1] > found for each in (plain, *hidden)):
        return _NOT_SHOWN
    return masked


def _quoted(texts: Iterable[str], secrets: Collection[str]) -> bool:
    for text in dict.fromkeys(texts):
        quoted = {text[at : at + _QUOTATION] for at in range(len(text) - _QUOTATION + 1)}
        for secret in secrets:
            if 3 < len(secret) <= _QUOTATION and secret in text:
                return True
            # A set look-up for each place of the secret. A search through the text would take seconds.
            if any(secret[at : at + _QUOTATION] in quoted for at in range(len(secret) - _QUOTATION + 1)):
                return True
    return False


def _plain(text: str) -> str:
    """Decode a text that may be escaped as in JSON, URLs or HTML."""
    for _ in range(_ROUNDS):
        read = unquote(html.unescape(re.sub(_ESCAPED, _unescaped, text)))
        if read == text:
            break
        text = read
    # JSON escapes an emoji as two halves.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return one_line(unicodedata.normalize("NFKC", text))


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]


def _from_base64(run: str) -> str:
    run = run.replace("-", "+").replace("_", "/")
    try:
        # A single last character does not make a whole byte.
        whole = run[: len(run) - (len(run) % 4 == 1)]
        return base64.b64decode(whole + "=" * (-len(whole) % 4)).decode(errors="replace")
    except ValueError:
        return ""


def _masked(text: str, numbers: Collection[str]) -> tuple[str, int]:
    """Mask the numbers in a text. Return it, and how many there were."""
    found = 0

    def mask(match: re.Match[str]) -> str:
        nonlocal found
        if match["date"]:
            return match[0]
        found += 1
        return mask_number(match[0])

    def known(match: re.Match[str]) -> str:
        nonlocal found
        shown = _without(match[0], numbers)
        found += shown != match[0]
        return shown

    if numbers:
        text = re.sub(_DIGITS, known, text)
    text = re.sub(_NUMBER, mask, text)
    text = re.sub(_WORD, lambda word: word[0] if word["id"] else re.sub(_RUN, mask, word[0]), text)
    return text, found


def _without(digits: str, numbers: Collection[str]) -> str:
    """Mask the known numbers in a run of digits, with any characters between the digits."""
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
    A value whose ``repr`` is only a summary, for places that Airflow shows or stores.

    :param value: The value to hide.
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
        """Return the hidden value, or the given value if it is not hidden."""
        return value.value if isinstance(value, Private) else value
