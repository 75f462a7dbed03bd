"""The model does what was measured on a real Airflow."""

from __future__ import annotations

import pytest

from tests.crash.actors import Actor, Killed, point
from tests.crash.processes import OutOfReachError, TaskState
from tests.crash.schedules import Schedule
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
    from tests.crash.schedules import event

    needed = event("leaving", "stop")
    schedule = Schedule(
        mode="defer",
        retries=8,
        skews=(5, 7),
        faults=({"kind": "latency", "count": 3},),
        events=(event("polling", "kill"), needed, event("finished", "clear")),
    )
    assert shrunk(schedule, lambda each: needed in each.events) == Schedule(events=(needed,))
