"""``SinchBatchTrigger``: wait for batches without holding a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.delivery.outcome import Summary, named
from sinch_provider.sms.delivery.progress import Progress
from sinch_provider.sms.delivery.wait import wait
from sinch_provider.sms.errors import SinchError, SinchNotFoundError
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.runtime import current
from sinch_provider.task.failures import SinchTaskFailed, SinchWaitInterrupted, goes_on, missing_connection
from sinch_provider.triggers.poller import polling

if TYPE_CHECKING:
    from sinch_provider.sms.aio import AsyncSinchClient

#: The first look comes so many seconds after the deferral; drawn, because many waits begin together.
_MOMENT: Final = (1.0, 2.0)


class SinchBatchTrigger(BaseTrigger):
    """
    Fire when every batch has finished, or has expired and the time for late reports is over.

    In a triggerer, all these triggers on one connection share their connections to Sinch, at most 32.

    Its event has ids, counts and the outcome, never numbers or texts: ``{"status": "finished" | "overdue",
    "summary": {...}}``, or ``{"status": "error", "message": ..., "transient": ...}``.

    :param batch_ids: The ids of the batches.
    :param sinch_conn_id: The connection.
    :param poll_interval: Seconds between looks at a batch that is under way, at most: the first looks come
        sooner.
    :param cancel_on_kill: Whether to cancel the batches when the waiting task is cleared or marked
        (Airflow >= 3.3).
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
            # A trigger that fires at once can be faster than the report that its task has deferred.
            await current().async_sleep(min(current().uniform(*_MOMENT), self.poll_interval))
            async with polling(self.sinch_conn_id) as poller:
                summary = await poller.follow(
                    wait([Progress(id_) for id_ in self.batch_ids], self.poll_interval)
                )
        except Exception as error:
            # Report every error to the task: a trigger that dies gives no reason.
            self.log.warning("Waiting for the batches failed: %s", type(error).__name__)
            message, transient = explained(error)
            yield TriggerEvent({"status": "error", "message": message, "transient": transient})
            return
        status = "overdue" if summary.overdue else "finished"
        yield TriggerEvent({"status": status, "summary": summary.to_dict()})

    async def on_kill(self) -> None:
        """
        Cancel the batches if asked to. Otherwise log that delivery continues.

        Airflow >= 3.3 calls this when the task is cleared or marked.
        """
        if not self.cancel_on_kill:
            self.log.info("%s", goes_on(self.batch_ids))
            return
        try:
            async with polling(self.sinch_conn_id) as poller, poller.client() as client:
                for batch_id in self.batch_ids:
                    await self._cancel(client, batch_id)
        except Exception as error:
            self.log.warning("%s was not cancelled: %s", named(self.batch_ids), explained(error)[0])

    async def _cancel(self, client: AsyncSinchClient, batch_id: str) -> None:
        try:
            batch = await client.batches.cancel(batch_id)
        except SinchError as error:
            self.log.warning("Batch %s was not cancelled: %s", batch_id, error)
            return
        if batch.canceled:
            self.log.info("Cancelled batch %s because its task was killed.", batch_id)
        else:
            self.log.warning("Batch %s was not cancelled: it was too late.", batch_id)


def explained(error: Exception) -> tuple[str, bool]:
    """Explain an error, and say whether waiting again can succeed without any change."""
    if isinstance(error, SinchNotFoundError):
        return f"{error} Perhaps it was created with another connection.", False
    if isinstance(error, SinchError):
        return str(error), error.transient
    if isinstance(error, AirflowNotFoundException):
        consequence = "The triggerer needs the connection too. Delivery of the batches continues."
        return missing_connection(error, consequence), False
    return f"{type(error).__name__}: {mask_text(str(error))}", True


def summary_of_event(event: Any) -> Summary:
    """
    Read the trigger's event.

    :raises SinchWaitInterrupted: Waiting failed for a passing reason.
    :raises SinchTaskFailed: Waiting failed, or the event is not this trigger's.
    """
    said = event if isinstance(event, Mapping) else {}
    status, message = said.get("status"), said.get("message")
    if status == "error" and isinstance(message, str):
        failure = SinchWaitInterrupted if said.get("transient") is True else SinchTaskFailed
        raise failure(f"Waiting for the batches failed: {message}")
    summary = _summary(said.get("summary"))
    if summary and status == ("overdue" if summary.overdue else "finished"):
        return summary
    raise SinchTaskFailed(
        "Waiting for the batches failed: the trigger's event is not from this provider. "
        "Delivery continues. Clear the task to wait for the batches again."
    )


def _summary(data: Any) -> Summary | None:
    """Read the summary of an event. None if it is not one, or if batches are still under way."""
    try:
        summary = Summary.from_dict(data)
    except ValueError:
        return None
    whole = summary.batch_ids and not summary.pending and set(summary.overdue) <= set(summary.batch_ids)
    return summary if whole else None
