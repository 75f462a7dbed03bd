"""What a worker does with a campaign: the real operator, in a context as Airflow gives it."""

from __future__ import annotations

import json
from collections.abc import Collection
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sinch_provider.operators.campaign import SinchCampaignOperator
from sinch_provider.sms.campaign.canary import Canary
from sinch_provider.sms.campaign.entry import Entry as CampaignEntry
from sinch_provider.sms.campaign.entry import refusal
from sinch_provider.sms.campaign.exclusions import MAX_AGE, Exclusions
from sinch_provider.sms.campaign.sending import Sending
from sinch_provider.task.campaigns import TaskCampaign
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


class Deferred(BaseException):
    """The task waits."""

    def __init__(self, until: Any) -> None:
        self.until = until


class Operator(SinchCampaignOperator):
    """The operator, with all that an entry can have."""

    def __init__(self, *, world: CampaignWorld | None = None, entry: Entry | None = None, **kwargs: Any):
        self._world: Any = world
        self._entry: Any = entry
        super().__init__(**kwargs)

    def resume(self, context: Any) -> Any:
        """Go on after a wait."""
        return self._enter(context, resumed=True)

    def _send(self, context: Any, client: Any, audience: Any, *, resumed: bool) -> dict[str, Any]:
        world, entered = self._world, TaskCampaign(context, self, client.account, resumed=resumed)
        sending = Sending(
            client.account,
            entered.reference,
            entered.journal,
            entered.settling,
            stopped=lambda: self._killed,
            max_in_flight=self.max_in_flight,
            rate=self.rate,
        )

        async def exclusions(were_there: Collection[str]) -> Exclusions:
            sources = {"exclude": lambda use: world.read_exclusions(self._entry, use)}
            return Exclusions(sources, max_age=MAX_AGE, were_there=were_there)

        canary = Canary(world.schedule.canary) if world.schedule.canary else None
        entry = CampaignEntry(
            entered.campaign,
            sending,
            entered.journal,
            audience,
            seed=entered.reference,
            exclusions=exclusions,
            canary=canary,
            most=world.schedule.most,
        )
        outcome = client.follow(entry.steps())
        if error := refusal(outcome):
            raise error
        if outcome.wait is not None:
            raise Deferred(outcome.wait.until)
        return {"people": audience.counts.people, "reached": outcome.reached}


def run_campaign(
    world: CampaignWorld, actor: Actor, ti: TaskInstance, attempt: Attempt, entry: Entry, *, resumed: bool
) -> None:
    """Run an attempt of the task, or what follows a wait."""
    operator = operator_of(world, entry)
    context = context_of(world, actor, ti, operator)
    actor.operator = operator
    try:
        point("started")
        with running(operator):
            summary = operator.resume(context) if resumed else operator.execute(context)
        point("before XCom")
        world.api_call(actor)
        ti.xcom = json.loads(json.dumps(summary))
        point("after XCom")
    except Deferred as deferred:
        actor.alive()
        if not actor.stale:
            if ti.restarting:
                world.conclude(ti, None)
            else:
                ti.deferral = (deferred.until - world.clock.now()).total_seconds() + world.clock.elapsed
                ti.state = "deferred"
    except Exception as error:
        actor.alive()
        attempt.error, attempt.stale = error, actor.stale
        attempt.known = world.sandbox.batches()
        if not actor.stale:
            world.conclude(ti, error)
    else:
        actor.alive()
        if not actor.stale:
            entry.succeeded = not ti.restarting
            entry.summary = summary
            world.conclude(ti, None)


def operator_of(world: CampaignWorld, entry: Entry) -> Any:
    """Make the operator as the Dag file has it now."""
    schedule = world.schedule
    text: dict[str, Any] = {"body": "Hi ${name}" if world.variant == "A" else "Hello ${name}"}
    if schedule.languages > 1:
        text = {"bodies": {"sv": "Hej ${name}", "default": "Hi ${name}"}, "language_column": "language"}
    return Operator(
        task_id="send",
        rows=entry.rows,
        number_column="phone",
        retries=world.retries,
        max_in_flight=schedule.in_flight,
        rate=schedule.rate,
        world=world,
        entry=entry,
        **text,
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
