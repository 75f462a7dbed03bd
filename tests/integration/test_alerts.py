"""Alerts by SMS: in callbacks of tasks and Dags, at deadlines and approvals, in a real Airflow."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, TaskDeferred, task
from airflow.providers.common.compat.standard.operators import PythonOperator

from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.runtime import current, using
from tests.integration.alerting import ANN, BEN, PATH, START, alert, deadline, deadlines, missed
from tests.integration.conftest import RETRIES, instance_of, texts
from tests.unit.task.contexts import context_of, dag_context, processor_context, send
from tests.versions import AIRFLOW, first_of, needs


@pytest.fixture
def failing_dag() -> Callable[..., DAG]:
    def make(name: str, callback: str = "on_failure_callback", **arguments: Any) -> DAG:
        with DAG(name, start_date=START, schedule=None) as dag:

            def load():
                raise ValueError("the database of +447700900555 is full")

            PythonOperator(task_id="load", python_callable=load, **{callback: alert(**arguments)})
        return dag

    return make


class TestTasks:
    def test_a_failure_is_told_in_one_part(self, run_dag, sinch_default, failing_dag, shown):
        run = run_dag(failing_dag("nightly"))
        assert run.state == "failed"
        (message,) = sinch_default.messages()
        assert message["to"] == ANN[1:]
        assert message["body"].startswith("Airflow: task load failed. Dag nightly, run manual__")
        assert message["body"].endswith(", attempt 1.")
        assert message["parts"] == 1
        assert "7700900222" not in shown()

    def test_each_retry_is_told(self, run_dag, sinch_default):
        with DAG("flaky", start_date=START, schedule=None) as dag:
            told = alert(body="{{ ti.task_id }}: attempt {{ ti.try_number }}")

            @task(**RETRIES, on_retry_callback=told, on_failure_callback=told)
            def flaky():
                raise ValueError

            flaky()
        assert run_dag(dag).state == "failed"
        assert sorted(message["body"] for message in sinch_default.messages()) == [
            f"flaky: attempt {number}" for number in (1, 2, 3, 4)
        ]

    def test_success_and_skip_are_told(self, run_dag, sinch_default):
        from airflow.providers.common.compat.sdk import AirflowSkipException

        with DAG("quiet", start_date=START, schedule=None) as dag:

            @task(on_success_callback=alert())
            def load():
                pass

            @task(on_skipped_callback=alert(to=BEN))
            def skip():
                raise AirflowSkipException

            load(), skip()
        run_dag(dag)
        said = texts(sinch_default)
        assert said["222"].startswith("Airflow: task load succeeded. Dag quiet")
        assert said["333"].startswith("Airflow: task skip was skipped. Dag quiet")

    def test_a_mapped_item_is_named(self, sinch_default):
        alert()(processor_context(send("load"), map_index=3))
        assert "task load[3] failed" in texts(sinch_default)["222"]

    def test_a_callback_that_airflow_runs_twice_texts_once(self, sinch_default):
        told = alert(body="{{ ti.task_id }} failed at {{ macros.datetime.now() }}")
        for _ in range(2):
            told(processor_context(send("load")))
        told(processor_context(send("load"), try_number=2))
        assert sinch_default.calls() == {"list": 3, "send": 2}

    def test_it_texts_once_though_sinch_lists_the_first_late(self, sinch_default):
        sinch_default.fault("listing_lag", "send", seconds=5, count=None)
        for _ in range(2):
            alert()(processor_context(send("load")))
        alert(to=BEN)(processor_context(send("load")))
        assert sinch_default.calls() == {"list": 3, "get": 1, "send": 2}

    def test_it_texts_again_in_an_account_that_was_emptied(self, sinch_default):
        alert()(processor_context(send("load")))
        sinch_default.reset()
        alert()(processor_context(send("load")))
        assert len(sinch_default.messages()) == 1

    def test_it_texts_once_though_the_second_look_fails(self, sinch_default):
        alert()(processor_context(send("load")))
        sinch_default.fault("server_error", "list", count=None)
        alert()(processor_context(send("load")))
        assert len(sinch_default.messages()) == 1

    def test_another_machine_texts_again_before_sinch_lists_the_first(
        self, sinch_default, tmp_path, monkeypatch
    ):
        sinch_default.fault("listing_lag", "send", seconds=5, count=None)
        alert()(processor_context(send("load")))
        (tmp_path / "another").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "another"))
        alert()(processor_context(send("load")))
        assert len(sinch_default.messages()) == 2

    def test_a_cancelled_alert_does_not_count(self, sinch_default):
        from sinch_provider.hooks.sinch import SinchHook

        alert()(processor_context(send("load")))
        (batch,) = sinch_default.batches()
        SinchHook().batches.cancel(batch["id"])
        alert()(processor_context(send("load")))
        assert sinch_default.calls()["send"] == 2

    def test_two_alerts_of_one_callback_are_two(self, sinch_default):
        for body in ("Part one", "Part two"):
            for _ in range(2):
                alert(body=body)(processor_context(send("load")))
        assert sorted(message["body"] for message in sinch_default.messages()) == ["Part one", "Part two"]

    def test_it_is_sent_though_the_look_fails(self, sinch_default):
        sinch_default.fault("server_error", "list", count=None)
        alert()(processor_context(send("load")))
        assert len(sinch_default.messages()) == 1

    def test_several_notifiers_of_one_callback(self, run_dag, sinch_default, failing_dag):
        dag = failing_dag("several")
        dag.get_task("load").on_failure_callback = [
            alert(),
            alert(to=BEN),
            alert(body="Look at the database"),
        ]
        assert run_dag(dag).state == "failed"
        assert len(sinch_default.messages()) == 3

    def test_for_all_tasks_of_a_dag(self, run_dag, sinch_default):
        told = {"on_failure_callback": alert(body="{{ ti.task_id }}"), "on_retry_callback": alert(to=BEN)}
        with DAG("all", start_date=START, schedule=None, default_args=told) as dag:

            @task
            def fails():
                raise ValueError

            fails.override(task_id="one")(), fails.override(task_id="two")()
        assert run_dag(dag).state == "failed"
        assert sorted(message["body"] for message in sinch_default.messages()) == ["one", "two"]

    def test_a_callback_in_the_middle_of_a_task(self, run_dag, sinch_default):
        with DAG("announced", start_date=START, schedule=None) as dag:

            @task(on_execute_callback=alert())
            def load():
                pass

            load()
        assert run_dag(dag).state == "success"
        assert texts(sinch_default)["222"].startswith("Airflow: task load is running. Dag announced")


class TestDags:
    def test_goes_by_the_run_and_the_reason(self, sinch_default):
        for name in ("first", "last"):
            alert()(dag_context(send(name), reason="task_failure"))
        alert()(dag_context(send("last"), reason="timed_out", with_task=False))
        said = sorted(message["body"] for message in sinch_default.messages())
        assert said == [
            "Airflow: Dag dag failed (task_failure), run run.",
            "Airflow: Dag dag failed (timed_out), run run.",
        ]

    @pytest.mark.parametrize(
        ("callback", "verb"), [("failure", "failed (task_failure)"), ("success", "succeeded")]
    )
    def test_of_a_dag_without_a_task(self, sinch_default, callback, verb):
        context = dag_context(
            send("load"), reason="task_failure" if callback == "failure" else "success", with_task=False
        )
        alert()(context)
        alert(body="{{ ti.task_id }}")(context)
        said = [message["body"] for message in sinch_default.messages()]
        assert said == [f"Airflow: Dag dag {verb}, run run."] * 2


@deadlines
class TestDeadlines:
    def test_a_missed_deadline_is_told_once(self, sinch_default):
        context = deadline()
        for _ in range(2):
            assert missed(context) == "success"
        assert missed(deadline("019b0000-0000-7000-8000-000000000002")) == "success"
        assert sinch_default.calls() == {"list": 3, "send": 2}
        said = texts(sinch_default)["222"]
        assert said.startswith("Airflow: deadline missed (")
        assert said.endswith("Dag nightly, run scheduled__2026-01-01.")

    @needs(3, 3, what="callbacks in a worker")
    def test_in_a_worker(self, sinch_default):
        from airflow.sdk.execution_time.callback_supervisor import execute_callback

        context = deadline()
        for _ in range(2):
            done, error = execute_callback(
                callback_path=PATH,
                callback_kwargs={"to": ANN, "context": context},
                bundle_path=None,
                dag_rel_path=None,
                log=_Log(),
            )
            assert (done, error) == (True, None)
        assert sinch_default.calls() == {"list": 2, "send": 1}

    def test_recipients_of_the_connection_keep_numbers_out_of_its_arguments(
        self, sinch_default, monkeypatch, shown
    ):
        extra = {**sinch_default.connection["extra"], "alert_to": f"{ANN}, {BEN}", "from": "Airflow"}
        connection = {**sinch_default.connection, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
        assert missed(deadline(), to=None) == "success"
        (batch,) = sinch_default.batches()
        assert (batch["to"], batch["from"]) == ([ANN[1:], BEN[1:]], "Airflow")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"to": "07700 900222"},
            {"sinch_conn_id": "nowhere"},
            {"max_parts": 0},
            {"from_": " " * 3},
            {"sinch_conn_id": "nowhere", "raise_on_error": True},
        ],
    )
    def test_a_wrong_argument_is_not_logged(self, sinch_default, shown, wrong):
        # Airflow would log all arguments with an error.
        assert missed(deadline(), **wrong) == "success"
        assert "900222" not in shown()

    def test_an_argument_that_it_does_not_have_is_named_and_ignored(self, sinch_default, shown):
        assert missed(deadline(), max_part=2) == "success"
        assert len(sinch_default.messages()) == 1
        assert "ignored: max_part." in shown()
        assert "900222" not in shown()


class _Log:
    def debug(self, *_: Any, **__: Any) -> None: ...

    info = exception = debug


@needs(3, 1, what="approvals")
class TestApprovals:
    @pytest.fixture
    def ask(self, monkeypatch) -> Callable[..., None]:
        """Execute an approval up to the point where it waits."""
        from airflow.providers.standard.operators import hitl

        # Before 3.3, an approval is deferred.
        parked = (
            first_of("TaskAwaitingInput", "airflow.sdk.exceptions") if AIRFLOW >= (3, 3) else TaskDeferred
        )
        monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **_: None)

        def run(try_number: int = 1, clear_number: int = 0, **arguments: Any) -> None:
            operator = hitl.ApprovalOperator(
                task_id="approve", subject="Text 2,000 people?", notifiers=[alert(**arguments)]
            )
            with pytest.raises(parked):
                operator.execute(
                    context_of(operator, dag_id="ask", try_number=try_number, clear_number=clear_number)
                )

        return run

    def test_asks_once_in_all_attempts(self, sinch_default, ask):
        for try_number in (1, 2):
            ask(try_number)
        (message,) = sinch_default.messages()
        assert message["body"] == "Airflow: task approve waits for an answer. Dag ask, run run."

    def test_asks_again_after_a_clear(self, sinch_default, ask):
        for clear_number in (0, 1, 1):
            ask(clear_number=clear_number)
        assert len(sinch_default.messages()) == 2

    def test_waits_though_nobody_can_be_told(self, sinch_default, ask):
        sinch_default.fault("server_error", count=None)
        ask()

    def test_fails_if_asked_to(self, sinch_default, ask):
        sinch_default.fault("server_error", count=None)
        with pytest.raises(SinchError):
            ask(raise_on_error=True)


class TestWhatGoesWrong:
    def test_fails_nothing(self, run_dag, sinch_default, failing_dag, shown):
        dag = failing_dag("no_connection", "on_success_callback", sinch_conn_id="nowhere")
        dag.get_task("load").python_callable = lambda: None
        run = run_dag(dag)
        assert str(instance_of(run, "load").state) == "success"
        assert "nowhere" in shown()

    def test_is_logged_without_numbers(self, sinch_default, shown):
        sinch_default.fault("server_error", count=None)
        alert()(processor_context(send("load")))
        said = shown()
        assert "The alert was not sent, or it is unknown whether it was" in said
        assert "900222" not in said

    @needs(3, 1, what="errors of notifiers that it raises")
    def test_is_raised_if_asked_for(self, sinch_default):
        sinch_default.fault("server_error", count=None)
        with pytest.raises(SinchError):
            alert(raise_on_error=True)(processor_context(send("load")))

    def test_a_sandbox_that_hangs_holds_nothing_up(self, sinch_default, monkeypatch, shown):
        connection = {**sinch_default.connection}
        connection["extra"] = {**connection["extra"], "timeout": 0.1}
        monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
        sinch_default.fault("lost_reply", "list", how="hang", count=None)
        alert()(processor_context(send("load")))
        assert sinch_default.messages()
        sinch_default.fault("lost_reply", "send", how="hang", when="before", count=None)
        alert()(processor_context(send("other")))
        if AIRFLOW >= (3, 1):
            assert missed(deadline()) == "success"
        assert shown().count("lost twice") >= 1 + (AIRFLOW >= (3, 1))

    @pytest.mark.parametrize("timeout", [30, 0.5])
    def test_all_of_it_ends_in_time(self, sinch_default, monkeypatch, timeout):
        """Each look at the clock takes two seconds here."""
        seconds = iter(range(0, 10_000, 2))
        asked: list[float] = []

        def sleep(pause: float) -> None:
            asked.append(pause)

        connection = {**sinch_default.connection}
        connection["extra"] = {**connection["extra"], "timeout": timeout}
        monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
        sinch_default.fault("rate_limited", count=None, retry_after=3600)
        with using(replace(current(), monotonic=lambda: next(seconds), sleep=sleep)):
            alert()(processor_context(send("load")))
        assert asked == []

    def test_a_refusal_for_the_moment_is_repeated_once(self, sinch_default, no_pauses):
        sinch_default.fault("rate_limited", "send", retry_after=1)
        alert()(processor_context(send("load")))
        assert len(sinch_default.messages()) == 1

    def test_recipients_that_nobody_names(self, sinch_default, shown):
        alert(to=None)(processor_context(send("load")))
        assert "set the extra alert_to of the connection" in shown()
        assert sinch_default.messages() == []
