"""Campaigns in a real Airflow."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, task

from sinch_provider.operators.campaign import SendWindow, SinchCampaignOperator
from sinch_provider.sms.errors import SinchValidationError
from tests.integration.conftest import result_of

START = pendulum.datetime(2026, 1, 1, tz="UTC")
GUESTS = [
    {"id": "1", "phone": "+44 7700 900222", "name": "Maria"},
    {"id": "2", "phone": "+447700900333", "name": "Johan"},
    {"id": "3", "phone": "+44 7700-900 222", "name": "Maria again"},
    {"id": "4", "phone": "+447700900444", "name": "Anna"},
]


def campaign(**arguments: Any) -> SinchCampaignOperator:
    return SinchCampaignOperator(
        **{"task_id": "remind", "number_column": "phone", "body": "Hi ${name}!", **arguments}
    )


def received(sandbox: Any) -> Counter[tuple[str, str]]:
    return Counter((message["to"][-3:], message["body"]) for message in sandbox.messages())


ONCE = Counter([("222", "Hi Maria!"), ("333", "Hi Johan!"), ("444", "Hi Anna!")])


class TestSources:
    def test_rows_of_another_task(self, run_dag, sinch_default):
        with DAG("rows", start_date=START, schedule=None) as dag:

            @task
            def guests():
                return GUESTS[:3]

            campaign(rows=guests())
        run = run_dag(dag)
        assert run.state == "success"
        assert received(sinch_default) == ONCE - Counter([("444", "Hi Anna!")])
        assert result_of(run, "remind")["people"] == 2

    @pytest.mark.parametrize("name", ["guests.csv", "guests.jsonl"])
    def test_a_file(self, run_dag, sinch_default, tmp_path, name):

        lines = (
            ["phone;name", *(f"{each['phone']};{each['name']}" for each in GUESTS[:2]), ";"]
            if name.endswith("csv")
            else [json.dumps(each) for each in GUESTS[:2]]
        )
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8-sig" if name.endswith("csv") else None)
        with DAG("file", start_date=START, schedule=None) as dag:
            campaign(path=f"file://{tmp_path / name}")
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter([("222", "Hi Maria!"), ("333", "Hi Johan!")])

    def test_a_query(self, run_dag, sinch_default, tmp_path, monkeypatch, shown):
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(tmp_path / "guests.db")) as database:
            database.execute("create table guests (phone text, name text)")
            rows = [(each["phone"], each["name"]) for each in GUESTS]
            database.executemany("insert into guests values (?, ?)", rows)
            database.commit()
        database_of = {"conn_type": "sqlite", "host": str(tmp_path / "guests.db")}
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(database_of))
        with DAG("query", start_date=START, schedule=None) as dag:
            campaign(
                sql="select phone, name from guests where name <> :name",
                sql_conn_id="warehouse",
                sql_parameters={"name": "Secretname"},
            )
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == ONCE
        assert "Secretname" not in shown()


def test_a_retry_texts_nobody_twice(run_dag, sinch_default):
    sinch_default.fault("lost_reply", "send", when="after", count=3)
    with DAG("again", start_date=START, schedule=None) as dag:
        campaign(rows=GUESTS, retries=2, retry_delay=0.01)
    assert run_dag(dag).state == "success"
    assert received(sinch_default) == ONCE


def test_nothing_personal_is_shown(run_dag, sinch_default, shown):
    with DAG("private", start_date=START, schedule=None) as dag:
        campaign(rows=[*GUESTS, {"phone": "0770", "name": "Bad"}], max_invalid=1)
    assert run_dag(dag).state == "success"
    said = shown()
    assert "Checked 5 rows: 3 people, 1 duplicates, 1 invalid rows." in said
    for secret in ("900222", "900333", "Maria", "Johan", "0770"):
        assert secret not in said


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({}, ["rows, sql, path"]),
        ({"rows": GUESTS, "path": "x.csv"}, ["rows, sql, path"]),
        ({"sql": "select 1"}, ["sql, sql_conn_id"]),
        (
            {"rows": GUESTS, "on_empty": "x", "rate": 0, "max_in_flight": 11},
            ["on_empty", "max_in_flight", "rate"],
        ),
        ({"rows": GUESTS, "max_cost": 5}, ["prices"]),
        ({"rows": GUESTS, "bodies": {"sv": "Hej"}}, ["body, bodies", "bodies, language_column"]),
    ],
)
def test_wrong_arguments_are_refused_when_the_dag_is_parsed(arguments: Any, fields: list[str]) -> None:
    with pytest.raises(SinchValidationError) as caught:
        campaign(**arguments)
    assert [fault.field for fault in caught.value.faults] == fields


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_cap_keeps_everything_from_being_sent(run_dag, sinch_default, dry_run):
    with DAG("capped", start_date=START, schedule=None) as dag:
        campaign(rows=GUESTS, max_recipients=2, dry_run=dry_run)
    assert run_dag(dag).state == "failed"
    assert sinch_default.batches() == []


def test_a_dry_run_sends_nothing(run_dag, sinch_default):
    with DAG("dry", start_date=START, schedule=None) as dag:
        campaign(rows=GUESTS, dry_run=True, prices={"GB": 0.04})
    run = run_dag(dag)
    assert result_of(run, "remind")["cost"] == "0.12"
    assert sinch_default.batches() == []


@pytest.mark.parametrize("wait", [{"window": SendWindow("00:00", "24:00")}, {"wait_for_completion": True}])
def test_inside_another_task_it_does_not_wait(run_dag, sinch_default, shown, wait):
    with DAG("nested", start_date=START, schedule=None) as dag:

        @task
        def outer(**context):
            return campaign(rows=GUESTS, send_key="a").execute(context)

        @task
        def waiting(**context):
            return campaign(rows=GUESTS, send_key="b", **wait).execute(context)

        outer()
        waiting()
    run = run_dag(dag)
    assert run.get_task_instance("outer").state == "success"
    assert run.get_task_instance("waiting").state == "failed"
    assert received(sinch_default) == ONCE
    assert "make it a task of its own" in shown()
