"""
A small model of Airflow, as measured on 3.3 and read in 3.4: attempts, clears, deferral, task state, XCom.

Once Airflow has replaced a process, its reports do not count. Its writes to the task state are refused, its
reads find nothing, and its XComs are accepted.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from airflow.models.connection import Connection
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
)

from sinch_provider.sms.wire import tokens
from tests.crash import nemeses, processes
from tests.crash.actors import Actor, Clock
from tests.crash.payloads import Payload, item, payloads
from tests.crash.processes import Alert, OutOfReachError, Push
from tests.crash.sandbox import Sandbox
from tests.crash.schedules import Event, Schedule
from tests.versions import forget_secrets

_MOST_STEPS = 60
#: How long Airflow waits for a heartbeat, and how long a call to an API server that is down blocks.
HEARTBEAT_TIMEOUT = 300.0
API_TIMEOUT = 13.0
#: What a rotated secret ends with.
ROTATED = "-rotated"


@dataclass
class Attempt:
    """
    What an attempt was asked to send, and the error with which it failed.

    :param current: The send that it was making.
    :param known: The batches in the ledger when it failed.
    """

    number: int
    cycle: int
    payloads: list[Payload]
    ti: TaskInstance = field(repr=False)
    current: Payload | None = None
    error: BaseException | None = None
    stale: bool = False
    known: list[dict[str, Any]] = field(default_factory=list, repr=False)


@dataclass
class TaskInstance:
    """A row of Airflow's database."""

    place: int
    map_index: int
    loop_index: int | None
    max_tries: int
    payloads: list[Payload] = field(default_factory=list)
    id: str = ""
    try_number: int = 0
    cycle: int = 1
    state: str = "scheduled"
    deferral: Any = None
    event: Any = None
    xcom: Any = None
    store: dict[str, str] = field(default_factory=dict)
    error: BaseException | None = None
    #: Cleared while running: a new attempt begins when the process has ended.
    restarting: bool = False
    #: How often the attempt was rescheduled, and whether it will be now.
    rescheduled: int = 0
    again: bool = False

    def rotate(self) -> None:
        """Replace the process that runs with the current id."""
        self.id = uuid4().hex


class World:
    """One run of one Dag with one task, sent through a schedule of trouble."""

    def __init__(self, sandbox: Sandbox, schedule: Schedule) -> None:
        self.sandbox = sandbox
        self.schedule = schedule
        self.random = random.Random(schedule.seed)
        start = sandbox.begin()
        self.clock = Clock(sandbox, start)
        self.counts: Counter[str] = Counter()
        self.struck: Counter[tuple[str, str]] = Counter()
        self.hits: Counter[str] = Counter()
        #: Batches of others; with a label of the user's own, they have it too.
        self.decoys = self._others_batches()
        sandbox.arm(list(schedule.faults))
        self.pending = list(schedule.events)
        self.trouble = nemeses.Trouble()
        self.hung = 0
        self.clear_number = 0
        # The scheduler's clock goes wrong as well.
        self.started_at = self.due = self.clock.now(schedule.skews[-1])
        self.retries = schedule.retries
        self.account = schedule.account
        self.rotated = False
        #: Batches that were there before a cycle began, by place and cycle.
        self.before: dict[tuple[int, int], set[str]] = {}
        self.variant = "A"
        self.moves = 0
        self.delay = schedule.retry_delay
        many = schedule.size if schedule.shape in {"mapped", "loop"} else 1
        self.tasks = [
            TaskInstance(
                place,
                place if schedule.shape == "mapped" else -1,
                place if schedule.shape == "loop" else None,
                schedule.retries,
            )
            for place in range(many)
        ]
        #: Clears that did not raise ``max_tries``, by place.
        self.unnoticed: Counter[int] = Counter()
        self.attempts: list[Attempt] = []
        self.pushed: list[Push] = []
        self.alerts: dict[str, Alert] = {}
        #: Callbacks that the Dag processor may run again.
        self.again: list[tuple[TaskInstance, dict[str, Any], str]] = []
        #: Batches that a person has cancelled, of which place and cycle; and what our own operators have
        #: changed others to.
        self.cancelled: dict[str, tuple[int, int]] = {}
        self.changed: set[tuple[str, str]] = set()
        self.zombies: list[nemeses.Zombie] = []
        self.actors: list[Actor] = []
        self.old_triggers: list[tuple[TaskInstance, Any]] = []
        tokens._slots.clear()
        # It would search every log line for the tokens of thousands of worlds.
        forget_secrets()

    def _others_batches(self) -> list[str]:
        """Others have sent the same some minutes ago, and something else just now."""
        lies = any(fault["kind"].startswith("listing_") for fault in self.schedule.faults)
        if self.schedule.label is None and not lies:
            return []
        sent = []
        for payload in (item(0, "A"), item(9, "A")):
            sent.append(self.send_as_others(payload))
            self.clock.advance(120.0)
            self.clock.catch_up()
        return sent

    def send_as_others(self, payload: Payload) -> str:
        """Send as another task of the same service plan does."""
        body = {"to": list(payload.to), "body": payload.body}
        return self.sandbox.send({**body, "client_reference": self.schedule.label or "somebody-else"})

    # Airflow

    def play(self) -> None:
        """Run until every task has ended, no trouble is left, and nobody is paused."""
        for _ in range(_MOST_STEPS):
            unfinished = [ti for ti in self.tasks if ti.state not in {"success", "failed"}]
            if unfinished:
                self._step(unfinished[0])
            elif self.zombies:
                self.zombies.pop(0).wake(self)
            elif self._calls_back():
                self._spawn_and_run("processor", self.tasks[-1], lambda: processes.run_dag_callback(self))
            elif not nemeses.strike_idle(self, "finished"):
                # What is still on its way to Sinch arrives.
                self.clock.advance(3600.0)
                self.clock.catch_up()
                return
        raise AssertionError(f"not over after {_MOST_STEPS} steps")

    def _calls_back(self) -> bool:
        """Whether the run has failed and its callback has not run yet."""
        failed = any(ti.state == "failed" for ti in self.tasks)
        return (
            failed
            and self.schedule.callbacks == "dag"
            and f"alert {self.clear_number} run" not in self.alerts
        )

    def _step(self, ti: TaskInstance) -> None:
        if ti.state == "deferred":
            self._trigger(ti)
            return
        if ti.state == "scheduled":
            if ti.try_number:
                self.clock.advance(self.delay)
                self.delay = self.schedule.retry_delay
                nemeses.strike_idle(self, "between attempts", ti)
            if ti.again:
                ti.again = False
                ti.rescheduled += 1
            else:
                ti.rescheduled = 0
                ti.try_number += 1
            ti.rotate()
            ti.xcom = None
            ti.payloads = self._asked(ti)
            self.attempts.append(Attempt(ti.try_number, ti.cycle, ti.payloads, ti))
        resumed, ti.event = ti.event, None
        ti.state, ti.restarting = "running", False
        attempt = self.attempts[-1]
        actor: Actor = self._spawn("task", ti, lambda: self.run_task(actor, ti, attempt, resumed))
        self._follow(actor)

    def run_task(self, actor: Actor, ti: TaskInstance, attempt: Attempt, resumed: Any) -> None:
        """Do what a worker does with the task."""
        processes.run_task(self, actor, ti, attempt, resumed)

    def act(self, actor: Actor | None, event: Event) -> bool:
        """Carry out an event that only this world knows; return whether it is one."""
        return False

    def _asked(self, ti: TaskInstance) -> list[Payload]:
        """Return the payload that a task must send now."""
        found = payloads(self.schedule, self.variant, self.moves, self.clock.now().to_time_string())
        return (
            [found[ti.place]] if len(self.tasks) > 1 or self.schedule.shape in {"mapped", "loop"} else found
        )

    def _spawn(self, kind: str, ti: TaskInstance, body: Any) -> Actor:
        skews = self.schedule.skews
        actor = Actor(self, kind, ti, body, skews[len(self.actors) % len(skews)])
        self.actors.append(actor)
        self.counts["processes"] += 1
        return actor

    def _spawn_and_run(self, kind: str, ti: TaskInstance, body: Any) -> None:
        """Run a process that Airflow expects nothing of."""
        actor = self._spawn(kind, ti, body)
        actor.go()
        if actor.crash is not None:
            raise actor.crash
        if not actor.done:
            self.zombies.append(nemeses.Zombie(actor, **self.trouble.take_stop()))

    def run_beside(self, body: Any) -> None:
        """Run another task of the Dag."""
        self._spawn_and_run("other", self.tasks[-1], body)

    def _follow(self, actor: Actor) -> None:
        """Let a process run, and do what Airflow does when it ends or stops sending heartbeats."""
        actor.go()
        if actor.crash is not None:
            raise actor.crash
        ti = actor.owner
        for zombie in [each for each in self.zombies if each.actor is not actor and each.resume != "late"]:
            if zombie in self.zombies and (zombie.resume == "after" or actor.done):
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
        for cleared, deferral in self.old_triggers:
            self._spawn("trigger", cleared, lambda deferral=deferral: processes.kill_trigger(deferral)).go()
        self.old_triggers.clear()
        self._run_callbacks_again()

    def _run_callbacks_again(self) -> None:
        """Let the Dag processor run callbacks that the task's own process has run, or should have."""
        due, self.again = self.again, []
        for ti, row, body in due:
            # It knows nothing of successes.
            if ti.state != "success" and self.trouble.take("callback again"):
                self._processor(ti, row, body)

    def _processor(self, ti: TaskInstance, row: dict[str, Any], body: str) -> None:
        self._spawn_and_run("processor", ti, lambda: processes.run_callback(self, row, body))

    def _gone(self, actor: Actor, ti: TaskInstance) -> None:
        """Airflow finds that a process has ended without a report."""
        if actor.kind != "task" or ti.state != "running":
            return
        row, body = processes.row_of(ti), processes.words_of(ti)
        restarting = ti.restarting
        self.conclude(ti, AirflowException("The process was killed"), killed=True)
        if self.schedule.callbacks == "failure" and not restarting:
            # The Dag processor was seen to do so two times in every case.
            for _ in range(2):
                self._processor(ti, row, body)

    def conclude(self, ti: TaskInstance, error: BaseException | None, killed: bool = False) -> None:
        """End an attempt, and decide whether another one follows."""
        ti.error = error
        if ti.restarting:
            # Where the executor says that the process ended well, a clear while running raises max_tries.
            if self.trouble.raise_max_tries:
                self.new_cycle(ti)
            else:
                self.unnoticed[ti.place] += 1
            ti.state = "scheduled"
        elif error is None:
            ti.state = "success"
            if self.schedule.airflow == "3.3 clear_on_success":
                ti.store.clear()
        elif isinstance(error, AirflowFailException):
            ti.state = "failed"
        elif not killed and self.trouble.take("reschedule"):
            ti.state, ti.again = "scheduled", True
        elif (ti.max_tries and ti.try_number <= ti.max_tries) or (killed and self.trouble.take_orphan()):
            ti.state = "scheduled"
        else:
            ti.state = "failed"
        if ti.state != "success" or ti.restarting:
            ti.rotate()

    def new_cycle(self, ti: TaskInstance) -> None:
        """Raise ``max_tries``, as every clear does."""
        ti.max_tries = ti.try_number + self.retries
        ti.again = False
        ti.cycle += 1
        self.before[ti.place, ti.cycle] = {each["id"] for each in self.sandbox.batches()}

    def _trigger(self, ti: TaskInstance) -> None:
        actor: Actor = self._spawn("trigger", ti, lambda: processes.run_trigger(self, actor, ti))
        self._follow(actor)

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
        details = {**self.sandbox.connections[self.account]}
        if self.rotated and self.account == "plan" and actor.kind != "trigger":
            details["password"] += ROTATED
        extra = dict(details["extra"])
        if self.schedule.socks:
            beyond = self.sandbox.url_beyond
            extra |= {"base_url": beyond, "auth_url": beyond, "allow_insecure": True}
        return Connection(conn_id="sinch_default", **{**details, "extra": json.dumps(extra)})

    def unrotated(self, head: bytes) -> bytes:
        """Replace the rotated secret by the one that the sandbox knows."""
        return head.replace(ROTATED.encode(), b"") if self.rotated else head
