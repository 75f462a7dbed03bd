"""``SinchResendFailedOperator``: text those of a campaign again who failed for a passing reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.operators.campaign_base import CampaignOperator
from sinch_provider.sms.errors import Fault
from sinch_provider.task.arguments import as_rendered, is_template

if TYPE_CHECKING:
    from typing import Unpack

    from airflow.providers.common.compat.sdk import Context, XComArg

    from sinch_provider.sms.campaign.budget import Money
    from sinch_provider.sms.campaign.entry import Outcome
    from sinch_provider.sms.campaign.failures import FailedAudience
    from sinch_provider.sms.campaign.window import SendWindow
    from sinch_provider.sms.client import SinchClient
    from sinch_provider.task.typing import BaseOperatorArguments, TemplatedText

_REFERENCE: Final = "must be what a campaign's task returned, or its reference"


class SinchResendFailedOperator(CampaignOperator):
    """
    Text the people of a campaign once more who failed for a passing reason, such as a phone that was off.

    Numbers and texts are Sinch's own, so the table of people is not needed. Nobody is texted whose text
    arrived, is under way, or may have arrived. A retry or a clear of the task texts nobody again. To send to
    those who failed again, give another such task what this one returned.

    :param campaign: What the campaign's task returned, or its reference. (templated)
    :param temporary_codes: The codes of failures that may pass. By default those that Sinch documents as
        such.
    :param exclude: Whom not to text: rows of one column of numbers, or of group ids, which stand for their
        members; a group id; or the path of a file with such rows, as ``ObjectStoragePath`` takes it. Rows are
        never rendered. (templated, as a whole)
    :param exclude_sql: A query of one column of numbers. (templated)
    :param exclude_conn_id: The connection of its database. (templated)
    :param exclude_campaign: What another campaign has returned, or its reference: whoever it has reached is
        not texted. (templated)
    :param exclude_max_age: All of these are read again when they are older. If they cannot be read, or become
        empty, nothing more is sent.
    :param default_country: Whose numbers those of ``exclude`` without ``+`` are, such as ``SE``.
    :param on_empty: What to do if there is nobody to text: ``succeed``, ``skip`` or ``fail``.
    :param max_recipients: Refuse to text more people.
    :param max_parts: Refuse to send more SMS parts.
    :param max_cost: Refuse to send what costs more.
    :param prices: What a part costs by country, and by ``default``.
    :param window: The hours in which people may be texted, a ``SendWindow``. Outside of them the task waits,
        without a worker. Time zones are those of the numbers.
    :param max_in_flight: How many requests are on their way at once, 1 to 10.
    :param rate: People a second, as for the campaign.
    :param fail_fast: Whether nothing more is sent once Sinch has refused a whole batch.
    :param dry_run: Whether to stop before the first text, and only count.
    :param send_key: Another round: with a new key, everybody who failed is texted anew. (templated)
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    template_fields: Sequence[str] = (
        *CampaignOperator.template_fields,
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
        faults = [*self._campaign_faults(), *super().argument_faults()]
        codes = () if self.temporary_codes is None else self.temporary_codes
        if not isinstance(codes, Collection) or not all(type(code) is int for code in codes):
            faults.append(Fault("temporary_codes", "must be a list of codes such as 153"))
        return faults

    def _campaign_faults(self) -> list[Fault]:
        if is_template(self.campaign):
            return []
        if isinstance(self.campaign, Mapping):
            return [] if "reference" in self.campaign else [Fault("campaign", _REFERENCE)]
        known = isinstance(self.campaign, str) and self.campaign.strip()
        return [] if known else [Fault("campaign", _REFERENCE)]

    def _enter(self, context: Context, *, resumed: bool) -> dict[str, Any]:
        from sinch_provider.operators import campaign_running as running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id):
            self._check_again(context)
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
                return self._send(context, client, audience, reference, resumed=resumed)

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
    ) -> dict[str, Any]:
        from sinch_provider.operators import campaign_running as running

        key = reference if self.send_key is None else f"{reference} {self.send_key}"
        entered = running.TaskCampaign(context, self, client.account, send_key=key, resumed=resumed)
        outcome = client.follow(self._entry(entered, client, audience).steps())
        self._finish(outcome)
        return self._summary(audience, outcome, entered.reference)

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
        return {
            "reference": reference,
            "campaign": self._sent()[0],
            "kinds": {kind.value: people for kind, people in kinds.items()},
            "people": len(audience) if audience else 0,
            "parts": audience.counts.all_parts if audience else 0,
            "cost": None if cost is None else str(cost),
            **self._counts(outcome),
        }
