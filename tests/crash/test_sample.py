"""A sample of what ``make test-crash`` plays in full."""

from __future__ import annotations

from itertools import count, islice

import pytest

from tests.crash import chance, exhaustive
from tests.crash.points import POINTS
from tests.crash.schedules import Schedule, event
from tests.versions import AIRFLOW, needs_task_state

# A prime, so that every point, kind and nemesis has its turn.
_EVERY = 251
_RANDOM = 60


def playable(schedule: Schedule) -> bool:
    """Whether this Airflow has what a schedule needs."""
    return AIRFLOW >= (3, 3) or schedule.journal == "none"


SAMPLE = list(
    islice(((name, each) for name, each in exhaustive.schedules() if playable(each)), 0, None, _EVERY)
)
SEEDS = list(islice((seed for seed in count(1) if playable(chance.schedule(seed))), _RANDOM))


@pytest.mark.parametrize("schedule", [pytest.param(each, id=name) for name, each in SAMPLE])
def test_struck_at_any_point_nobody_is_texted_twice_or_forgotten(play, schedule):
    assert play(schedule).verdict.faults == []


@pytest.mark.parametrize("seed", SEEDS)
def test_by_chance(play, seed):
    schedule = chance.schedule(seed)
    assert play(schedule).verdict.faults == [], schedule.to_json()


LOST_ANSWER = event("reply sent, not read", "kill")
ROTATED = event("between attempts", "rotate")


@needs_task_state
@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(events=(LOST_ANSWER, ROTATED), clock_text=True, label="alerts"),
        Schedule(events=(LOST_ANSWER, ROTATED), clock_text=True, shape="mapped", size=2),
        Schedule(events=(LOST_ANSWER, ROTATED), clock_text=True, shape="nested", size=2),
        Schedule(events=(LOST_ANSWER, ROTATED), clock_text=True, shape="mapped", size=2, items="one phone"),
        Schedule(
            events=(event("before XCom", "kill"), event("between attempts", "garble journal")),
            shape="nested",
            size=2,
            on_clear="resend",
        ),
    ],
    ids=["own label", "mapped", "nested", "mapped to one phone", "to send again, journal garbled"],
)
def test_a_journal_that_cannot_be_compared_is_no_proof(play, schedule):
    verdict = play(schedule).verdict
    assert (verdict.faults, verdict.states["failed"]) == ([], 1)


def test_the_same_schedule_plays_the_same_way(play):
    schedule = chance.schedule(SEEDS[6])
    first, second = play(schedule), play(schedule)
    assert (first.verdict, first.struck, first.counts) == (second.verdict, second.struck, second.counts)


def test_a_schedule_survives_being_written_down():
    for _, schedule in SAMPLE:
        assert Schedule.from_json(schedule.to_json()) == schedule
    assert Schedule.from_json(chance.schedule(11).to_json()) == chance.schedule(11)


@needs_task_state
@pytest.mark.parametrize(
    "at",
    [each for each in POINTS if each not in {"between attempts", "finished", "between sends", "callback"}],
)
def test_every_point_is_reached(play, at):
    first = exhaustive.LATER_POINTS.get(at, ())
    faults = (exhaustive.HANG,) if at == "accepted, reply not sent" else ()
    schedule = Schedule(
        mode="defer", cancel_on_kill=at == "cancelling", faults=faults, events=(*first, event(at, "kill"))
    )
    assert play(schedule).struck["kill", at] == 1
