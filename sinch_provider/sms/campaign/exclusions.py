"""
Who must not be texted: opt-outs, read again while the campaign runs.

If they cannot be read, or are suddenly empty, nothing more is sent.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from sinch_provider.sms.campaign.phones import AMBIGUOUS, GROUP, read_numbers, readings
from sinch_provider.sms.campaign.rows import Rows, is_missing
from sinch_provider.sms.campaign.seen import Seen
from sinch_provider.sms.errors import Fault, SinchError, SinchNotSentError, SinchValidationError
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.runtime import current

log = logging.getLogger(__name__)

#: The share of rows that may have no number that can be read. Such a row excludes nobody.
MAX_UNREADABLE: Final = 0.01
#: Seconds after which they are read again.
MAX_AGE: Final = 60.0
#: Longer than any number, and with a letter.
_LIKE_A_GROUP: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{20,40}")
_ADVICE: Final = "Whoever was reached stays reached: a retry texts the others, once they can be read."

#: Reads all rows of a source, and returns what the function makes of them.
Read = Callable[[Callable[[Rows], tuple[Seen, int]]], tuple[Seen, int]]
#: The same with the members of a group, whose id comes first.
ReadGroup = Callable[[str, Callable[[Rows], tuple[Seen, int]]], tuple[Seen, int]]


class Exclusions:
    """
    The numbers that a campaign leaves out.

    :param sources: Read them, by the name of the argument that a user knows. Each has one column, that of the
        numbers, or of group ids: these stand for the members of the group when it is read.
    :param read_group: Reads the members of a group; None: a group id is a row without a number.
    :param read_people: Reads more people, as digits of numbers: those whom another campaign has reached.
        Whoever was among them stays excluded.
    :param default_country: Whose numbers those without ``+`` are.
    :param max_age: Seconds after which they are read again.
    :param were_there: The sources in which an earlier attempt has found some.
    """

    def __init__(
        self,
        sources: Mapping[str, Read],
        default_country: str | None = None,
        max_age: float = MAX_AGE,
        *,
        read_group: ReadGroup | None = None,
        read_people: Callable[[], set[int]] | None = None,
        were_there: Iterable[str] = (),
    ) -> None:
        self._sources = sources
        self._read_group = read_group
        self._read_people = read_people
        self._groups: dict[str, Read] = {}
        #: The sources that name groups. They are not empty, whoever is in these.
        self._with_groups: set[str] = set()
        self._people: set[int] = set()
        self._country = default_country
        self._max_age = max_age
        self._numbers: dict[str, Seen] = {}
        self._read_at: tuple[float, float] | None = None
        #: The sources in which there are some, or were.
        self.were_there = frozenset(were_there)

    def __repr__(self) -> str:
        return f"<{len(self)} exclusions>"

    def __len__(self) -> int:
        return sum(map(len, self._numbers.values())) + len(self._people)

    def __contains__(self, number: str) -> bool:
        # Asked for every person: a generator would cost more than the look itself.
        for each in self._numbers.values():
            if number in each:
                return True
        return bool(self._people) and int(number) in self._people

    def among(self, numbers: Collection[int]) -> set[int]:
        """Return those of some numbers that are excluded."""
        found = {each for each in numbers if each in self._people} if self._people else set()
        return found.union(*(each.among(numbers) for each in self._numbers.values()))

    def refresh(self) -> None:
        """
        Read them if they are too old.

        :raises SinchNotSentError: They cannot be read, or are gone.
        :raises SinchError: Sinch does not say who is in a group, or whom a campaign has reached.
        """
        if self._read_at is not None and self._age() < self._max_age:
            return
        # As of now, even if reading takes long.
        began = _clocks()
        before = len(self)
        self._groups, self._with_groups = {}, set()
        found = {name: self._read(name) for name in self._sources}
        # Sources are closed by now. They have named groups, and a group might name others.
        while groups := self._groups.keys() - found.keys():
            found |= {name: self._read(name) for name in groups}
        self._numbers = found
        if self._read_people is not None:
            self._people |= self._read_people()
        self._read_at = began
        self.were_there |= {
            name for name, numbers in self._numbers.items() if len(numbers)
        } | self._with_groups
        if len(self) != before:
            log.info("%d numbers are excluded.", len(self))

    def _read(self, name: str) -> Seen:
        numbers, unreadable = self._found(name)
        if name in self.were_there and not len(numbers) and name not in self._with_groups:
            raise SinchNotSentError(
                f"{name} was not empty before, and now it is", operation="send", advice=_ADVICE
            )
        if unreadable:
            log.warning("%d rows of %s have no phone number that can be read.", unreadable, name)
        return numbers

    def _found(self, name: str) -> tuple[Seen, int]:
        try:
            return (self._sources.get(name) or self._groups[name])(partial(self._use, name))
        except Exception as error:
            if isinstance(error, SinchError) and not isinstance(error, SinchValidationError):
                # Sinch itself was asked, and says better what is wrong.
                raise
            reason = f"{type(error).__name__}: {mask_text(str(error))}"
        # Raised outside the block: what a driver says may quote people.
        raise SinchNotSentError(f"{name} cannot be read ({reason})", operation="send", advice=_ADVICE)

    def _use(self, name: str, rows: Rows) -> tuple[Seen, int]:
        numbers, unreadable, rows_read, blank = Seen(), 0, 0, 0
        if rows.columns is not None and len(rows.columns) != 1:
            rule = f"must have one column, that of the numbers, and has {len(rows.columns)}"
            raise SinchValidationError([Fault("exclusions", rule)], "send")
        for portion in rows:
            if portion.wrong:
                row, reason = next(iter(portion.wrong.items()))
                raise SinchValidationError([Fault("exclusions", f"row {row} {reason}")], "send")
            values: Sequence[object] = [row[0] for row in portion.rows if not is_missing(row[0])]
            digits, wrong = read_numbers(values, self._country)
            numbers.add([each for each in digits if each])
            numbers.add(self._both(values, wrong))
            unreadable += len(wrong) - self._note_groups(name, values, wrong)
            rows_read += len(values)
            blank += len(portion.rows) - len(values)
        if not len(numbers) and name not in self._with_groups:
            # A broken join gives rows of nothing.
            unreadable, rows_read = unreadable + blank, rows_read + blank
        if unreadable > rows_read * MAX_UNREADABLE:
            rule = f"have {unreadable} of {rows_read} rows without a phone number that can be read"
            raise SinchValidationError([Fault("exclusions", rule)], "send")
        return numbers, unreadable

    def _both(self, values: Sequence[object], wrong: dict[int, str]) -> list[str]:
        """Take the values that may be two numbers out of what is wrong, and return both of each."""
        country = self._country
        if country is None:
            return []
        doubtful = [index for index, reason in wrong.items() if reason == AMBIGUOUS]
        for index in doubtful:
            del wrong[index]
        return [each for index in doubtful for each in readings(values[index], country)]

    def _note_groups(self, name: str, values: Sequence[object], wrong: Mapping[int, str]) -> int:
        """
        Note the groups among values that are no numbers, and return how many rows name one.

        :raises SinchValidationError: A value is nearly the id of a group: many people would be texted.
        """
        if any(
            _LIKE_A_GROUP.fullmatch(str(values[index]).strip()) for index in wrong if wrong[index] != GROUP
        ):
            raise SinchValidationError(
                [Fault("exclusions", "have an id that is not that of a group")], "send"
            )
        if self._read_group is None:
            return 0
        groups = [str(values[index]).strip() for index, reason in wrong.items() if reason == GROUP]
        if groups:
            self._with_groups.add(name)
        self._groups |= {f"group {each}": partial(self._read_group, each) for each in groups}
        return len(groups)

    def _age(self) -> float:
        assert self._read_at is not None
        return max(now - then for now, then in zip(_clocks(), self._read_at, strict=True))


def _clocks() -> tuple[float, float]:
    # The monotonic clock stands still while a machine sleeps; the wall clock may be set back.
    return current().monotonic(), current().now().timestamp()
