"""
The check before the first text: rows in, people out.

Rows are read once, a portion at a time, and column by column: to see that a whole column is right costs a
fraction of what its values would cost one by one. Those who pass are written to a spool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sinch_provider.sms.campaign.audience import Audience, Counts
from sinch_provider.sms.campaign.budget import counted, together
from sinch_provider.sms.campaign.countries import country_of
from sinch_provider.sms.campaign.layout import DEFAULT, Layout, Places, folded
from sinch_provider.sms.campaign.odd import OddCharacters
from sinch_provider.sms.campaign.phones import read_numbers
from sinch_provider.sms.campaign.quarantine import BadRow, Quarantine
from sinch_provider.sms.campaign.rows import NUMBER, Portion, Rows, texts_of
from sinch_provider.sms.campaign.seen import Seen
from sinch_provider.sms.campaign.spool import Block, Spool
from sinch_provider.sms.campaign.window import is_zone
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.fields.encoding import GSM, UNICODE, Parts, Personal
from sinch_provider.sms.fields.parameters import MAX_VALUE
from sinch_provider.sms.fields.rules import BrokenRuleError, encodable, rendered
from sinch_provider.sms.fields.values import MAX_TEXT
from sinch_provider.sms.masking import mask_number

NOT_TEXT: Final = "is not text, a whole number, a Decimal, a date, a time or a UUID"
NO_VALUE: Final = "is missing, and parameters has no value for everybody"
TOO_LONG: Final = f"has more than {MAX_VALUE} characters"
HALF: Final = "has half of a character (a lone surrogate)"
NO_LANGUAGE: Final = f'is missing, and bodies has no "{DEFAULT}"'
OTHER_LANGUAGE: Final = f'is a language without a text, and bodies has no "{DEFAULT}"'
NO_ZONE: Final = "is not the name of a time zone"
TEXT_TOO_LONG: Final = f"has more than {MAX_TEXT} characters with all values filled in"
TOO_MANY_PARTS: Final = "needs more parts than max_number_of_message_parts"

#: Faults of a row that lie in no column of their own.
ROW: Final = "row"
TEXT: Final = "text"

#: The index of the text of people whose language has none.
_NO_TEXT: Final = -1
#: The most different names of languages or zones that are remembered.
_REMEMBERED: Final = 1000

#: Faults of some rows, by index: columns and reasons.
_Faults = dict[int, list[tuple[str, str]]]


def check(rows: Rows, layout: Layout, quarantine: Quarantine | None = None) -> Audience:
    """
    Read all rows, and keep those who can be texted, each number once. The first row with a number counts.

    :param rows: The source.
    :param layout: What the columns mean, and the texts.
    :param quarantine: Takes bad rows. By default they are only counted.
    :returns: The audience, whatever was counted. Ask :meth:`Counts.exceeded`, and the budget.
    :raises SinchValidationError: The layout, or the source as a whole, has faults. No row was read further.
    """
    faults = layout.faults(rows.columns)
    if faults:
        raise SinchValidationError(faults, "send")
    spool = Spool()
    try:
        # Without a column there is no row.
        checked = _Check(layout, layout.places(rows.columns) if rows.columns else _NOWHERE, spool, quarantine)
        for portion in rows:
            checked.add(portion)
        return checked.audience()
    except BaseException:
        spool.close()
        raise


_NOWHERE: Final = Places(0, None, None, None, {})


class _Check:
    """The state of a check: who was seen, and what was counted."""

    def __init__(self, layout: Layout, places: Places, spool: Spool, quarantine: Quarantine | None) -> None:
        self._layout = layout
        self._places = places
        self._spool = spool
        self._quarantine = quarantine
        self._counts = Counts()
        self._odd = OddCharacters()
        self._seen = Seen()
        self._names = list(places.values)
        self._constants = layout.constants()
        languages = list(layout.texts())
        self._texts = [Personal(body, self._names, self._constants) for body in layout.texts().values()]
        #: The names in each text, and after them those of people without a text.
        self._used = [*(frozenset(layout.names(language)) for language in languages), frozenset()]
        self._common = frozenset.intersection(*self._used[:-1])
        text_of = {language: index for index, language in enumerate(languages)}
        self._language = _Remembered(lambda language: _find_text(language, text_of))
        self._zone = _Remembered(lambda name: None if not name or is_zone(name) else NO_ZONE)

    def audience(self) -> Audience:
        self._counts.odd = self._odd.found()
        self._counts.avoidable_parts = self._odd.avoidable_parts
        return Audience(self._layout, self._names, self._spool, self._counts)

    def add(self, portion: Portion) -> None:
        """Check a portion, and write those who pass."""
        self._counts.rows += len(portion.rows) + len(portion.wrong)
        bad = [BadRow(number, "", ROW, reason, "") for number, reason in portion.wrong.items()]
        if portion.rows:
            faults: _Faults = {}
            columns = list(zip(*portion.rows, strict=True))
            block = self._read(columns, faults)
            parts = self._measure(block, faults)
            if faults:
                raw = columns[self._places.number]
                bad += self._bad_rows(portion.numbers, raw, block, faults)
                chosen = [index not in faults for index in range(len(block))]
                block, parts = block.kept(chosen), _chosen(parts, chosen)
            self._keep(block, parts)
        self._refuse(bad)

    def _read(self, columns: Sequence[Sequence[Any]], faults: _Faults) -> Block:
        """Read the columns of a portion. A value with a fault is the empty text."""
        places, layout = self._places, self._layout
        raw = columns[places.number]
        numbers, wrong = read_numbers(raw, layout.default_country)
        for index, reason in wrong.items():
            _add(faults, index, layout.number_column or NUMBER, reason)
        ids = zones = texts = None
        if places.id is not None:
            ids = _texts(columns[places.id], layout.id_column or "", faults)
        if places.zone is not None:
            zones = _texts(columns[places.zone], layout.time_zone_column or "", faults)
            for index, reason in enumerate(map(self._zone, zones)):
                if reason:
                    _add(faults, index, layout.time_zone_column or "", reason)
        if places.language is not None:
            name = layout.language_column or ""
            texts = []
            for index, text in enumerate(map(self._language, _texts(columns[places.language], name, faults))):
                texts.append(text if isinstance(text, int) else _NO_TEXT)
                if isinstance(text, str):
                    _add(faults, index, name, text)
        values = [self._values(name, columns[place], texts, faults) for name, place in places.values.items()]
        return Block(numbers, ids, zones, texts, [], values)

    def _values(
        self, name: str, column: Sequence[Any], texts: Sequence[int] | None, faults: _Faults
    ) -> list[str]:
        """Read the values of a name in the texts."""
        values = texts_of(column)
        default = self._constants.get(name)
        if self._common >= {name} and _are_right(values):
            return [value or "" for value in values]
        for index, value in enumerate(values):
            if name not in self._used[texts[index] if texts else 0]:
                # Nobody fills it in.
                values[index] = ""
            elif value == "" and default is not None:
                values[index] = default
            elif reason := _fault(value):
                values[index] = ""
                _add(faults, index, name, reason)
        return [value or "" for value in values]

    def _measure(self, block: Block, faults: _Faults) -> list[Parts]:
        """Count parts and characters with all values filled in, text by text."""
        if block.texts is None:
            return self._measure_text(0, range(len(block)), block.values, faults)
        parts: dict[int, Parts] = {}
        for text in set(block.texts):
            indexes = [index for index, each in enumerate(block.texts) if each == text]
            if text == _NO_TEXT:
                parts.update(dict.fromkeys(indexes, Parts(GSM, 0)))
                continue
            values = [[column[index] for index in indexes] for column in block.values]
            parts.update(zip(indexes, self._measure_text(text, indexes, values, faults), strict=True))
        return [parts[index] for index in range(len(block))]

    def _measure_text(
        self, text: int, indexes: Sequence[int], values: Sequence[Sequence[str]], faults: _Faults
    ) -> list[Parts]:
        personal = self._texts[text]
        parts = personal.parts(values, len(indexes))
        lengths = personal.lengths(values, len(indexes))
        if max(lengths) > MAX_TEXT:
            for index, length in zip(indexes, lengths, strict=True):
                if length > MAX_TEXT:
                    _add(faults, index, TEXT, TEXT_TOO_LONG)
        most = self._layout.max_number_of_message_parts
        if most is not None:
            for index, each in zip(indexes, parts, strict=True):
                if each.number > most:
                    _add(faults, index, TEXT, TOO_MANY_PARTS)
        return parts

    def _keep(self, block: Block, parts: list[Parts]) -> None:
        """Leave out whoever was there before. Count and write the others."""
        fresh = self._seen.add(block.numbers)
        if fresh is not None:
            self._counts.duplicates += fresh.count(False)
            block, parts = block.kept(fresh), _chosen(parts, fresh)
        if not block:
            return
        counts = self._counts
        counts.people += len(block)
        counts.parts.update(parts)
        block.parts = [each.number for each in parts]
        people = zip(map(country_of, block.numbers), block.parts, strict=True)
        counts.totals = together((counts.totals, counted(people)))
        for index, each in enumerate(parts):
            if each.encoding == UNICODE:
                personal = self._texts[block.texts[index] if block.texts else 0]
                self._odd.add(personal.fill([column[index] for column in block.values]), each)
        self._spool.write(block)

    def _bad_rows(
        self, numbers: Sequence[int], raw: Sequence[Any], block: Block, faults: Mapping[int, Any]
    ) -> list[BadRow]:
        return [
            BadRow(numbers[index], block.ids[index] if block.ids else "", column, reason, _masked(raw[index]))
            for index in sorted(faults)
            for column, reason in faults[index]
        ]

    def _refuse(self, bad: list[BadRow]) -> None:
        if bad:
            bad.sort(key=lambda each: each.row)
            self._counts.invalid += len({each.row for each in bad})
            self._counts.reasons.update((each.column, each.reason) for each in bad)
            if self._quarantine is not None:
                self._quarantine(bad)


class _Remembered(dict[str, Any]):
    """What becomes of a few texts that many rows have."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        super().__init__()
        self._find = find

    def __call__(self, text: str) -> Any:
        return self[text]

    def __missing__(self, text: str) -> Any:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[text] = self._find(text)
        return found


def _find_text(language: str, text_of: Mapping[str, int]) -> int | str:
    """The index of the text in a language, or the fault."""
    found = text_of.get(folded(language), text_of.get(DEFAULT))
    if found is None:
        return OTHER_LANGUAGE if language else NO_LANGUAGE
    return found


def _texts(column: Sequence[Any], name: str, faults: _Faults) -> list[str]:
    """Read a column that goes into no text. A value with a fault is empty."""
    texts = texts_of(column)
    for index, text in enumerate(texts):
        if text is None or not (text.isascii() or encodable(text)):
            _add(faults, index, name, NOT_TEXT if text is None else HALF)
            texts[index] = ""
    return [text or "" for text in texts]


def _are_right(values: Sequence[str | None]) -> bool:
    """Whether all values of a column can be filled in as they are."""
    texts = [value for value in values if value]
    if len(texts) < len(values) or max(map(len, texts)) > MAX_VALUE:
        return False
    return _fault_of_text("\n".join(texts)) is None


def _fault(value: str | None) -> str | None:
    if value is None:
        return NOT_TEXT
    if not value:
        return NO_VALUE
    return TOO_LONG if len(value) > MAX_VALUE else _fault_of_text(value)


def _fault_of_text(text: str) -> str | None:
    # Sinch would refuse the batch, and with it a thousand people.
    if not (text.isascii() or encodable(text)):
        return HALF
    try:
        rendered("", text)
    except BrokenRuleError as error:
        return error.faults[0].rule
    return None


def _masked(number: Any) -> str:
    text = texts_of((number,))[0]
    return mask_number(text) if text else ""


def _add(faults: _Faults, index: int, column: str, reason: str) -> None:
    faults.setdefault(index, []).append((column, reason))


def _chosen(parts: Sequence[Parts], chosen: Sequence[bool]) -> list[Parts]:
    return [each for each, kept in zip(parts, chosen, strict=True) if kept]
