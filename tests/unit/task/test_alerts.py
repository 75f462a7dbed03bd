"""Alerts: what they say without being told, that they end in time, and what is tried again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from sinch_provider.notifications.sms import SinchSmsNotifier
from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.fields.encoding import parts_of
from sinch_provider.sms.runtime import current, using
from sinch_provider.task.alerts import default_text, hasty
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
