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
#: The most values whose measures are kept.
_REMEMBERED: Final = 10_000
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


class Personal:
    """
    A text with names in it, which are filled in for one person after the other, a million times.

    :param body: The text.
    :param names: The names that differ from person to person, in the order in which their values are given.
    :param fixed: The values of others. A name without any value stays in the text as it is written.
    """

    def __init__(self, body: str, names: Sequence[str], fixed: Mapping[str, str] | None = None) -> None:
        fixed = fixed or {}
        self._pieces: list[str | int] = [
            piece
            if at % 2 == 0
            else names.index(piece)
            if piece in names
            else fixed.get(piece, f"${{{piece}}}")
            for at, piece in enumerate(re.split(_PLACEHOLDER, body))
        ]
        constant = [piece for piece in self._pieces if isinstance(piece, str)]
        self._base = _together(map(_measure, constant))
        #: How often each of the values is in the text, by its index.
        self._times = Counter(piece for piece in self._pieces if isinstance(piece, int))
        self._measures: dict[str, _Measure] = {}

    def fill(self, values: Sequence[str]) -> str:
        """Write the text of one person."""
        return "".join(piece if isinstance(piece, str) else values[piece] for piece in self._pieces)

    def lengths(self, columns: Sequence[Sequence[str]], number: int) -> list[int]:
        """
        Count the characters of the texts of several people.

        :param columns: Their values, by name.
        :param number: How many people they are.
        """
        totals = [self._base.characters] * number
        for index, times in self._times.items():
            lengths = map(len, columns[index])
            totals = [total + times * length for total, length in zip(totals, lengths, strict=True)]
        return totals

    def parts(self, columns: Sequence[Sequence[str]], number: int) -> list[Parts]:
        """Count the parts of the texts of several people, as :func:`parts_of` does."""
        if not self._times:
            return [_parts(self._base, lambda: self.fill(()))] * number
        used = [columns[index] for index in self._times]
        if self._base.septets == self._base.characters and all(
            _BASIC.issuperset("".join(column)) for column in used
        ):
            # Every character takes one unit, as in most texts, so only their lengths matter.
            single, each = _ROOM[GSM]
            lengths = self.lengths(columns, number)
            if max(lengths, default=0) <= single:
                return [Parts(GSM, 1)] * number
            return [Parts(GSM, 1 if length <= single else -(-length // each)) for length in lengths]
        return [self._parts_of_one(values) for values in zip(*columns, strict=True)]

    def _parts_of_one(self, values: Sequence[str]) -> Parts:
        characters, septets, units = self._base
        for index, times in self._times.items():
            value = values[index]
            measure = self._measures.get(value)
            if measure is None:
                if len(self._measures) >= _REMEMBERED:
                    self._measures.clear()
                measure = self._measures[value] = _measure(value)
            characters += times * measure.characters
            units += times * measure.units
            septets = (
                None if septets is None or measure.septets is None else septets + times * measure.septets
            )
        return _parts(_Measure(characters, septets, units), lambda: self.fill(values))


def odd_in(text: str) -> frozenset[str]:
    """Return the characters of a text that make it unicode."""
    return frozenset(text) - _ALL


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
