"""
Safeguards switched off one at a time: the harness has to notice each.

``python -m tests.crash.mutations`` searches the exhaustive product and random schedules for one that
does, and shrinks it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from itertools import islice
from typing import Any
from unittest import mock

from tests.crash.schedules import Schedule

_EVERY = 41
_RANDOM = 600


def _no_intent() -> AbstractContextManager[Any]:
    from sinch_provider.sms import journal

    write = journal.Journal.write

    def only_outcomes(self: Any, entry: Any) -> None:
        if entry.state is not journal.State.INTENT:
            write(self, entry)

    return mock.patch.object(journal.Journal, "write", only_outcomes)


def _refusal_ignored() -> AbstractContextManager[Any]:
    from sinch_provider.sms import journal
    from sinch_provider.sms.errors import SinchNotSentError

    write = journal.Journal.write

    def all_the_same(self: Any, entry: Any) -> None:
        with suppress(SinchNotSentError):
            write(self, entry)

    return mock.patch.object(journal.Journal, "write", all_the_same)


def _stale_permission() -> AbstractContextManager[Any]:
    from sinch_provider.sms import journal

    return mock.patch.object(journal, "FRESH_SECONDS", float("inf"))


def _no_look() -> AbstractContextManager[Any]:
    from sinch_provider.sms import once

    def nothing(*args: Any, **kwargs: Any) -> Iterator[Any]:
        yield from ()
        return []

    return mock.patch.object(once, "settled_look", nothing)


def _one_look() -> AbstractContextManager[Any]:
    from sinch_provider.sms import lookup

    return mock.patch.object(lookup, "LOOKS", (0.0,))


def _no_start_date() -> AbstractContextManager[Any]:
    from sinch_provider.sms import endpoints

    listed = endpoints.list_batches

    def of_the_last_day(*args: Any, **kwargs: Any) -> Any:
        return listed(*args, **{**kwargs, "start_date": None})

    return mock.patch.object(endpoints, "list_batches", of_the_last_day)


class _AnyCycle(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def _any_cycle() -> AbstractContextManager[Any]:
    from sinch_provider.sms import journal

    read = journal.Journal.read

    def as_if_of_this_cycle(self: Any) -> list[Any]:
        return [replace(each, cycle=_AnyCycle(each.cycle)) for each in read(self)]

    return mock.patch.object(journal.Journal, "read", as_if_of_this_cycle)


def _any_payload() -> AbstractContextManager[Any]:
    from sinch_provider.sms import payload

    return mock.patch.object(payload, "_match", return_value=payload.Match.SAME)


MUTATIONS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "no intent is written": _no_intent,
    "fence: a refusal is ignored": _refusal_ignored,
    "fence: old permissions are not renewed": _stale_permission,
    "no look before sending again": _no_look,
    "one look, without time to settle": _one_look,
    "looks without a start date": _no_start_date,
    "rows of other cycles count": _any_cycle,
    "payloads are not compared": _any_payload,
}


def catching(name: str, play: Callable[[Schedule], Any]) -> tuple[int, Schedule | None]:
    """Find a schedule that notices a safeguard missing, and shrink it; and how many were played for that."""
    from tests.crash import chance, exhaustive
    from tests.crash.shrink import shrunk

    def noticed(schedule: Schedule) -> bool:
        with MUTATIONS[name]():
            failed = not play(schedule).verdict.held
        return failed and play(schedule).verdict.held

    played = 0
    found = (schedule for _, schedule in islice(exhaustive.schedules(), 0, None, _EVERY))
    for source in (found, (chance.schedule(seed) for seed in range(1, _RANDOM))):
        for schedule in source:
            played += 1
            if noticed(schedule):
                return played, shrunk(schedule, noticed)
    return played, None


def main() -> int:
    """Print which schedule catches which mutation."""
    from tests.crash.workers import hush, player, prepare_airflow

    prepare_airflow()
    hush()
    survived = 0
    with player() as play:
        for name, mutated in MUTATIONS.items():
            played, schedule = catching(name, play)
            if schedule is None:
                survived += 1
                print(f"{name}: SURVIVED {played} schedules", flush=True)
                continue
            with mutated():
                verdict = play(schedule).verdict
            print(
                f"{name}: caught by schedule {played}\n    {schedule.to_json()}\n    {verdict.faults[0]}",
                flush=True,
            )
    print(f"{len(MUTATIONS) - survived} of {len(MUTATIONS)} mutations caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
