"""Finds the schedule that notices each mutation: the one that is kept, else by searching."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from tests.crash.harnesses import Harness
from tests.crash.schedules import Schedule

#: How much is searched: every nth schedule of the exhaustive product, and the number of random ones.
_EVERY = 41
_RANDOM = 600


def catching(harness: Harness, name: str, play: Callable[[Schedule], Any]) -> tuple[int, Schedule | None]:
    """
    Find a schedule that notices a missing rule, and shrink it.

    :returns: The number of schedules played, and the schedule, or None.
    """
    from tests.crash.shrink import shrunk

    def noticed(schedule: Schedule) -> bool:
        with harness.mutations[name]():
            failed = not play(schedule).verdict.held
        return failed and play(schedule).verdict.held

    kept = harness.noticed_by().get(name)
    if kept is not None and noticed(kept):
        return 1, kept
    played = 0
    found = (schedule for _, schedule in islice(harness.schedules(), 0, None, _EVERY))
    for source in (harness.nemeses, found, (harness.by_chance(seed) for seed in range(1, _RANDOM))):
        for schedule in source:
            played += 1
            if noticed(schedule):
                return played, shrunk(schedule, noticed)
    return played, None
