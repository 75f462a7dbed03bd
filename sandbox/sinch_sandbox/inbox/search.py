"""Search through every text and number, the newest first, in strides that let other calls through."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store import finding
from sinch_sandbox.core.times import format_time
from sinch_sandbox.inbox.messages import MESSAGE_COLUMNS, MESSAGE_SOURCE, message_view
from sinch_sandbox.inbox.overview import clock_view
from sinch_sandbox.inbox.phones import Cursor, Limit, Place, place

router = APIRouter()

_STRIDE = 5_000
_MOST_LOOKED_AT = 100_000
"""Messages that one call looks through; what is older is for the next call."""


@router.get("/search")
async def search(
    sandbox: Controlled,
    q: Annotated[str, Query(min_length=1, max_length=200, description="Part of a text or of a number.")],
    limit: Limit = 50,
    before: Cursor = None,
) -> dict[str, Any]:
    """Messages with this text or number. With a ``next`` there may be more, even if nothing was found."""
    found: list[tuple[Any, ...]] = []
    at: Place | None = place(before)
    for _ in range(_MOST_LOOKED_AT // _STRIDE):
        assert at is not None
        low = _stride_before(sandbox, at)
        found += _matches(sandbox, q, (low, at), limit - len(found))
        at = low if len(found) < limit else (found[-1][0], found[-1][1])
        if at is None or len(found) == limit:
            break
        # Others get their turn.
        await asyncio.sleep(0)
    now = sandbox.clock.now()
    reached = sandbox.store.rows(
        "SELECT created_at FROM batches WHERE seq >= :seq ORDER BY seq LIMIT 1", {"seq": at[0] if at else 0}
    )
    return {
        "clock": clock_view(sandbox),
        "messages": [message_view(sandbox, row, now) for row in found],
        "next": f"{at[0]}-{at[1]}" if at else None,
        "searched_back_to": format_time(reached[0][0]) if reached else None,
    }


def _stride_before(sandbox: Sandbox, high: Place) -> Place | None:
    """Where a stride ends that goes back from ``high``; None at the beginning of the ledger."""
    rows = sandbox.store.rows(
        "SELECT batch, position FROM messages WHERE (batch, position) < (:batch, :position)"
        " ORDER BY batch DESC, position DESC LIMIT 1 OFFSET :stride",
        {"batch": high[0], "position": high[1], "stride": _STRIDE - 1},
    )
    return (rows[0][0], rows[0][1]) if rows else None


def _matches(
    sandbox: Sandbox, q: str, window: tuple[Place | None, Place], limit: int
) -> list[tuple[Any, ...]]:
    low, high = window
    low = low or (0, 0)
    values = {
        "low": low[0], "low_position": low[1], "high": high[0], "high_position": high[1],
        "limit": limit, **finding.values(q),
    }  # fmt: skip
    # A text that a whole batch shares is looked at once.
    shared = sandbox.store.rows(
        f"SELECT seq FROM batches WHERE seq >= :low AND seq <= :high AND {finding.text_matches('text')}",
        values,
    )
    return sandbox.store.rows(
        f"SELECT {MESSAGE_COLUMNS} FROM {MESSAGE_SOURCE}"
        " WHERE (m.batch, m.position) >= (:low, :low_position)"
        " AND (m.batch, m.position) < (:high, :high_position) AND ("
        f" {finding.NUMBER_MATCHES}"
        " OR CASE WHEN m.text IS NULL THEN m.batch IN (SELECT value FROM json_each(:shared))"
        f" ELSE {finding.text_matches('m.text')} END)"
        " ORDER BY m.batch DESC, m.position DESC LIMIT :limit",
        {**values, "shared": json.dumps([row[0] for row in shared])},
    )
