"""``SinchCampaignOperator``: one text to each person of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from sinch_provider.operators.campaign_arguments import CampaignArguments
from sinch_provider.sms.errors import Fault

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.sms.campaign.audience import Audience
    from sinch_provider.sms.campaign.entry import Outcome, Wait
    from sinch_provider.sms.campaign.rows import Rows
    from sinch_provider.sms.campaign.sending import Round
    from sinch_provider.sms.client import SinchClient


#: The most characters that a line in the log names.
_NAMED: Final = 10


class SinchCampaignOperator(CampaignArguments):
    """
    Text each person of a table once, whatever happens to the task; return a summary without numbers.

    The people are rows: of a query (``sql``), of a file (``path``), or of a value such as another task's
    output (``rows``). They are all checked before the first text. A retry or a clear of the task, and what
    follows a wait, texts those who were not reached yet, also those whose rows are new. ``send_key`` begins
    anew.

    :param rows: Mappings, or tuples of one number. Never rendered. (templated, as a whole)
    :param sql: A query, or the name of a file with one (``.sql``). (templated)
    :param sql_conn_id: The connection of the database. (templated)
    :param sql_parameters: Values for the query, as the database's driver takes them. (templated)
    :param sql_hook_params: Arguments of the database's hook.
    :param path: A CSV or JSON Lines file, on any storage that ``ObjectStoragePath`` knows. (templated)
    :param number_column: The column of phone numbers. A source with one column needs no name.
    :param id_column: The column whose value is carried to the results.
    :param time_zone_column: The column of time zones, such as ``Europe/Stockholm``.
    :param language_column: The column that chooses one of ``bodies``.
    :param body: The text, or the name of a file with it. ``${name}`` is filled with the column or the
        parameter of that name. (templated)
    :param bodies: Texts by language, and by ``default``. (templated)
    :param parameters: What fills ``${name}`` for everybody, or where a column is blank. (templated)
    :param from_: Sender, or senders by country such as ``SE``, and by ``default``. (templated)
    :param default_country: Whose numbers those without ``+`` are, such as ``SE``.
    :param max_number_of_message_parts: The most SMS parts that the text of one person may have.
    :param on_empty: What to do if there is nobody to text: ``fail``, ``skip`` or ``succeed``.
    :param max_invalid: How many rows may be wrong: a number, or a share such as 0.01. The others are texted.
    :param quarantine_path: A CSV file for the wrong rows: number of the row, id, column, reason, and the
        phone number, masked. On any storage that ``ObjectStoragePath`` knows. (templated)
    :param exclude: Numbers that are not texted: rows of one column, or the path of a file with them.
        (templated, as a whole)
    :param exclude_sql: A query for such numbers. It has one column. (templated)
    :param exclude_conn_id: The connection of its database; by default ``sql_conn_id``. (templated)
    :param exclude_campaign: What another campaign has returned, or its reference: whoever it has reached is
        not texted. (templated)
    :param exclude_max_age: The exclusions are read again when they are older. If they cannot be read, or
        become empty, nothing more is sent.
    :param max_recipients: Refuse a campaign to more people, those who were reached before included.
    :param max_parts: Refuse a campaign with more SMS parts.
    :param max_cost: Refuse a campaign that costs more.
    :param prices: What a part costs by country, and by ``default``.
    :param window: The hours in which people may be texted, a ``SendWindow``. Outside of them the task waits,
        without a worker.
    :param canary: A ``Canary``: a few people get the text first, and the others if these did.
    :param rate: People a second, at most, on average over batches.
    :param max_in_flight: How many requests are on their way at once, 1 to 10.
    :param fail_fast: Whether nothing more is sent once Sinch has refused a batch.
    :param dry_run: Whether to stop after the check.
    :param send_key: A campaign of its own: with a new key, everybody is texted anew. Required in mapped
        tasks. (templated)
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    _killed = False

    def execute(self, context: Context) -> dict[str, Any]:
        """Check everybody, and text those who were not reached yet."""
        return self._enter(context, resumed=False)

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a wait: check everybody, and text those who were not reached yet."""
        from sinch_provider.operators import campaign_running as running

        running.check_event(event)
        return self._enter(context, resumed=True)

    def _enter(self, context: Context, *, resumed: bool) -> dict[str, Any]:
        from sinch_provider.operators import campaign_running as running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id), self._audience() as audience:
            self._log_counts(audience)
            counts = audience.counts
            faults = counts.exceeded(self.max_invalid)
            if self.dry_run_only:
                faults += self._budget.exceeded(counts.totals)
            if faults:
                raise self._invalid(faults)
            if not counts.people and (summary := self._empty(audience)):
                return summary
            if self.dry_run_only:
                return self._summary(audience)
            with self.hook.new_client() as client:
                outcome, reference = self._send(context, client, audience, resumed=resumed)
            return self._conclude(audience, outcome, reference)

    def _audience(self) -> Audience:
        """Read the source, and check everybody."""
        from sinch_provider.operators import campaign_running as running

        with running.quarantine(self.quarantine_path) as quarantine:

            def use(rows: Rows) -> Audience:
                return running.check(rows, self._layout, quarantine)

            if self.sql is not None and self.sql_conn_id is not None:
                return running.read_query(
                    self.sql,
                    self.sql_conn_id,
                    use,
                    parameters=self.sql_parameters,
                    hook_params=self.sql_hook_params,
                )
            if self.path is not None:
                return running.read_file(self.path, use)
            return running.read_value(self.rows, use)

    def _log_counts(self, audience: Audience) -> None:
        counts = audience.counts
        self.log.info(
            "Checked %d rows: %d people, %d duplicates, %d invalid rows. %d SMS parts, without Sinch's "
            "auto-encoding.",
            counts.rows,
            counts.people,
            counts.duplicates,
            counts.invalid,
            counts.all_parts,
        )
        for (column, reason), rows in counts.reasons.most_common():
            self.log.warning("%d rows: %s %s.", rows, column, reason)
        if counts.odd and counts.avoidable_parts:
            self.log.warning(
                "%d SMS parts could be saved. These characters make texts unicode: %s.",
                counts.avoidable_parts,
                ", ".join(f"{each.character!r} ({each.people} people)" for each in counts.odd[:_NAMED]),
            )

    def _empty(self, audience: Audience) -> dict[str, Any] | None:
        what = "The source has no rows." if not audience.counts.rows else "No row can be texted."
        if self.on_empty == "skip":
            raise AirflowSkipException(what)
        if self.on_empty == "fail":
            raise self._invalid([Fault("rows", f"{what} To let this succeed, set on_empty")])
        self.log.info("%s Nobody is texted.", what)
        return self._summary(audience)

    def _send(
        self, context: Context, client: SinchClient, audience: Audience, *, resumed: bool
    ) -> tuple[Outcome, str]:
        from sinch_provider.operators import campaign_running as running

        key = None if self.send_key is None else str(self.send_key)
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
        )
        return client.follow(entry.steps()), entered.reference

    def _conclude(self, audience: Audience, outcome: Outcome, reference: str) -> dict[str, Any]:
        from sinch_provider.operators import campaign_running as running

        if outcome.wait is not None:
            self._wait(outcome, outcome.wait)
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
        self.log.info("%d people were sent their text, in %d batches.", outcome.reached, outcome.batches)
        return self._summary(audience, outcome, reference)

    def _wait(self, outcome: Outcome, wait: Wait) -> None:
        from sinch_provider.operators import campaign_running as running

        self.log.info(
            "%d people were sent their text so far. Waiting for %s, until %s at the latest.",
            outcome.reached,
            wait.reason,
            wait.until.isoformat(timespec="minutes"),
        )
        self.defer(
            trigger=running.SinchCampaignTrigger(
                wait.until.isoformat(), wait.batch_ids, str(self.sinch_conn_id)
            ),
            method_name="resume",
        )

    def _log_progress(self, done: Round) -> None:
        self.log.info("Sent to %d people in %d batches.", done.people, done.batches)

    def _summary(
        self, audience: Audience, outcome: Outcome | None = None, reference: str | None = None
    ) -> dict[str, Any]:
        counts = audience.counts
        cost = self._budget.cost(counts.totals)
        selection = outcome.selection if outcome else None
        return {
            "reference": reference,
            "rows": counts.rows,
            "invalid": counts.invalid,
            "duplicates": counts.duplicates,
            "people": counts.people,
            "parts": counts.all_parts,
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
