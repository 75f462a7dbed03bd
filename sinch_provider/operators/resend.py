"""``SinchResendFailedOperator``: text those of a campaign again who failed for a passing reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.operators.base import SinchOperator
from sinch_provider.sms.campaign.budget import Budget, Share
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import shown_value
from sinch_provider.task.arguments import as_rendered, is_template

if TYPE_CHECKING:
    from typing import Unpack

    import jinja2
    from airflow.providers.common.compat.sdk import Context, XComArg

    from sinch_provider.sms.campaign.exclusions import Exclusions
    from sinch_provider.sms.campaign.failures import Failures
    from sinch_provider.sms.campaign.reached import Reached
    from sinch_provider.sms.campaign.seen import Seen
    from sinch_provider.sms.campaign.sending import Round
    from sinch_provider.sms.client import SinchClient
    from sinch_provider.task.typing import BaseOperatorArguments, TemplatedText

_ON_EMPTY: Final = ("fail", "skip", "succeed")
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
    :param exclude_sql_conn_id: The connection of its database. (templated)
    :param default_country: Whose numbers those of ``exclude`` without ``+`` are, such as ``SE``.
    :param on_empty: What to do if there is nobody to text: ``succeed``, ``skip`` or ``fail``.
    :param max_recipients: Refuse to text more people.
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
        "exclude_sql_conn_id",
        "send_key",
    )
    template_ext: Sequence[str] = (".sql",)
    private_fields: ClassVar[Sequence[str]] = ("exclude", "exclude_sql", "send_key")
    native_fields: ClassVar[Sequence[str]] = ("campaign", "exclude")
    file_fields = ("exclude_sql",)
    operation = "send"

    def __init__(
        self,
        *,
        campaign: Mapping[str, Any] | TemplatedText,
        temporary_codes: Collection[int] | None = None,
        exclude: Iterable[Any] | XComArg | None = None,
        exclude_sql: TemplatedText | None = None,
        exclude_sql_conn_id: TemplatedText | None = None,
        default_country: str | None = None,
        on_empty: str = "succeed",
        max_recipients: int | None = None,
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
        self.exclude_sql_conn_id = as_rendered(exclude_sql_conn_id)
        self.default_country = default_country
        self.on_empty = on_empty
        self.max_recipients = max_recipients
        self.max_in_flight = max_in_flight
        self.rate = rate
        self.fail_fast = fail_fast
        self.dry_run_only = dry_run
        self.send_key = as_rendered(send_key)
        self._killed = False
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
        if not isinstance(self.max_in_flight, int) or not 1 <= self.max_in_flight <= 10:
            faults.append(Fault("max_in_flight", "must be a number from 1 to 10"))
        if self.rate is not None and not (isinstance(self.rate, (int, float)) and self.rate > 0):
            faults.append(Fault("rate", "must be a number of people a second, above 0"))
        return faults

    def _campaign_faults(self) -> list[Fault]:
        if is_template(self.campaign):
            return []
        if isinstance(self.campaign, Mapping):
            return [] if "reference" in self.campaign else [Fault("campaign", _REFERENCE)]
        known = isinstance(self.campaign, str) and self.campaign.strip()
        return [] if known else [Fault("campaign", _REFERENCE)]

    def _exclusion_faults(self) -> list[Fault]:
        faults = []
        if self.exclude is not None and self.exclude_sql is not None:
            faults.append(Fault("exclude, exclude_sql", "must be given one of the two"))
        if (self.exclude_sql is None) != (self.exclude_sql_conn_id is None):
            faults.append(Fault("exclude_sql, exclude_sql_conn_id", "must be given together or not at all"))
        return faults

    @property
    def _budget(self) -> Budget:
        return Budget(max_recipients=self.max_recipients)

    def _render_field(
        self, name: str, value: Any, context: Context, environment: jinja2.Environment, seen_oids: set[int]
    ) -> Any:
        # Rows are data: a number with {{ in it is no template.
        if name == "exclude" and not isinstance(value, str) and not hasattr(value, "resolve"):
            return value
        return super()._render_field(name, value, context, environment, seen_oids)

    def execute(self, context: Context) -> dict[str, Any]:
        """Find who failed, and text those who were not texted again yet."""
        from sinch_provider.operators import running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id):
            if faults := self._campaign_faults():
                raise self._invalid(faults)
            reference = self._reference()
            if reference is None:
                return self._end(None, None, None, None)
            with self.hook.new_client() as client:
                return self._resend(context, client, reference)

    def _reference(self) -> str | None:
        """The campaign's reference; None if it has texted nobody."""
        if isinstance(self.campaign, Mapping):
            reference = self.campaign["reference"]
            return None if reference is None else str(reference)
        return str(self.campaign).strip()

    def _resend(self, context: Context, client: SinchClient, reference: str) -> dict[str, Any]:
        from sinch_provider.operators import resend_running as running

        key = reference if self.send_key is None else f"{reference} {self.send_key}"
        entered = running.TaskCampaign(context, self, client.account, send_key=key)
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
        exclusions = self._exclusions()

        async def steps() -> tuple[Failures, Reached | None, Round | None]:
            codes = running.TEMPORARY if self.temporary_codes is None else self.temporary_codes
            failures = await running.failures_of(reference, codes)
            self._log_failures(failures, reference)
            if self.dry_run_only:
                self._refuse_too_many({int(number) for number in failures.numbers()})
                return failures, None, None
            found = await entered.campaign.find()
            self._refuse_too_many(found.people.union(map(int, failures.numbers())))

            def messages(found: Reached) -> Iterator[Mapping[str, Any]]:
                def wanted(number: str) -> bool:
                    if int(number) in found.people:
                        return False
                    if exclusions is None:
                        return True
                    exclusions.refresh()
                    return number not in exclusions

                return failures.messages(wanted)

            found, done = await entered.campaign.send(found, messages, sending, self._log_progress)
            return failures, found, done

        failures, found, done = client.follow(steps())
        if done is not None and done.refused.people:
            reasons = "; ".join(error.what for error in done.refused.errors.values())
            raise running.SinchTaskFailed(
                f"Sinch refused the texts of {done.refused.people} people: {reasons}. {done.people} people "
                "were texted again. A retry without a change will not help."
            )
        return self._end(entered.reference, failures, found, done)

    def _exclusions(self) -> Exclusions | None:
        from sinch_provider.operators import resend_running as running

        if self.exclude is None and self.exclude_sql is None:
            return None
        exclude: Any = self.exclude
        # What can be read only once is kept: it is read again while batches are sent.
        rows = list(exclude) if isinstance(exclude, Iterator) else exclude

        def read(use: Any) -> tuple[Seen, int]:
            found: Any
            if self.exclude_sql is not None:
                found = running.read_query(self.exclude_sql, str(self.exclude_sql_conn_id), use)
            elif isinstance(rows, str):
                found = running.read_file(rows, use)
            else:
                found = running.read_value(rows, use)
            return found  # type: ignore[no-any-return]

        exclusions = running.Exclusions(read, self.default_country)
        # What cannot be read is told before anything else.
        exclusions.refresh()
        return exclusions

    def _refuse_too_many(self, people: Collection[int]) -> None:
        if faults := self._budget.exceeded({"": Share(len(people), 0)}):
            raise self._invalid(faults)

    def _log_failures(self, failures: Failures, reference: str) -> None:
        if not failures.batches:
            rule = (
                f"{reference} has no batches: Sinch lists those of the last two weeks, of the account that "
                "sent them"
            )
            raise self._invalid([Fault("campaign", rule)])
        self.log.info(
            "%d people of the campaign failed for a passing reason. What became of its %d batches:\n%s",
            len(failures),
            failures.batches,
            failures.tally.table(),
        )

    def _log_progress(self, done: Round) -> None:
        self.log.info("Sent again to %d people in %d batches.", done.people, done.batches)

    def _end(
        self,
        reference: str | None,
        failures: Failures | None,
        found: Reached | None,
        done: Round | None,
    ) -> dict[str, Any]:
        """Return the summary, unless there is nobody to text and that is no success."""
        before = len(found.people) if found else 0
        people = len(failures) if failures else 0
        if not people and not before:
            what = "Nobody of the campaign failed for a passing reason."
            if self.on_empty == "skip":
                raise AirflowSkipException(what)
            if self.on_empty == "fail":
                raise self._invalid([Fault("campaign", f"{what} To let this succeed, set on_empty")])
            self.log.info("%s Nobody is texted again.", what)
        sent = done is not None and (done.people or before)
        return {
            "reference": reference if sent else None,
            "campaign": self._reference(),
            "people": people,
            "kinds": {kind.value: people for kind, people in failures.tally.kinds.items()}
            if failures
            else {},
            "reached_before": before,
            "sent": done.people if done else 0,
            "batches": done.batches if done else 0,
        }

    def on_kill(self) -> None:
        """Send nothing more."""
        self._killed = True
