"""Triggers that this provider's is compared with."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.delivery.progress import Progress
from sinch_provider.sms.delivery.wait import wait


class _Trigger(BaseTrigger):
    def __init__(
        self, batch_ids: list[str], sinch_conn_id: str = "sinch_default", poll_interval: float = 10.0
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch_ids = batch_ids
        self.sinch_conn_id = sinch_conn_id
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"idle_triggers.{type(self).__name__}", {
            "batch_ids": self.batch_ids,
            "sinch_conn_id": self.sinch_conn_id,
            "poll_interval": self.poll_interval,
        }


class SessionPerWait(_Trigger):
    """The same wait, but with a look-up of the connection and a session of its own, as most providers do."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        async with await SinchHook(self.sinch_conn_id).get_async_conn() as client:
            summary = await client.follow(wait([Progress(id_) for id_ in self.batch_ids], self.poll_interval))
        yield TriggerEvent({"status": "finished", "summary": summary.to_dict()})


class Empty(_Trigger):
    """Does nothing, and never fires: what a trigger costs Airflow."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        # The triggerer ends it.
        await asyncio.sleep(math.inf)
        yield TriggerEvent({})
