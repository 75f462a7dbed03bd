"""Calls that take effect later on the sandbox's clock, after their caller gave up."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from itertools import count

Effect = Callable[[int], None]
"""The effect of a call; takes the time at which it happens."""


class Late:
    """Effects and when they are due. Like packets in a network, they are lost when the process ends."""

    def __init__(self) -> None:
        self._effects: list[tuple[int, int, Effect]] = []
        self._numbers = count()

    @property
    def next_at(self) -> float:
        return self._effects[0][0] if self._effects else math.inf

    def add(self, at: int, effect: Effect) -> None:
        heapq.heappush(self._effects, (at, next(self._numbers), effect))

    def due(self, now: int) -> Iterator[tuple[int, Effect]]:
        """Effects that are due, the earliest first; each is returned once."""
        while self.next_at <= now:
            at, _, effect = heapq.heappop(self._effects)
            yield at, effect

    def clear(self) -> None:
        self._effects.clear()
