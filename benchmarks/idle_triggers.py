"""Triggers that this provider's is compared with."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sinch_provider.hooks.sinch import SinchHook, read_account
from sinch_provider.sms.account import Account
from sinch_provider.sms.aio import AsyncSinchClient
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


_accounts: dict[str, asyncio.Task[Account]] = {}


class SessionPerWait(_Trigger):
    """
    The same wait, but with a session of its own, as most providers do.

    Most also look up the connection for each wait. All that is said to Airflow's supervisor takes its turn
    there, so 10,000 look-ups would take longer than the rest.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.sinch_conn_id not in _accounts:
            reading = read_account(SinchHook(self.sinch_conn_id))
            _accounts[self.sinch_conn_id] = asyncio.create_task(reading)
        account = await asyncio.shield(_accounts[self.sinch_conn_id])
        async with AsyncSinchClient(account) as client:
            summary = await client.follow(wait([Progress(id_) for id_ in self.batch_ids], self.poll_interval))
        yield TriggerEvent({"status": "finished", "summary": summary.to_dict()})


class Empty(_Trigger):
    """Does nothing, and never fires: what a trigger costs Airflow."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        # The triggerer ends it.
        await asyncio.sleep(math.inf)
        yield TriggerEvent({})
