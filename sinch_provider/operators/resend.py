"""``SinchResendFailedOperator``: text those of a campaign again who failed for a passing reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.operators.base import SinchOperator
from sinch_provider.sms.campaign.budget import Budget, Money
from sinch_provider.sms.campaign.window import SendWindow
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import shown_value
from sinch_provider.task.arguments import as_rendered, is_template

if TYPE_CHECKING:
    from typing import Unpack

    import jinja2
    from airflow.providers.common.compat.sdk import Context, XComArg

    from sinch_provider.sms.campaign.entry import Outcome
    from sinch_provider.sms.campaign.failures import FailedAudience
    from sinch_provider.sms.campaign.sending import Round
    from sinch_provider.sms.client import SinchClient
    from sinch_provider.task.typing import BaseOperatorArguments, TemplatedText

_BUDGET: Final = ("max_recipients", "max_parts", "max_cost", "prices")
_ON_EMPTY: Final = ("fail", "skip", "succeed")
_MOST_IN_FLIGHT: Final = 10
_REFERENCE: Final = "must be what a campaign's task returned, or its reference"


class SinchResendFailedOperator(SinchOperator):
    """
    Text the people of a campaign once more who failed for a passing reason, such as a phone that was off.

    Numbers and texts are Sinch's own, so the table of people is not needed. Nobody is texted whose text
    arrived, is under way, or may have arrived. A retry or a clear of the task texts nobody again. To send to
    those who failed again, give another such task what this one returned.

    :param campaign: What the campaign's task returned, or its reference. (templated)
    :param temporary_codes: The codes of failures that may pass. By default those that Sinch documents as
        such.
    :param exclude: Whom not to text: rows of one column of numbers, or the path of a file with them, as
        ``ObjectStoragePath`` takes it. Rows are never rendered. (templated, as a whole)
    :param exclude_sql: A query of one column of numbers. (templated)
    :param exclude_conn_id: The connection of its database. (templated)
    :param exclude_campaign: What another campaign has returned, or its reference: whoever it has reached is
        not texted. (templated)
    :param exclude_max_age: The numbers of ``exclude`` are read again when they are older. If they cannot be
        read, or become empty, nothing more is sent.
    :param default_country: Whose numbers those of ``exclude`` without ``+`` are, such as ``SE``.
    :param on_empty: What to do if there is nobody to text: ``succeed``, ``skip`` or ``fail``.
    :param max_recipients: Refuse to text more people.
    :param max_parts: Refuse to send more SMS parts.
    :param max_cost: Refuse to send what costs more.
    :param prices: What a part costs by country, and by ``default``.
    :param window: The hours in which people may be texted, a ``SendWindow``. Outside of them the task waits,
        without a worker. Time zones are those of the numbers.
    :param max_in_flight: How many requests are on their way at once, 1 to 10.
    :param rate: People a second, at most.
    :param fail_fast: Whether nothing more is sent once Sinch has refused a batch.
    :param dry_run: Whether to stop before the first text, and only count.
    :param send_key: Another round: with a new key, everybody who failed is texted anew. (templated)
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    template_fields: Sequence[str] = (
        *SinchOperator.template_fields,
        "campaign",
        "exclude",
        "exclude_sql",
        "exclude_conn_id",
        "exclude_campaign",
        "send_key",
    )
    template_ext: Sequence[str] = (".sql",)
    private_fields: ClassVar[Sequence[str]] = ("exclude", "exclude_sql", "send_key")
    native_fields: ClassVar[Sequence[str]] = ("campaign", "exclude")
    file_fields = ("exclude_sql",)
    operation = "send"
    _killed = False

    def __init__(
        self,
        *,
        campaign: Mapping[str, Any] | TemplatedText,
        temporary_codes: Collection[int] | None = None,
        exclude: Iterable[Any] | XComArg | None = None,
        exclude_sql: TemplatedText | None = None,
        exclude_conn_id: TemplatedText | None = None,
        exclude_campaign: Mapping[str, Any] | str | XComArg | None = None,
        exclude_max_age: timedelta = timedelta(seconds=60),
        default_country: str | None = None,
        on_empty: str = "succeed",
        max_recipients: int | None = None,
        max_parts: int | None = None,
        max_cost: Money | None = None,
        prices: Mapping[str, Money] | None = None,
        window: SendWindow | None = None,
        max_in_flight: int = 4,
        rate: float | None = None,
        fail_fast: bool = False,
        dry_run: bool = False,
        send_key: TemplatedText | None = None,
        sinch_conn_id: TemplatedText = DEFAULT_CONN_ID,
        **kwargs: Unpack[BaseOperatorArguments],
    ) -> None:
        super().__init__(sinch_conn_id=sinch_conn_id, **kwargs)
        self.campaign = as_rendered(campaign)
        self.temporary_codes = temporary_codes
        self.exclude = exclude
        self.exclude_sql = as_rendered(exclude_sql)
        self.exclude_conn_id = as_rendered(exclude_conn_id)
        self.exclude_campaign = as_rendered(exclude_campaign)
        self.exclude_max_age = exclude_max_age
        self.default_country = default_country
        self.on_empty = on_empty
        self.max_recipients = max_recipients
        self.max_parts = max_parts
        self.max_cost = max_cost
        self.prices = prices
        self.window = window
        self.max_in_flight = max_in_flight
        self.rate = rate
        self.fail_fast = fail_fast
        self.dry_run_only = dry_run
        self.send_key = as_rendered(send_key)
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the faults of the arguments that are known so far."""
        faults = [*super().argument_faults(), *self._campaign_faults(), *self._exclusion_faults()]
        faults += self._budget.faults()
        codes = () if self.temporary_codes is None else self.temporary_codes
        if not isinstance(codes, Collection) or not all(type(code) is int for code in codes):
            faults.append(Fault("temporary_codes", "must be a list of codes such as 153"))
        if self.on_empty not in _ON_EMPTY:
            rule = f"must be one of {', '.join(_ON_EMPTY)}"
            faults.append(Fault("on_empty", rule, shown_value(self.on_empty)))
        return [*faults, *self._pace_faults()]

    def _campaign_faults(self) -> list[Fault]:
        if is_template(self.campaign):
            return []
        if isinstance(self.campaign, Mapping):
            return [] if "reference" in self.campaign else [Fault("campaign", _REFERENCE)]
        known = isinstance(self.campaign, str) and self.campaign.strip()
        return [] if known else [Fault("campaign", _REFERENCE)]

    def _exclusion_faults(self) -> list[Fault]:
        faults = []
        if self.exclude_sql is not None and self.exclude_conn_id is None:
            faults.append(Fault("exclude_conn_id", "is required for exclude_sql"))
        if self.exclude_sql is None and self.exclude_conn_id is not None:
            faults.append(Fault("exclude_conn_id", "has no effect without exclude_sql"))
        if not isinstance(self.exclude_max_age, timedelta) or self.exclude_max_age < timedelta(0):
            faults.append(Fault("exclude_max_age", "must be a timedelta, 0 or more"))
        return faults

    def _pace_faults(self) -> list[Fault]:
        faults = []
        if isinstance(self.window, SendWindow):
            faults += self.window.faults("window")
        elif self.window is not None:
            faults.append(Fault("window", "must be a SendWindow", type(self.window).__name__))
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
        # Rows are data: a number with {{ in it is no template.
        if name == "exclude" and not isinstance(value, str) and not hasattr(value, "resolve"):
            return value
        return super()._render_field(name, value, context, environment, seen_oids)

    def execute(self, context: Context) -> dict[str, Any]:
        """Find who failed, and text those who were not texted again yet."""
        return self._enter(context, resumed=False)

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a wait: find who failed, and text those who were not texted again yet."""
        from sinch_provider.operators import resend_running as running

        running.check_event(event)
        return self._enter(context, resumed=True)

    def _enter(self, context: Context, *, resumed: bool) -> dict[str, Any]:
        from sinch_provider.operators import resend_running as running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id):
            if faults := self._campaign_faults():
                raise self._invalid(faults)
            reference, batches = self._sent()
            if reference is None:
                return self._empty(None)
            codes = running.TEMPORARY if self.temporary_codes is None else self.temporary_codes
            finding = running.failures_of(reference, codes, batches)
            with self.hook.new_client() as client, client.follow(finding) as audience:
                self._log_failures(audience, reference)
                if not len(audience):
                    return self._empty(audience)
                if self.dry_run_only:
                    if faults := self._budget.exceeded(audience.counts.totals):
                        raise self._invalid(faults)
                    return self._summary(audience)
                outcome, own = self._send(context, client, audience, reference, resumed=resumed)
            return self._conclude(audience, outcome, own)

    def _sent(self) -> tuple[str | None, int]:
        """The campaign's reference, and how many batches it has at least. No reference: it has none."""
        if not isinstance(self.campaign, Mapping):
            return str(self.campaign).strip(), 0
        reference, batches = self.campaign["reference"], self.campaign.get("batches")
        if reference is None or batches == 0:
            return None, 0
        return str(reference), batches if isinstance(batches, int) else 0

    def _send(
        self,
        context: Context,
        client: SinchClient,
        audience: FailedAudience,
        reference: str,
        *,
        resumed: bool,
    ) -> tuple[Outcome, str]:
        from sinch_provider.operators import resend_running as running

        key = reference if self.send_key is None else f"{reference} {self.send_key}"
        entered = running.TaskCampaign(context, self, client.account, send_key=key, resumed=resumed)
        sending = running.Sending(
            client.account,
            entered.reference,
            entered.journal,
            entered.settling,
            stopped=lambda: self._killed,
            max_in_flight=self.max_in_flight,
            rate=self.rate,
            fail_fast=self.fail_fast,
        )
        entry = running.Entry(
            entered.campaign,
            sending,
            entered.journal,
            audience,
            seed=entered.reference,
            exclusions=running.exclusions_of(
                exclude=self.exclude,
                exclude_sql=self.exclude_sql,
                exclude_conn_id=self.exclude_conn_id,
                exclude_campaign=self.exclude_campaign,
                exclude_max_age=self.exclude_max_age,
                default_country=self.default_country,
            ),
            window=self.window,
            budget=self._budget,
            only_to=client.account.only_to,
            progress=self._log_progress,
        )
        return client.follow(entry.steps()), entered.reference

    def _conclude(self, audience: FailedAudience, outcome: Outcome, reference: str) -> dict[str, Any]:
        from sinch_provider.operators import resend_running as running

        if outcome.wait is not None:
            self.log.info(
                "%d people were texted again so far. Waiting for %s, until %s at the latest.",
                outcome.reached,
                outcome.wait.reason,
                outcome.wait.until.isoformat(timespec="minutes"),
            )
            self.defer(
                trigger=running.SinchCampaignTrigger(
                    outcome.wait.until.isoformat(), outcome.wait.batch_ids, str(self.sinch_conn_id)
                ),
                method_name="resume",
            )
        if (error := running.refusal(outcome)) is not None:
            raise error
        selection = outcome.selection
        if selection is not None and selection.not_allowed:
            self.log.warning(
                "%d people were not texted, because the connection's extra only_to does not allow it.",
                selection.not_allowed,
            )
        if selection is not None and selection.without_hour:
            self.log.warning(
                "%d people were not texted: their time zones have no hour in common in which the window is "
                "open, or are unknown.",
                selection.without_hour,
            )
        self.log.info("%d people were texted again, in %d batches.", outcome.reached, outcome.batches)
        return self._summary(audience, outcome, reference)

    def _log_failures(self, audience: FailedAudience, reference: str) -> None:
        if not audience.batches:
            rule = (
                f"{reference} has no batches: Sinch lists those of the last two weeks, of the account that "
                "sent them"
            )
            raise self._invalid([Fault("campaign", rule)])
        self.log.info(
            "%d people of the campaign failed for a passing reason. What became of its %d batches:\n%s",
            len(audience),
            audience.batches,
            audience.tally.table(),
        )

    def _log_progress(self, done: Round) -> None:
        self.log.info("Sent again to %d people in %d batches.", done.people, done.batches)

    def _empty(self, audience: FailedAudience | None) -> dict[str, Any]:
        what = "Nobody of the campaign failed for a passing reason."
        if self.on_empty == "skip":
            raise AirflowSkipException(what)
        if self.on_empty == "fail":
            raise self._invalid([Fault("campaign", f"{what} To let this succeed, set on_empty")])
        self.log.info("%s Nobody is texted again.", what)
        return self._summary(audience)

    def _summary(
        self, audience: FailedAudience | None, outcome: Outcome | None = None, reference: str | None = None
    ) -> dict[str, Any]:
        kinds = audience.tally.kinds if audience else {}
        cost = self._budget.cost(audience.counts.totals) if audience else None
        selection = outcome.selection if outcome else None
        return {
            "reference": reference,
            "campaign": self._sent()[0],
            "kinds": {kind.value: people for kind, people in kinds.items()},
            "people": len(audience) if audience else 0,
            "parts": audience.counts.all_parts if audience else 0,
            "cost": None if cost is None else str(cost),
            "excluded": selection.excluded if selection else 0,
            "not_allowed": selection.not_allowed if selection else 0,
            "without_hour": selection.without_hour if selection else 0,
            "reached": outcome.reached if outcome else 0,
            "reached_before": outcome.before if outcome else 0,
            "batches": outcome.batches if outcome else 0,
        }

    def on_kill(self) -> None:
        """Send nothing more."""
        self._killed = True
