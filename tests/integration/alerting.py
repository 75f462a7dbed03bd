"""What the tests of alerts share: notifiers, and the callbacks of deadlines."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

import pendulum

from sinch_provider.notifications.sms import SinchSmsNotifier
from tests.versions import AIRFLOW, first_of, needs

ANN, BEN = "+447700900222", "+447700900333"
START = pendulum.datetime(2026, 1, 1, tz="UTC")
deadlines = needs(3, 1, what="deadlines")
PATH = "sinch_provider.notifications.sms.SinchSmsNotifier"


def alert(**arguments: Any) -> SinchSmsNotifier:
    return SinchSmsNotifier(**{"to": ANN, **arguments})


def deadline(id_: str = "019b0000-0000-7000-8000-000000000001") -> dict[str, Any]:
    """The context of a missed deadline, as the scheduler stores it."""
    return {
        "dag_run": {"dag_id": "nightly", "dag_run_id": "scheduled__2026-01-01"},
        "deadline": {"id": id_, "deadline_time": pendulum.now("UTC").subtract(minutes=5)},
    }


def missed(context: dict[str, Any], **arguments: Any) -> str:
    """Run the callback of a deadline as the triggerer does, and return how it ended."""
    places = ("airflow.sdk.definitions.callback", "airflow.sdk.definitions.deadline")
    callback = first_of("AsyncCallback", *places)(SinchSmsNotifier)
    trigger = (
        first_of("CallbackTrigger", "airflow.triggers.callback")
        if AIRFLOW >= (3, 2)
        else first_of("DeadlineCallbackTrigger", "airflow.triggers.deadline")
    )
    state = import_module(trigger.__module__).PAYLOAD_STATUS_KEY

    async def run() -> str:
        kwargs = {"to": ANN, "context": context, **arguments}
        events = [event.payload async for event in trigger(callback.path, kwargs).run()]
        return str(getattr(events[-1][state], "value", events[-1][state]))

    return asyncio.run(run())
