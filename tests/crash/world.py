"""
A small model of Airflow, as measured on Airflow 3.3: tries, retries, clears, deferral, task state, XCom.

It runs the real operator and the real trigger. What a process reports counts only while Airflow has not
given it up; what it writes to the task state is refused from then on, what it reads there seems absent, and
its XComs get through.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from airflow.models.connection import Connection
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
    TaskDeferred,
)

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sms import auth
from sinch_provider.triggers.batches import SinchBatchTrigger
from tests.crash import nemeses
from tests.crash.actors import Actor, Clock, point
from tests.crash.payloads import Payload, item
from tests.crash.sandbox import Sandbox
from tests.crash.schedules import Schedule

_MOST_STEPS = 60
#: How long Airflow waits for a heartbeat, and how long a call to an API server that is down blocks.
HEARTBEAT_TIMEOUT = 300.0
API_TIMEOUT = 13.0


class OutOfReachError(Exception):
    """The API server is down, or refuses."""


@dataclass
class Try:
    """What a try was asked to send, and what it told when it failed."""

    number: int
    cycle: int
    payload: Payload
    ti: Any = field(repr=False)
    error: BaseException | None = None
    stale: bool = False
    #: The ledger's batches when it told.
    known: list[dict[str, Any]] = field(default_factory=list, repr=False)


@dataclass
class TaskInstance:
    """A row of Airflow's database."""

    world: World = field(repr=False)
    map_index: int
    payload: Payload
    max_tries: int
    id: str = ""
    try_number: int = 0
    cycle: int = 1
    state: str = "scheduled"
    deferral: Any = None
    event: Any = None
    xcom: Any = None
    store: dict[str, str] = field(default_factory=dict)
    error: BaseException | None = None
    #: Cleared while running: a new try begins once the process has ended.
    restarting: bool = False

    def rotate(self) -> None:
        """Give up whoever runs under the id so far."""
        self.id = uuid4().hex


class TaskState:
    """``context["task_state_store"]`` of one process."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def get(self, key: str, default: Any = None) -> Any:
        self._actor.world.api_call(self._actor)
        value = None if self._actor.stale else self._actor.owner.store.get(key)
        return default if value is None else json.loads(value)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        world = self._actor.world
        text = json.dumps(value, allow_nan=False)
        world.api_call(self._actor, writing=True)
        if self._actor.stale:
            raise OutOfReachError("404")
        self._actor.owner.store[key] = text
        world.counts["journal writes"] += 1
        point("journalled" if value["state"] == "sent" else "after intent")
        world.after_write(self._actor)


class World:
    """One run of one Dag with one task, sent through a schedule of trouble."""

    def __init__(self, sandbox: Sandbox, schedule: Schedule) -> None:
        self.sandbox = sandbox
        self.schedule = schedule
        self.random = random.Random(schedule.seed)
        start = sandbox.begin()
        self.clock = Clock(sandbox, start)
        #: Batches of other tasks, with the same label.
        self.decoys = self._others_batches() if schedule.label else []
        sandbox.arm(list(schedule.faults))
        self.counts: Counter[str] = Counter()
        self.struck: Counter[tuple[str, str]] = Counter()
        self.hits: Counter[str] = Counter()
        self.pending = list(schedule.events)
        self.trouble = nemeses.Trouble()
        self.hung = 0
        self.clears = 0
        # The scheduler's clock goes wrong as well.
        self.started_at = self.due = self.clock.now(schedule.skews[-1])
        self.retries = schedule.retries
        #: Batches that were there before a cycle began, by map index and cycle.
        self.before: dict[tuple[int, int], set[str]] = {}
        self.variant = "A"
        self.moves = 0
        self.delay = schedule.retry_delay
        places = range(schedule.mapped) if schedule.mapped else [-1]
        self.tasks = [
            TaskInstance(self, place, item(max(place, 0), "A"), schedule.retries) for place in places
        ]
        self.tries: list[Try] = []
        self.pushed: list[tuple[int, int, bool, Any]] = []
        self.zombies: list[nemeses.Zombie] = []
        self.actors: list[Actor] = []
        self.old_triggers: list[tuple[TaskInstance, Any]] = []
        auth._slots.clear()

    def _others_batches(self) -> list[str]:
        """Others have sent with the same label: the same an hour ago, something else just now."""
        same, other = item(0, "A"), item(9, "A")
        sent = []
        for payload in (same, other):
            body = {"to": list(payload.to), "body": payload.body, "client_reference": self.schedule.label}
            sent.append(self.sandbox.send(body))
            self.clock.advance(3600.0)
            self.clock.catch_up()
        return sent

    # Airflow

    def play(self) -> None:
        """Run until every task has ended, no trouble is left, and nobody is paused."""
        for _ in range(_MOST_STEPS):
            unfinished = [ti for ti in self.tasks if ti.state not in {"success", "failed"}]
            if unfinished:
                self._step(unfinished[0])
            elif self.zombies:
                self.zombies.pop(0).wake(self)
            elif not nemeses.strike_idle(self, "finished"):
                return
        raise AssertionError(f"not over after {_MOST_STEPS} steps")

    def _step(self, ti: TaskInstance) -> None:
        if ti.state == "deferred":
            self._trigger(ti)
            return
        if ti.state == "scheduled":
            if ti.try_number:
                self.clock.advance(self.delay)
                self.delay = self.schedule.retry_delay
                nemeses.strike_idle(self, "between tries", ti)
            ti.try_number += 1
            ti.rotate()
            ti.xcom = None
            ti.payload = item(self.item_of(ti.map_index), self.variant)
            self.tries.append(Try(ti.try_number, ti.cycle, ti.payload, ti))
        resumed, ti.event = ti.event, None
        ti.state, ti.restarting = "running", False
        attempt = self.tries[-1]
        actor = self._spawn("task", ti, lambda: self._task_process(actor, ti, attempt, resumed))
        self._follow(actor)

    def _spawn(self, kind: str, ti: TaskInstance, body: Any) -> Actor:
        skews = self.schedule.skews
        actor = Actor(self, kind, ti, body, skews[len(self.actors) % len(skews)])
        self.actors.append(actor)
        self.counts["processes"] += 1
        return actor

    def _follow(self, actor: Actor) -> None:
        """Let a process run, and do what Airflow does when it ends or is not heard of any more."""
        actor.go()
        if actor.crash is not None:
            raise actor.crash
        ti = actor.owner
        for zombie in [each for each in self.zombies if each.actor is not actor and each.resume != "late"]:
            if zombie.resume == "after" or actor.done:
                self.zombies.remove(zombie)
                zombie.wake(self)
        if not actor.done:
            zombie = nemeses.Zombie(actor, **self.trouble.take_stop())
            self.clock.advance(HEARTBEAT_TIMEOUT + 20)
            self._gone(actor, ti)
            if zombie.resume == "before":
                zombie.wake(self)
            else:
                self.zombies.append(zombie)
        elif ti.state == "running" and actor.kind == "task":
            self.clock.advance(self.trouble.take_notice())
            self._gone(actor, ti)
        for cleared, trigger in self.old_triggers:
            self._kill_trigger(cleared, trigger)
        self.old_triggers.clear()

    def _gone(self, actor: Actor, ti: TaskInstance) -> None:
        """Airflow finds a process gone without a word."""
        if actor.kind == "trigger" or ti.state != "running":
            return
        self.conclude(ti, AirflowException("The process was killed"), killed=True)

    def conclude(self, ti: TaskInstance, error: BaseException | None, killed: bool = False) -> None:
        """End a try, and say whether another follows."""
        ti.error = error
        if ti.restarting:
            # Where the executor says that the process ended well, a clear while running raises max_tries.
            if self.trouble.raise_max_tries:
                self.new_cycle(ti)
            ti.state = "scheduled"
        elif error is None:
            ti.state = "success"
        elif isinstance(error, AirflowFailException):
            ti.state = "failed"
        elif (ti.max_tries and ti.try_number <= ti.max_tries) or (killed and self.trouble.take_orphan()):
            ti.state = "scheduled"
        else:
            ti.state = "failed"
        if ti.state != "success" or ti.restarting:
            ti.rotate()

    def new_cycle(self, ti: TaskInstance) -> None:
        """Raise ``max_tries``, as every clear does."""
        ti.max_tries = ti.try_number + self.retries
        ti.cycle += 1
        known = self.sandbox.control("GET", "batches")["batches"]
        self.before[ti.map_index, ti.cycle] = {each["id"] for each in known}

    # Processes

    def _task_process(self, actor: Actor, ti: TaskInstance, attempt: Try, event: Any) -> None:
        actor.operator = operator = self.operator(ti)
        context = self._context(actor, ti)
        try:
            point("started" if event is None else "resumed")
            token = ExecutorSafeguard.tracker.set(operator)
            try:
                if event is None:
                    result = operator.execute(context)
                else:
                    result = operator.execute_complete(context, event)
            finally:
                ExecutorSafeguard.tracker.reset(token)
            point("before XCom")
            self.api_call(actor)
            ti.xcom = json.loads(json.dumps(result))
            self.pushed.append((ti.map_index, attempt.cycle, actor.stale, ti.xcom))
            point("after XCom")
        except TaskDeferred as deferred:
            actor.alive()
            _, kwargs = deferred.trigger.serialize()
            if not actor.stale:
                ti.deferral = json.loads(json.dumps(kwargs))
                ti.state = "deferred"
        except Exception as error:
            actor.alive()
            attempt.error, attempt.stale = error, actor.stale
            attempt.known = self.sandbox.control("GET", "batches")["batches"]
            if not actor.stale:
                self.conclude(ti, error)
        else:
            actor.alive()
            if not actor.stale:
                self.conclude(ti, None)

    def operator(self, ti: TaskInstance) -> Any:
        """Make the task as the Dag file has it now."""
        schedule = self.schedule
        return SinchSendBatchOperator(
            task_id="send",
            to=list(ti.payload.to),
            body=ti.payload.body,
            retries=self.retries,
            client_reference=schedule.label,
            wait_for_completion=schedule.mode != "send",
            deferrable=schedule.mode == "defer",
            cancel_on_kill=schedule.cancel_on_kill,
            durable=schedule.journal != "off",
            on_clear=schedule.on_clear,
            hold=schedule.hold_time,
        )

    def _context(self, actor: Actor, ti: TaskInstance) -> Any:
        row = SimpleNamespace(
            dag_id="crash", run_id="run", task_id="send", map_index=ti.map_index,
            max_tries=ti.max_tries, try_number=ti.try_number, id=ti.id,
        )  # fmt: skip
        run = SimpleNamespace(clear_number=self.clears, start_date=self.started_at, run_after=self.due)
        context: dict[str, Any] = {"ti": row, "dag_run": run}
        if self.schedule.journal != "none":
            context["task_state_store"] = TaskState(actor)
        return context

    def _trigger(self, ti: TaskInstance) -> None:
        actor = self._spawn("trigger", ti, lambda: self._trigger_process(actor, ti))
        self._follow(actor)

    def _trigger_process(self, actor: Actor, ti: TaskInstance) -> None:
        trigger = SinchBatchTrigger(**ti.deferral)

        async def first_event() -> Any:
            async for event in trigger.run():
                return event.payload
            return None

        event = json.loads(json.dumps(asyncio.run(first_event())))
        point("event fired")
        if not actor.stale and ti.state == "deferred":
            ti.event, ti.state = event, "resuming"

    def _kill_trigger(self, ti: TaskInstance, deferral: Any) -> None:
        """Airflow tells the trigger of a cleared task, possibly after the next try has begun."""
        trigger = SinchBatchTrigger(**deferral)
        actor = self._spawn("trigger", ti, lambda: asyncio.run(trigger.on_kill()))
        actor.go()

    # What processes meet

    def pass_point(self, actor: Actor, name: str) -> None:
        """Count a process past a point, and strike it if that is due."""
        actor.alive()
        self.hits[name] += 1
        if actor.grace is not None:
            actor.grace -= 1
            if actor.grace < 0:
                actor.die()
        nemeses.wake_during(self, actor)
        nemeses.strike(self, actor, name)

    def api_call(self, actor: Actor, *, writing: bool = False) -> None:
        """Let a call to Airflow's API through, or not."""
        actor.alive()
        trouble = self.trouble
        if trouble.take("api down"):
            self.clock.advance(API_TIMEOUT)
            raise OutOfReachError("connection refused")
        if writing and trouble.take("slow"):
            self.clock.advance(trouble.slowness)
        if writing and trouble.take("refused"):
            raise OutOfReachError("500")

    def after_write(self, actor: Actor) -> None:
        """Lose the answer to a write that went well, if that is due."""
        if self.trouble.take("answer lost"):
            raise OutOfReachError("timed out")

    def connection(self, actor: Actor) -> Connection:
        """Look up the connection."""
        actor.alive()
        if self.trouble.take("api down"):
            raise AirflowNotFoundException("The conn_id `sinch_default` isn't defined")
        details = self.sandbox.connections[self.schedule.account]
        return Connection(conn_id="sinch_default", **{**details, "extra": json.dumps(details["extra"])})

    def item_of(self, map_index: int) -> int:
        """Tell which item stands at a place."""
        if map_index < 0:
            return 0
        return (map_index + self.moves) % self.schedule.mapped
