"""What the processes of the model run: the real operator and trigger, in contexts as Airflow gives them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from airflow.providers.common.compat.sdk import TaskDeferred

from sinch_provider.operators.batches import (
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.task import identity
from sinch_provider.triggers.batches import SinchBatchTrigger
from tests.crash.actors import Actor, point
from tests.crash.payloads import ON_CALL, Payload
from tests.versions import running

if TYPE_CHECKING:
    from tests.crash.schedules import Event
    from tests.crash.world import Attempt, TaskInstance, World


class OutOfReachError(Exception):
    """The API server is down, or refuses."""


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


class _OfDagProcessor(SimpleNamespace):
    """A task instance as the Dag processor has it: no state, and of a class with ``model_fields``."""

    model_fields: ClassVar[dict[str, Any]] = {}


class _Twice(SinchSendBatchOperator):
    """A subclass of a user's that sends a second text to a second list."""

    second: Callable[[], Payload]

    def execute(self, context: Any) -> Any:
        first = super().execute(context)
        point("between sends")
        payload = self.second()
        self.to, self.body = list(payload.to), payload.body
        self.send_key = self.send_key and payload.key
        return [first, super().execute(context)]


@dataclass
class Push:
    """An XCom: the batches of the sends of a task."""

    ti: TaskInstance = field(repr=False)
    cycle: int
    stale: bool
    ids: list[str]
    payloads: list[Payload]


@dataclass
class Alert:
    """
    The result of the alert of one callback.

    :param told: How many runs of the callback ended well.
    """

    runs: int = 0
    told: int = 0


# The task


def run_task(world: World, actor: Actor, ti: TaskInstance, attempt: Attempt, event: Any) -> None:
    """Do what a worker does with a task, its callbacks included."""
    context = context_of(world, actor, ti)
    if world.schedule.shape != "nested":
        # Airflow asks the task to end, not the operators that are executed inside it.
        actor.operator = context["task"]
    try:
        point("started" if event is None else "resumed")
        ids = _executed(world, actor, ti, attempt, context, event)
        point("before XCom")
        world.api_call(actor)
        ti.xcom = json.loads(json.dumps(ids))
        world.pushed.append(Push(ti, attempt.cycle, actor.stale, ti.xcom, attempt.payloads))
        point("after XCom")
    except TaskDeferred as deferred:
        actor.alive()
        _, kwargs = deferred.trigger.serialize()
        if actor.stale:
            return
        if ti.restarting:
            world.conclude(ti, None)
            return
        ti.deferral = json.loads(json.dumps(kwargs))
        ti.state = "deferred"
    except Exception as error:
        actor.alive()
        attempt.error, attempt.stale = error, actor.stale
        attempt.known = world.sandbox.batches()
        if not actor.stale:
            restarting = ti.restarting
            world.conclude(ti, error)
            if not restarting:
                _call_back(world, actor, ti, context)
    else:
        actor.alive()
        if not actor.stale:
            restarting = ti.restarting
            world.conclude(ti, None)
            if not restarting:
                _call_back(world, actor, ti, context)


def _executed(
    world: World, actor: Actor, ti: TaskInstance, attempt: Attempt, context: Any, event: Any
) -> list[str]:
    schedule = world.schedule
    attempt.current = ti.payloads[-1]
    if event is not None:
        operator = context["task"]
        with running(operator):
            return [operator.execute_complete(context, event)]
    if schedule.shape == "nested":
        ids = []
        inner: Any = None
        for number, payload in enumerate(ti.payloads):
            if number:
                point("between sends")
            attempt.current = payload
            if schedule.reused and number:
                inner.to, inner.body = list(payload.to), payload.body
                inner.send_key = inner.send_key and payload.key
            else:
                inner = operator_of(world, "inner", payload)
            ids.append(_executed_alone(inner, context))
        return ids
    operator = context["task"]
    if schedule.shape == "before":
        attempt.current, last = ti.payloads
        first = _executed_alone(operator_of(world, "notify", ti.payloads[0]), context)
        attempt.current = last
        point("between sends")
        return [first, _executed_alone(operator, context)]
    attempt.current = ti.payloads[0]
    if schedule.shape == "twice":

        def second() -> Payload:
            attempt.current = ti.payloads[1]
            return attempt.current

        operator.second = second
        ids = _executed_alone(operator, context)
        assert isinstance(ids, list)
        return ids
    return [_executed_alone(operator, context)]


def _executed_alone(operator: Any, context: Any) -> Any:
    with running(operator):
        return operator.execute(context)


def operator_of(world: World, task_id: str, payload: Payload) -> Any:
    """Make an operator as the Dag file has it now."""
    schedule = world.schedule
    kind = _Twice if schedule.shape == "twice" else SinchSendBatchOperator
    leaves = world.due.add(seconds=schedule.ahead) if schedule.ahead else None
    return kind(
        task_id=task_id,
        to=list(payload.to),
        body=payload.body,
        retries=world.retries,
        client_reference=schedule.label,
        send_key=payload.key if schedule.keyed else None,
        send_at=leaves,
        wait_for_completion=schedule.mode != "send",
        deferrable=schedule.mode == "defer",
        cancel_on_kill=schedule.cancel_on_kill,
        durable=schedule.journal != "off",
        on_clear=schedule.on_clear,
        hold=schedule.hold_time,
    )


def context_of(world: World, actor: Actor, ti: TaskInstance) -> Any:
    """Give what Airflow gives to ``execute``."""
    nested = world.schedule.shape == "nested"
    main = ti.payloads[-1] if world.schedule.shape == "before" else ti.payloads[0]
    task = (
        SimpleNamespace(task_id="send", retries=world.retries) if nested else operator_of(world, "send", main)
    )
    row = SimpleNamespace(**row_of(ti), state="running", start_date=world.started_at, task=task)
    context: dict[str, Any] = {"ti": row, "dag_run": run_of(world), "task": task}
    if world.schedule.journal != "none":
        context["task_state_store"] = TaskState(actor)
    if ti.loop_index is not None:
        context["loop"] = SimpleNamespace(index=ti.loop_index)
    if ti.rescheduled:
        context["task_reschedule_count"] = ti.rescheduled
    if not nested:
        # Airflow renders what it runs itself.
        task.render_template_fields(context)
    return context


def row_of(ti: TaskInstance) -> dict[str, Any]:
    """Return the row of the task instance as it is now. Airflow 3.4 gives loops and mapped tasks a region."""
    place = ti.map_index if ti.loop_index is None else ti.loop_index
    return {
        "dag_id": "crash", "run_id": "run", "task_id": "send", "map_index": ti.map_index, "id": ti.id,
        "max_tries": ti.max_tries, "try_number": ti.try_number,
        "region_index": place,
        "region_id": UUID(int=0 if place < 0 else 1),
    }  # fmt: skip


def run_of(world: World) -> Any:
    """Return the run of the Dag as it is now."""
    return SimpleNamespace(
        dag_id="crash",
        run_id="run",
        clear_number=world.clear_number,
        start_date=world.started_at,
        run_after=world.due,
    )


# Callbacks


def _call_back(world: World, actor: Actor, ti: TaskInstance, context: Any) -> None:
    """Run the callbacks at the end of an attempt in its process, as Airflow does when the state is known."""
    kind = "success" if ti.state == "success" else "failure"
    if world.schedule.callbacks != kind:
        return
    context["ti"].state = {"scheduled": "up_for_retry"}.get(ti.state, ti.state)
    world.again.append((ti, row_of(ti), words_of(ti)))
    _alert(world, context, words_of(ti))


def words_of(ti: TaskInstance) -> str:
    """Return the text of the alert about an attempt."""
    return f"alert {ti.place} {ti.try_number} {ti.cycle if ti.loop_index is not None else ''}".rstrip()


def run_callback(world: World, row: dict[str, Any], body: str) -> None:
    """Run a callback of a task in the Dag processor."""
    _alert(world, {"ti": _OfDagProcessor(**row), "dag_run": run_of(world)}, body)


def run_dag_callback(world: World) -> None:
    """Run the callback of a failed run."""
    ti = world.tasks[-1]
    context = {"ti": _OfDagProcessor(**row_of(ti)), "dag_run": run_of(world), "reason": "task_failure"}
    _alert(world, context, f"alert {world.clear_number} run")


def _alert(world: World, context: Any, body: str) -> None:
    alert = world.alerts.setdefault(body, Alert())
    alert.runs += 1
    point("callback")
    operator = SinchSendBatchOperator(task_id="alert", to=[ON_CALL], body=body)
    try:
        _executed_alone(operator, context)
    except Exception:
        # Airflow logs it.
        world.counts["failed alerts"] += 1
    else:
        alert.told += 1


# The trigger, and other tasks


def run_trigger(world: World, actor: Actor, ti: TaskInstance) -> None:
    """Do what a triggerer does with a deferred task."""
    trigger = SinchBatchTrigger(**ti.deferral)

    async def first_event() -> Any:
        async for event in trigger.run():
            return event.payload
        return None

    event = json.loads(json.dumps(asyncio.run(first_event())))
    point("event fired")
    if not actor.stale and ti.state == "deferred":
        ti.event, ti.state = event, "resuming"


def kill_trigger(deferral: Any) -> None:
    """Run ``on_kill`` of the trigger of a cleared task."""
    asyncio.run(SinchBatchTrigger(**deferral).on_kill())


def send_from_staging(world: World, ti: TaskInstance) -> str:
    """Have the same task of the same run sent by another installation, which shares the account."""
    payload = ti.payloads[0]
    reference = identity.reference_of("crash", "run", "send", None, None, None, "staging")
    body = {"to": list(payload.to), "body": payload.body, "client_reference": reference}
    return world.sandbox.send(body)


def change_batch(world: World, event: Event, batch_id: str, payload: Payload) -> None:
    """Change a batch by another task of the same Dag."""
    operator: Any
    if event.act == "replace":
        body = f"changed {payload.item}"
        operator = SinchReplaceBatchOperator(
            task_id="change", batch_id=batch_id, to=list(payload.to), body=body,
            send_at=world.due.add(seconds=world.schedule.ahead),
        )  # fmt: skip
    else:
        body = f"updated {payload.item}"
        operator = SinchUpdateBatchOperator(task_id="change", batch_id=batch_id, body=body)
    world.changed |= {(number, body) for number in payload.to}
    row = SimpleNamespace(
        dag_id="crash", run_id="run", task_id="change", map_index=-1, max_tries=0, try_number=1,
        id="change", state="running", start_date=world.started_at,
    )  # fmt: skip
    try:
        _executed_alone(operator, {"ti": row, "dag_run": run_of(world), "task": operator})
    except Exception:
        world.counts["failed changes"] += 1
