"""Contexts as Airflow makes them: in the process of a task, and in the Dag processor for callbacks."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG
from airflow.utils.state import TaskInstanceState

from sinch_provider.operators.batches import SinchSendBatchOperator
from tests.versions import AIRFLOW

if AIRFLOW >= (3, 0):
    import structlog
    from airflow.callbacks.callback_requests import DagCallbackRequest, DagRunContext, TaskCallbackRequest
    from airflow.dag_processing import processor
    from airflow.sdk.api.datamodels import _generated as datamodels
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import comms
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

ANN = "+447700900222"
START = pendulum.datetime(2026, 1, 1)
_ID = UUID("019b0000-0000-7000-8000-000000000001")


def send(task_id: str = "send", to: str = ANN, body: str = "Hi", **arguments: Any) -> SinchSendBatchOperator:
    return SinchSendBatchOperator(task_id=task_id, to=[to], body=body, **arguments)


def in_dag(operator: Any, dag_id: str = "dag") -> Any:
    """Put an operator into a Dag, if it is in none."""
    if AIRFLOW < (3, 0):
        pytest.skip("Airflow 2 makes contexts only from its database")
    if not operator.has_dag():
        operator.dag = DAG(dag_id, start_date=START, schedule=None)
    return operator


def _known(model: Any, facts: dict[str, Any]) -> Any:
    """Make a model of the facts that it has in this Airflow."""
    return model(**{name: value for name, value in facts.items() if name in model.model_fields})


def _from_server(
    run_id: str, dag_id: str, clear_number: int, max_tries: int, reschedules: int, run_after: Any = START
) -> Any:
    facts: dict[str, Any] = {
        "dag_id": dag_id,
        "run_id": run_id,
        "logical_date": None,
        "data_interval_start": None,
        "data_interval_end": None,
        "run_after": run_after,
        "start_date": START,
        "end_date": None,
        "clear_number": clear_number,
        "run_type": "manual",
        "state": "running",
        "consumed_asset_events": [],
        "partition_key": None,
        "conf": {},
    }
    return datamodels.TIRunContext(
        dag_run=_known(datamodels.DagRun, facts),
        max_tries=max_tries,
        task_reschedule_count=reschedules,
        variables=[],
        connections=[],
        xcom_keys_to_clear=[],
    )


def context_of(
    operator: Any,
    *,
    dag_id: str = "dag",
    run_id: str = "run",
    try_number: int = 1,
    max_tries: int | None = None,
    map_index: int | None = -1,
    clear_number: int = 0,
    reschedules: int = 0,
    run_after: Any = START,
    state: str | None = "running",
) -> Any:
    """The context of a task in its process."""
    in_dag(operator, dag_id)
    max_tries = operator.retries if max_tries is None else max_tries
    ti = RuntimeTaskInstance.model_construct(
        id=_ID,
        task_id=operator.task_id,
        dag_id=operator.dag_id,
        run_id=run_id,
        try_number=try_number,
        dag_version_id=_ID,
        map_index=map_index,
        task=operator,
        start_date=START,
        state=state,
        max_tries=max_tries,
        _ti_context_from_server=_from_server(
            run_id, operator.dag_id, clear_number, max_tries, reschedules, run_after
        ),
    )
    return ti.get_template_context()


def _row(operator: Any, try_number: int, map_index: int) -> Any:
    facts = {
        "id": _ID,
        "task_id": operator.task_id,
        "dag_id": operator.dag_id,
        "run_id": "run",
        "try_number": try_number,
        "dag_version_id": _ID,
        "map_index": map_index,
    }
    return _known(datamodels.TaskInstance, facts)


def processor_context(
    operator: Any, *, try_number: int = 1, map_index: int = -1, clear_number: int = 0, retrying: bool = False
) -> Any:
    """The context of a task's failure or retry callback in the Dag processor."""
    in_dag(operator)
    given: list[Any] = []
    operator.on_failure_callback = operator.on_retry_callback = given.append
    request = TaskCallbackRequest(
        filepath="dag.py",
        bundle_name="bundle",
        bundle_version=None,
        msg="heartbeat timeout",
        ti=_row(operator, try_number, map_index),
        task_callback_type=TaskInstanceState("up_for_retry" if retrying else "failed"),
        context_from_server=_from_server("run", operator.dag_id, clear_number, operator.retries, 0),
    )
    bag: Any = SimpleNamespace(dags={operator.dag_id: operator.dag})
    processor._execute_task_callbacks(bag, request, structlog.get_logger())
    [context] = given
    return context


def dag_context(operator: Any, *, reason: str, clear_number: int = 0, with_task: bool = True) -> Any:
    """The context of a Dag's failure callback."""
    in_dag(operator)
    given: list[Any] = []
    operator.dag.on_failure_callback = given.append
    server = _from_server("run", operator.dag_id, clear_number, operator.retries, 0)
    request = DagCallbackRequest(
        filepath="dag.py",
        bundle_name="bundle",
        bundle_version=None,
        msg=reason,
        dag_id=operator.dag_id,
        run_id="run",
        context_from_server=DagRunContext(dag_run=server.dag_run, last_ti=_row(operator, 1, -1))
        if with_task
        else None,
    )
    bag: Any = SimpleNamespace(dags={operator.dag_id: operator.dag})
    processor._execute_dag_callbacks(bag, request, structlog.get_logger())
    [context] = given
    return context


class Supervisor:
    """
    Answers what a task asks its supervisor about the task state. Keeps values over attempts.

    :param down: Whether Airflow's API cannot be reached.
    """

    def __init__(self, down: bool = False) -> None:
        self.down = down
        self.values: dict[str, Any] = {}
        self.expires: dict[str, Any] = {}

    def send(self, message: Any) -> Any:
        if self.down:
            raise ConnectionError("the API server does not answer")
        if isinstance(message, comms.GetTaskStateStore):
            if message.key not in self.values:
                return comms.ErrorResponse(error=ErrorType.TASK_STORE_NOT_FOUND)
            return comms.TaskStateStoreResult(value=json.loads(self.values[message.key]))
        assert isinstance(message, comms.SetTaskStateStore), message
        self.values[message.key] = json.dumps(message.value)
        self.expires[message.key] = message.expires_at
        return comms.OKResponse(ok=True)
