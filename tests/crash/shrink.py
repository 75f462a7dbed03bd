"""Shrinking: find the fewest events and faults, and the plainest settings, with which a schedule fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace

from tests.crash.schedules import Schedule

#: Settings that only go together.
_SHAPE = ("shape", "size", "items", "reused")


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """Remove everything from a failing schedule that it does not need to fail."""
    again = True
    while again:
        again = False
        for simpler in _simpler(schedule):
            if fails(simpler):
                schedule, again = simpler, True
                break
    return schedule


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    for index in range(len(schedule.events)):
        yield replace(schedule, events=schedule.events[:index] + schedule.events[index + 1 :])
    for index in range(len(schedule.faults)):
        yield replace(schedule, faults=schedule.faults[:index] + schedule.faults[index + 1 :])
    usual = type(schedule)()
    for each in fields(schedule):
        plain = getattr(usual, each.name)
        if each.name not in {"events", "faults", *_SHAPE} and getattr(schedule, each.name) != plain:
            yield replace(schedule, **{each.name: plain})
    if schedule.shape != usual.shape:
        yield replace(schedule, **{name: getattr(usual, name) for name in _SHAPE})
    for index, fault in enumerate(schedule.faults):
        if fault.get("count", 1) not in {1, None} or fault.get("skip"):
            plainer = {**fault, "count": 1, "skip": 0}
            yield replace(schedule, faults=(*schedule.faults[:index], plainer, *schedule.faults[index + 1 :]))
