"""``SinchBatchTrigger``: wait for batches without holding a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sinch_provider.failures import SinchTaskFailed, SinchWaitInterrupted
from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.delivery import Progress, Summary, wait
from sinch_provider.sms.errors import SinchError, SinchNotFoundError
from sinch_provider.sms.masking import mask_text


class SinchBatchTrigger(BaseTrigger):
    """
    Fire once every batch is over: finished, or past its expiry and the time for late reports.

    Its event holds ids, counts and the outcome, never numbers or texts: ``{"status": "finished" | "overdue",
    "summary": {...}}``, or ``{"status": "error", "message": ..., "transient": ...}``.

    :param batch_ids: The batches.
    :param sinch_conn_id: The connection.
    :param poll_interval: Seconds between looks at a batch that is under way.
    :param cancel_on_kill: Whether to cancel the batches when the waiting task is cleared or marked (Airflow
        >= 3.3).
    """

    def __init__(
        self,
        batch_ids: Sequence[str],
        sinch_conn_id: str = SinchHook.default_conn_name,
        poll_interval: float = 10.0,
        cancel_on_kill: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch_ids = list(batch_ids)
        self.sinch_conn_id = sinch_conn_id
        self.poll_interval = poll_interval
        self.cancel_on_kill = cancel_on_kill

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give class path and arguments, as Airflow stores them."""
        return (
            "sinch_provider.triggers.batches.SinchBatchTrigger",
            {
                "batch_ids": self.batch_ids,
                "sinch_conn_id": self.sinch_conn_id,
                "poll_interval": self.poll_interval,
                "cancel_on_kill": self.cancel_on_kill,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield one event."""
        try:
            async with await SinchHook(self.sinch_conn_id).get_async_conn() as client:
                summary = await client.follow(
                    wait([Progress(id_) for id_ in self.batch_ids], self.poll_interval)
                )
        except Exception as error:
            # Whatever it is, the task has to hear of it: a trigger that dies leaves no reason behind.
            self.log.warning("Waiting for the batches failed: %s", type(error).__name__)
            transient = error.transient if isinstance(error, SinchError) else True
            yield TriggerEvent({"status": "error", "message": _explained(error), "transient": transient})
            return
        status = "overdue" if summary.overdue else "finished"
        yield TriggerEvent({"status": status, "summary": summary.to_dict()})

    async def on_kill(self) -> None:
        """Cancel the batches if asked to; Airflow >= 3.3 calls this on clear and when the task is marked."""
        if not self.cancel_on_kill:
            return
        async with await SinchHook(self.sinch_conn_id).get_async_conn() as client:
            for batch_id in self.batch_ids:
                try:
                    await client.batches.cancel(batch_id)
                except SinchError as error:
                    self.log.warning("Batch %s was not cancelled: %s", batch_id, error)
                else:
                    self.log.info("Cancelled batch %s because its task was killed.", batch_id)


def _explained(error: Exception) -> str:
    if isinstance(error, SinchNotFoundError):
        return f"{error} Was it created with another connection?"
    return str(error) if isinstance(error, SinchError) else f"{type(error).__name__}: {mask_text(str(error))}"


def summary_of_event(event: dict[str, Any] | None) -> Summary:
    """
    Read the trigger's event.

    :raises SinchWaitInterrupted: Waiting broke off for a passing reason.
    :raises SinchTaskFailed: Waiting failed, or the event is not this trigger's.
    """
    if event and event.get("status") in {"finished", "overdue"}:
        return Summary.from_dict(event["summary"])
    reason = (event or {}).get("message", "the trigger sent no usable event")
    failure = SinchWaitInterrupted if event and event.get("transient") else SinchTaskFailed
    raise failure(f"Waiting for the batches failed: {reason}")
