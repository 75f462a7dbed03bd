"""Types of the arguments that users give to operators and sensors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Required, TypeAlias, TypedDict

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import DAG, Context, RetryPolicy, TaskGroup, XComArg
    from airflow.sdk.types import WeightRuleParam

    Callback: TypeAlias = Callable[[Context], None]
    Callbacks: TypeAlias = Callback | list[Callback] | None

# The types of templated arguments: each may also be a template, or another task's output.
TemplatedText: TypeAlias = "str | XComArg"
TemplatedTime: TypeAlias = "str | datetime | XComArg"
TemplatedBody: TypeAlias = "str | Mapping[str, Any] | XComArg"
TemplatedParameters: TypeAlias = (
    "str | Mapping[str, str | XComArg | Mapping[str, str | int | XComArg]] | XComArg"
)
TemplatedRecipients: TypeAlias = "str | int | XComArg | Iterable[TemplatedRecipients]"
TemplatedBatchIds: TypeAlias = "str | XComArg | Iterable[str | XComArg]"


class BaseOperatorArguments(TypedDict, total=False):
    """
    The arguments of Airflow's own ``BaseOperator``, which our classes take as ``**kwargs``.

    Without it, type checkers would accept any misspelt argument. A test compares it with Airflow.
    """

    task_id: Required[str]
    owner: str
    email: str | Sequence[str] | None
    email_on_retry: bool
    email_on_failure: bool
    retries: int | None
    retry_delay: timedelta | float
    retry_exponential_backoff: float
    max_retry_delay: timedelta | float | None
    retry_policy: RetryPolicy | None
    start_date: datetime | None
    end_date: datetime | None
    depends_on_past: bool
    ignore_first_depends_on_past: bool
    wait_for_past_depends_before_skipping: bool
    wait_for_downstream: bool
    dag: DAG | None
    params: MutableMapping[str, Any] | None
    default_args: dict[str, Any] | None
    priority_weight: int
    weight_rule: WeightRuleParam
    queue: str
    pool: str | None
    pool_slots: int
    sla: timedelta | None
    execution_timeout: timedelta | None
    on_execute_callback: Callback | Collection[Callback] | None
    on_failure_callback: Callbacks
    on_success_callback: Callback | Collection[Callback] | None
    on_retry_callback: Callbacks
    on_skipped_callback: Callback | Collection[Callback] | None
    pre_execute: Callable[[Context], None] | None
    post_execute: Callable[[Context, Any], None] | None
    trigger_rule: str
    resources: dict[str, Any] | None
    run_as_user: str | None
    map_index_template: str | None
    max_active_tis_per_dag: int | None
    max_active_tis_per_dagrun: int | None
    executor: str | None
    executor_config: dict[str, Any] | None
    do_xcom_push: bool
    multiple_outputs: bool
    inlets: Any
    outlets: Any
    task_group: TaskGroup | None
    doc: str | None
    doc_md: str | None
    doc_json: str | None
    doc_yaml: str | None
    doc_rst: str | None
    task_display_name: str | None
    logger_name: str | None
    allow_nested_operators: bool
    render_template_as_native_obj: bool | None


class BaseSensorArguments(BaseOperatorArguments, total=False):
    """The arguments of Airflow's own ``BaseSensorOperator``, as :class:`BaseOperatorArguments`."""

    poke_interval: timedelta | float
    timeout: timedelta | float | None
    soft_fail: bool
    mode: str
    exponential_backoff: bool
    max_wait: timedelta | float | None
    silent_fail: bool
    never_fail: bool
