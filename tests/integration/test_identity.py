"""Which sends are one send: operators in tasks, callbacks, loops and subclasses, in a real Airflow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowException, task

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sms.errors import SinchValidationError
from tests.integration.conftest import RETRIES, instance_of

ANN, BEN, CAT = "+447700900222", "+447700900333", "+447700900444"
START = pendulum.datetime(2026, 1, 1)


def texts(sandbox: Any) -> list[tuple[str, str]]:
    return sorted((each["to"], each["body"]) for each in sandbox.messages())


def send(to: str, body: str, **arguments: Any) -> SinchSendBatchOperator:
    return SinchSendBatchOperator(task_id="inner", to=[to], body=body, **arguments)


# Operators executed in a task


def test_two_texts_to_one_person_in_one_task(run_dag, sinch_default):
    with DAG("two_texts", start_date=START, schedule=None) as dag:

        @task
        def both(**context):
            return [send(ANN, text).execute(context) for text in ("Part one", "Part two")]

        both()
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "Part one"), (ANN[1:], "Part two")]
    assert sinch_default.calls() == {"send": 2}


def test_three_phones_in_a_loop_survive_a_retry(run_dag, sinch_default, no_pauses):
    """The task fails after the second text: its retry sends the third and neither of the others."""
    with DAG("phones", start_date=START, schedule=None) as dag:

        @task(**RETRIES)
        def alert(**context):
            for number, to in enumerate((ANN, BEN, CAT)):
                if number == 2 and context["ti"].try_number == 1:
                    raise AirflowException("a passing fault")
                send(to, f"For {to[-3:]}").execute(context)

        alert()
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(each[1:], f"For {each[-3:]}") for each in (ANN, BEN, CAT)]


def test_phones_in_another_order_in_the_retry(run_dag, sinch_default, no_pauses):
    with DAG("order", start_date=START, schedule=None) as dag:

        @task(**RETRIES)
        def alert(**context):
            first = context["ti"].try_number == 1
            for to in (ANN, BEN) if first else (CAT, BEN, ANN):
                send(to, "Hi").execute(context)
            if first:
                raise AirflowException("a passing fault")

        alert()
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(each[1:], "Hi") for each in (ANN, BEN, CAT)]


class Twice(SinchSendBatchOperator):
    """Sends to one after the other."""

    def execute(self, context):
        first = super().execute(context)
        self.body = "And again"
        return [first, super().execute(context)]


def test_a_subclass_that_sends_twice(run_dag, sinch_default):
    with DAG("twice", start_date=START, schedule=None) as dag:
        Twice(task_id="twice", to=[ANN], body="Once")
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == [(ANN[1:], "And again"), (ANN[1:], "Once")]


def test_an_operator_of_the_tasks_own_name_in_a_task(run_dag, sinch_default):
    with DAG("namesake", start_date=START, schedule=None) as dag:

        @task
        def inner(**context):
            send(ANN, "One").execute(context)
            send(ANN, "Two").execute(context)

        inner()
    assert run_dag(dag).state == "success"
    assert len(texts(sinch_default)) == 2


# Callbacks


def alert_in(name: str) -> Any:
    def callback(context):
        SinchSendBatchOperator(task_id="alert", to=[ANN], body=f"Alert {name}").execute(context)

    return callback


@pytest.mark.parametrize("phone", [ANN, BEN], ids=["same phone", "another"])
def test_an_alert_at_the_start_does_not_stand_in_for_the_send(run_dag, sinch_default, phone):
    with DAG("announced", start_date=START, schedule=None) as dag:
        SinchSendBatchOperator(
            task_id="code", to=[phone], body="Your code is 1234.", on_execute_callback=alert_in("start")
        )
    assert run_dag(dag).state == "success"
    assert texts(sinch_default) == sorted([(ANN[1:], "Alert start"), (phone[1:], "Your code is 1234.")])


def test_an_alert_at_every_retry_and_at_the_failure(run_dag, sinch_default, no_pauses):
    with DAG("flaky", start_date=START, schedule=None) as dag:

        @task(**RETRIES, on_retry_callback=alert_in("retry"), on_failure_callback=alert_in("failure"))
        def flaky():
            raise AirflowException("a fault")

        flaky()
    assert run_dag(dag).state == "failed"
    expected = ["Alert failure", *["Alert retry"] * 3]
    assert [text for _, text in texts(sinch_default)] == expected
    assert len({each["client_reference"] for each in sinch_default.batches()}) == len(expected)


def test_an_alert_of_a_send_that_failed(run_dag, sinch_default):
    with DAG("campaign", start_date=START, schedule=None) as dag:
        SinchSendBatchOperator(
            task_id="send",
            to="{{ '07700 900222' }}",
            body="Hi",
            on_failure_callback=alert_in("failure"),
        )
    assert run_dag(dag).state == "failed"
    assert [text for _, text in texts(sinch_default)] == ["Alert failure"]


def context_of(**facts: Any) -> dict[str, Any]:
    """A context as Airflow gives one, without its task state."""
    ti: dict[str, Any] = {
        "dag_id": "dag",
        "run_id": "run",
        "task_id": "work",
        "map_index": -1,
        "try_number": 1,
        "max_tries": 0,
        "state": None,
    }
    ti.update({name: facts.pop(name) for name in list(facts) if name in ti})
    run = SimpleNamespace(dag_id="dag", run_id="run", clear_number=0, run_after=pendulum.now("UTC"))
    return {"ti": SimpleNamespace(**ti), "dag_run": run, **facts}


def run_alert(context: Any, body: str = "Alert") -> str:
    result: str = SinchSendBatchOperator(task_id="alert", to=[ANN], body=body).execute(context)
    return result


def test_a_callback_that_runs_twice_texts_once(sinch_default):
    """Airflow's Dag processor runs the callback of a task whose heartbeat was missed twice."""
    first = run_alert(context_of(state="failed"))
    assert run_alert(context_of(state="failed")) == first
    assert run_alert(context_of(state="failed"), body="Alert at 10:01") == first
    assert run_alert(context_of(state="failed", try_number=2)) != first
    assert sinch_default.calls() == {"list": 4, "send": 2}


def test_two_alerts_of_one_callback_are_two(sinch_default):
    context = context_of(state="failed")
    assert run_alert(context, "Part one") != run_alert(context, "Part two")


def test_a_dag_callback_goes_by_the_run(sinch_default):
    first = run_alert(context_of(reason="task_failure", task_id="last"))
    assert run_alert(context_of(reason="task_failure", task_id="another_last")) == first


def test_an_alert_is_sent_though_it_cannot_be_looked_up(sinch_default, no_pauses):
    sinch_default.fault("server_error", "list", count=None)
    run_alert(context_of(state="failed"))
    assert len(texts(sinch_default)) == 1


def test_an_alert_whose_answer_is_lost_is_found_or_sent_again(sinch_default, no_pauses):
    sinch_default.fault("lost_reply", "send")
    run_alert(context_of(state="failed"))
    sinch_default.fault("lost_reply", "send", when="before")
    run_alert(context_of(state="failed", try_number=2))
    assert len(texts(sinch_default)) == 2


# Loops, journals


def test_iterations_of_a_loop_are_sends_of_their_own(sinch_default, no_pauses):
    """All have the same Dag, run, task, map index and attempt. The second request is lost."""
    sinch_default.fault("lost_reply", "send", when="before", skip=1)
    for index in range(3):
        context = context_of(loop=SimpleNamespace(index=index))
        SinchSendBatchOperator(task_id="work", to=[ANN], body="Hi").execute(context)
    assert len(texts(sinch_default)) == 3


def test_resend_needs_a_journal(sinch_default):
    operator = SinchSendBatchOperator(task_id="work", to=[ANN], body="Hi")
    operator.on_clear = "resend"
    with pytest.raises((SinchValidationError, AirflowException), match="send_key"):
        operator.execute(context_of())


def test_a_send_in_a_real_run_is_single(run_dag, sinch_default):
    """One write for the intent, one for the outcome, no listing."""
    with DAG("single", start_date=START, schedule=None) as dag:
        SinchSendBatchOperator(task_id="single", to=[ANN], body="Hi")
    run = run_dag(dag)
    assert instance_of(run, "single").state == "success"
    assert sinch_default.calls() == {"send": 1}
