"""
Parts and encoding of texts: GSM 03.38 or UCS-2 (3GPP TS 23.038 and 23.040).

Counts are those without Sinch's auto-encoding, a feature of an account that replaces some characters of long
texts by similar ones. A dry run shows its effect.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from sinch_provider.sms.fields.recipients import is_group_id

#: The encodings as a dry run names them: GSM 03.38, and UCS-2.
GSM: Final = "text"
UNICODE: Final = "unicode"
#: What ends a text that was cut. The character "…" would make it unicode.
DOTS: Final = "..."

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Written with an escape, so each of them takes two units.
_EXTENDED: Final = frozenset("^{}\\[]~|€\f")
_ALL: Final = _BASIC | _EXTENDED
#: Units of a text in one part, and of each part of a longer one.
_ROOM: Final = {GSM: (160, 153), UNICODE: (70, 67)}
_PLACEHOLDER: Final = r"\$\{([A-Za-z0-9_.-]+)\}"
_DEFAULT: Final = "default"
#: Plain characters for those that Unicode itself does not relate to any.
_PLAIN: Final = {
    **dict.fromkeys("“”„‟«»❝❞〝″", '"'),
    **dict.fromkeys("‘’‚‛ʻʼ`´′‹›", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("•·", "*"),
    **dict.fromkeys("\t\u2028\u2029", " "),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f\u00ad", ""),
    "×": "x",
    "÷": "/",
    "©": "(c)",
    "®": "(R)",
    "™": "TM",
    "Ł": "L",
    "ł": "l",
    "Đ": "D",
    "đ": "d",
    "ı": "i",
    "Œ": "OE",
    "œ": "oe",
}


class Parts(NamedTuple):
    """
    How a text is sent.

    :param encoding: As a dry run names it: ``text`` or ``unicode``.
    :param number: SMS parts.
    """

    encoding: str
    number: int


def parts_of(text: str) -> Parts:
    """Count the parts of a text. One character outside GSM 03.38 makes all of it unicode."""
    return _parts(_measure(text), lambda: text)


class _Measure(NamedTuple):
    """What a text takes. No septets: it cannot be written in GSM 03.38."""

    characters: int
    septets: int | None
    units: int


def _measure(text: str) -> _Measure:
    length = len(text)
    if text.isascii() and text.isalnum():
        return _Measure(length, length, length)
    characters = set(text)
    septets = None
    if characters <= _ALL:
        septets = length + sum(map(text.count, characters & _EXTENDED))
    beyond = sum(text.count(each) for each in characters if each > "\uffff")
    return _Measure(length, septets, length + beyond)


def _together(measures: Iterable[_Measure]) -> _Measure:
    characters, units = 0, 0
    septets: int | None = 0
    for each in measures:
        characters += each.characters
        units += each.units
        septets = None if septets is None or each.septets is None else septets + each.septets
    return _Measure(characters, septets, units)


def _parts(measure: _Measure, text: Callable[[], str]) -> Parts:
    if measure.septets is None:
        encoding, total = UNICODE, measure.units
    else:
        encoding, total = GSM, measure.septets
    single, each = _ROOM[encoding]
    if total <= single:
        return Parts(encoding, 1)
    if total == measure.characters:
        return Parts(encoding, -(-total // each))
    return Parts(encoding, _filled(text(), encoding, each))


def _filled(text: str, encoding: str, room: int) -> int:
    """Fill part after part. A character of two units does not cross a border."""
    number, left = 1, room
    for character in text:
        cost = 2 if (character in _EXTENDED if encoding == GSM else character > "\uffff") else 1
        if cost > left:
            number, left = number + 1, room
        left -= cost
    return number


def count_parts(body: Mapping[str, Any]) -> Counter[Parts]:
    """
    Count how many recipients get a text in how many parts, after filling in the parameters.

    Groups are left out: their members are not known. So are recipients who get nothing, because their text
    has more parts than ``max_number_of_message_parts``.

    :param body: A checked request. A media message has no parts.
    """
    people = [each for each in body["to"] if not is_group_id(each)]
    kind = body.get("type", "mt_text")
    if kind == "mt_media":
        return Counter()
    if kind == "mt_binary":
        return Counter({Parts("binary", 1): len(people)})
    counts = _count(body["body"], body.get("parameters") or {}, people)
    if body.get("truncate_concat"):
        cut: Counter[Parts] = Counter()
        for parts, number in counts.items():
            cut[Parts(parts.encoding, 1)] += number
        return cut
    most = body.get("max_number_of_message_parts")
    return Counter({parts: n for parts, n in counts.items() if most is None or parts.number <= most})


def _count(text: str, parameters: Mapping[str, Mapping[str, str]], people: Sequence[str]) -> Counter[Parts]:
    pieces = re.split(_PLACEHOLDER, text)
    # Every second piece is a name. A name without values stays in the text as it is written.
    names = [name for name in pieces[1::2] if name in parameters]
    fixed = [*pieces[::2], *(f"${{{name}}}" for name in pieces[1::2] if name not in parameters)]
    base = _together(map(_measure, fixed))
    if not names:
        return Counter({_parts(base, lambda: text): len(people)})
    columns = []
    for name in names:
        values = parameters[name]
        default = values.get(_DEFAULT, "")
        columns.append([values.get(each, default) for each in people])
    measures = {value: _measure(value) for column in columns for value in set(column)}
    counts: Counter[Parts] = Counter()
    for values_of_one, number in Counter(zip(*columns, strict=True)).items():
        measure = _together([base, *[measures[value] for value in values_of_one]])
        counts[_parts(measure, partial(_fill, pieces, parameters, values_of_one))] += number
    return counts


def _fill(pieces: Sequence[str], parameters: Collection[str], values: Iterable[str]) -> str:
    left = iter(values)
    return "".join(
        piece if at % 2 == 0 else next(left) if piece in parameters else f"${{{piece}}}"
        for at, piece in enumerate(pieces)
    )


def odd_characters(body: Mapping[str, Any]) -> dict[str, str | None]:
    """
    Find the characters that make a text unicode, in the body as it is written.

    :param body: A checked request.
    :returns: Each with a plain replacement; None: there is none. They are sorted by name, so their order says
        nothing about the text.
    """
    if not _is_text(body):
        return {}
    return {character: plain(character) for character in sorted(set(body["body"]) - _ALL, key=name_of)}


def count_odd_values(body: Mapping[str, Any]) -> int:
    """
    Count the recipients for whom values of parameters have characters that make the text unicode.

    :param body: A checked request. The members of groups are not counted.
    """
    if not _is_text(body):
        return 0
    parameters = body.get("parameters") or {}
    odd: set[str] = set()
    people = {each for each in body["to"] if not is_group_id(each)}
    for name in set(re.findall(_PLACEHOLDER, body["body"])) & set(parameters):
        values = parameters[name]
        wrong = {each for each, value in values.items() if not set(value) <= _ALL}
        odd |= people & wrong
        if _DEFAULT in wrong:
            odd |= people - set(values)
    return len(odd)


def _is_text(body: Mapping[str, Any]) -> bool:
    return isinstance(body["body"], str) and body.get("type", "mt_text") == "mt_text"


def plain(character: str) -> str | None:
    """Return what can stand for a character in GSM 03.38; None if nothing can."""
    if character in _PLAIN:
        return _PLAIN[character]
    parts = unicodedata.normalize("NFKD", character)
    letters = "".join(each for each in parts if not unicodedata.combining(each))
    return letters if letters and set(letters) <= _ALL else None


def is_numeral(character: str) -> bool:
    """Whether a character is a number or has one in it, in any script and form."""
    return any(each.isnumeric() for each in character + unicodedata.normalize("NFKD", character))


def name_of(character: str) -> str:
    """Name a character in words that can be logged."""
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()


def cut(text: str, most: int) -> str:
    """
    Cut a text to a number of parts. Three dots show that it was cut.

    :param most: The most parts that it may have.
    """
    if parts_of(text).number <= most:
        return text
    kept = bisect_right(range(len(text)), most, key=lambda end: parts_of(text[:end] + DOTS).number)
    return text[: max(kept - 1, 0)].rstrip() + DOTS
