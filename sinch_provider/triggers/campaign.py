"""``SinchCampaignTrigger``: let a campaign wait without holding a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.sms.delivery.progress import Progress
from sinch_provider.sms.delivery.wait import wait
from sinch_provider.sms.runtime import current, utcnow
from sinch_provider.task.failures import SinchTaskFailed, SinchWaitInterrupted
from sinch_provider.triggers.batches import explained
from sinch_provider.triggers.poller import polling

#: The longest pause in seconds: clocks of machines are set, and machines sleep.
_LONGEST_PAUSE: Final = 60.0
_ENDS: Final = ("due", "finished")


class SinchCampaignTrigger(BaseTrigger):
    """
    Fire at a time, or as soon as some batches have finished.

    It sends and cancels nothing: the task does that, when it goes on. Its event says only why it fired:
    ``{"status": "due" | "finished", "left": ...}``, or
    ``{"status": "error", "message": ..., "transient": ...}``.

    :param until: When to fire at the latest, as ISO 8601.
    :param batch_ids: The ids of the batches. None: only the time counts.
    :param sinch_conn_id: The connection.
    :param poll_interval: Seconds between looks at a batch, at most.
    :param left: Whether there are people to text after the wait.
    """

    def __init__(
        self,
        until: str,
        batch_ids: Sequence[str] = (),
        sinch_conn_id: str = DEFAULT_CONN_ID,
        poll_interval: float = 10.0,
        left: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.until = until
        self.batch_ids = list(batch_ids)
        self.sinch_conn_id = sinch_conn_id
        self.poll_interval = poll_interval
        self.left = left

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give class path and arguments, as Airflow stores them."""
        return (
            "sinch_provider.triggers.campaign.SinchCampaignTrigger",
            {
                "until": self.until,
                "batch_ids": self.batch_ids,
                "sinch_conn_id": self.sinch_conn_id,
                "poll_interval": self.poll_interval,
                "left": self.left,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield one event."""
        try:
            status = await (self._first() if self.batch_ids else self._due())
        except Exception as error:
            # Report every error to the task: a trigger that dies gives no reason.
            self.log.warning("The campaign's wait failed: %s", type(error).__name__)
            message, transient = explained(error)
            yield TriggerEvent({"status": "error", "message": message, "transient": transient})
            return
        yield TriggerEvent({"status": status, "left": self.left})

    async def _first(self) -> str:
        tasks = [asyncio.ensure_future(each) for each in (self._due(), self._finished())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _due(self) -> str:
        until = datetime.fromisoformat(self.until)
        while (left := (until - utcnow()).total_seconds()) > 0:
            await current().async_sleep(min(left, _LONGEST_PAUSE))
        return "due"

    async def _finished(self) -> str:
        async with polling(self.sinch_conn_id) as poller:
            await poller.follow(wait([Progress(id_) for id_ in self.batch_ids], self.poll_interval))
        return "finished"

    async def on_kill(self) -> None:
        """
        Log what becomes of the campaign.

        Airflow >= 3.3 calls this when the task is cleared or marked.
        """
        self.log.info("The campaign does not go on. What was sent before is delivered.")


def check_event(event: Any) -> bool:
    """
    Look whether a campaign may go on. Returns whether there were people to text when it began to wait.

    :raises SinchWaitInterrupted: Waiting failed for a passing reason.
    :raises SinchTaskFailed: Waiting failed, or the event is not this trigger's.
    """
    said = event if isinstance(event, dict) else {}
    if said.get("status") in _ENDS:
        return said.get("left") is True
    message = said.get("message")
    if isinstance(message, str):
        failure = SinchWaitInterrupted if said.get("transient") is True else SinchTaskFailed
        raise failure(f"The campaign's wait failed: {message} A clear of the task goes on with it.")
    raise SinchTaskFailed(
        "The campaign's wait failed: the trigger's event is not from this provider. A clear of the task goes "
        "on with it."
    )
