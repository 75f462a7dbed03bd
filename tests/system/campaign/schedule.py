"""Which process is killed at which place: a schedule drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from typing import Final

WORKER: Final = "worker"
SUPERVISOR: Final = "supervisor"
SCHEDULER: Final = "scheduler"
TRIGGERER: Final = "triggerer"

READING: Final = "reading"
CHECK: Final = "check"
INTENT: Final = "intent to POST"
ANSWER: Final = "POST to answer"
CANARY: Final = "canary wait"
DELIVERY: Final = "deferred wait"
RESULTS: Final = "results"

#: Who is killed where, in turn.
_KINDS: Final = {
    INTENT: (SUPERVISOR, WORKER, SCHEDULER, WORKER, SUPERVISOR),
    ANSWER: (WORKER, SUPERVISOR, SCHEDULER, SUPERVISOR, WORKER),
    READING: (WORKER, SUPERVISOR, SUPERVISOR, SCHEDULER),
    CHECK: (SUPERVISOR, WORKER, WORKER, SCHEDULER),
    CANARY: (TRIGGERER, SCHEDULER, TRIGGERER, WORKER),
    DELIVERY: (TRIGGERER, WORKER, SCHEDULER, TRIGGERER),
    RESULTS: (WORKER, SUPERVISOR, SUPERVISOR, SCHEDULER),
}
PLACES: Final = (READING, CHECK, INTENT, ANSWER, CANARY, DELIVERY, RESULTS)
_SENDING: Final = (INTENT, ANSWER)
#: The places of one attempt, in their order. It comes to those where it sends again and again.
_ORDER: Final = (READING, CHECK, INTENT, ANSWER, RESULTS)


@dataclass(frozen=True)
class Kill:
    """
    One kill.

    :param kind: Who is killed.
    :param place: Where the task is at that moment.
    """

    kind: str
    place: str

    @property
    def ends_attempt(self) -> bool:
        """Whether a running task has to begin again after it."""
        return self.kind in {WORKER, SUPERVISOR}


@dataclass(frozen=True)
class Schedule:
    """
    The kills of a test, in their order.

    :param first: Before the first text.
    :param canary: While the task waits for the reports of the canary.
    :param sending: Until everybody is texted.
    :param delivery: While the task waits for all reports.
    :param last: Until the results are written.
    """

    first: Sequence[Kill]
    canary: Sequence[Kill]
    sending: Sequence[Kill]
    delivery: Sequence[Kill]
    last: Sequence[Kill]


def draw(count: int, chance: random.Random) -> Schedule:
    """Draw a schedule of so many kills, the same number for each place."""
    kills = {
        place: [
            Kill(kind, place)
            for kind in islice(cycle(kinds), count // len(_KINDS) + (number < count % len(_KINDS)))
        ]
        for number, (place, kinds) in enumerate(_KINDS.items())
    }
    # Every attempt reads and checks, so the kills there are spread over all of them.
    first = [*kills[READING][:1], *kills[CHECK][:1]]
    last = [*kills[READING][3:], *kills[CHECK][3:], *kills[RESULTS]]
    middle = [*kills[READING][1:3], *kills[CHECK][1:3], *kills[INTENT], *kills[ANSWER]]
    return Schedule(
        _shuffled(first, chance),
        kills[CANARY],
        _shuffled(middle, chance),
        kills[DELIVERY],
        _shuffled(last, chance),
    )


def _shuffled(kills: Sequence[Kill], chance: random.Random) -> list[Kill]:
    """Shuffle kills until each is at a place to which the task comes after the one before."""
    shuffled = list(kills)
    while True:
        chance.shuffle(shuffled)
        if all(_comes_to(before, after) for before, after in pairwise(shuffled)):
            return shuffled


def _comes_to(before: Kill, after: Kill) -> bool:
    if before.ends_attempt or {before.place, after.place} <= {*_SENDING}:
        return True
    return _ORDER.index(after.place) > _ORDER.index(before.place)
