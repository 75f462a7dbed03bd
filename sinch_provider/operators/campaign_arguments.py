"""The arguments of ``SinchCampaignOperator``: what is taken, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.operators.campaign_base import CampaignOperator
from sinch_provider.sms.campaign.budget import MAX_INVALID, faults_of_max_invalid
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import FILE_SUFFIXES
from sinch_provider.task.arguments import as_rendered, is_template
from sinch_provider.task.results import ResultsFile, ResultsTable

if TYPE_CHECKING:
    from typing import Unpack

    from airflow.providers.common.compat.sdk import XComArg

    from sinch_provider.sms.campaign.budget import Money
    from sinch_provider.sms.campaign.canary import Canary
    from sinch_provider.sms.campaign.window import SendWindow
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
#: Where the people come from, and what becomes of wrong rows.
SOURCE: Final = (
    "rows",
    "sql",
    "sql_conn_id",
    "sql_parameters",
    "sql_hook_params",
    "path",
    "quarantine_path",
    "plan_path",
)


class CampaignArguments(CampaignOperator):
    """Takes the arguments of ``SinchCampaignOperator``, which describes them."""

    template_fields: Sequence[str] = (
        *CampaignOperator.template_fields,
        "rows",
        "sql",
        "sql_conn_id",
        "sql_parameters",
        "path",
        "body",
        "bodies",
        "parameters",
        "from_",
        "exclude",
        "exclude_sql",
        "exclude_conn_id",
        "exclude_campaign",
        "quarantine_path",
        "results",
        "plan_path",
        "plan",
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
        "exclude",
        "exclude_sql",
        "send_key",
    )
    native_fields: ClassVar[Sequence[str]] = (
        "rows",
        "sql_parameters",
        "bodies",
        "parameters",
        "from_",
        "exclude",
        "exclude_campaign",
        "plan",
    )
    file_fields = ("body", "sql", "exclude_sql")

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
        quarantine_path: TemplatedText | None = None,
        exclude: Iterable[Any] | XComArg | None = None,
        exclude_sql: TemplatedText | None = None,
        exclude_conn_id: TemplatedText | None = None,
        exclude_campaign: Mapping[str, Any] | str | XComArg | None = None,
        exclude_max_age: timedelta = timedelta(seconds=60),
        max_recipients: int | None = None,
        max_parts: int | None = None,
        max_cost: Money | None = None,
        prices: Mapping[str, Money] | None = None,
        window: SendWindow | None = None,
        canary: Canary | None = None,
        rate: float | None = None,
        max_in_flight: int = 4,
        fail_fast: bool = False,
        wait_for_completion: bool = False,
        results: ResultsTable | ResultsFile | None = None,
        dry_run: bool = False,
        plan_path: TemplatedText | None = None,
        plan: Mapping[str, Any] | XComArg | None = None,
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
        self.quarantine_path = as_rendered(quarantine_path)
        self.exclude = exclude
        self.exclude_sql = as_rendered(exclude_sql)
        self.exclude_conn_id = as_rendered(exclude_conn_id)
        self.exclude_campaign = as_rendered(exclude_campaign)
        self.exclude_max_age = exclude_max_age
        self.max_recipients = max_recipients
        self.max_parts = max_parts
        self.max_cost = max_cost
        self.prices = prices
        self.window = window
        self.canary = canary
        self.rate = rate
        self.max_in_flight = max_in_flight
        self.fail_fast = fail_fast
        self.wait_for_completion = wait_for_completion
        self.results = results
        self.dry_run_only = dry_run
        self.plan_path = as_rendered(plan_path)
        self.plan = as_rendered(plan)
        self.send_key = as_rendered(send_key)
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the faults of all arguments that are known so far."""
        return [
            *self._source_faults(),
            *self._layout_faults(),
            *super().argument_faults(),
            *faults_of_max_invalid(self.max_invalid),
            *self._results_faults(),
        ]

    def _results_faults(self) -> list[Fault]:
        if self.results is None:
            return []
        if not isinstance(self.results, (ResultsTable, ResultsFile)):
            rule = "must be a ResultsTable or a ResultsFile"
            return [Fault("results", rule, type(self.results).__name__)]
        return self.results.faults("results")

    def _source_faults(self) -> list[Fault]:
        if self.plan is not None:
            return self._plan_faults()
        faults = []
        if self.plan_path is not None and not str(self.plan_path).strip():
            faults.append(Fault("plan_path", "must not be blank"))
        given = [name for name in ("rows", "sql", "path") if getattr(self, name) is not None]
        if len(given) != 1:
            faults.append(Fault("rows, sql, path", "must be given one of the three, or plan"))
        if (self.sql is None) != (self.sql_conn_id is None):
            faults.append(Fault("sql, sql_conn_id", "must be given together or not at all"))
        if self.sql is None:
            faults += [
                Fault(name, "has no effect without sql")
                for name in ("sql_parameters", "sql_hook_params")
                if getattr(self, name) is not None
            ]
        return faults

    def _plan_faults(self) -> list[Fault]:
        faults = [
            Fault(name, "must not be given together with plan, which has it")
            for name in (*SOURCE, *_LAYOUT)
            # It is also that of the exclusions.
            if name != "default_country" and getattr(self, name) is not None
        ]
        if self.dry_run_only:
            faults.append(Fault("dry_run", "must not be given together with plan: it was checked"))
        if not (is_template(self.plan) or checked_plan(self.plan)):
            faults.append(Fault("plan", "must be what a task with dry_run and plan_path has returned"))
        return faults

    def _layout_faults(self) -> list[Fault]:
        if self.plan is not None:
            return []
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


def checked_plan(given: Any) -> tuple[str, str] | None:
    """
    Return the path and the seal of a plan that another task has returned; None: it is none.

    :param given: The result of a dry run, or its ``plan``.
    """
    if not isinstance(given, Mapping):
        return None
    plan = given.get("plan", given)
    if not isinstance(plan, Mapping):
        return None
    path, seal = plan.get("path"), plan.get("seal")
    return (path, seal) if isinstance(path, str) and isinstance(seal, str) else None
