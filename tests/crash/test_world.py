"""The model does what was measured on a real Airflow."""

from __future__ import annotations

import pytest

from tests.crash import nemeses
from tests.crash.actors import Actor, Killed, point
from tests.crash.payloads import payloads
from tests.crash.processes import OutOfReachError, TaskState
from tests.crash.schedules import Schedule, event
from tests.crash.shrink import shrunk
from tests.crash.world import World

ROW = {"state": "intent"}


@pytest.fixture
def world(sandbox):
    return World(sandbox, Schedule(retries=2))


@pytest.fixture
def ti(world):
    world.tasks[0].try_number = 1
    world.tasks[0].rotate()
    return world.tasks[0]


def run(world, ti, body):
    """Run something as a process of a task."""
    actor = Actor(world, "task", ti, lambda: body(actor), skew=0)
    actor.go()
    if actor.crash is not None:
        raise actor.crash
    return actor


def test_task_state_outlives_tries_and_clears_and_is_closed_to_those_given_up(world, ti):
    stores = []
    actor = run(world, ti, lambda actor: stores.append(TaskState(actor)))
    store = stores[0]
    store.set("key", ROW)
    assert store.get("key") == ROW
    ti.rotate()
    assert actor.stale
    assert store.get("key") is None
    with pytest.raises(OutOfReachError):
        store.set("key", ROW)
    run(world, ti, lambda actor: stores.append(TaskState(actor)))
    assert stores[1].get("key") == ROW


def test_a_clear_raises_max_tries_and_a_retry_does_not(world, ti):
    ti.state = "running"
    world.conclude(ti, ValueError("no"))
    assert (ti.state, ti.max_tries, ti.cycle) == ("scheduled", 2, 1)
    world.new_cycle(ti)
    assert (ti.max_tries, ti.cycle) == (3, 2)


def test_retries_are_used_up(world, ti):
    ti.try_number = 3
    world.conclude(ti, ValueError("no"))
    assert ti.state == "failed"


def test_a_killed_process_does_nothing_more(world, ti):
    done = []

    def body(actor):
        try:
            actor.die()
        finally:
            with pytest.raises(Killed):
                TaskState(actor).set("key", ROW)
            with pytest.raises(Killed):
                point("looking")
            done.append("unwound")

    actor = run(world, ti, body)
    assert (actor.dead, done, ti.store) == (True, ["unwound"], {})


def test_time_passes_for_the_sandbox_too(world, ti):
    world.clock.advance(90)
    world.clock.catch_up()
    assert world.clock.now() == world.clock.now(skew=300).subtract(minutes=5)
    assert world.sandbox.control("GET", "clock")["now"][:19] == world.clock.now().to_iso8601_string()[:19]


def test_shrinking_takes_away_what_does_not_matter():
    needed = event("leaving", "stop")
    schedule = Schedule(
        mode="defer",
        retries=8,
        skews=(5, 7),
        faults=({"kind": "latency", "count": 3},),
        events=(event("polling", "kill"), needed, event("finished", "clear")),
    )
    assert shrunk(schedule, lambda each: needed in each.events) == Schedule(events=(needed,))


def test_a_clear_of_airflow_3_4_deletes_the_state_at_once_and_lets_the_running_attempt_write(
    sandbox,
):
    world = World(sandbox, Schedule(airflow="3.4"))
    ti = world.tasks[0]
    ti.try_number = 1
    ti.rotate()
    ti.state = "running"
    ti.store["key"] = "1"

    def body(actor):
        nemeses.clear(world, None, event("journalled", "clear", grace=9))
        assert (ti.store, actor.stale) == ({}, False)
        TaskState(actor).set("key", ROW)
        world.conclude(ti, None)
        assert actor.stale

    run(world, ti, body)
    assert (ti.state, ti.store, ti.max_tries) == ("scheduled", {"key": '{"state": "intent"}'}, 5)


def test_a_rescheduled_try_keeps_its_number(world, ti):
    world.trouble.left["reschedule"] = 1
    ti.state = "running"
    world.conclude(ti, ValueError("no"))
    assert (ti.state, ti.again) == ("scheduled", True)
    world.conclude(ti, ValueError("no"))
    assert world.trouble.left["reschedule"] == 0


def test_a_loop_made_anew_counts_its_tries_from_one_and_has_forgotten_its_state(sandbox):
    world = World(sandbox, Schedule(shape="loop", size=2, retries=2))
    for ti in world.tasks:
        ti.try_number, ti.state, ti.store = 1, "success", {"key": "1"}
    nemeses.clear(world, None, event("finished", "clear", anew=True))
    assert [(ti.try_number, ti.max_tries, ti.store, ti.loop_index) for ti in world.tasks] == [
        (0, 2, {}, 0),
        (0, 2, {}, 1),
    ]


@pytest.mark.parametrize(
    ("moves", "chunks"), [(0, [(60, 61), (62,)]), (1, [(49, 60), (61, 62)]), (2, [(48, 49), (60, 61)])]
)
def test_a_new_person_in_front_shifts_all_chunks(moves, chunks):
    found = payloads(Schedule(shape="mapped", size=2, items="chunks"), "A", moves, "now")
    assert [tuple(int(number[-3:]) - 200 for number in each.to) for each in found] == chunks
