"""Finds the schedule that notices each mutation: the one that is kept, else by searching."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from tests.crash.mutations import MUTATIONS
from tests.crash.schedules import Schedule

#: How much is searched: every nth schedule of the exhaustive product, and the number of random ones.
_EVERY = 41
_RANDOM = 600


def catching(name: str, play: Callable[[Schedule], Any]) -> tuple[int, Schedule | None]:
    """
    Find a schedule that notices a missing rule, and shrink it.

    :returns: The number of schedules played, and the schedule, or None.
    """
    from tests.crash import chance, exhaustive
    from tests.crash.shrink import shrunk
    from tests.crash.test_mutations import NOTICED_BY

    def noticed(schedule: Schedule) -> bool:
        with MUTATIONS[name]():
            failed = not play(schedule).verdict.held
        return failed and play(schedule).verdict.held

    kept = NOTICED_BY.get(name)
    if kept is not None and noticed(kept):
        return 1, kept
    played = 0
    plain = (base for base in (*exhaustive.NEMESES.values(), *exhaustive.MORE_NEMESES.values()))
    found = (schedule for _, schedule in islice(exhaustive.schedules(), 0, None, _EVERY))
    for source in (plain, found, (chance.schedule(seed) for seed in range(1, _RANDOM))):
        for schedule in source:
            played += 1
            if noticed(schedule):
                return played, shrunk(schedule, noticed)
    return played, None
