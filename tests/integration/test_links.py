"""A send as Airflow shows it: link, log and rendered fields; and the most parts that it may have."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from sinch_provider.links import SinchBatchLink
from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sms.errors import SinchValidationError
from tests.integration.conftest import instance_of, result_of
from tests.versions import AIRFLOW, first_of

ANN = "+447700900222"
NAME = SinchBatchLink.name


def link_of(run: Any, task_id: str = "send") -> str:
    """The address that the UI shows for a task, from the database."""
    key: Any = instance_of(run, task_id).key
    if AIRFLOW < (3, 0):
        # It asks the class itself.
        return SinchBatchLink().get_link(SimpleNamespace(), ti_key=key)
    places = ("airflow.serialization.definitions.operatorlink", "airflow.serialization.serialized_objects")
    link = first_of("XComOperatorLink", *places)(name=NAME, xcom_key=SinchBatchLink().xcom_key)
    return str(link.get_link(None, ti_key=key))


@pytest.fixture
def dashboard(sinch_default: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The sandbox, on a connection with a dashboard."""
    extra = {**sinch_default.connection["extra"], "dashboard_url": "https://sms.example.test/{batch_id}"}
    connection = json.dumps({**sinch_default.connection, "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", connection)
    return sinch_default


class TestLink:
    def test_leads_to_the_inbox_of_a_sandbox(self, run_dag, sinch_default):
        with DAG("linked") as dag:
            SinchSendBatchOperator(task_id="send", to=[ANN], body="Hi")
        run = run_dag(dag)
        assert link_of(run) == f"{sinch_default.url}/#/batches/{result_of(run, 'send')}"

    def test_leads_to_the_dashboard_of_the_connection(self, run_dag, dashboard):
        with DAG("linked_elsewhere") as dag:
            SinchSendBatchOperator(task_id="send", to=[ANN], body="Hi")
        run = run_dag(dag)
        assert link_of(run) == f"https://sms.example.test/{result_of(run, 'send')}"

    @pytest.mark.usefixtures("moving_clock")
    def test_is_there_while_the_task_waits(self, run_dag, sinch_default):
        pushed = []

        class Watched(SinchSendBatchOperator):
            def defer(self, **arguments: Any) -> Any:
                pushed.append(self.batch_page)
                return super().defer(**arguments)

        with DAG("linked_early") as dag:
            Watched(
                task_id="send",
                to=[ANN],
                body="Hi",
                deferrable=True,
                wait_for_completion=True,
                poll_interval=0.01,
            )
        run = run_dag(dag)
        assert run.state == "success"
        # The process that goes on after the deferral does not know the address, but the database does.
        assert [link_of(run)] == pushed == [f"{sinch_default.url}/#/batches/{result_of(run, 'send')}"]

    def test_is_stored_before_the_deferral(self, sinch_default):
        from airflow.providers.common.compat.sdk import TaskDeferred

        from tests.unit.task.contexts import context_of

        class Instance:
            def __init__(self, ti: Any) -> None:
                self.ti = ti
                self.pushed: dict[str, str] = {}

            def __getattr__(self, name: str) -> Any:
                return getattr(self.ti, name)

            def xcom_push(self, key: str, value: str) -> None:
                self.pushed[key] = value

        operator = SinchSendBatchOperator(
            task_id="send", to=[ANN], body="Hi", deferrable=True, wait_for_completion=True, durable=False
        )
        context = context_of(operator)
        context["ti"] = Instance(context["ti"])
        with pytest.raises(TaskDeferred):
            operator.execute(context)
        assert list(context["ti"].pushed) == [SinchBatchLink().xcom_key]

    def test_of_a_task_that_sent_nothing_is_empty(self, run_dag, sinch_default):
        sinch_default.fault("unknown_token", count=None)
        with DAG("not_linked") as dag:
            SinchSendBatchOperator(task_id="send", to=[ANN], body="Hi")
        assert link_of(run_dag(dag)) == ""

    @pytest.mark.parametrize(
        "stored",
        [
            "javascript:alert(1)",
            'https://sms.example.test/"><script>alert(1)</script>',
            "https://sms.example.test/\u202egnp.exe",
            "https://user@sms.example.test/",
            " https://sms.example.test/",
            ["https://sms.example.test/"],
            "",
            None,
        ],
    )
    def test_is_empty_if_what_is_stored_is_no_page(self, monkeypatch, stored):
        from airflow.providers.common.compat.sdk import XCom

        monkeypatch.setattr(XCom, "get_value", lambda **_: stored)
        assert SinchBatchLink().get_link(SimpleNamespace(), ti_key=None) == ""
        assert SinchBatchLink().get_link(SimpleNamespace(batch_page=stored), ti_key=None) == ""

    def test_is_the_page_that_is_stored(self, monkeypatch):
        from airflow.providers.common.compat.sdk import XCom

        page = "http://[::1]:8026/#/batches/01J8ZC4M7T2Q9KX5RVBW3NHYDP"
        monkeypatch.setattr(XCom, "get_value", lambda **_: page)
        assert SinchBatchLink().get_link(SimpleNamespace(), ti_key=None) == page


class TestLog:
    def test_says_sender_times_parts_and_batch(self, run_dag, sinch_default, shown):
        with DAG("told") as dag:
            SinchSendBatchOperator(
                task_id="send",
                to=[ANN],
                body="Don’t forget ${what}.",
                parameters={"what": {"default": "the café"}},
                from_="+46701740605",
            )
        run = run_dag(dag)
        said = shown()
        assert "Message to 1 recipients from +4670***0605, leaves at once, expires after three days." in said
        assert "1 SMS parts, without Sinch's auto-encoding: 1 in unicode for 1." in said
        assert "right single quotation mark (write ')" in said
        assert f"Sinch accepted batch {result_of(run, 'send')} for 1 recipients." in said
        assert "forget" not in said
        assert "900222" not in said


class TestRenderedFields:
    @staticmethod
    def stored(run: Any) -> dict[str, Any]:
        from airflow.models.renderedtifields import RenderedTaskInstanceFields

        fields = RenderedTaskInstanceFields.get_templated_fields(instance_of(run, "send"))
        return dict(fields or {})

    @pytest.mark.parametrize(
        ("show", "shown"), [(True, "Shut today, call +4477***0333"), (False, "<hidden: 30 characters>")]
    )
    def test_show_the_text_if_asked_to(self, run_dag, sinch_default, show, shown):
        with DAG(f"shown_{show}") as dag:
            SinchSendBatchOperator(
                task_id="send",
                to=[ANN],
                body="Shut {{ 'today' }}, call +447700900333",
                show_body=show,
            )
        stored = self.stored(run_dag(dag))
        assert stored["body"] == shown
        assert stored["to"] == "<hidden: 1 entries>"


class TestParts:
    @pytest.mark.parametrize(("limit", "state"), [(3, "success"), (2, "failed")])
    def test_more_than_allowed_are_refused_before_anything_is_sent(
        self, run_dag, sinch_default, shown, limit, state
    ):
        with DAG(f"limited_{limit}") as dag:
            SinchSendBatchOperator(
                task_id="send",
                to=[ANN, "+447700900333"],
                body="Hi ${name}",
                parameters={"name": {ANN: "A" * 160, "default": "B"}},
                max_total_parts=limit,
                retries=3,
            )
        assert run_dag(dag).state == state
        assert sinch_default.calls().get("send", 0) == (state == "success")
        refusal = "max_total_parts: allows 2 SMS parts, and this message has 3, counted without"
        assert (refusal in shown()) == (state == "failed")

    def test_a_limit_is_a_number(self):
        with pytest.raises(
            SinchValidationError, match="max_total_parts: must be a whole number of at least 1"
        ):
            SinchSendBatchOperator(task_id="send", to=[ANN], body="Hi", max_total_parts=0)
