"""What Airflow makes of a Dag with campaigns: the same in each process, with all dependencies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator

from sinch_provider.operators.campaign import ResultsFile, ResultsTable, SinchCampaignOperator
from sinch_provider.operators.resend import SinchResendFailedOperator
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.transfers.object_storage_to_sinch_sms import ObjectStorageToSinchSmsOperator
from sinch_provider.transfers.sql_to_sinch_sms import SqlToSinchSmsOperator
from tests.integration.test_campaign_pace import START, UK
from tests.versions import needs

#: Every operator for campaigns, plain and mapped, with a value of each class that they take.
DAG_FILE = """
import json
from datetime import timedelta

import pendulum
from airflow.models.serialized_dag import SerializedDagModel
from airflow.providers.common.compat.sdk import DAG

from sinch_provider.operators.campaign import (
    Canary, ResultsFile, ResultsTable, SendWindow, SinchCampaignOperator,
)
from sinch_provider.operators.resend import SinchResendFailedOperator
from sinch_provider.transfers.object_storage_to_sinch_sms import ObjectStorageToSinchSmsOperator
from sinch_provider.transfers.sql_to_sinch_sms import SqlToSinchSmsOperator
from tests.versions import serialized

PEOPLE = {f"+447700900{number}" for number in range(200, 220)}
ROUND = {
    "window": SendWindow("09:00", "20:00", days=("mon", "tue"), unknown="Europe/London"),
    "exclude": PEOPLE,
    "exclude_max_age": timedelta(seconds=30),
    "prices": {"GB": 0.04, "SE": 0.05, "default": 0.1},
    "max_cost": 5,
    "rate": 10,
}
CAMPAIGN = {**ROUND, "canary": Canary(5, within=timedelta(minutes=1)), "from_": {"SE": "A", "default": "B"}}
TEXTS = {"bodies": {"sv": "Hej ${name}", "en": "Hi ${name}"}, "language_column": "language"}
TABLE = ResultsTable("warehouse", "results", hook_params={"schema": "a", "options": "b"})

with DAG("d", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), schedule=None) as dag:
    plain = SinchCampaignOperator(task_id="plain", rows=PEOPLE, body="Hi", results=TABLE, **CAMPAIGN)
    SinchResendFailedOperator(task_id="again", campaign=plain.output, temporary_codes={153, 107}, **ROUND)
    SinchResendFailedOperator.partial(task_id="rounds", temporary_codes={153, 107}, **ROUND).expand(
        campaign=[plain.output, "af-1"], send_key=["a", "b"]
    )
    SinchCampaignOperator.partial(task_id="mapped", body="Hi", results=TABLE, **CAMPAIGN).expand_kwargs(
        [{"rows": PEOPLE, "send_key": "a"}, {"rows": sorted(PEOPLE), "send_key": "b"}]
    )
    SqlToSinchSmsOperator(
        task_id="query", sql="select 1", sql_conn_id="warehouse", sql_parameters={"b": 1, "a": PEOPLE},
        sql_hook_params={"b": 1, "a": 2}, exclude_campaign=plain.output, **TEXTS, **CAMPAIGN,
    )
    SqlToSinchSmsOperator.partial(task_id="queries", sql_conn_id="warehouse", **TEXTS, **CAMPAIGN).expand(
        sql=["select 1", "select 2"], send_key=["a", "b"]
    )
    ObjectStorageToSinchSmsOperator(
        task_id="file", path="s3://a/b.csv", results=ResultsFile("s3://a/c.csv"), **TEXTS, **CAMPAIGN
    )
    ObjectStorageToSinchSmsOperator.partial(
        task_id="files", body="Hi", results=ResultsFile("s3://a/c.csv"), **CAMPAIGN
    ).expand(path=["s3://a/b.csv", "s3://a/d.csv"], send_key=["a", "b"])

print("\\n" + json.dumps([len(dag.tasks), SerializedDagModel.hash(serialized(dag))]))
"""

#: What each operator needs, and its fields that take another task's output.
OPERATORS: list[tuple[Any, dict[str, Any]]] = [
    (SinchCampaignOperator, {"rows": UK, "body": "Hi!"}),
    (SinchResendFailedOperator, {"campaign": "af-1"}),
    (SqlToSinchSmsOperator, {"sql": "select 1", "sql_conn_id": "warehouse", "body": "Hi!"}),
    (ObjectStorageToSinchSmsOperator, {"path": "guests.csv", "body": "Hi!"}),
]
#: What a field needs beside it, or takes the place of.
BESIDE: dict[str, dict[str, Any]] = {
    "sql": {"sql_conn_id": "warehouse"},
    "sql_conn_id": {"sql": "select 1"},
    "sql_parameters": {"sql": "select 1", "sql_conn_id": "warehouse"},
    "bodies": {"language_column": "language"},
    "parameters": {"body": "Hi ${name}"},
    "exclude_sql": {"exclude_conn_id": "warehouse"},
    "exclude_conn_id": {"exclude_sql": "select 1"},
}
SOURCES = ("rows", "sql", "path")


def fields_of(operator: Any) -> list[str]:
    """The templated fields, but for the value class ``results``, which has templated fields of its own."""
    return sorted(set(operator.template_fields) - {"results"})


def hash_in(seed: int) -> Any:
    shown = subprocess.run(
        [sys.executable, "-c", DAG_FILE],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
    )
    return json.loads(shown.stdout.splitlines()[-1])


@needs(3, 3, what="the order in which this Airflow writes sets")
@pytest.mark.usefixtures("airflow_database")
def test_each_process_writes_the_same_dag() -> None:
    found = [hash_in(seed) for seed in (1, 2)]
    assert found[0][0] == 8
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("operator", "given", "field"),
    [
        pytest.param(operator, given, field, id=f"{operator.__name__}-{field}")
        for operator, given in OPERATORS
        for field in fields_of(operator)
        # A transfer has one source.
        if operator is SinchCampaignOperator or field in given or not field.startswith((*SOURCES, "plan"))
    ],
)
def test_the_output_of_a_task_makes_a_dependency(operator: Any, given: dict[str, Any], field: str) -> None:
    arguments = {**given, **BESIDE.get(field, {})}
    if "sql" in arguments or field in SOURCES:
        wanted = field if field in SOURCES else "sql"
        arguments = {
            name: value for name, value in arguments.items() if name not in SOURCES or name == wanted
        }
    if field == "plan":
        arguments = {}
    if field == "bodies":
        del arguments["body"]
    with DAG("d", start_date=START, schedule=None):
        first = BaseOperator(task_id="first")
        assert operator(task_id="plain", **{**arguments, field: first.output}).upstream_task_ids == {"first"}
        mapped = operator.partial(task_id="mapped", **{**arguments, field: first.output})
        assert mapped.expand(max_in_flight=[1, 2]).upstream_task_ids == {"first"}
        arguments.pop(field, None)
        expanded = operator.partial(task_id="expanded", **arguments).expand(**{field: first.output})
        assert expanded.upstream_task_ids == {"first"}


def test_airflow_would_not_find_an_output_in_a_value() -> None:
    with DAG("d", start_date=START, schedule=None):
        output: Any = BaseOperator(task_id="first").output
    for results in (ResultsTable("warehouse", output), ResultsFile(output)):
        with pytest.raises(SinchValidationError, match="must be text, such as a template"):
            SinchCampaignOperator(task_id="remind", rows=UK, body="Hi!", results=results)
