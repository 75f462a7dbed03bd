"""The events that strike: kills, pauses, clears, and trouble with Airflow's API and database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.crash import processes
from tests.crash.actors import Actor
from tests.crash.schedules import Event

if TYPE_CHECKING:
    from tests.crash.world import TaskInstance, World

KILLS = ("kill", "term", "stop")
ACTS = (
    *KILLS, "pause", "clear", "clear others", "redeploy", "change", "move", "wipe journal", "garble journal",
    "wipe XCom", "refused", "answer lost", "api down", "slow", "delay", "reschedule", "rotate",
    "other account", "callback again", "cancel", "replace", "update", "others send",
    "staging sends",
)  # fmt: skip


@dataclass
class Trouble:
    """Trouble that will strike later."""

    left: Counter[str] = field(default_factory=Counter)
    slowness: float = 0.0
    raise_max_tries: bool = True
    orphans: int = 0
    notice: float = 1.0
    stop: dict[str, Any] = field(default_factory=dict)

    def take(self, what: str) -> bool:
        """Strike once, if there is any trouble left."""
        if not self.left[what]:
            return False
        self.left[what] -= 1
        return True

    def take_orphan(self) -> bool:
        """Whether a killed task runs again although its retries are used up."""
        self.orphans -= 1
        return self.orphans >= 0

    def take_notice(self) -> float:
        """Return how long it takes until Airflow notices that a process was killed."""
        notice, self.notice = self.notice, 1.0
        return notice

    def take_stop(self) -> dict[str, Any]:
        stop, self.stop = self.stop, {}
        return stop


@dataclass
class Zombie:
    """
    A process that was paused and given up, and will continue.

    :param resume: ``before`` its retry begins, ``during`` it, ``after`` its first process has ended, or
        ``late``: at the very end.
    :param nth: For ``during``: after this many points of the other process.
    """

    actor: Actor
    resume: str = "after"
    nth: int = 1

    def wake(self, world: World) -> None:
        """SIGCONT."""
        world.counts["zombies"] += 1
        self.actor.go()
        if self.actor.crash is not None:
            raise self.actor.crash
        if not self.actor.done:
            world.trouble.take_stop()
            world.zombies.append(Zombie(self.actor, "late"))


def wake_during(world: World, actor: Actor) -> None:
    """Let a zombie continue in the middle of another process."""
    for zombie in list(world.zombies):
        if zombie.resume == "during" and zombie.actor is not actor:
            zombie.nth -= 1
            if zombie.nth <= 0:
                world.zombies.remove(zombie)
                zombie.wake(world)


def strike(world: World, actor: Actor, name: str) -> None:
    """Carry out the events that are due when a process passes a point."""
    for event in [each for each in world.pending if each.at == name and each.nth == world.hits[name]]:
        if event in world.pending:
            world.pending.remove(event)
            world.struck[event.act, name] += 1
            _act(world, actor, event)


def strike_idle(world: World, name: str, ti: TaskInstance | None = None) -> bool:
    """Carry out the events that are due while no process runs; return False if there are none."""
    world.hits[name] += 1
    due = [each for each in world.pending if each.at == name and each.nth <= world.hits[name]]
    for event in due:
        world.pending.remove(event)
        if event.act in KILLS:
            continue
        world.struck[event.act, name] += 1
        _act(world, None, event)
    return bool(due)


def _act(world: World, actor: Actor | None, event: Event) -> None:
    trouble, act = world.trouble, event.act
    if world.act(actor, event):
        return
    tasks = [actor.owner] if actor else world.tasks
    if act == "change":
        world.variant = event["to"]
    elif act == "move":
        world.moves += 1
    elif act == "wipe journal":
        for ti in tasks:
            ti.store.clear()
    elif act == "garble journal":
        for ti in tasks:
            ti.store = dict.fromkeys(ti.store, '{"version": 2, "state": "sent"}')
    elif act == "wipe XCom":
        for ti in tasks:
            ti.xcom = None
    elif act in {"refused", "answer lost", "api down", "reschedule", "callback again"}:
        trouble.left[act] += event.get("count", 1)
    elif act == "slow":
        trouble.left[act] += event.get("count", 1)
        trouble.slowness = event.get("seconds", 3.0)
    elif act == "delay":
        world.delay = event["seconds"]
    elif act == "redeploy":
        world.retries = event["retries"]
    elif act == "clear others":
        world.clear_number += 1
    elif act == "rotate":
        world.rotated = True
    elif act == "other account":
        world.account = "project" if world.account == "plan" else "plan"
    elif act == "others send":
        # The same people: only the text shows that it is another send's.
        payload = tasks[0].payloads[0]
        world.decoys.append(
            world.send_as_others(payload if event.get("same") else payload._replace(body="hello 8"))
        )
    elif act == "staging sends":
        world.decoys.append(processes.send_from_staging(world, tasks[0]))
    elif act in {"cancel", "replace", "update"}:
        _change_batches(world, event)
    elif act == "pause":
        world.clock.advance(event["seconds"])
    elif act == "clear":
        clear(world, actor, event)
    elif actor is not None:
        _strike_down(world, actor, event)


def _strike_down(world: World, actor: Actor, event: Event) -> None:
    if event.act == "stop":
        world.trouble.stop = {"resume": event.get("resume", "after"), "nth": event.get("during", 1)}
        actor.stop()
        return
    world.trouble.notice = event.get("notice", 1.0)
    world.trouble.orphans += event.get("orphan", 0)
    if event.act == "kill" or actor.kind == "trigger":
        actor.die()
    _terminate(actor, event.get("grace", 3))


def _terminate(actor: Actor, grace: int) -> None:
    """SIGTERM: ``on_kill`` runs, and ``execute`` continues for a few points."""
    if actor.grace is None:
        actor.grace = grace
        if actor.operator is not None:
            actor.operator.on_kill()


def _change_batches(world: World, event: Event) -> None:
    """Change or cancel what the tasks have sent, by hand or by another task."""
    for ti in world.tasks:
        for batch_id, payload in zip(ti.xcom or (), ti.payloads, strict=False):
            if event.act == "cancel":
                world.clock.catch_up()
                if world.account == "project":
                    continue
                world.sandbox.cancel(batch_id)
                world.cancelled[batch_id] = ti.place, ti.cycle
            else:
                world.run_beside(partial(processes.change_batch, world, event, batch_id, payload))


def clear(world: World, actor: Actor | None, event: Event) -> None:
    """
    A user clears the task, or all mapped ones.

    Details: ``quiet`` does not count as a clear of the run. ``keep`` keeps the task state. ``anew`` creates
    the iterations of a loop again. ``raises`` says whether a clear while running raises ``max_tries``.
    """
    world.clear_number += not event.get("quiet")
    finished = all(ti.state in {"success", "failed"} for ti in world.tasks)
    if finished:
        world.started_at = world.clock.now(world.schedule.skews[-1])
    later = world.schedule.airflow.startswith("3.4")
    running = None
    for ti in world.tasks:
        if world.schedule.airflow == "3.4" and not event.get("keep"):
            ti.store.clear()
        if ti.state == "running":
            running = ti
            ti.restarting = True
            world.trouble.raise_max_tries = event.get("raises", True)
            if not later:
                ti.rotate()
            continue
        ti.rotate()
        if ti.state == "deferred":
            world.old_triggers.append((ti, ti.deferral))
        if ti.try_number:
            world.new_cycle(ti)
        ti.state, ti.event, ti.deferral = "scheduled", None, None
        if event.get("anew"):
            ti.try_number, ti.max_tries, ti.xcom = 0, world.retries, None
            ti.store.clear()
    if actor is not None and actor.kind == "trigger":
        actor.die()
    if actor is not None and running is actor.owner and not event.get("deaf"):
        _terminate(actor, event.get("grace", 3))
