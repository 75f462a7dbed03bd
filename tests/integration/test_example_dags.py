"""The example Dags load as they stand, keep to the rules, and run in a real Airflow against the sandbox."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any

import pendulum
import pytest
from airflow.models import DagRun

from sinch_sandbox.client import SandboxClient
from tests.integration.conftest import ROOT, result_of, states_of
from tests.versions import AIRFLOW, bag_of, needs, schedule_of

FOLDER = ROOT / "example_dags"
#: Those in which a person approves something, which Airflow knows since 3.1.
APPROVED = {"example_campaign_approval"}
NAMES = sorted(
    {path.stem for path in FOLDER.glob("example_*.py")} - (APPROVED if AIRFLOW < (3, 1) else set())
)


def for_this_airflow(source: str) -> str:
    """Return the code of an example as ``docs/examples.md`` says it is written for Airflow 2."""
    old, new = "from airflow.sdk import", "from airflow.decorators import"
    return source if AIRFLOW >= (3, 0) else source.replace(old, new)


@pytest.fixture(scope="module")
def bag(airflow_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if AIRFLOW < (3, 0):
        folder = tmp_path_factory.mktemp("examples")
        for name in NAMES:
            (folder / f"{name}.py").write_text(for_this_airflow((FOLDER / f"{name}.py").read_text()))
        copytree(FOLDER / "data", folder / "data")
        return bag_of(folder, "sinch-examples")
    return bag_of(FOLDER, "sinch-examples")


@pytest.fixture
def run(bag: Any, sinch_default: SandboxClient) -> Callable[[str], DagRun]:
    return lambda name: bag.dags[name].test()


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database that an example names."""
    place = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(place)) as database:
        database.execute("create table appointments (customer_id integer, phone text, name text, at text)")
        database.execute("create table opt_outs (phone text)")
        rows = [(number, f"+4477009006{number:02}", f"Guest {number}", "10:30") for number in range(9)]
        database.executemany("insert into appointments values (?, ?, ?, ?)", rows)
        database.execute("insert into opt_outs values ('+447700900601')")
        database.commit()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(place)}))


def texts(sandbox: SandboxClient) -> dict[str, str]:
    return {message["to"]: message["body"] for message in sandbox.messages()}


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What a person says, at once, whatever is asked."""
    if AIRFLOW < (3, 1):
        return
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    said: dict[str, Any] = {"chosen_options": [getattr(request, "param", "Approve")], "params_input": {}}
    said |= {
        "responded_by_user": {"id": "1", "name": "Ann"},
        "responded_at": pendulum.now("UTC"),
        "timedout": False,
    }
    monkeypatch.setattr(
        ApprovalOperator, "execute", lambda self, context: self.execute_complete(context, said)
    )


def test_all_load(bag: Any) -> None:
    assert {Path(each).stem for each in bag.import_errors} <= APPROVED - set(NAMES)
    assert sorted(bag.dags) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_house_rules(bag: Any, name: str) -> None:
    dag = bag.dags[name]
    assert schedule_of(dag) is None
    assert dag.catchup is False
    assert {"sinch", "example"} <= set(dag.tags)
    assert "Ofcom reserves +44 7700 900000 to 900999 for drama" in " ".join(dag.doc_md.split())
    assert all(task.retries > 0 for task in dag.tasks)


@pytest.mark.parametrize("name", NAMES)
def test_one_line_makes_it_a_schedule(name: str, tmp_path: Path) -> None:
    source = for_this_airflow((FOLDER / f"{name}.py").read_text())
    scheduled, swapped = re.subn(r"schedule=None,\n    # (?=schedule=)", "", source)
    assert swapped == 1
    (tmp_path / f"{name}.py").write_text(scheduled)
    bag = bag_of(tmp_path, "sinch-examples")
    assert bag.import_errors == {}
    assert str(schedule_of(bag.dags[name])) in {"@daily", "@weekly"}


@pytest.mark.usefixtures("moving_clock", "warehouse", "answer")
@pytest.mark.parametrize("name", NAMES)
def test_logs_name_nobody(
    run: Callable[[str], DagRun],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    name: str,
    request: pytest.FixtureRequest,
) -> None:
    if "campaign" in name:
        # They text people at daytime only.
        request.getfixturevalue("noon")
    assert run(name).state == "success"
    shown = caplog.text + "".join(capfd.readouterr())
    assert name in shown
    assert not re.search(
        r"447700900\d{3}|46701740\d{3}|see you|Hej!|museum|Please|pounds|doors|rrarna|parcel is|umbrella",
        shown,
    )


@pytest.mark.usefixtures("moving_clock")
def test_send_and_wait(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    assert run("example_send_and_wait").state == "success"
    assert texts(sinch_default) == {
        "447700900222": "Hi Maria, see you tomorrow at 19:30.",
        "447700900333": "Hi Johan, see you tomorrow at 19:30.",
        "447700900444": "Hi there, see you tomorrow at 19:30.",
    }
    assert {message["status"] for message in sinch_default.messages()} == {"Delivered"}


def test_batch_lifecycle(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    assert run("example_batch_lifecycle").state == "success"
    (batch,) = sinch_default.batches()
    assert batch["canceled"] is True
    assert batch["body"].startswith("The museum stays closed")
    sinch_default.advance(24 * 3600)
    assert not any(message["received"] for message in sinch_default.messages())
    once = ("dry_run", "send", "update", "replace", "cancel")
    assert {name: sinch_default.calls()[name] for name in once} == dict.fromkeys(once, 1)


def test_delivery_feedback(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    assert run("example_delivery_feedback").state == "success"
    assert len(texts(sinch_default)) == 3
    assert sinch_default.calls()["delivery_feedback"] == 1


@pytest.mark.usefixtures("moving_clock")
def test_mapped_audiences(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    assert run("example_mapped_audiences").state == "success"
    assert {batch["client_reference"]: len(batch["to"]) for batch in sinch_default.batches()} == {
        "train-cancelled-sv-0": 2,
        "train-cancelled-en-0": 1,
    }
    assert texts(sinch_default)["447700900444"].startswith("Hello! The 17:10 train")
    assert {message["status"] for message in sinch_default.messages()} == {"Delivered"}


def test_alerts(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    done = run("example_alerts")
    assert done.state == "success"
    day = pendulum.instance(done.start_date).date()
    assert texts(sinch_default) == {"447700900333": f"1250 rows for {day} are there."}


def test_an_alert_if_a_task_fails(bag: Any, sinch_default: SandboxClient, no_pauses: None) -> None:
    dag = bag.dags["example_alerts"]
    load = dag.get_task("load")
    before = load.python_callable, load.retries
    load.python_callable, load.retries = (lambda: 1 / 0), 0
    try:
        assert dag.test().state == "failed"
    finally:
        load.python_callable, load.retries = before
    (message,) = sinch_default.messages()
    assert message["to"] == "447700900222"
    assert message["body"].startswith("Airflow: task load failed. Dag example_alerts, run manual__")


def test_decorator(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    assert run("example_decorator").state == "success"
    assert texts(sinch_default) == {
        "447700900222": "Harbour took 1250 pounds today.",
        "447700900333": "Station took 980 pounds today.",
        "447700900444": "Takings today: 2230 pounds in 2 shops.",
    }


@pytest.mark.usefixtures("noon")
def test_campaign(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    assert run("example_campaign").state == "success"
    assert texts(sinch_default) == {
        "447700900222": "Hi Maria! The doors open at 19:30.",
        "447700900333": "Hej Johan! Dörrarna öppnas 19:30.",
        "46701740605": "Hej Astrid! Dörrarna öppnas 19:30.",
        "46701740606": "Hello Sven! The doors open at 19:30.",
        "447700900444": "Hi Olu! The doors open at 19:30.",
    }


@pytest.mark.usefixtures("noon", "warehouse")
def test_campaign_sql(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    assert run("example_campaign_sql").state == "success"
    assert len(texts(sinch_default)) == 8
    assert "447700900601" not in texts(sinch_default)
    assert [len(batch["to"]) for batch in reversed(sinch_default.batches())] == [3, 5]


@pytest.mark.usefixtures("noon", "warehouse")
def test_campaign_resend(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    sinch_default.script({"prefix": "+447700900604", "status": "Failed", "code": 153})
    assert run("example_campaign_resend").state == "success"
    sent = [message["to"] for message in sinch_default.messages()]
    assert len(sent) == 10
    assert sent.count("447700900604") == 2


@needs(3, 1, what="approvals")
@pytest.mark.usefixtures("noon", "answer")
@pytest.mark.parametrize("answer", ["Approve", "Reject"], indirect=True)
def test_campaign_approval(
    run: Callable[[str], DagRun], sinch_default: SandboxClient, request: pytest.FixtureRequest
) -> None:
    done = run("example_campaign_approval")
    assert done.state == "success"
    approved = request.node.callspec.params["answer"] == "Approve"
    assert len(texts(sinch_default)) == (5 if approved else 0)
    assert states_of(done) == {
        "check": "success",
        "approve": "success",
        "send": "success" if approved else "skipped",
        "forget": "skipped" if approved else "success",
    }
    assert not Path(result_of(done, "check")["plan"]["path"]).exists()


def test_campaign_tenants(run: Callable[[str], DagRun], sinch_default: SandboxClient) -> None:
    assert run("example_campaign_tenants").state == "success"
    assert Counter((message["from"], message["to"][-3:]) for message in sinch_default.messages()) == Counter(
        [("Harbour", "222"), ("Harbour", "333"), ("Station", "333"), ("Station", "444")]
    )
    assert texts(sinch_default)["447700900444"] == "Hi Olu, your parcel is here."


@pytest.mark.usefixtures("noon", "warehouse")
class TestTestGroup:
    NAME = "example_campaign_test_group"

    def test_customers_come_after_colleagues(
        self, run: Callable[[str], DagRun], sinch_default: SandboxClient
    ) -> None:
        assert run(self.NAME).state == "success"
        sent = [message["to"][-3:] for message in sinch_default.messages()]
        assert sorted(sent[:2]) == ["222", "600"]
        # One colleague is a customer too.
        assert sorted(sent[2:]) == [f"60{number}" for number in range(1, 9)]

    def test_a_colleague_without_the_text_stops_it(
        self, run: Callable[[str], DagRun], sinch_default: SandboxClient
    ) -> None:
        sinch_default.script({"prefix": "+447700900600", "status": "Failed", "code": 153})
        assert run(self.NAME).state == "failed"
        assert sorted(message["to"][-3:] for message in sinch_default.messages()) == ["222", "600"]
