"""The audience of a campaign: the people who passed the check, and what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from sinch_provider.sms.campaign.budget import MAX_INVALID, Share, counted
from sinch_provider.sms.campaign.countries import country_of
from sinch_provider.sms.campaign.layout import DEFAULT, Layout
from sinch_provider.sms.campaign.odd import Odd
from sinch_provider.sms.campaign.spool import Block, Spool
from sinch_provider.sms.campaign.zones import zones_of
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.encoding import Parts
from sinch_provider.sms.masking import mask_number

#: The most reasons that a fault names.
_NAMED: Final = 5


class Person(NamedTuple):
    """
    Somebody who can be texted.

    :param number: Digits, as on the wire.
    :param id: What the id column says.
    :param zone: The time zone that the row names; empty: none.
    :param language: Which of the campaign's texts this is, as :meth:`Layout.texts` names it.
    :param parts: The parts of the text.
    :param values: What is filled in, by :attr:`Audience.names`.
    """

    number: str
    id: str
    zone: str
    language: str
    parts: int
    values: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<{mask_number(self.number)}>"

    @property
    def country(self) -> str:
        """The country of the number."""
        return country_of(self.number)

    @property
    def zones(self) -> frozenset[str]:
        """All time zones that this person may be in; none: unknown."""
        return frozenset((self.zone,)) if self.zone else zones_of(self.number)


@dataclass
class Counts:
    """
    What was counted. Nothing in it belongs to a person.

    :param rows: Rows of the source.
    :param invalid: Rows with a fault.
    :param duplicates: Rows without a fault whose number an earlier one has.
    :param people: All others: those who can be texted.
    :param reasons: Faults, by column and reason.
    :param parts: People, by the encoding and the parts of their texts. Without Sinch's auto-encoding.
    :param totals: People and parts by country.
    :param odd: The characters that make texts unicode.
    :param avoidable_parts: Parts that plain characters would save.
    """

    rows: int = 0
    invalid: int = 0
    duplicates: int = 0
    people: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    parts: Counter[Parts] = field(default_factory=Counter)
    totals: dict[str, Share] = field(default_factory=dict)
    odd: list[Odd] = field(default_factory=list)
    avoidable_parts: int = 0

    @property
    def all_parts(self) -> int:
        """The parts of all texts together."""
        return sum(share.parts for share in self.totals.values())

    def bearable(self, max_invalid: float) -> int:
        """
        Return how many rows may be invalid.

        :param max_invalid: A number of rows (``int``), or a share of them (``float``).
        """
        share = isinstance(max_invalid, float)
        return int(Decimal(str(max_invalid)) * (self.rows if share else 1))

    def exceeded(self, max_invalid: float = MAX_INVALID) -> list[Fault]:
        """
        Return a fault if too many rows are invalid.

        :param max_invalid: The most that may be: a number of rows (``int``), or a share of them (``float``).
        """
        if self.invalid <= self.bearable(max_invalid):
            return []
        named = [f"{column} {reason}: {rows}" for (column, reason), rows in self.reasons.most_common(_NAMED)]
        others = len(self.reasons) - len(named)
        more = [f"{others} more reasons"] if others > 0 else []
        rule = f"allows {max_invalid}, and {self.invalid} of {self.rows} rows are invalid"
        return [Fault("max_invalid", rule, "; ".join(named + more))]


class Audience:
    """
    The people of a campaign, in the order of the source, each once.

    :param layout: The campaign's.
    :param names: The names in texts that differ from person to person.
    :param spool: The people.
    :param counts: What was counted.
    """

    def __init__(self, layout: Layout, names: Sequence[str], spool: Spool, counts: Counts) -> None:
        self.layout = layout
        self.names = tuple(names)
        self.counts = counts
        self._texts = layout.texts()
        self._languages = tuple(self._texts)
        self._constants = layout.constants()
        self._spool = spool

    def __repr__(self) -> str:
        return f"<audience of {self.counts.people} people>"

    def __len__(self) -> int:
        return self.counts.people

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the people from the disk."""
        self._spool.close()

    def lines(self) -> Iterator[bytes]:
        """Read all people as they lie on the disk."""
        return self._spool.lines()

    def portions(self) -> Iterator[list[Person]]:
        """Read all people, up to a thousand at a time. This can be done any number of times."""
        for block in self._spool:
            yield self._people(block)

    def _people(self, block: Block) -> list[Person]:
        empty = [""] * len(block)
        languages = [self._languages[text] for text in block.texts or [0] * len(block)]
        values = list(zip(*block.values, strict=True)) if block.values else [()] * len(block)
        columns = (block.numbers, block.ids or empty, block.zones or empty, languages, block.parts, values)
        # Strict: nobody gets lost where one column is shorter.
        return list(map(Person._make, zip(*columns, strict=True)))

    def message(self, people: Sequence[Person]) -> dict[str, Any]:
        """
        Return the fields of one batch: ``to``, ``body``, and ``parameters`` if there are any.

        :param people: People of one language.
        """
        language = people[0].language
        body = self._texts[language]
        numbers = [person.number for person in people]
        columns = list(zip(*(person.values for person in people), strict=True))
        parameters: dict[str, dict[str, str]] = {}
        for name in self.layout.names(language):
            if name in self.names:
                column = columns[self.names.index(name)]
                parameters[name] = dict(zip(numbers, column, strict=True))
            else:
                parameters[name] = {DEFAULT: self._constants[name]}
        return {"to": numbers, "body": body, **({"parameters": parameters} if parameters else {})}


def totals_of(people: Iterable[Person]) -> dict[str, Share]:
    """Count some people and their parts by country, as a budget judges them."""
    return counted((person.country, person.parts) for person in people)
