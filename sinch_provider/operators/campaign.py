"""``SinchCampaignOperator``: one text to each person of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.operators.base import SinchOperator
from sinch_provider.sms.campaign.audience import MAX_INVALID, faults_of_max_invalid
from sinch_provider.sms.campaign.budget import Budget, Money
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import FILE_SUFFIXES, shown_value
from sinch_provider.task.arguments import as_rendered, is_template

if TYPE_CHECKING:
    from typing import Unpack

    import jinja2
    from airflow.providers.common.compat.sdk import Context, XComArg

    from sinch_provider.sms.campaign.audience import Audience, Person
    from sinch_provider.sms.campaign.reached import Reached
    from sinch_provider.sms.campaign.rows import Rows
    from sinch_provider.sms.campaign.sending import Round
    from sinch_provider.sms.client import SinchClient
    from sinch_provider.task.typing import BaseOperatorArguments, TemplatedText

_LAYOUT: Final = (
    "number_column",
    "id_column",
    "time_zone_column",
    "language_column",
    "body",
    "bodies",
    "parameters",
    "from_",
    "default_country",
    "max_number_of_message_parts",
)
_BUDGET: Final = ("max_recipients", "max_parts", "max_cost", "prices")
_ON_EMPTY: Final = ("fail", "skip", "succeed")


class SinchCampaignOperator(SinchOperator):
    """
    Text each person of a table once, whatever happens to the task; return a summary without numbers.

    The people are rows: of a query (``sql``), of a file (``path``), or of a value such as another task's
    output (``rows``). They are all checked before the first text. A retry or a clear of the task texts those
    who were not reached yet, also those whose rows are new. ``send_key`` begins anew.

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
    :param max_recipients: Refuse a campaign to more people.
    :param max_parts: Refuse a campaign with more SMS parts.
    :param max_cost: Refuse a campaign that costs more.
    :param prices: What a part costs by country, and by ``default``.
    :param max_in_flight: How many requests are on their way at once, 1 to 10.
    :param rate: People a second, at most.
    :param fail_fast: Whether nothing more is sent once Sinch has refused a batch.
    :param dry_run: Whether to stop after the check.
    :param send_key: A campaign of its own: with a new key, everybody is texted anew. Required in mapped
        tasks. (templated)
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    template_fields: Sequence[str] = (
        *SinchOperator.template_fields,
        "rows",
        "sql",
        "sql_conn_id",
        "sql_parameters",
        "path",
        "body",
        "bodies",
        "parameters",
        "from_",
        "send_key",
    )
    template_ext: Sequence[str] = (*FILE_SUFFIXES, ".sql")
    private_fields: ClassVar[Sequence[str]] = (
        "rows",
        "sql",
        "sql_parameters",
        "body",
        "bodies",
        "parameters",
        "from_",
        "send_key",
    )
    native_fields: ClassVar[Sequence[str]] = ("rows", "sql_parameters", "bodies", "parameters", "from_")
    file_fields = ("body", "sql")
    operation = "send"

    def __init__(
        self,
        *,
        rows: Iterable[Any] | XComArg | None = None,
        sql: TemplatedText | None = None,
        sql_conn_id: TemplatedText | None = None,
        sql_parameters: Mapping[str, Any] | Sequence[Any] | XComArg | None = None,
        sql_hook_params: Mapping[str, Any] | None = None,
        path: TemplatedText | None = None,
        number_column: str | None = None,
        id_column: str | None = None,
        time_zone_column: str | None = None,
        language_column: str | None = None,
        body: TemplatedText | None = None,
        bodies: Mapping[str, str] | XComArg | None = None,
        parameters: Mapping[str, str | int] | XComArg | None = None,
        from_: str | Mapping[str, str] | XComArg | None = None,
        default_country: str | None = None,
        max_number_of_message_parts: int | None = None,
        on_empty: str = "fail",
        max_invalid: float = MAX_INVALID,
        max_recipients: int | None = None,
        max_parts: int | None = None,
        max_cost: Money | None = None,
        prices: Mapping[str, Money] | None = None,
        max_in_flight: int = 4,
        rate: float | None = None,
        fail_fast: bool = False,
        dry_run: bool = False,
        send_key: TemplatedText | None = None,
        sinch_conn_id: TemplatedText = DEFAULT_CONN_ID,
        **kwargs: Unpack[BaseOperatorArguments],
    ) -> None:
        super().__init__(sinch_conn_id=sinch_conn_id, **kwargs)
        self.rows = rows
        self.sql = as_rendered(sql)
        self.sql_conn_id = as_rendered(sql_conn_id)
        self.sql_parameters = as_rendered(sql_parameters)
        self.sql_hook_params = sql_hook_params
        self.path = as_rendered(path)
        self.number_column = number_column
        self.id_column = id_column
        self.time_zone_column = time_zone_column
        self.language_column = language_column
        self.body = as_rendered(body)
        self.bodies = as_rendered(bodies)
        self.parameters = as_rendered(parameters)
        self.from_ = as_rendered(from_)
        self.default_country = default_country
        self.max_number_of_message_parts = max_number_of_message_parts
        self.on_empty = on_empty
        self.max_invalid = max_invalid
        self.max_recipients = max_recipients
        self.max_parts = max_parts
        self.max_cost = max_cost
        self.prices = prices
        self.max_in_flight = max_in_flight
        self.rate = rate
        self.fail_fast = fail_fast
        self.dry_run_only = dry_run
        self.send_key = as_rendered(send_key)
        self._killed = False
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the faults of source, texts and caps that are known so far."""
        faults = [*super().argument_faults(), *self._source_faults(), *self._layout_faults()]
        faults += self._budget.faults() + faults_of_max_invalid(self.max_invalid)
        if self.on_empty not in _ON_EMPTY:
            rule = f"must be one of {', '.join(_ON_EMPTY)}"
            faults.append(Fault("on_empty", rule, shown_value(self.on_empty)))
        if not isinstance(self.max_in_flight, int) or not 1 <= self.max_in_flight <= 10:
            faults.append(Fault("max_in_flight", "must be a number from 1 to 10"))
        if self.rate is not None and not (isinstance(self.rate, (int, float)) and self.rate > 0):
            faults.append(Fault("rate", "must be a number of people a second, above 0"))
        return faults

    def _source_faults(self) -> list[Fault]:
        faults = []
        given = [name for name in ("rows", "sql", "path") if getattr(self, name) is not None]
        if len(given) != 1:
            faults.append(Fault("rows, sql, path", "must be given one of the three"))
        if (self.sql is None) != (self.sql_conn_id is None):
            faults.append(Fault("sql, sql_conn_id", "must be given together or not at all"))
        if self.sql is None:
            faults += [
                Fault(name, "has no effect without sql")
                for name in ("sql_parameters", "sql_hook_params")
                if getattr(self, name) is not None
            ]
        return faults

    def _layout_faults(self) -> list[Fault]:
        # Faults of a text that is not known yet cannot be told from those of a missing one.
        if any(is_template(getattr(self, name)) for name in ("body", "bodies", "parameters", "from_")):
            return []
        return [] if self._reads_file("body") else self._layout.faults()

    def _reads_file(self, name: str) -> bool:
        value = getattr(self, name)
        return isinstance(value, str) and value.endswith(tuple(self.template_ext))

    @property
    def _layout(self) -> Layout:
        return Layout(**self.values(_LAYOUT))

    @property
    def _budget(self) -> Budget:
        return Budget(**self.values(_BUDGET))

    def _render_field(
        self, name: str, value: Any, context: Context, environment: jinja2.Environment, seen_oids: set[int]
    ) -> Any:
        # Rows are data: a name with {{ in it is no template.
        if name == "rows" and not isinstance(value, str) and not hasattr(value, "resolve"):
            return value
        return super()._render_field(name, value, context, environment, seen_oids)

    def execute(self, context: Context) -> dict[str, Any]:
        """Check everybody, and text those who were not reached yet."""
        return self._enter(context, resumed=False)

    def _enter(self, context: Context, *, resumed: bool) -> dict[str, Any]:
        from sinch_provider.operators import running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id), self._audience() as audience:
            self._log_counts(audience)
            counts = audience.counts
            faults = counts.exceeded(self.max_invalid) + self._budget.exceeded(counts.totals)
            if faults:
                raise self._invalid(faults)
            if not counts.people and (summary := self._empty(counts.rows)):
                return summary
            if self.dry_run_only:
                return self._summary(audience, None, 0, None)
            with self.hook.new_client() as client:
                return self._send(context, client, audience, resumed=resumed)

    def _audience(self) -> Audience:
        """Read the source, and check everybody."""
        from sinch_provider.operators import campaign_running as running

        def use(rows: Rows) -> Audience:
            return running.check(rows, self._layout)

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

    def _empty(self, rows: int) -> dict[str, Any] | None:
        what = "The source has no rows." if not rows else "No row can be texted."
        if self.on_empty == "skip":
            raise AirflowSkipException(what)
        if self.on_empty == "fail":
            raise self._invalid([Fault("rows", f"{what} To let this succeed, set on_empty")])
        self.log.info("%s Nobody is texted.", what)
        return {"people": 0, "reached": 0, "batches": 0}

    def _send(
        self, context: Context, client: SinchClient, audience: Audience, *, resumed: bool
    ) -> dict[str, Any]:
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
        layout = audience.layout

        def messages(found: Reached) -> Iterable[Mapping[str, Any]]:
            def choose(person: Person) -> Mapping[str, Any] | None:
                if int(person.number) in found.people:
                    return None
                return {} if layout.from_ is None else {"from_": layout.sender(person.country)}

            return running.messages_for(audience, choose)

        async def steps() -> tuple[Reached, Round]:
            found = await entered.campaign.find()
            return await entered.campaign.send(found, messages, sending, self._log_progress)

        found, done = client.follow(steps())
        return self._summary(audience, entered.reference, len(found.people), done)

    def _log_progress(self, done: Round) -> None:
        self.log.info("Sent to %d people in %d batches.", done.people, done.batches)

    def _summary(
        self, audience: Audience, reference: str | None, before: int, done: Round | None
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
            "reached_before": before,
            "sent": done.people if done else 0,
            "batches": done.batches if done else 0,
            "refused": done.refused.people if done else 0,
        }

    def on_kill(self) -> None:
        """Send nothing more."""
        self._killed = True
