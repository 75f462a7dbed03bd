"""
What users must not write. mypy must refuse every line that has a ``type: ignore``; see ``test_typing.py``.

An error that mypy does not find makes its comment an unused one, which mypy --strict reports.
"""

from __future__ import annotations

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.triggers.batches import SinchBatchTrigger

TO = ["+447700900222"]


def misspelt() -> None:
    SinchSendBatchOperator(task_id="a", too=["x"])  # type: ignore[call-arg]
    SinchSendBatchOperator(task_id="a", to=TO, body="Hi", bodyy="Hi")  # type: ignore[call-arg]
    SinchSendBatchOperator(task_id="a", to=TO, body="Hi", wait_for_complete=True)  # type: ignore[call-arg]
    SinchSendBatchOperator(task_id="a", to=TO, body="Hi", retriess=3)  # type: ignore[call-arg]
    SinchDryRunBatchOperator(task_id="a", to=TO, body="Hi", per_recipients=True)  # type: ignore[call-arg]
    SinchUpdateBatchOperator(task_id="a", batch_id="b", to=TO)  # type: ignore[call-arg]
    SinchReplaceBatchOperator(task_id="a", batch_id="b", to=TO, text="Hi")  # type: ignore[call-arg]
    SinchCancelBatchOperator(task_id="a", batch="b")  # type: ignore[call-arg]
    SinchDeliveryFeedbackOperator(task_id="a", batch_id="b", to=TO)  # type: ignore[call-arg]
    SinchBatchSensor(task_id="a", batch_id="b", poll_interval=5)  # type: ignore[call-arg]
    SinchBatchTrigger(batch_id="b")  # type: ignore[call-arg]


def missing() -> None:
    SinchSendBatchOperator(to=TO, body="Hi")  # type: ignore[call-arg]
    SinchSendBatchOperator(task_id="a", body="Hi")  # type: ignore[call-arg]
    SinchDryRunBatchOperator(task_id="a", to=TO)  # type: ignore[call-arg]
    SinchUpdateBatchOperator(task_id="a", body="Hi")  # type: ignore[call-arg]
    SinchReplaceBatchOperator(task_id="a", to=TO, body="Hi")  # type: ignore[call-arg]
    SinchCancelBatchOperator(task_id="a")  # type: ignore[call-arg]
    SinchDeliveryFeedbackOperator(task_id="a", batch_id="b")  # type: ignore[call-arg]
    SinchBatchSensor(task_id="a")  # type: ignore[call-arg]


def of_the_wrong_type() -> None:
    SinchSendBatchOperator(task_id="a", to=447700900222.0, body="Hi")  # type: ignore[arg-type]
    SinchSendBatchOperator(task_id="a", to=None, body="Hi")  # type: ignore[arg-type]
    SinchSendBatchOperator(task_id="a", to=TO, body=5)  # type: ignore[arg-type]
    SinchSendBatchOperator(task_id="a", to=TO, body="Hi", send_at=5)  # type: ignore[arg-type]
    SinchSendBatchOperator(task_id="a", to=TO, body="Hi", hold=300)  # type: ignore[arg-type]
    SinchSendBatchOperator(task_id="a", to=TO, body="Hi", parameters=["Maria"])  # type: ignore[arg-type]
    SinchSendBatchOperator(task_id="a", to=TO, body="Hi", retries="three")  # type: ignore[arg-type]
    SinchSendBatchOperator(task_id="a", to=TO, body="Hi", on_failure_callback="tell")  # type: ignore[arg-type]
    SinchCancelBatchOperator(task_id="a", batch_id=5)  # type: ignore[arg-type]
    SinchBatchSensor(task_id="a", batch_id=5)  # type: ignore[arg-type]
    SinchBatchSensor(task_id="a", batch_id="b", poke_interval="5")  # type: ignore[arg-type]
    SinchSendBatchOperator("a", to=TO, body="Hi")  # type: ignore[misc, call-arg]


def through_the_hook(hook: SinchHook) -> None:
    hook.batches.send(too=TO, body="Hi")  # type: ignore[call-arg]
    hook.batches.send(to=TO)  # type: ignore[call-arg]
    hook.batches.send(TO, "Hi")  # type: ignore[call-arg, arg-type]
    hook.batches.send(to=TO, body="Hi", send_at=5)  # type: ignore[arg-type]
    hook.batches.update("b", to=TO)  # type: ignore[call-arg]
    hook.batches.replace(to=TO, body="Hi")  # type: ignore[call-arg]
    hook.batches.list(client_refernce="a")  # type: ignore[call-arg]


async def without_blocking(client: AsyncSinchClient) -> None:
    await client.batches.send(too=TO, body="Hi")  # type: ignore[call-arg]
    await client.batches.get()  # type: ignore[call-arg]
