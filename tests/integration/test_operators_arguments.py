"""What is wrong with arguments: refused when the Dag is parsed, or by the task, and never retried."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG

from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.fields import values
from sinch_provider.sms.fields.recipients import normalize_recipients
from sinch_provider.task.failures import SinchTaskFailed
from tests.integration.conftest import RETRIES, state_of, texts
from tests.versions import task_of

MARIA, ANNA, LARS = "+447700900222", "+447700900333", "+447700900555"
UNKNOWN_SUBSCRIBER = "+447700900150"
NEVER_A_RECEIPT = "+447700900401"
BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"to": [], "body": "Hi"}, ["to"]),
        ({"to": ["07700-900 222", "Maria"], "body": "x" * 2001}, ["to[0]", "to[1]", "body"]),
        (
            {"to": [MARIA], "body": "Hi", "delivery_report": "loud", "from_ton": 9},
            ["delivery_report", "from_ton"],
        ),
        (
            {"to": "{{ params.to }}", "body": "Hi", "max_number_of_message_parts": 0},
            ["max_number_of_message_parts"],
        ),
        ({"to": [MARIA], "body": "Hi", "poll_interval": 0}, ["poll_interval"]),
        (
            {"to": [MARIA], "body": "Hi", "max_failed": 2, "min_delivered": -1},
            ["max_failed", "min_delivered"],
        ),
        (
            {"to": ["x"], "body": "Hi", "max_failed": 7, "on_clear": "x", "poll_interval": -1},
            ["to[0]", "on_clear", "max_failed", "poll_interval"],
        ),
        ({"to": "{{ x }}", "body": "Hi ${nmae}"}, ["body"]),
        ({"to": [MARIA], "body": "Hi", "send_key": "k" * 129}, ["send_key"]),
        ({"to": [MARIA], "body": "Hi", "send_key": "", "hold": 5}, ["send_key", "hold"]),
        (
            {"to": [MARIA], "body": "Hi", "on_clear": "resend", "durable": False},
            ["on_clear"],
        ),
        (
            {"to": [MARIA], "body": "Hi", "min_delivered": 0.9, "max_failed": 0, "deferrable": True},
            ["deferrable", "max_failed", "min_delivered"],
        ),
        ({"to": [MARIA], "body": "Hi", "poll_interval": 5}, ["poll_interval"]),
    ],
)
def test_what_can_be_known_fails_when_the_dag_is_parsed(arguments, fields):
    with pytest.raises(SinchValidationError) as caught:
        SinchSendBatchOperator(task_id="send", **arguments)
    assert [fault.field for fault in caught.value.faults] == fields
    assert "0000222" not in str(caught.value)
    assert (
        str(caught.value)
        .splitlines()[0]
        .endswith((" fault. Nothing was sent.", " faults. Nothing was sent."))
    )


def test_all_faults_of_every_operator_are_named_at_once():
    with pytest.raises(SinchValidationError) as replace:
        SinchReplaceBatchOperator(task_id="t", batch_id="bad id!", to=["x"], body="Hi", from_ton=9)
    with pytest.raises(SinchValidationError) as update:
        SinchUpdateBatchOperator(task_id="t", batch_id="bad id!", to_add=["x"])
    with pytest.raises(SinchValidationError) as dry:
        SinchDryRunBatchOperator(task_id="t", to=["x"], body="Hi", number_of_recipients=1001)
    with pytest.raises(SinchValidationError) as feedback:
        SinchDeliveryFeedbackOperator(task_id="t", batch_id="bad id!", recipients=["x"])
    assert [[fault.field for fault in error.value.faults] for error in (replace, update, dry, feedback)] == [
        ["batch_id", "to[0]", "from_ton"],
        ["batch_id", "to_add[0]"],
        ["to[0]", "number_of_recipients"],
        ["batch_id", "recipients[0]"],
    ]
    assert "SinchReplaceBatchOperator: 3 faults. Nothing was changed." in str(replace.value)


def test_what_a_whole_dag_says_about_waiting_is_no_fault_of_a_task_that_does_not():
    with DAG("defaults", default_args={"deferrable": True, "poll_interval": 30}):
        SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")


def test_sending_again_after_a_clear_needs_an_airflow_that_remembers(monkeypatch):
    arguments = {"task_id": "send", "to": [MARIA], "body": "Hi", "on_clear": "resend"}
    monkeypatch.setattr("sinch_provider.operators.send.KEEPS_TASK_STATE", True)
    SinchSendBatchOperator(**arguments)
    monkeypatch.setattr("sinch_provider.operators.send.KEEPS_TASK_STATE", False)
    with pytest.raises(
        SinchValidationError, match=r"without Airflow 3\.3 or later; to send again, use a new send_key"
    ):
        SinchSendBatchOperator(**arguments)
    SinchSendBatchOperator(**{**arguments, "on_clear": "adopt"})


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"on_clear": "{{ 'x' }}"}, "on_clear"),
        ({"on_clear": "{{ 'resend' }}", "durable": False}, "on_clear"),
        ({"send_key": "{{ 'k' * 129 }}"}, "send_key"),
        ({"send_key": "{{ '' }}", "to": "{{ 'x' }}"}, "send_key"),
    ],
)
def test_how_to_send_is_checked_when_it_is_rendered(run_dag, sinch_default, shown, arguments, field):
    with DAG("rendered_sending", default_args=RETRIES) as dag:
        SinchSendBatchOperator(task_id="send", **{"to": [MARIA], "body": "Hi", **arguments})
    run = run_dag(dag)
    assert state_of(run, "send") == ("failed", 1)
    assert f"  {field}: " in (output := shown())
    assert "to" not in arguments or "  to[0]: " in output
    assert sinch_default.calls() == {}


def test_how_to_send_may_be_rendered_and_is_no_secret(run_dag, sinch_default):
    seen: dict[str, Any] = {}
    with DAG("send_key") as dag:
        SinchSendBatchOperator(
            task_id="send",
            to=[MARIA],
            body="Hi",
            send_key="{{ dag.dag_id }}-1",
            on_clear="{{ 'adopt' }}",
            pre_execute=lambda context: seen.update(vars(task_of(context))),
        )
    assert run_dag(dag).state == "success"
    assert (seen["send_key"], seen["on_clear"]) == ("send_key-1", "adopt")


def test_a_send_key_is_text(sinch_default):
    operator = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi", send_key=7)
    operator.execute({})
    assert operator.send_key == "7"


def test_what_cannot_be_known_fails_before_any_request(run_dag, sinch_default):
    with DAG("late_fault", default_args=RETRIES) as dag:
        SinchSendBatchOperator(task_id="send", to="{{ '07700-900 222' }}", body="Hi")
    run = run_dag(dag)
    assert state_of(run, "send") == ("failed", 1)
    assert sinch_default.calls() == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda operator: operator.to.append("07700-900 222"),
        lambda operator: operator.to.__setitem__(0, None),
        lambda operator: operator.parameters["name"].update({ANNA: "x" * 161}),
        lambda operator: operator.parameters.update(other={MARIA: "x"}),
        lambda operator: operator.parameters["name"].clear(),
    ],
)
def test_what_was_right_in_the_dag_and_was_changed_in_place_is_refused(sinch_default, change):
    operator = SinchSendBatchOperator(
        task_id="send", to=[MARIA], body="Hi ${name}", parameters={"name": {MARIA: "Maria"}}
    )
    change(operator)
    with pytest.raises(SinchTaskFailed, match="fault"):
        operator.execute({})
    assert sinch_default.calls() == {}


def test_an_operator_with_other_arguments_is_checked_and_sends_them(sinch_default):
    operator = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
    operator.to = ["Maria"]
    with pytest.raises(SinchTaskFailed, match=r"to\[0\]: must be"):
        operator.execute({})
    operator.to = [ANNA]
    operator.execute({})
    operator.to = [*operator.to, LARS]
    operator.execute({})
    assert [sorted(batch["to"]) for batch in reversed(sinch_default.batches())] == [
        [ANNA[1:]],
        [ANNA[1:], LARS[1:]],
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: SinchUpdateBatchOperator(task_id="t", batch_id=BATCH_ID),
        lambda: SinchUpdateBatchOperator(task_id="t", batch_id="../x", body="Hi"),
        lambda: SinchReplaceBatchOperator(task_id="t", batch_id="", to=[MARIA], body="Hi"),
        lambda: SinchCancelBatchOperator(task_id="t", batch_id=None),
        lambda: SinchDeliveryFeedbackOperator(task_id="t", batch_id=BATCH_ID, recipients=None),
        lambda: SinchDryRunBatchOperator(task_id="t", to=[MARIA], body="Hi", number_of_recipients=1001),
    ],
)
def test_other_operators_check_when_parsed_too(make):
    with pytest.raises(SinchValidationError):
        make()


class TestMappedFaults:
    def test_a_bad_row_is_not_retried_and_says_so(self, run_dag, sinch_default, shown):
        with DAG("bad_row", default_args=RETRIES) as dag:
            SinchSendBatchOperator.partial(task_id="send", body="Hi").expand(
                to=[[MARIA], ["07700-900 222", "abc"], [ANNA]]
            )
        run = run_dag(dag)
        assert [state_of(run, "send", index) for index in range(3)] == [
            ("success", 1),
            ("failed", 1),
            ("success", 1),
        ]
        output = shown()
        assert "SinchTaskFailed" in output
        assert "SinchSendBatchOperator: 2 faults. Nothing was sent.\n  to[0]: must start" in output
        assert texts(sinch_default) == {"222": "Hi", "333": "Hi"}

    def test_nor_are_faults_of_the_arguments_that_all_rows_share(self, run_dag, sinch_default, shown):
        with DAG("bad_partial", default_args=RETRIES) as dag:
            SinchSendBatchOperator.partial(task_id="send", body="Hi", max_failed=7).expand(to=[[MARIA]])
        assert state_of(run_dag(dag), "send", 0) == ("failed", 1)
        assert "max_failed: must be a share" in shown()
        assert sinch_default.calls() == {}


class Changed(SinchSendBatchOperator):
    """Changes the message on its way, as a user's operator may."""

    change: Mapping[str, Any] = MappingProxyType({})
    without = ""

    @property
    def message(self):
        fields = {**super().message, **self.change}
        fields.pop(self.without, None)
        return fields


def test_a_field_that_does_not_exist_is_refused(sinch_default):
    operator = Changed(task_id="send", to=[MARIA], body="Hi")
    operator.change = {"expires_at": "2026-11-26T09:00:00Z"}
    with pytest.raises(TypeError, match="unexpected keyword argument 'expires_at'"):
        operator.execute({})
    operator.change, operator.without = {}, "body"
    with pytest.raises(TypeError, match="missing a required argument: 'body'"):
        operator.execute({})
    assert sinch_default.calls() == {}


def test_lists_in_a_dag_are_read_once(run_dag, sinch_default, monkeypatch):
    """When it is parsed. When its tasks run, they are known."""
    read: list[str] = []

    def noting(value: Any, field: str) -> Any:
        read.append(field)
        return normalize_recipients(value, field)

    monkeypatch.setattr(values, "normalize_recipients", noting)
    later = pendulum.now("UTC").add(hours=2)
    with DAG("read_once") as dag:
        dry = SinchDryRunBatchOperator(task_id="dry", to=[MARIA], body="Hi")
        send = SinchSendBatchOperator(
            task_id="send", to=[MARIA], body="Hi", send_at=later, feedback_enabled=True
        )
        update = SinchUpdateBatchOperator(task_id="update", batch_id=send.output, to_add=[ANNA])
        replace = SinchReplaceBatchOperator(
            task_id="replace",
            batch_id=update.output,
            to=[LARS],
            body="Hi",
            send_at=later,
            feedback_enabled=True,
        )
        SinchDeliveryFeedbackOperator(task_id="feedback", batch_id=replace.output, recipients=[LARS])
        dry >> send
    parsed = sorted(read)
    assert parsed == ["recipients", "to", "to", "to", "to_add"]
    assert run_dag(dag).state == "success"
    assert sorted(read) == parsed
    assert sinch_default.calls()["delivery_feedback"] == 1
