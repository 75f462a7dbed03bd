"""Search in texts and numbers, newest first, in strides so that other calls are answered in between."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.store.messages import Place, StoredMessage
from sinch_sandbox.core.times import format_time
from sinch_sandbox.inbox.messages import message_view
from sinch_sandbox.inbox.overview import clock_view
from sinch_sandbox.inbox.phones import Cursor, Limit, place

router = APIRouter()

_STRIDE = 5_000
_MOST_LOOKED_AT = 100_000
"""The most messages that one call looks through; the next call continues."""


@router.get("/search")
async def search(
    sandbox: Controlled,
    q: Annotated[str, Query(min_length=1, max_length=200, description="Part of a text or of a number.")],
    limit: Limit = 50,
    before: Cursor = None,
) -> dict[str, Any]:
    """Messages with this text or number. If there is a ``next``, older messages may match too."""
    found: list[StoredMessage] = []
    at: Place | None = place(before)
    for _ in range(_MOST_LOOKED_AT // _STRIDE):
        assert at is not None
        low = sandbox.store.search.stride(at, _STRIDE)
        found += sandbox.store.search.matches(q, low, at, limit - len(found))
        at = low if len(found) < limit else found[-1].place
        if at is None or len(found) == limit:
            break
        # Let other calls be answered.
        await asyncio.sleep(0)
    now = sandbox.clock.now()
    reached = sandbox.store.batches.created_at_or_after(at[0] if at else 0)
    return {
        "clock": clock_view(sandbox),
        "messages": [message_view(sandbox, each, now) for each in found],
        "next": f"{at[0]}-{at[1]}" if at else None,
        "searched_back_to": None if reached is None else format_time(reached),
    }
