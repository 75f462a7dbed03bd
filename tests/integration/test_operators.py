"""Every operator in a real Dag run against the sandbox."""

from __future__ import annotations

import json

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, task

from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.task.failures import SinchTaskFailed, SinchWaitInterrupted
from tests.integration.conftest import RETRIES, result_of, state_of, stored_of
from tests.versions import needs

MARIA, ANNA, LARS = "+447700900222", "+447700900333", "+447700900555"
UNKNOWN_SUBSCRIBER = "+447700900150"
NEVER_A_RECEIPT = "+447700900401"
BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


def test_send_returns_the_batch_id_and_reaches_everybody_once(run_dag, sinch_default):
    with DAG("send") as dag:
        SinchSendBatchOperator(
            task_id="send",
            to=f"{MARIA}, 0044 7700-900 333\n{MARIA}",
            from_="Bistro",
            body="Hi ${name}, run {{ run_id[:6] }}",
            parameters={"name": {MARIA: "Maria", "default": "there"}},
        )
    run = run_dag(dag)
    messages = sinch_default.messages()
    assert run.state == "success"
    assert {m["to"]: m["body"] for m in messages} == {
        "447700900222": "Hi Maria, run manual",
        "447700900333": "Hi there, run manual",
    }
    assert result_of(run, "send") == messages[0]["batch_id"]
    assert sinch_default.calls() == {"send": 1}


def test_the_life_of_a_scheduled_batch(run_dag, sinch_default):
    later = pendulum.now("UTC").add(hours=2)
    with DAG("lifecycle") as dag:
        dry = SinchDryRunBatchOperator(
            task_id="dry",
            to=[MARIA, ANNA],
            body="Caf\N{RIGHT SINGLE QUOTATION MARK}s open",
            per_recipient=True,
        )
        send = SinchSendBatchOperator(task_id="send", to=[MARIA, ANNA], body="First", send_at=later)
        update = SinchUpdateBatchOperator(
            task_id="update", batch_id=send.output, to_add=LARS, to_remove=[ANNA], body="Second"
        )
        replace = SinchReplaceBatchOperator(
            task_id="replace", batch_id=update.output, to=[ANNA], body="Third", send_at=later
        )
        cancel = SinchCancelBatchOperator(task_id="cancel", batch_id=replace.output)
        dry >> send
    run = run_dag(dag)
    assert run.state == "success"
    assert result_of(run, "dry") == {
        "number_of_recipients": 2,
        "number_of_messages": 2,
        "per_recipient": [
            {"recipient": "+4477***0222", "number_of_parts": 1, "encoding": "unicode"},
            {"recipient": "+4477***0333", "number_of_parts": 1, "encoding": "unicode"},
        ],
    }
    ids = {result_of(run, name) for name in ("send", "update", "replace", "cancel")}
    assert len(ids) == 1
    (batch,) = sinch_default.batches()
    assert batch["canceled"] is True
    assert batch["body"] == "Third"
    sinch_default.advance(3 * 3600)
    assert not any(m["received"] for m in sinch_default.messages())
    assert cancel.template_fields[0] == "batch_id"


def test_delivery_feedback(run_dag, sinch_default):
    with DAG("feedback") as dag:
        send = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi", feedback_enabled=True)
        SinchDeliveryFeedbackOperator(task_id="feedback", batch_id=send.output, recipients=[MARIA])
    run = run_dag(dag)
    assert run.state == "success"
    assert result_of(run, "feedback") == result_of(run, "send")
    assert sinch_default.calls()["delivery_feedback"] == 1


@pytest.mark.usefixtures("moving_clock")
@pytest.mark.parametrize("deferrable", [False, True])
def test_send_can_wait_for_the_delivery(run_dag, sinch_default, deferrable, shown):
    with DAG(f"wait_{deferrable}") as dag:
        SinchSendBatchOperator(
            task_id="send",
            to=[MARIA, UNKNOWN_SUBSCRIBER],
            body="Hi",
            wait_for_completion=True,
            deferrable=deferrable,
            poll_interval=0.05,
        )
    run = run_dag(dag)
    assert run.state == "success"
    assert result_of(run, "send") == sinch_default.batches()[0]["id"]
    assert {m["status"] for m in sinch_default.messages()} == {"Delivered", "Failed"}
    assert "unknown subscriber" in shown()


@pytest.mark.usefixtures("moving_clock")
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_poor_delivery_fails_without_a_second_send(run_dag, sinch_default, deferrable):
    with DAG(f"poor_{deferrable}", default_args=RETRIES) as dag:
        SinchSendBatchOperator(
            task_id="send",
            to=[MARIA, UNKNOWN_SUBSCRIBER],
            body="Hi",
            wait_for_completion=True,
            deferrable=deferrable,
            poll_interval=0.05,
            min_delivered=0.9,
        )
    run = run_dag(dag)
    assert state_of(run, "send") == ("failed", 1)
    assert sinch_default.calls()["send"] == 1


@pytest.mark.parametrize("kind", ["unknown_token", "malformed"])
def test_trouble_while_waiting_ends_without_a_second_send(sinch_default, monkeypatch, kind):
    in_four_days = pendulum.now("UTC").add(days=4)
    monkeypatch.setattr("pendulum.now", lambda tz=None: in_four_days)
    sinch_default.fault(kind, "delivery_report", count=None)
    operator = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi", wait_for_completion=True)
    with pytest.raises(
        SinchTaskFailed, match="was sent, but waiting" if kind == "unknown_token" else "Timed out"
    ):
        operator.execute({})
    assert sinch_default.calls()["send"] == 1


def test_a_lost_reply_leads_to_the_batch_and_not_to_a_second_one(run_dag, sinch_default):
    sinch_default.fault("lost_reply", "send")
    with DAG("lost", default_args=RETRIES) as dag:
        SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
    run = run_dag(dag)
    assert state_of(run, "send") == ("success", 1)
    [message] = sinch_default.messages()
    assert result_of(run, "send") == message["batch_id"]


@pytest.mark.parametrize("body", ["html", "empty", "wrong_type", "truncated"])
def test_an_answer_that_makes_no_sense_is_not_the_last_word(run_dag, sinch_default, body):
    sinch_default.fault("malformed", "send", body=body)
    with DAG(f"malformed_{body}", default_args=RETRIES) as dag:
        SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
    run = run_dag(dag)
    assert state_of(run, "send") == ("success", 1)
    [batch] = sinch_default.batches()
    assert result_of(run, "send") == batch["id"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "wrong-token"}, "does not accept the credentials"),
        ({"login": ""}, "login (service plan id): is required"),
        ({"extra": {"region": "mars"}}, "region: must be one of"),
    ],
)
def test_a_wrong_connection_is_not_retried(run_dag, sinch_default, monkeypatch, change, words, shown):
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps({**sinch_default.connection, **change}))
    with DAG("connection", default_args=RETRIES) as dag:
        SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
    run = run_dag(dag)
    assert state_of(run, "send") == ("failed", 1)
    assert words in shown()
    assert not sinch_default.messages()


@pytest.mark.parametrize(
    "operator",
    [
        lambda: SinchCancelBatchOperator(task_id="t", batch_id=BATCH_ID),
        lambda: SinchUpdateBatchOperator(task_id="t", batch_id=BATCH_ID, body="Hi"),
        lambda: SinchReplaceBatchOperator(task_id="t", batch_id=BATCH_ID, to=[MARIA], body="Hi"),
        lambda: SinchDeliveryFeedbackOperator(task_id="t", batch_id=BATCH_ID, recipients=[]),
    ],
)
def test_an_unknown_batch_is_not_retried(run_dag, operator):
    with DAG("unknown", default_args=RETRIES) as dag:
        operator()
    assert state_of(run_dag(dag), "t") == ("failed", 1)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("kind", ["rate_limited", "server_error"])
def test_passing_trouble_of_a_repeatable_call_is_retried(run_dag, sinch_default, kind):
    # One task try makes five attempts.
    sinch_default.fault(kind, "dry_run", count=5)
    with DAG(f"passing_{kind}", default_args=RETRIES) as dag:
        SinchDryRunBatchOperator(task_id="dry", to=[MARIA], body="Hi")
    run = run_dag(dag)
    assert state_of(run, "dry") == ("success", 2)


def test_too_late_to_change(run_dag, sinch_default):
    @task
    def let_it_go():
        sinch_default.advance(60)

    with DAG("late", default_args=RETRIES) as dag:
        send = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
        update = SinchUpdateBatchOperator(task_id="update", batch_id=send.output, body="Ho")
        send >> let_it_go() >> update
    run = run_dag(dag)
    assert state_of(run, "update") == ("failed", 1)
    assert [m["body"] for m in sinch_default.messages()] == ["Hi"]


@pytest.mark.parametrize(("fail", "state"), [(False, "success"), (True, "failed")])
def test_too_late_to_cancel(run_dag, sinch_default, fail, state):
    sinch_default.configure(cancel_after_dispatch=409)

    @task
    def let_it_go():
        sinch_default.advance(60)

    with DAG(f"late_cancel_{fail}", default_args=RETRIES) as dag:
        send = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
        cancel = SinchCancelBatchOperator(task_id="cancel", batch_id=send.output, fail_if_dispatched=fail)
        send >> let_it_go() >> cancel
    assert state_of(run_dag(dag), "cancel") == (state, 1)


def test_several_audiences_by_dynamic_task_mapping(run_dag, sinch_default):
    @task(show_return_value_in_logs=False)
    def audiences():
        return [{"to": [MARIA], "body": "A {{ dag.dag_id }}"}, {"to": [ANNA, LARS], "body": "B"}]

    with DAG("mapped") as dag:
        SinchSendBatchOperator.partial(task_id="send", from_="Bistro").expand_kwargs(audiences())
    run = run_dag(dag)
    assert run.state == "success"
    assert len({result_of(run, "send", index) for index in (0, 1)}) == 2
    assert sorted(m["to"] for m in sinch_default.messages()) == [
        "447700900222",
        "447700900333",
        "447700900555",
    ]


def test_what_airflow_shows_as_rendered_holds_no_number_and_no_text(run_dag, sinch_default):
    with DAG("rendered") as dag:
        SinchSendBatchOperator(task_id="send", to=[MARIA], body="Meet at {{ 'the bridge' }}", from_=ANNA)
    run = run_dag(dag)
    stored = json.dumps(stored_of(run))
    assert sinch_default.messages()[0]["body"] == "Meet at the bridge"
    assert "hidden: 1 entries" in stored
    for private in ("447700900222", "447700900333", "bridge"):
        assert private not in stored


@needs(3, 0, what="a dag.test() that survives a time limit")
def test_a_time_limit_while_waiting_does_not_send_again(run_dag, sinch_default):
    with DAG("limit", default_args=RETRIES) as dag:
        SinchSendBatchOperator(
            task_id="send",
            to=[NEVER_A_RECEIPT],
            body="Hi",
            wait_for_completion=True,
            poll_interval=0.05,
            execution_timeout=pendulum.duration(seconds=2),
        )
    run = run_dag(dag)
    assert state_of(run, "send") == ("failed", 4)
    assert sinch_default.calls()["send"] == 1


def test_a_template_that_found_nothing_is_not_sent_as_its_name(run_dag, sinch_default):
    with DAG("nothing", default_args=RETRIES) as dag:
        SinchSendBatchOperator(task_id="send", to=[MARIA], body="{{ ti.xcom_pull('nobody') }}")
    run = run_dag(dag)
    assert state_of(run, "send") == ("failed", 1)
    assert sinch_default.calls() == {}


def test_templates_may_be_rendered_as_native_objects(run_dag, sinch_default):
    with DAG("native", render_template_as_native_obj=True) as dag:
        SinchSendBatchOperator(
            task_id="send",
            to="{{ ['+447700900222'] }}",
            body="${pin}",
            from_="+447700900111",
            parameters={"pin": {"default": "1204"}},
        )
    assert run_dag(dag).state == "success"
    assert [(m["to"], m["from"], m["body"]) for m in sinch_default.messages()] == [
        ("447700900222", "447700900111", "1204")
    ]


def test_a_template_that_cannot_be_rendered_is_not_quoted(run_dag, sinch_default, shown):
    with DAG("broken", default_args=RETRIES) as dag:
        SinchSendBatchOperator(task_id="send", to=["+447700900876"], body="A secret {{ 1 / 0 }}")
    run = run_dag(dag)
    # Nothing was sent, and what a template reads may be there on the next try.
    assert state_of(run, "send") == ("failed", 4)
    assert "The template of body cannot be rendered (ZeroDivisionError)" in (output := shown())
    assert "A secret" not in output
    assert "447700900876" not in output


def test_blank_recipients_do_not_confirm_for_everybody(run_dag, sinch_default):
    with DAG("blank", default_args=RETRIES) as dag:
        send = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi", feedback_enabled=True)
        SinchDeliveryFeedbackOperator(task_id="feedback", batch_id=send.output, recipients="{{ '' }}")
    run = run_dag(dag)
    assert state_of(run, "feedback") == ("failed", 1)
    assert "delivery_feedback" not in sinch_default.calls()


class TestOnKill:
    """Killed while the batch is waited for: the kill comes when the delivery report is first asked for."""

    @pytest.fixture
    def killed(self, sinch_default, monkeypatch):
        def kill(**arguments: object) -> SinchSendBatchOperator:
            operator = SinchSendBatchOperator(
                task_id="send", to=[MARIA], body="Hi", wait_for_completion=True, **arguments
            )
            report = endpoints.get_delivery_report

            def killed_now(batch_id: str) -> object:
                sinch_default.advance(3600)
                operator.on_kill()
                return report(batch_id)

            monkeypatch.setattr(endpoints, "get_delivery_report", killed_now)
            with pytest.raises(SinchWaitInterrupted, match="Then the task was stopped"):
                operator.execute({})
            return operator

        return kill

    def test_cancels_if_asked_to(self, killed, sinch_default):
        killed(cancel_on_kill=True)
        assert sinch_default.calls()["cancel"] == 1

    def test_leaves_the_batch_alone_by_default(self, killed, sinch_default):
        killed()
        assert "cancel" not in sinch_default.calls()

    def test_a_refusal_does_not_disturb_the_end(self, killed, sinch_default, shown):
        sinch_default.configure(cancel_after_dispatch=409)
        killed(cancel_on_kill=True)
        assert "was not cancelled" in shown()

    def test_a_task_that_has_succeeded_cancels_nothing(self, sinch_default):
        operator = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi", cancel_on_kill=True)
        operator.execute({})
        operator.on_kill()
        assert "cancel" not in sinch_default.calls()

    def test_a_task_that_is_told_to_stop_sends_nothing(self, sinch_default):
        operator = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
        operator.on_kill()
        with pytest.raises(SinchNotSentError, match="was stopped before"):
            operator.execute({})
        assert sinch_default.messages() == []
