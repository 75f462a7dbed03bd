"""Who is texted when: windows, canaries, exclusions, caps over what was reached, refused batches."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
import requests
from airflow.providers.common.compat.sdk import DAG, task

from sinch_provider.operators.campaign import (
    Canary,
    ResultsFile,
    ResultsTable,
    SendWindow,
    SinchCampaignOperator,
)
from sinch_provider.operators.resend import SinchResendFailedOperator
from tests.integration.conftest import result_of, state_of

START = pendulum.datetime(2026, 1, 1, tz="UTC")
UK = [f"+447700900{number:03}" for number in range(200, 220)]
SWEDEN = ["+46701740605", "+46701740606"]
NEVER = "+447700900401"
FAILS = "+447700900402"
STAYS_QUEUED = "+447700900400"
MANY = [f"+447700900{number:03}" for number in range(100, 150)] + [
    f"+447700900{number:03}" for number in range(200, 250)
]


def campaign(**arguments: Any) -> SinchCampaignOperator:
    return SinchCampaignOperator(**{"task_id": "remind", "body": "Hi!", **arguments})


def received(sandbox: Any) -> Counter[str]:
    return Counter(f"+{message['to']}" for message in sandbox.messages() if message["code"] != 407)


@pytest.mark.usefixtures("noon")
class TestWindow:
    def test_an_open_one_ends_the_texts_with_it(self, run_dag, sinch_default):
        with DAG("open", start_date=START, schedule=None) as dag:
            campaign(rows=UK, window=SendWindow("09:00", "20:00"))
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK)
        (batch,) = sinch_default.batches()
        assert batch["expire_at"][11:19] in {"19:00:00", "20:00:00"}

    def test_the_task_waits_for_a_closed_one(self, run_dag, sinch_default, noon, shown):
        began = noon()
        with DAG("closed", start_date=START, schedule=None) as dag:
            campaign(rows=UK, window=SendWindow("08:00", "09:00"))
        run = run_dag(dag)
        assert run.state == "success"
        assert received(sinch_default) == Counter(UK)
        assert timedelta(hours=18) < noon() - began < timedelta(hours=22)
        assert "Waiting for the hours in which 20 people may be texted" in shown()

    def test_each_zone_has_its_own(self, run_dag, sinch_default):
        zones = {"+447700900222": "Europe/London", "+447700900333": "Pacific/Auckland"}
        rows = [{"number": number, "zone": zone} for number, zone in zones.items()]
        with DAG("zones", start_date=START, schedule=None) as dag:
            campaign(
                rows=rows,
                number_column="number",
                time_zone_column="zone",
                window=SendWindow("09:00", "20:00"),
            )
        assert run_dag(dag).state == "success"
        for batch in sinch_default.batches():
            created = datetime.fromisoformat(batch["created_at"])
            zone = ZoneInfo(zones[f"+{batch['to'][0]}"])
            assert 9 <= created.astimezone(zone).hour < 20
        assert received(sinch_default) == Counter(zones.keys())


@pytest.mark.usefixtures("noon")
class TestCanary:
    def test_the_others_get_the_text_when_the_first_have_it(self, run_dag, sinch_default, shown):
        with DAG("canary", start_date=START, schedule=None) as dag:
            campaign(rows=UK, canary=Canary(5))
        run = run_dag(dag)
        assert run.state == "success"
        assert received(sinch_default) == Counter(UK)
        assert [len(each["to"]) for each in reversed(sinch_default.batches())] == [5, 15]
        assert "Waiting for the reports of the first 5 people" in shown()
        assert result_of(run, "remind")["reached"] == 20

    def test_nobody_else_gets_it_if_they_do_not(self, run_dag, sinch_default, shown):
        sinch_default.script({"prefix": "447700900", "status": "Failed", "code": 402})
        with DAG("stopped", start_date=START, schedule=None) as dag:
            campaign(rows=UK, canary=Canary(5), retries=3)
        run = run_dag(dag)
        assert run.state == "failed"
        assert [len(each["to"]) for each in sinch_default.batches()] == [5]
        said = shown()
        assert "5 of the first 5 texts were not delivered, so min_delivered=0.9 cannot be reached" in said
        assert "Nobody else was texted." in said

    def test_reports_that_never_come_stop_it_too(self, run_dag, sinch_default, noon, shown):
        began = noon()
        with DAG("silent", start_date=START, schedule=None) as dag:
            campaign(rows=[NEVER], canary=Canary(1, within=timedelta(minutes=20)))
        assert run_dag(dag).state == "failed"
        assert timedelta(minutes=20) <= noon() - began < timedelta(hours=1)
        assert "0 of the first 1 texts were delivered" in shown()

    def test_one_that_is_larger_than_the_audience_decides_nothing(self, run_dag, sinch_default):
        with DAG("small", start_date=START, schedule=None) as dag:
            campaign(rows=UK[:3], canary=Canary(5))
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:3])


class TestExclusions:
    def test_rows_a_file_and_another_campaign(self, run_dag, sinch_default, tmp_path):
        (tmp_path / "out.csv").write_text(f"number\n{UK[3]}\n")
        with DAG("excluded", start_date=START, schedule=None) as dag:
            first = campaign(task_id="first", rows=UK[:2])
            campaign(rows=UK[:6], exclude=[UK[2]], exclude_campaign=first.output)
            campaign(task_id="file", rows=UK[:6], exclude=str(tmp_path / "out.csv"), send_key="other")
        run = run_dag(dag)
        assert run.state == "success"
        assert result_of(run, "remind")["excluded"] == 3
        expected = Counter(UK[:2]) + Counter(UK[3:6]) + Counter(each for each in UK[:6] if each != UK[3])
        assert received(sinch_default) == expected

    def test_a_group(self, run_dag, sinch_default):
        plan, token = sinch_default.credentials.service_plan_id, sinch_default.credentials.api_token
        group = requests.post(
            f"{sinch_default.url}/xms/v1/{plan}/groups",
            json={"members": UK[:2]},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        ).json()["id"]
        with DAG("group", start_date=START, schedule=None) as dag:
            campaign(rows=UK[:6], exclude=[group, UK[2]])
            campaign(task_id="only", rows=UK[:6], exclude=group)
            campaign(task_id="unknown", rows=UK[:6], exclude="01J8ZC4M7T2Q9KX5RVBW3NHYDP")
        run = run_dag(dag)
        assert {each: state_of(run, each)[0] for each in ("remind", "only", "unknown")} == {
            "remind": "success",
            "only": "success",
            "unknown": "failed",
        }
        assert received(sinch_default) == Counter(UK[3:6]) + Counter(UK[2:6])

    def test_what_cannot_be_read_keeps_everything_from_being_sent(self, run_dag, sinch_default, shown):
        with DAG("unreadable", start_date=START, schedule=None) as dag:
            campaign(rows=UK, exclude="file:///nowhere/out.csv")
        assert run_dag(dag).state == "failed"
        assert sinch_default.batches() == []
        assert "exclude cannot be read" in shown()

    def test_a_campaign_that_is_unknown_excludes_nobody_silently(self, run_dag, sinch_default, shown):
        with DAG("unknown", start_date=START, schedule=None) as dag:
            campaign(rows=UK, exclude_campaign={"reference": "elsewhere", "batches": 2})
        assert run_dag(dag).state == "failed"
        assert sinch_default.batches() == []
        assert "It is unknown whom to leave out" in shown()


class TestQuarantine:
    def test_bad_rows_are_written_without_their_numbers(self, run_dag, sinch_default, tmp_path):
        rows = [{"id": "a", "phone": UK[0]}, {"id": "b", "phone": "0770 0900 987"}]
        place = tmp_path / "bad.csv"
        with DAG("dirty", start_date=START, schedule=None) as dag:
            campaign(
                rows=rows,
                number_column="phone",
                id_column="id",
                max_invalid=1,
                quarantine_path=f"file://{place}",
            )
        assert run_dag(dag).state == "success"
        lines = place.read_text().splitlines()
        assert lines[0] == "row,id,column,reason,number"
        assert lines[1].startswith("2,b,phone,")
        assert "900987" not in place.read_text()


def test_a_refused_batch_fails_the_task_after_the_others(run_dag, sinch_default, shown):
    sinch_default.configure(text_limit=10)
    rows = [{"number": number, "language": "sv" if number in SWEDEN else "en"} for number in UK + SWEDEN]
    with DAG("refused", start_date=START, schedule=None) as dag:
        SinchCampaignOperator(
            task_id="remind",
            rows=rows,
            number_column="number",
            language_column="language",
            bodies={"sv": "Hej!", "en": "Good morning!"},
            retries=3,
        )
    assert run_dag(dag).state == "failed"
    assert received(sinch_default) == Counter(SWEDEN)
    assert f"Sinch has refused to text {len(UK)} people" in shown()
    assert sinch_default.calls()["send"] == 2


def test_a_staging_account_texts_nobody_else(run_dag, sinch_default, monkeypatch):
    connection = {**sinch_default.connection}
    connection["extra"] = {**connection["extra"], "only_to": "4670"}
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
    with DAG("staging", start_date=START, schedule=None) as dag:
        campaign(rows=[*UK, *SWEDEN])
    run = run_dag(dag)
    assert run.state == "success"
    assert received(sinch_default) == Counter(SWEDEN)
    assert result_of(run, "remind")["not_allowed"] == len(UK)


@pytest.mark.usefixtures("noon")
class TestResults:
    @pytest.fixture
    def rows(self) -> list[dict[str, str]]:
        numbers = [*UK[:3], FAILS, "+447700900153"]
        return [{"id": f"guest-{index}", "number": each} for index, each in enumerate(numbers)]

    def test_a_table(self, run_dag, sinch_default, rows, tmp_path, monkeypatch, shown):
        place = tmp_path / "results.db"
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(place)}))
        with DAG("results", start_date=START, schedule=None) as dag:
            campaign(
                rows=rows,
                number_column="number",
                id_column="id",
                results=ResultsTable("warehouse", "sms_results"),
            )
        run = run_dag(dag)
        assert run.state == "success"
        with closing(sqlite3.connect(place)) as database:
            found = database.execute("select id, status, code, kind from sms_results order by id").fetchall()
            columns = [row[1] for row in database.execute("pragma table_info(sms_results)")]
        assert found == [
            ("guest-0", "Delivered", 0, "delivered"),
            ("guest-1", "Delivered", 0, "delivered"),
            ("guest-2", "Delivered", 0, "delivered"),
            ("guest-3", "Aborted", 402, "permanent"),
            ("guest-4", "Failed", 153, "temporary"),
        ]
        assert "recipient_hash" in columns
        assert b"447700900" not in place.read_bytes()
        assert result_of(run, "remind")["kinds"] == {"delivered": 3, "permanent": 1, "temporary": 1}
        assert "447700900" not in shown()

    def test_a_file_is_written_anew_by_a_clear(self, run_dag, sinch_default, rows, tmp_path):
        place = tmp_path / "results.csv"
        place.write_text("old")
        with DAG("file_of_results", start_date=START, schedule=None) as dag:
            campaign(
                rows=rows,
                number_column="number",
                id_column="id",
                results=ResultsFile(f"file://{place}", numbers="masked"),
            )
        assert run_dag(dag).state == "success"
        lines = place.read_text().splitlines()
        assert len(lines) == 1 + len(rows)
        assert "+4477***0402" in place.read_text()
        assert list(tmp_path.iterdir()) == [place]

    def test_the_failed_are_texted_again(self, run_dag, sinch_default, rows):
        with DAG("again", start_date=START, schedule=None) as dag:
            first = campaign(rows=rows, number_column="number", wait_for_completion=True)
            SinchResendFailedOperator(task_id="again", campaign=first.output)
        run = run_dag(dag)
        assert run.state == "success"
        assert result_of(run, "again")["reached"] == 1
        assert received(sinch_default)["+447700900153"] == 2
        assert received(sinch_default)[FAILS] == 1


@pytest.mark.parametrize(("max_invalid", "state"), [(1, "success"), (0, "failed")])
def test_a_number_that_only_sinch_refuses_keeps_nobody_else(run_dag, sinch_default, max_invalid, state):
    sinch_default.configure(refused_number="+447700900333")
    with DAG("one_refused", start_date=START, schedule=None) as dag:
        campaign(rows=[*UK[:5], "+447700900333", *UK[5:]], max_invalid=max_invalid)
    assert run_dag(dag).state == state
    assert received(sinch_default) == Counter(UK)


@pytest.mark.parametrize("more", [{}, {"rate": 5.0}, {"canary": Canary(3)}], ids=str)
@pytest.mark.usefixtures("noon")
def test_nor_does_it_with_fail_fast(run_dag, sinch_default, more):
    sinch_default.configure(refused_number=UK[0])
    with DAG("fast", start_date=START, schedule=None) as dag:
        campaign(
            rows=[{"number": each, "language": each[-1]} for each in UK],
            number_column="number",
            language_column="language",
            bodies={str(digit): f"Hi {digit}!" for digit in range(10)},
            body=None,
            max_in_flight=1,
            max_invalid=1,
            fail_fast=True,
            **more,
        )
    run = run_dag(dag)
    assert run.state == "success"
    assert received(sinch_default) == Counter(UK[1:])
    assert result_of(run, "remind")["refused"] == 1


class TestNobody:
    """A task is not green if nobody was texted, and nobody wanted that."""

    def test_only_to_allows_nobody(self, run_dag, sinch_default, monkeypatch, shown):
        connection = {**sinch_default.connection}
        connection["extra"] = {**connection["extra"], "only_to": "4670"}
        monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
        with DAG("staging", start_date=START, schedule=None) as dag:
            campaign(rows=UK)
        assert run_dag(dag).state == "failed"
        assert "Nobody was texted: the connection's extra only_to does not allow 20 people" in shown()

    def test_no_hour_in_common(self, run_dag, sinch_default, shown):
        with DAG("nowhere", start_date=START, schedule=None) as dag:
            # No country has this code.
            campaign(rows=["+999501000001", "+999501000002"], window=SendWindow("09:00", "20:00"))
        assert run_dag(dag).state == "failed"
        assert "the window is never open in all time zones of 2 people" in shown()

    def test_sinch_refuses_everybody(self, run_dag, sinch_default):
        sinch_default.configure(refused_number=UK[0])
        with DAG("refused", start_date=START, schedule=None) as dag:
            campaign(rows=UK[:1], max_invalid=1)
        assert run_dag(dag).state == "failed"

    def test_excluded_people_are_no_fault(self, run_dag, sinch_default):
        with DAG("excluded", start_date=START, schedule=None) as dag:
            campaign(rows=UK, exclude=UK)
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter()


class TestRate:
    @pytest.mark.parametrize("lag", [7200, 60])
    def test_too_many_texts_that_wait_at_sinch_are_waited_for(self, run_dag, sinch_default, noon, shown, lag):
        sinch_default.configure(dispatch_delay=lag)
        with DAG("queued", start_date=START, schedule=None) as dag:
            campaign(
                rows=UK,
                # In a quarter of an hour, nine people.
                rate=0.01,
            )
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK)
        times = [datetime.fromisoformat(each["created_at"]) for each in reversed(sinch_default.batches())]
        assert len(times) == 20
        waits = "Waiting for the texts that Sinch has accepted and not sent yet" in shown()
        assert waits == (lag == 7200)
        # Before anything has left, ten people are at Sinch, and one is texted every hundred seconds.
        assert ((times[10] - times[0]).total_seconds() >= 7200) == waits
        assert (times[9] - times[0]).total_seconds() == pytest.approx(900, abs=30)

    def test_a_phone_that_stays_in_the_queue_keeps_nobody_else_waiting(self, run_dag, sinch_default, noon):
        began = noon()
        with DAG("stuck", start_date=START, schedule=None) as dag:
            campaign(rows=[STAYS_QUEUED, *MANY], rate=0.05)
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter([STAYS_QUEUED, *MANY])
        assert noon() - began < timedelta(hours=1)

    def test_nor_does_it_alone_in_its_batch(self, run_dag, sinch_default, noon):
        began = noon()
        with DAG("alone", start_date=START, schedule=None) as dag:
            campaign(rows=[STAYS_QUEUED, *UK], rate=0.01)
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter([STAYS_QUEUED, *UK])
        assert noon() - began < timedelta(hours=2)

    def test_nobody_is_texted_faster_however_many_there_are(self, run_dag, sinch_default, noon):
        with DAG("slow", start_date=START, schedule=None) as dag:
            campaign(rows=MANY, rate=0.5)
        assert run_dag(dag).state == "success"
        sent = [
            (datetime.fromisoformat(each["created_at"]), len(each["to"])) for each in sinch_default.batches()
        ]
        assert sorted(people for _, people in sent) == [10, 30, 30, 30]
        (first, *_, last) = sorted(at for at, _ in sent)
        assert (last - first).total_seconds() == pytest.approx(180, abs=10)

    def test_a_rate_may_let_a_task_wait(self, run_dag, sinch_default, shown):
        with DAG("nested", start_date=START, schedule=None) as dag:

            @task
            def outer(**context):
                campaign(rows=UK, send_key="a", rate=5.0).execute(context)

            outer()
        assert run_dag(dag).state == "failed"
        assert "rate: lets a task wait" in shown()
        assert sinch_default.batches() == []
