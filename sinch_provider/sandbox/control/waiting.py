"""Waits, in real time, until enough messages were accepted."""

from __future__ import annotations

import time

from sinch_provider.sandbox.connections import Connections
from sinch_provider.sandbox.control.messages import SOURCE, MessageFilters
from sinch_provider.sandbox.state import Sandbox

_PAUSE = 0.02
"""Real seconds between two looks: many changes at once are one."""
_CLOCK_TICK = 0.1
"""Real seconds after which to look without a change: time alone gives a message another status."""


async def enough_messages(
    sandbox: Sandbox, connections: Connections, filters: MessageFilters, wanted: int, seconds: float
) -> None:
    """Return once there are ``wanted`` messages, the time is up, or the server ends."""
    deadline = time.monotonic() + seconds
    with sandbox.changes.watch() as changed:
        while True:
            changed.clear()
            left = deadline - time.monotonic()
            if _are_there(sandbox, filters, wanted) or left <= 0 or connections.ending:
                return
            await connections.until(changed, min(left, _CLOCK_TICK) if filters.status else left)
            await connections.pause(_PAUSE)


def _are_there(sandbox: Sandbox, filters: MessageFilters, wanted: int) -> bool:
    where, values = filters.condition(sandbox)
    found = sandbox.store.rows(
        f"SELECT count(*) FROM (SELECT 1 FROM {SOURCE} WHERE {where} LIMIT :wanted)",
        {**values, "wanted": wanted},
    )
    return bool(found[0][0] >= wanted)
