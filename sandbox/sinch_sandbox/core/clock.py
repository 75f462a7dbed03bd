"""The sandbox's own clock, the only source of time, so that tests need not sleep."""

from __future__ import annotations

import time
from typing import Literal

from sinch_sandbox.core.times import SECOND

ClockMode = Literal["real", "manual"]


class Clock:
    """Milliseconds since 1970. ``real`` runs (``speed`` times as fast), ``manual`` moves only when advanced.

    :param floor: the earliest instant it may show, so that time never runs backwards over a restart.
    """

    def __init__(self, mode: ClockMode = "real", speed: float = 1.0, floor: int = 0) -> None:
        self.mode = mode
        self.speed = speed
        self._floor = floor
        self.reset()

    def reset(self, floor: int | None = None) -> None:
        """Start again at the real time, or at ``floor`` if that is later."""
        self._base = max(time.time_ns() // 1_000_000, self._floor if floor is None else floor)
        self._started = time.monotonic_ns()

    def now(self) -> int:
        if self.mode == "manual":
            return self._base
        elapsed = (time.monotonic_ns() - self._started) / 1_000_000
        return self._base + int(elapsed * self.speed)

    def advance(self, seconds: float) -> int:
        self._base += round(seconds * SECOND)
        return self.now()
