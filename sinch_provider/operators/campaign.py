"""``SinchCampaignOperator``: one text to each person of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowSkipException, TaskDeferred

from sinch_provider.operators.campaign_arguments import SOURCE, CampaignArguments, checked_plan
from sinch_provider.sms.campaign.canary import Canary
from sinch_provider.sms.campaign.window import SendWindow
from sinch_provider.sms.errors import Fault
from sinch_provider.task.results import ResultsFile, ResultsTable

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.sms.campaign.audience import Audience
    from sinch_provider.sms.campaign.entry import Outcome
    from sinch_provider.sms.campaign.rows import Rows
    from sinch_provider.sms.client import SinchClient
    from sinch_provider.task.campaigns import TaskCampaign
    from sinch_provider.task.plans import Plan


__all__ = ["Canary", "ResultsFile", "ResultsTable", "SendWindow", "SinchCampaignOperator"]

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
    :param on_empty: What to do if the source has nobody: ``fail``, ``skip`` or ``succeed``.
    :param max_invalid: How many rows may be wrong: a number, or a share such as 0.01. The others are texted.
        Numbers that only Sinch refuses count too.
    :param quarantine_path: A CSV file for the wrong rows: number of the row, id, column, reason, and the
        phone number, masked. On any storage that ``ObjectStoragePath`` knows. (templated)
    :param exclude: Whom not to text: rows of one column of numbers, or of group ids, which stand for their
        members; a group id; or the path of a file with such rows. (templated, as a whole)
    :param exclude_sql: A query for such numbers. It has one column. (templated)
    :param exclude_conn_id: The connection of its database; by default ``sql_conn_id``. (templated)
    :param exclude_campaign: What another campaign has returned, or its reference: whoever it has reached is
        not texted. (templated)
    :param exclude_max_age: All of these are read again when they are older. If they cannot be read, or
        become empty, nothing more is sent.
    :param max_recipients: Refuse a campaign to more people, those who were reached before included.
    :param max_parts: Refuse a campaign with more SMS parts.
    :param max_cost: Refuse a campaign that costs more.
    :param prices: What a part costs by country, and by ``default``.
    :param window: The hours in which people may be texted, a ``SendWindow``. Outside of them the task waits,
        without a worker.
    :param canary: A ``Canary``: a few people get the text first, and the others if these did.
    :param rate: People a second, on average. A minute's worth is sent at once. While more people than it
        allows for a quarter of an hour wait at Sinch, the task waits, without a worker.
    :param max_in_flight: How many requests are on their way at once, 1 to 10.
    :param fail_fast: Whether nothing more is sent once Sinch has refused a whole batch.
    :param wait_for_completion: Whether to wait, without a worker, until all texts have a final status.
    :param results: Where to write what became of each person's text: a ``ResultsTable`` or a ``ResultsFile``.
        The task waits for the final statuses first. (templated)
    :param dry_run: Whether to stop after the check. It reads no exclusions.
    :param plan_path: A folder in which the checked people and their texts are kept, so that retries and what
        follows a wait do not read the source again; a clear does. Removed at success. With ``dry_run``, it
        is kept for the task that sends it. On any storage that ``ObjectStoragePath`` knows. (templated)
    :param plan: What a task with ``dry_run`` and ``plan_path`` has returned: exactly these people get exactly
        these texts. Instead of a source and texts. (templated, as a whole)
    :param send_key: A campaign of its own: with a new key, everybody is texted anew. Each run of the Dag is
        one anyway. Required in mapped tasks. (templated)
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    def _enter(self, context: Context, *, resumed: bool) -> dict[str, Any]:
        from sinch_provider.operators import campaign_running as running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id):
            self._check_again(context)
        with running.airflow_failures(context, self.sinch_conn_id):
            if self.dry_run_only and self.plan_path is None:
                with self._check_source() as audience:
                    return self._summary(audience) if len(audience) else self._empty(audience)
            with self.hook.new_client() as client:
                return self._enter_with(client, context, resumed=resumed)

    def _enter_with(self, client: SinchClient, context: Context, *, resumed: bool) -> dict[str, Any]:
        from sinch_provider.operators import campaign_running as running

        context = running.task_context(context)
        plan = self._plan_of(client, context)
        if plan is None or self.dry_run_only:
            with self._check_source() as audience:
                if plan is None:
                    return self._send(context, client, audience, resumed=resumed)
                if not len(audience):
                    # That of an earlier attempt.
                    plan.remove()
                summary = self._summary(audience) if len(audience) else self._empty(audience)
                seal = plan.write(audience)
                self.log.info("The plan, with numbers and texts, is in %s until it was sent.", plan)
                return {**summary, "plan": {"path": plan.path, "seal": seal}}
        with self._planned(plan, context, resumed=resumed) as audience:
            try:
                summary = self._send(context, client, audience, resumed=resumed)
            except TaskDeferred:
                raise
            except AirflowSkipException:
                plan.remove()
                raise
            except BaseException:
                self.log.warning("The plan, with numbers and texts, is kept in %s.", plan)
                raise
        plan.remove()
        return summary

    def _plan_of(self, client: SinchClient, context: Context) -> Plan | None:
        """Return where the checked people are kept, or were kept by another task."""
        from sinch_provider.operators import campaign_running as running

        secret = client.account.credentials.secret
        if self.plan is not None and (given := checked_plan(self.plan)):
            path, seal = given
            return running.Plan(path, secret, seal)
        if self.plan_path is None:
            return None
        send = running.campaign_of(context, self, client.account, self._key)
        return running.Plan.inside(str(self.plan_path), send.reference, secret)

    def _planned(self, plan: Plan, context: Context, *, resumed: bool) -> Audience:
        """Take the people from a plan. If this campaign has none yet, check the source, and make one."""
        from sinch_provider.operators import campaign_running as running

        if plan.seal is not None:
            return plan.checked()
        ti: Any = context.get("ti")
        # Who clears the task wants the source to be read again, and its number of tries grows.
        asked = running.purpose_of(plan.path, ti and ti.max_tries, vars(self._layout), self.values(SOURCE))
        first = not resumed and (ti is None or ti.try_number <= 1)
        if (audience := plan.kept(asked, first=first)) is not None:
            self.log.info("An earlier attempt has checked %d people.", len(audience))
            return audience
        audience = self._check_source()
        try:
            plan.write(audience, asked)
            self.log.info("The plan, with numbers and texts, is in %s until the campaign has ended.", plan)
        except BaseException:
            audience.close()
            raise
        return audience

    @property
    def _key(self) -> str | None:
        return None if self.send_key is None else str(self.send_key)

    def _waiting(self) -> list[str]:
        names = super()._waiting()
        names += ["wait_for_completion"] if self.wait_for_completion else []
        return names + (["results"] if self.results is not None else [])

    def _check_source(self) -> Audience:
        """
        Read the source, and check everybody.

        :raises SinchValidationError: Too many rows are wrong, or there are too many people for a dry run.
        """
        audience = self._read()
        try:
            self._log_counts(audience)
            counts = audience.counts
            faults = counts.exceeded(self.max_invalid)
            if self.dry_run_only:
                faults += self._budget.exceeded(counts.totals)
            if faults:
                raise self._invalid(faults)
        except BaseException:
            audience.close()
            raise
        return audience

    def _read(self) -> Audience:
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

    def _empty(self, audience: Audience) -> dict[str, Any]:
        what = "The source has no rows." if not audience.counts.rows else "No row can be texted."
        if self.on_empty == "skip":
            raise AirflowSkipException(what)
        if self.on_empty == "fail":
            raise self._invalid([Fault("rows", f"{what} To let this succeed, set on_empty")])
        self.log.info("%s Nobody is texted.", what)
        return self._summary(audience)

    def _refuse_to_forget(self) -> None:
        """
        Fail, or warn, because the source has become empty while people waited for their text.

        :raises SinchValidationError: An empty source is a fault.
        """
        what = "The source has become empty while the task waited: whoever was left is not texted."
        if self.on_empty == "fail":
            raise self._invalid([Fault("rows", f"{what} To let this succeed, set on_empty")])
        self.log.warning(what)

    def _send(
        self, context: Context, client: SinchClient, audience: Audience, *, resumed: bool
    ) -> dict[str, Any]:
        from sinch_provider.operators import campaign_running as running

        entered = running.TaskCampaign(context, self, client.account, send_key=self._key, resumed=resumed)
        if self.results is not None:
            self.results.prepare()
        outcome = client.follow(self._entry(entered, client, audience).steps())
        counts = audience.counts
        if not counts.people and not outcome.reached:
            return self._empty(audience)
        if not counts.people and self._left:
            self._refuse_to_forget()
        # What is wrong in a plan was accepted by whoever has checked it.
        invalid = 0 if self.plan is not None else counts.invalid
        excluded = outcome.selection.excluded if outcome.selection else 0
        self._finish(
            outcome,
            counts.bearable(self.max_invalid) - invalid,
            left=counts.people > outcome.reached + excluded,
        )
        if (error := running.nobody(outcome)) is not None:
            raise error
        kinds: dict[str, int] = {}
        if self.wait_for_completion or self.results is not None:
            kinds = self._follow(client, entered, audience)
        return {**self._summary(audience, outcome, entered.reference), **({"kinds": kinds} if kinds else {})}

    def _follow(self, client: SinchClient, entered: TaskCampaign, audience: Audience) -> dict[str, int]:
        """Wait until all batches have finished, and write what became of everybody."""
        from sinch_provider.operators import campaign_running as running

        found = client.follow(entered.campaign.find_again())
        if pending := client.follow(running.unfinished(found.batches)):
            until = max(batch.ends for batch in found.batches)
            self._wait(len(found.people), running.Wait("their delivery", until, pending))
        results = running.Results()
        client.follow(results.read(found.batches))
        if self.results is not None and self.results.with_times:
            client.follow(results.read_times(entered.reference, entered.since))
        tally = results.tally()
        self.log.info("What became of the texts:\n%s", tally.table())
        if self.results is not None:
            rows = results.rows(audience)
            secret = client.account.credentials.secret
            self.log.info(
                "Wrote the results of %d people.", self.results.write(entered.reference, rows, secret)
            )
        return {kind.value: people for kind, people in tally.kinds.items()}

    def _summary(
        self, audience: Audience, outcome: Outcome | None = None, reference: str | None = None
    ) -> dict[str, Any]:
        counts = audience.counts
        cost = self._budget.cost(counts.totals)
        return {
            "reference": reference,
            "rows": counts.rows,
            "invalid": counts.invalid,
            "duplicates": counts.duplicates,
            "people": counts.people,
            "parts": counts.all_parts,
            "cost": None if cost is None else str(cost),
            **self._counts(outcome),
        }
