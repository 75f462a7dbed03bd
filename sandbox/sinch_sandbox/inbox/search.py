"""Search and filters for messages, newest first, in strides so that other calls are answered in between."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import Field

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.control.filters import MessageFilters
from sinch_sandbox.core.store.messages import Place, StoredMessage
from sinch_sandbox.core.times import format_time
from sinch_sandbox.inbox.messages import message_view
from sinch_sandbox.inbox.overview import clock_view
from sinch_sandbox.inbox.phones import MAX_PAGE, Cursor, place

router = APIRouter()

_STRIDE = 5_000
_MOST_LOOKED_AT = 100_000
"""The most messages that one call looks through; the next call continues."""


class SearchWanted(MessageFilters):
    """Which messages, and which page of them."""

    q: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Part of a text, a number or a reference; or the id of a batch."
    )
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    before: Cursor = None


@router.get("/search")
async def search(sandbox: Controlled, wanted: Annotated[SearchWanted, Query()]) -> dict[str, Any]:
    """Messages that pass the filters. If there is a ``next``, older messages may pass too."""
    if not wanted.model_fields_set - {"limit", "before"}:
        raise HTTPException(422, "give q or another filter")
    now = sandbox.clock.now()
    filter_ = wanted.filter()
    found: list[StoredMessage] = []
    at: Place | None = place(wanted.before)
    for _ in range(_MOST_LOOKED_AT // _STRIDE):
        assert at is not None
        low = sandbox.store.search.stride(at, _STRIDE)
        found += sandbox.store.search.matches(
            filter_, now, sandbox.settings.default_originator, low, at, wanted.limit - len(found)
        )
        at = low if len(found) < wanted.limit else found[-1].place
        if at is None or len(found) == wanted.limit:
            break
        # Let other calls be answered.
        await asyncio.sleep(0)
    reached = sandbox.store.batches.created_at_or_after(at[0] if at else 0)
    return {
        "clock": clock_view(sandbox),
        "messages": [message_view(sandbox, each, now) for each in found],
        "next": f"{at[0]}-{at[1]}" if at else None,
        "searched_back_to": None if reached is None else format_time(reached),
    }
