"""A sample of what ``make test-crash-campaign`` plays in full."""

from __future__ import annotations

from itertools import combinations, count, islice
from itertools import product as cartesian

import pytest

from tests.crash.campaign import chance, product
from tests.crash.campaign.points import PLAN_POINTS, TASK_POINTS
from tests.crash.campaign.schedules import CampaignSchedule
from tests.crash.exhaustive import HANG, KINDS
from tests.crash.points import UNGUARDED
from tests.crash.schedules import event
from tests.versions import AIRFLOW, needs_task_state

# A prime, so that every point, kind and nemesis has its turn.
_EVERY = 509
_RANDOM = 15


def playable(schedule: CampaignSchedule) -> bool:
    """Whether this Airflow has what a schedule needs."""
    return AIRFLOW >= (3, 3) or schedule.journal == "none"


SAMPLE = list(islice(((name, each) for name, each in product.schedules() if playable(each)), 0, None, _EVERY))
SEEDS = list(islice((seed for seed in count(1) if playable(chance.schedule(seed))), _RANDOM))


@pytest.mark.parametrize("schedule", [pytest.param(each, id=name) for name, each in SAMPLE])
def test_struck_at_any_point_everybody_is_texted_once(play, schedule):
    assert play(schedule).verdict.faults == []


@pytest.mark.parametrize("seed", SEEDS)
def test_by_chance(play, seed):
    schedule = chance.schedule(seed)
    assert play(schedule).verdict.faults == [], schedule.to_json()


def test_the_same_schedule_plays_the_same_way(play):
    schedule = CampaignSchedule(people=24, in_flight=4, events=(event("noted", "kill", 3),), seed=5)
    first, second = play(schedule), play(schedule)
    assert (first.verdict, first.struck, first.counts) == (second.verdict, second.struck, second.counts)


def test_a_schedule_survives_being_written_down():
    for _, schedule in SAMPLE:
        assert CampaignSchedule.from_json(schedule.to_json()) == schedule
    assert CampaignSchedule.from_json(chance.schedule(11).to_json()) == chance.schedule(11)


@needs_task_state
@pytest.mark.parametrize("at", [*TASK_POINTS, "looking", "looked", "waiting"])
def test_every_point_is_reached(play, at):
    faults = (HANG,) if at == "accepted, reply not sent" else ()
    schedule = CampaignSchedule(faults=faults, events=(*product.POINTS[at], event(at, "kill")))
    assert play(schedule).struck["kill", at] == 1


@needs_task_state
@pytest.mark.parametrize("at", PLAN_POINTS)
def test_every_point_of_a_plan_is_reached(play, at):
    assert play(CampaignSchedule(plan=True, events=(event(at, "kill"),))).struck["kill", at] == 1


@needs_task_state
def test_kills_between_the_first_request_and_the_last_are_counted(play):
    counts = play(CampaignSchedule(events=(event("leaving", "kill", 2),))).counts
    assert counts["killed between first and last POST"] == 1


@needs_task_state
def test_after_a_lost_answer_an_error_does_not_say_that_nothing_was_sent(play):
    lost = {"kind": "lost_reply", "operation": "send", "how": "reset", "skip": 1}
    schedule = CampaignSchedule(faults=(lost, {"kind": "unknown_token", "operation": "send", "skip": 1}))
    assert play(schedule).verdict.faults == []


def test_any_two_values_meet():
    """Two points, kills, nemeses, journals, lags, audiences or numbers of requests, unless they are a gap."""
    kinds = (
        product.NEMESES, product.POINTS, KINDS, product.JOURNALS, product.LAGS, product.AUDIENCES,
        map(str, product.IN_FLIGHT), product.PLANS.values(),
    )  # fmt: skip
    wanted = {pair for one, other in combinations(map(tuple, kinds), 2) for pair in cartesian(one, other)}
    met = set()
    for name, _ in product.schedules():
        nemesis, at, *others = name.split(" / ")
        met |= set(combinations((nemesis, at.rpartition(" ")[0], *others), 2))
    assert met <= wanted
    stops = [each for each, (act, _) in KINDS.items() if act == "stop"]
    assert wanted - met == {
        *cartesian(["stale", "a proxy repeats"], ["all", "first", "second"]),
        *cartesian(UNGUARDED, [each for each in stops if "before" not in each]),
        *cartesian(stops, ["absent"]),
        *cartesian(PLAN_POINTS, ["no plan"]),
        ("accepted 60 s later", "stale"),
        ("redirected, accepted, listed late", "stale"),
    }
