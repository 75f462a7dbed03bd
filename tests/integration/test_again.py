"""Code in a task that executes an operator again: after an error, with one key, in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowException, task

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sms.errors import SinchError
from sinch_provider.task.failures import SinchTaskFailed
from tests.integration.conftest import RETRIES
from tests.integration.test_identity import ANN, BEN, START, alert_in, context_of, run_alert, send, texts
from tests.versions import needs_task_state

pytestmark = pytest.mark.usefixtures("no_pauses")


class Store(dict[str, Any]):
    """A task state that outlives attempts."""

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self[key] = value


def lose_first_answer(sandbox: Any) -> None:
    """Lose the answer to the first send, and fail the listings by which it would be found."""
    sandbox.fault("lost_reply", "send")
    sandbox.fault("server_error", "list", count=5)


# After an error that the code has caught


def test_the_failed_ones_again(run_dag, sinch_default):
    with DAG("again", start_date=START, schedule=None) as dag:

        @task
        def alert(**context):
            left = [ANN, BEN]
            while left:
                failed = []
                for to in left:
                    try:
                        send(to, "Hi").execute(context)
                    except SinchError:
                        failed.append(to)
                left = failed

        alert()
    lose_first_answer(sinch_default)
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "Hi"), (BEN[1:], "Hi")]


class Stubborn(SinchSendBatchOperator):
    """Executes three times."""

    def execute(self, context):
        for _ in range(2):
            try:
                return super().execute(context)
            except SinchError:
                self.log.info("Once more.")
        return super().execute(context)


def test_a_subclass_that_tries_again(run_dag, sinch_default):
    with DAG("stubborn", start_date=START, schedule=None) as dag:
        Stubborn(task_id="stubborn", to=[ANN], body="Hi")
    lose_first_answer(sinch_default)
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "Hi")]


def test_another_text_while_the_first_is_open_waits_for_a_retry(run_dag, sinch_default):
    with DAG("open", start_date=START, schedule=None) as dag:

        @task(**RETRIES)
        def both(**context):
            with suppress(SinchError):
                send(ANN, "One").execute(context)
            send(ANN, "Two").execute(context)

        both()
    lose_first_answer(sinch_default)
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "One"), (ANN[1:], "Two")]


@pytest.mark.parametrize("journal", [pytest.param(True, marks=needs_task_state), False])
def test_a_listing_of_before_does_not_hide_what_was_sent_since(sinch_default, journal):
    context = context_of(try_number=2, max_tries=3, task=None)
    context["dag_run"].clear_number = 1
    if journal:
        context["task_state_store"] = Store()
    sinch_default.fault("lost_reply", "send")
    sinch_default.fault("server_error", "list", skip=2, count=5)
    with pytest.raises(SinchError):
        send(ANN, "Hi").execute(context)
    send(ANN, "Hi").execute(context)
    assert texts(sinch_default) == [(ANN[1:], "Hi")]


# One key, one send


def test_the_same_key_twice_in_a_task(run_dag, sinch_default):
    with DAG("key", start_date=START, schedule=None) as dag:

        @task
        def both(**context):
            return [send(ANN, text, send_key="k").execute(context) for text in ("One", "Two")]

        both()
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "One")]


def test_the_same_key_for_mapped_items(run_dag, sinch_default):
    with DAG("mapped_key", start_date=START, schedule=None) as dag:
        SinchSendBatchOperator.partial(task_id="send", body="Hi", send_key="k").expand(to=[[ANN], [ANN]])
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "Hi")]


@pytest.mark.parametrize("key", ["", "  ", "{{ ' ' }}"])
def test_a_blank_key_is_none(sinch_default, key):
    with pytest.raises((SinchTaskFailed, SinchError), match="send_key"):
        send(ANN, "Hi", send_key=key).execute(context_of())
    assert texts(sinch_default) == []


# Names that change, contexts that lack, threads


@needs_task_state
def test_a_label_that_differs_from_attempt_to_attempt(run_dag, sinch_default):
    with DAG("label", start_date=START, schedule=None) as dag:

        class FailsOnce(SinchSendBatchOperator):
            def execute(self, context):
                sent = super().execute(context)
                if context["ti"].try_number == 1:
                    raise AirflowException("a passing fault")
                return sent

        FailsOnce(
            task_id="send", to=[ANN], body="Hi", client_reference="report-{{ ti.try_number }}", **RETRIES
        )
    assert run_dag(dag).state == "success"
    assert [each["client_reference"] for each in sinch_default.batches()] == ["report-1"]


def test_an_empty_context_is_that_of_the_task(run_dag, sinch_default):
    with DAG("empty", start_date=START, schedule=None) as dag:

        @task(**RETRIES)
        def alert(**context):
            send(ANN, "Hi").execute({})
            if context["ti"].try_number == 1:
                raise AirflowException("a passing fault")

        alert()
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "Hi")]


@needs_task_state
@pytest.mark.parametrize("on_clear", ["adopt", "resend"])
def test_threads(sinch_default, on_clear):
    numbers = [f"+447700900{number}" for number in range(222, 230)]
    store = Store()
    for attempt in (1, 2):
        context = context_of(try_number=attempt, max_tries=3, task=None, task_state_store=store)

        def one(to: str, context: Any = context) -> str:
            operator = send(to, "Hi", on_clear=on_clear)
            result: str = operator.execute(context)
            return result

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(one, numbers))) == len(numbers)
    assert len(texts(sinch_default)) == len(numbers)


def test_an_alert_of_the_tasks_own_name_at_its_start(run_dag, sinch_default):
    with DAG("namesake_alert", start_date=START, schedule=None) as dag:
        SinchSendBatchOperator(
            task_id="alert", to=[ANN], body="Your code", on_execute_callback=alert_in("start")
        )
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "Alert start"), (ANN[1:], "Your code")]


# Alerts


@pytest.mark.parametrize("reply", ["other_batch", "other_recipients", "other_reference"])
def test_an_alert_believes_no_foreign_answer(sinch_default, reply):
    sinch_default.fault("contradicting", "send", reply=reply, when="before")
    run_alert(context_of(state="failed"))
    assert texts(sinch_default) == [(ANN[1:], "Alert")]


def test_a_dag_may_fail_and_then_succeed(sinch_default):
    run_alert(context_of(reason="task_failure"), "The Dag failed")
    run_alert(context_of(reason="success"), "The Dag is fine again")
    assert len(texts(sinch_default)) == 2
