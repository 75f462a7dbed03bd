"""What a worker does with a campaign: the real operator, in a context as Airflow gives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskDeferred

from sinch_provider.operators.campaign import SinchCampaignOperator
from sinch_provider.sms.campaign.canary import Canary
from sinch_provider.sms.campaign.window import SendWindow
from tests.crash.actors import Actor, Killed, point
from tests.crash.processes import OutOfReachError, row_of, run_of
from tests.versions import running

if TYPE_CHECKING:
    from tests.crash.campaign.world import CampaignWorld, Entry
    from tests.crash.world import Attempt, TaskInstance


class CampaignState:
    """``context["task_state_store"]`` of one process."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        #: Whether the journal is being closed. All other writes are intents.
        self.closing = False

    def get(self, key: str, default: Any = None) -> Any:
        self._actor.world.api_call(self._actor)
        value = None if self._actor.stale else self._actor.owner.store.get(key)
        return default if value is None else json.loads(value)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        if self._actor.dead:
            raise Killed
        world, store = self._actor.world, self._actor.owner.store
        text = json.dumps(value, allow_nan=False)
        world.api_call(self._actor, writing=True)
        if self._actor.stale:
            raise OutOfReachError("404")
        if key in store:
            world.older_journals.append(store[key])
        store[key] = text
        world.counts["journal writes"] += 1
        point("closed" if self.closing else "after intent")
        world.after_write(self._actor)


def run_campaign(
    world: CampaignWorld, actor: Actor, ti: TaskInstance, attempt: Attempt, entry: Entry, *, resumed: bool
) -> None:
    """Run an attempt of the task, or what follows a wait."""
    operator = operator_of(world, entry)
    context = context_of(world, actor, ti, operator)
    actor.operator = operator
    try:
        point("started")
        with running(operator), world.noting_plan(entry):
            go_on = {"status": "due"}
            summary = operator.resume(context, go_on) if resumed else operator.execute(context)
        point("before XCom")
        world.api_call(actor)
        ti.xcom = json.loads(json.dumps(summary))
        point("after XCom")
    except TaskDeferred as deferred:
        actor.alive()
        _, kwargs = deferred.trigger.serialize()
        if not actor.stale and ti.restarting:
            world.conclude(ti, None)
        elif not actor.stale:
            ti.deferral, ti.state = json.loads(json.dumps(kwargs)), "deferred"
    except Exception as error:
        actor.alive()
        entry.error = attempt.error = error
        attempt.stale = actor.stale
        attempt.known = world.sandbox.batches()
        if not actor.stale:
            world.conclude(ti, error)
    else:
        actor.alive()
        if not actor.stale:
            entry.succeeded = not ti.restarting
            entry.summary = summary
            world.conclude(ti, None)


class Source:
    """The rows of the source, read only if there is no plan."""

    def __init__(self, world: CampaignWorld, entry: Entry) -> None:
        self._world = world
        self._entry = entry

    def __iter__(self) -> Iterator[Any]:
        self._entry.read = True
        self._world.planned = self._entry.people
        return iter(self._entry.rows)


class Excluded:
    """The rows of those who are excluded, read anew each time."""

    def __init__(self, world: CampaignWorld, entry: Entry) -> None:
        self._world = world
        self._entry = entry

    def __iter__(self) -> Iterator[Any]:
        return iter(self._world.read_exclusions(self._entry))


def operator_of(world: CampaignWorld, entry: Entry) -> Any:
    """Make the operator as the Dag file has it now."""
    schedule = world.schedule
    end = "" if world.variant == "A" else "!"
    optional: dict[str, Any] = {"body": f"Hi ${{name}}{end}"}
    if schedule.languages > 1:
        bodies = {"sv": f"Hej ${{name}}{end}", "default": f"Hi ${{name}}{end}"}
        optional = {"bodies": bodies, "language_column": "language"}
    if schedule.window is not None:
        optional |= {"window": SendWindow(*schedule.window), "time_zone_column": "zone"}
    if schedule.canary:
        optional["canary"] = Canary(schedule.canary)
    return SinchCampaignOperator(
        task_id="send",
        rows=Source(world, entry),
        plan_path=None if world.plans is None else str(world.plans),
        number_column="phone",
        retries=world.retries,
        max_in_flight=schedule.in_flight,
        rate=schedule.rate,
        exclude=Excluded(world, entry),
        max_recipients=schedule.cap,
        **optional,
    )


def context_of(world: CampaignWorld, actor: Actor, ti: TaskInstance, operator: Any) -> Any:
    """Give what Airflow gives to ``execute``."""
    row = SimpleNamespace(**row_of(ti), state="running", start_date=world.started_at, task=operator)
    context: dict[str, Any] = {"ti": row, "dag_run": run_of(world), "task": operator}
    if world.schedule.has_journal:
        context["task_state_store"] = actor.state = CampaignState(actor)  # type: ignore[attr-defined]
    if ti.rescheduled:
        context["task_reschedule_count"] = ti.rescheduled
    operator.render_template_fields(context)
    return context
