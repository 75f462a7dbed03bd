"""What the operators of campaigns share: whom they leave out, when they send, and how they wait and end."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sinch_provider.operators.base import SinchOperator
from sinch_provider.sms.campaign.budget import Budget
from sinch_provider.sms.campaign.canary import Canary
from sinch_provider.sms.campaign.window import SendWindow
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import shown_value

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.sms.campaign.audience import Audience
    from sinch_provider.sms.campaign.budget import Money
    from sinch_provider.sms.campaign.entry import Entry, Outcome, Wait
    from sinch_provider.sms.campaign.selection import Selection
    from sinch_provider.sms.campaign.sending import Round
    from sinch_provider.sms.client import SinchClient
    from sinch_provider.task.campaigns import TaskCampaign

_BUDGET: Final = ("max_recipients", "max_parts", "max_cost", "prices")
_ON_EMPTY: Final = ("fail", "skip", "succeed")
_MOST_IN_FLIGHT: Final = 10


class CampaignOperator(SinchOperator):
    """
    Base of the operators that text many people. Their constructors set the attributes below.

    *Rows are data.* ``rows`` and ``exclude`` are resolved if they are another task's output, and never
    rendered: a name with ``{{`` in it is no template.
    """

    operation = "send"

    exclude: Any
    exclude_sql: Any
    exclude_conn_id: Any
    exclude_campaign: Any
    exclude_max_age: timedelta
    default_country: str | None
    on_empty: str
    max_recipients: int | None
    max_parts: int | None
    max_cost: Money | None
    prices: Mapping[str, Money] | None
    window: SendWindow | None
    canary: Canary | None = None
    rate: float | None
    max_in_flight: int
    fail_fast: bool
    #: The connection of ``exclude_sql`` if it has none of its own.
    sql_conn_id: Any = None

    _killed = False
    #: Whether there were people to text when the task began to wait.
    _left = False

    def argument_faults(self) -> list[Fault]:
        """Return the faults of the shared arguments that are known so far."""
        faults = [*super().argument_faults(), *self._budget.faults(), *self._exclusion_faults()]
        if self.on_empty not in _ON_EMPTY:
            rule = f"must be one of {', '.join(_ON_EMPTY)}"
            faults.append(Fault("on_empty", rule, shown_value(self.on_empty)))
        return [*faults, *self._pace_faults()]

    def _exclusion_faults(self) -> list[Fault]:
        faults = []
        faults += [
            Fault(name, "must not be blank")
            for name in ("exclude", "exclude_sql", "exclude_conn_id", "exclude_campaign")
            if isinstance(value := getattr(self, name), str) and not value.strip()
        ]
        if self.exclude_sql is not None and self.exclude_conn_id is None and self.sql_conn_id is None:
            faults.append(Fault("exclude_conn_id", "is required for exclude_sql"))
        if self.exclude_sql is None and self.exclude_conn_id is not None:
            faults.append(Fault("exclude_conn_id", "has no effect without exclude_sql"))
        if not isinstance(self.exclude_max_age, timedelta) or self.exclude_max_age < timedelta(0):
            faults.append(Fault("exclude_max_age", "must be a timedelta, 0 or more"))
        return faults

    def _pace_faults(self) -> list[Fault]:
        faults = []
        for name, kind in (("window", SendWindow), ("canary", Canary)):
            value = getattr(self, name)
            if isinstance(value, kind):
                faults += value.faults(name)
            elif value is not None:
                faults.append(Fault(name, f"must be a {kind.__name__}", type(value).__name__))
        if not isinstance(self.max_in_flight, int) or not 1 <= self.max_in_flight <= _MOST_IN_FLIGHT:
            faults.append(Fault("max_in_flight", f"must be a number from 1 to {_MOST_IN_FLIGHT}"))
        if self.rate is not None and not (isinstance(self.rate, (int, float)) and self.rate > 0):
            faults.append(Fault("rate", "must be a number of people a second, above 0"))
        return faults

    @property
    def _budget(self) -> Budget:
        return Budget(**self.values(_BUDGET))

    def _render_field(
        self, name: str, value: Any, context: Context, environment: jinja2.Environment, seen_oids: set[int]
    ) -> Any:
        if name in {"rows", "exclude"} and not isinstance(value, str) and not hasattr(value, "resolve"):
            return value
        rendered = super()._render_field(name, value, context, environment, seen_oids)
        if name.startswith("exclude") and rendered is None and value is not None:
            # Whoever names exclusions does not want to send without them.
            self._found_nothing.append(name)
        return rendered

    def execute(self, context: Context) -> dict[str, Any]:
        """Find out who is to be texted, and text those who were not reached yet."""
        return self._enter(context, resumed=False)

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a wait, in the same way as at the beginning."""
        from sinch_provider.operators import campaign_running as running

        self._left = running.check_event(event)
        return self._enter(context, resumed=True)

    @abstractmethod
    def _enter(self, context: Context, *, resumed: bool) -> dict[str, Any]:
        """
        Enter the campaign.

        :param resumed: Whether this goes on after a wait.
        """

    def _check_again(self, context: Context) -> None:
        """
        Check all arguments, now that they are known.

        :raises SinchValidationError: Names every fault.
        """
        if faults := self.argument_faults():
            raise self._invalid(faults)
        self._refuse_to_wait_inside(context)

    def _waiting(self) -> list[str]:
        """Name the arguments that may let the task wait."""
        return [name for name in ("window", "canary", "rate") if getattr(self, name) is not None]

    def _refuse_to_wait_inside(self, context: Context) -> None:
        """
        Refuse what lets a task wait, if this operator is executed inside another task: that one would wait.

        :raises SinchValidationError: Names the arguments.
        """
        from sinch_provider.operators import campaign_running as running

        if running.is_nested(running.task_context(context), self):
            rule = "lets a task wait, which is not possible inside another task: make it a task of its own"
            if faults := [Fault(name, rule) for name in self._waiting()]:
                raise self._invalid(faults)

    def _entry(self, entered: TaskCampaign, client: SinchClient, audience: Audience) -> Entry:
        from sinch_provider.operators import campaign_running as running

        people = running.people_of_batch(self.rate, running.MOST)
        sending = running.Sending(
            client.account,
            entered.reference,
            entered.journal,
            entered.settling,
            stopped=lambda: self._killed,
            max_in_flight=running.requests_at_once(self.rate, people, self.max_in_flight),
            rate=self.rate,
            fail_fast=self.fail_fast,
        )
        return running.Entry(
            entered.campaign,
            sending,
            entered.journal,
            audience,
            seed=entered.reference,
            exclusions=running.exclusions_of(
                client,
                exclude=self.exclude,
                exclude_sql=self.exclude_sql,
                exclude_conn_id=self.exclude_conn_id or self.sql_conn_id,
                exclude_campaign=self.exclude_campaign,
                exclude_max_age=self.exclude_max_age,
                default_country=self.default_country,
            ),
            window=self.window,
            canary=self.canary,
            budget=self._budget,
            only_to=client.account.only_to,
            progress=self._log_progress,
            most=people,
        )

    def _log_progress(self, done: Round) -> None:
        self.log.info("Sent to %d people so far, in %d batches.", done.people, done.batches)

    def _finish(self, outcome: Outcome, bearable: int = 0, *, left: bool = False) -> None:
        """
        Wait if there is something to wait for, or fail if people were refused; say who was left out.

        :param bearable: How many people Sinch may refuse one by one.
        :param left: Whether there are people to text after a wait.
        """
        from sinch_provider.operators import campaign_running as running

        if outcome.wait is not None and not (self.fail_fast and outcome.refused.together):
            self._wait(outcome.reached, outcome.wait, left=left)
        if (error := running.refusal(outcome, bearable)) is not None:
            raise error
        if outcome.refused.people:
            self.log.warning("Sinch has refused the numbers of %d people.", outcome.refused.people)
        if outcome.selection is not None:
            self._log_left_out(outcome.selection)
        self.log.info("%d people were sent their text, in %d batches.", outcome.reached, outcome.batches)

    def _wait(self, reached: int, wait: Wait, *, left: bool = False) -> None:
        from sinch_provider.operators import campaign_running as running

        self.log.info(
            "%d people were sent their text so far. Waiting for %s, until %s at the latest.",
            reached,
            wait.reason,
            wait.until.isoformat(timespec="minutes"),
        )
        self.defer(
            trigger=running.SinchCampaignTrigger(
                wait.until.isoformat(), wait.batch_ids, str(self.sinch_conn_id), left=left
            ),
            method_name="resume",
        )

    def _log_left_out(self, selection: Selection) -> None:
        if selection.excluded:
            self.log.info("%d people are excluded.", selection.excluded)
        if selection.not_allowed:
            self.log.warning(
                "%d people were not texted, because the connection's extra only_to does not allow it.",
                selection.not_allowed,
            )
        if selection.without_hour:
            self.log.warning(
                "%d people were not texted: their time zones have no hour in common in which the window is "
                "open, or are unknown.",
                selection.without_hour,
            )

    def _counts(self, outcome: Outcome | None) -> dict[str, int]:
        """The part of the summary that sending decides."""
        selection = outcome.selection if outcome else None
        return {
            "excluded": selection.excluded if selection else 0,
            "not_allowed": selection.not_allowed if selection else 0,
            "without_hour": selection.without_hour if selection else 0,
            "refused": outcome.refused.people if outcome else 0,
            "reached": outcome.reached if outcome else 0,
            "reached_before": outcome.before if outcome else 0,
            "batches": outcome.batches if outcome else 0,
        }

    def on_kill(self) -> None:
        """Send nothing more."""
        self._killed = True
