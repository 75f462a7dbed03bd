"""Alerts: what they say without being told, that they end in time, and what is tried again."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sinch_provider.notifications import running
from sinch_provider.notifications.sms import SinchSmsNotifier
from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.fields.encoding import parts_of
from sinch_provider.sms.runtime import current, using
from sinch_provider.task.alerts import default_text, hasty, sendable
from sinch_sandbox.client import SandboxClient
from tests.unit.task.contexts import context_of, dag_context, processor_context, send

ANN = "+447700900222"


@pytest.fixture
def sandbox(sinch_sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> SandboxClient:
    """The sandbox, on a connection with the default timeout."""
    import json

    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(sinch_sandbox.connection))
    return sinch_sandbox


@pytest.mark.parametrize(
    ("context", "text"),
    [
        (dict, "Airflow: an alert without a task."),
        (lambda: processor_context(send("load")), "Airflow: task load failed. Dag dag, run run, attempt 1."),
        (
            lambda: context_of(send("load"), state="success"),
            "Airflow: task load succeeded. Dag dag, run run, attempt 1.",
        ),
        (lambda: context_of(send("load")), "Airflow: task load is running. Dag dag, run run."),
        (
            lambda: dag_context(send("load"), reason="success", with_task=False),
            "Airflow: Dag dag succeeded, run run.",
        ),
        (
            lambda: {
                "dag_run": {"dag_id": "dag", "dag_run_id": "run"},
                "deadline": {"id": "1", "deadline_time": "2026-01-01T07:30:00+00:00"},
            },
            "Airflow: deadline missed (2026-01-01T07:30). Dag dag, run run.",
        ),
    ],
)
def test_the_default_text_says_what_has_happened(context: Any, text: str) -> None:
    assert default_text(context()) == text


def test_the_id_of_a_triggered_run_is_whole() -> None:
    run_id = "manual__2026-11-26T11:12:48.517475+00:00"
    context = context_of(send("load"), run_id=run_id, state="failed")
    assert default_text(context) == f"Airflow: task load failed. Dag dag, run {run_id}, attempt 1."


@pytest.mark.parametrize("state", ["failed", "skipped", "running"])
def test_the_default_text_fits_one_part_whatever_the_names(state: str) -> None:
    long = "x" * 250
    context = context_of(send(long), dag_id=long, run_id=long, map_index=5, try_number=12, state=state)
    assert parts_of(default_text(context)) == ("text", 1)


@pytest.mark.parametrize(("given", "used"), [(30.0, 4.0), (0.5, 0.5)])
def test_requests_of_alerts_give_up_soon(given: float, used: float) -> None:
    account = Account(credentials=ServicePlanCredentials("plan", "token"), timeout=given)
    assert hasty(account).timeout == used


def test_nothing_is_begun_when_the_time_is_over(
    sandbox: SandboxClient, caplog: pytest.LogCaptureFixture
) -> None:
    late = False

    def clock() -> float:
        """Half a minute passes while the alert looks."""
        nonlocal late
        late = late or bool(sandbox.calls().get("list"))
        return time.monotonic() + (30 if late else 0)

    with using(replace(current(), monotonic=clock)):
        SinchSmsNotifier(to=ANN)(processor_context(send("load")))
    assert sandbox.messages() == []
    assert "The alert was not sent" in caplog.text


@pytest.mark.parametrize(("fault", "sent"), [({"retry_after": 2}, 1), ({"retry_after": 60}, 0), ({}, 1)])
def test_a_refusal_for_a_moment_is_waited_for(sandbox: SandboxClient, fault: Any, sent: int) -> None:
    pauses: list[float] = []
    sandbox.fault("rate_limited", "send", **fault)
    with using(replace(current(), sleep=pauses.append)):
        SinchSmsNotifier(to=ANN)(processor_context(send("load")))
    assert len(sandbox.messages()) == sent
    assert pauses == [fault.get("retry_after", 1.0)] * sent


@example("bad template {{{ name }}} {{{{ {{% {{{% ${{x}} $${x}")
@example("no file /tmp/\udcff")
@example("report.txt")
@example("x" * 1990 + ".txt")
@example("x" * 2999)
@example("\U0001f600" * 2000)
@example("<hidden" * 3)
@given(st.text(st.characters(), max_size=300))
def test_whatever_an_error_says_can_be_sent(text: str) -> None:
    for parts in (1, 14, 30):
        body = endpoints.send(to=[ANN], body=sendable(text, {}, parts)).body
        assert body is not None
        assert parts_of(body["body"]).number <= parts
        body["body"].encode()


def test_a_text_that_is_refused_all_the_same_is_replaced(
    sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "sendable", lambda text, *_: "{{ x }}" if text else "Airflow: well.")
    SinchSmsNotifier(to=ANN, body="Hi")(processor_context(send("load")))
    assert [each["body"] for each in sandbox.messages()] == ["Airflow: well."]
    assert "The body cannot be sent" in caplog.text


def test_a_host_that_is_not_found_in_time_holds_nothing_up(
    sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looked_up, answered = threading.Event(), threading.Event()

    def look_up(*_: Any) -> list[Any]:
        looked_up.set()
        answered.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(running, "SECONDS", 0.5)
    SinchSmsNotifier(to=ANN)(processor_context(send("load")))
    answered.set()
    monkeypatch.undo()
    assert looked_up.is_set()
    assert "it took too long" in caplog.text
    assert sandbox.calls() == {}


def test_later_callbacks_do_not_see_the_numbers(sandbox: SandboxClient) -> None:
    context = processor_context(send("load"))
    before = set(context)
    SinchSmsNotifier(to=ANN, body="Hi")(context)
    assert set(context) == before


def test_a_throttled_alert_of_one_kind_does_not_silence_another(sandbox: SandboxClient) -> None:
    told = SinchSmsNotifier(to=ANN, throttle=timedelta(hours=1))
    with using(replace(current(), sleep=lambda _: None)):
        for state in ("success", "failed", "failed"):
            told(context_of(send("load"), state=state))
        for reason in ("success", "task_failure", "timed_out"):
            told(dag_context(send("load"), reason=reason))
    assert [each["body"].split(".")[0] for each in sandbox.messages()] == [
        "Airflow: task load succeeded",
        "Airflow: task load failed",
        "Airflow: Dag dag succeeded, run run",
        "Airflow: Dag dag failed (task_failure), run run",
    ]


def test_a_task_that_begins_again_is_told_again(sandbox: SandboxClient) -> None:
    for attempt in (1, 1, 2):
        SinchSmsNotifier(to=ANN)(context_of(send("load"), try_number=attempt))
    assert len(sandbox.messages()) == 2
