"""Transfers in a real Airflow: campaigns with one kind of source."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.transfers.object_storage_to_sinch_sms import ObjectStorageToSinchSmsOperator
from sinch_provider.transfers.sql_to_sinch_sms import SqlToSinchSmsOperator
from tests.integration.test_campaign_pace import START, UK, received
from tests.versions import needs


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "guests.db"
    with closing(sqlite3.connect(place)) as database:
        database.execute("create table guests (phone text)")
        database.executemany("insert into guests values (?)", [(each,) for each in UK[:4]])
        database.commit()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(place)}))


@pytest.mark.usefixtures("warehouse")
def test_of_a_query(run_dag: Any, sinch_default: Any) -> None:
    with DAG("sql", start_date=START, schedule=None, default_args={"sql_conn_id": "warehouse"}) as dag:
        # What default_args give is no missing argument.
        operator: Any = SqlToSinchSmsOperator
        operator(task_id="remind", sql="select phone from guests", body="Hi!", exclude=[UK[1]])
    assert run_dag(dag).state == "success"
    assert received(sinch_default) == Counter([UK[0], *UK[2:4]])


def test_of_files_mapped(run_dag: Any, sinch_default: Any, tmp_path: Path) -> None:
    paths = []
    for name, numbers in (("a.csv", UK[:2]), ("b.csv", UK[2:5])):
        (tmp_path / name).write_text("\n".join(["phone", *numbers]))
        paths.append({"path": f"file://{tmp_path / name}", "send_key": name})
    with DAG("files", start_date=START, schedule=None) as dag:
        ObjectStorageToSinchSmsOperator.partial(task_id="remind", body="Hi!").expand_kwargs(paths)
    assert run_dag(dag).state == "success"
    assert received(sinch_default) == Counter(UK[:5])


@pytest.mark.parametrize("other", [{"rows": UK}, {"path": "guests.csv"}])
def test_no_other_source_is_taken(other: dict[str, Any]) -> None:
    with pytest.raises(SinchValidationError, match="rows, sql, path: must be given one of the three"):
        SqlToSinchSmsOperator(task_id="remind", sql="select 1", sql_conn_id="warehouse", body="Hi!", **other)


@needs(3, 0, what="a TypeError for a missing argument")
@pytest.mark.parametrize("given", [{}, {"sql": "select 1"}, {"rows": UK}])
def test_the_source_is_required(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="missing keyword argument"):
        SqlToSinchSmsOperator(task_id="remind", body="Hi!", **given)
    with pytest.raises(TypeError, match="missing keyword argument 'path'"):
        ObjectStorageToSinchSmsOperator(task_id="remind", body="Hi!", **given)
