"""Numbers that were seen, in as little memory as a set of them can take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

#: Numbers after which a new set begins. Soon after so many, a set of Python takes twice its room, and three
#: times while it grows.
FULL: Final = 600_000


class Seen:
    """
    Phone numbers, kept as whole numbers: these take half the memory of text.

    :param full: Numbers after which a new set begins.
    """

    def __init__(self, full: int = FULL) -> None:
        self._most = full
        self._full: list[set[int]] = []
        self._latest: set[int] = set()

    def __repr__(self) -> str:
        return f"<{len(self)} numbers>"

    def __len__(self) -> int:
        return sum(map(len, self._full)) + len(self._latest)

    def __contains__(self, number: str) -> bool:
        return self._has(int(number))

    def among(self, numbers: Iterable[int]) -> set[int]:
        """Return those of some numbers that were seen: for many, this costs a fraction of a look at each."""
        wanted = set(numbers)
        return set().union(*(wanted & each for each in (self._latest, *self._full)))

    def add(self, numbers: Sequence[str]) -> list[bool] | None:
        """
        Add numbers.

        :param numbers: Digits, as on the wire.
        :returns: Whether each of them is there for the first time; None: all of them are.
        """
        digits = list(map(int, numbers))
        different = set(digits)
        if len(different) == len(digits) and self._has_none(different):
            self._latest |= different
            fresh = None
        else:
            fresh = []
            for each in digits:
                new = not self._has(each)
                fresh.append(new)
                if new:
                    self._latest.add(each)
        if len(self._latest) >= self._most:
            self._full.append(self._latest)
            self._latest = set()
        return fresh

    def _has(self, digits: int) -> bool:
        if digits in self._latest:
            return True
        # Asked for every person of a campaign: a generator would cost more than the look itself.
        for each in self._full:  # noqa: SIM110
            if digits in each:
                return True
        return False

    def _has_none(self, digits: set[int]) -> bool:
        return all(digits.isdisjoint(each) for each in (self._latest, *self._full))
