"""The inbox's batches: their progress, and each recipient's message."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.control.batches import shown_batch
from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.times import format_time
from sinch_sandbox.inbox.messages import PREVIEW, message_view, next_change
from sinch_sandbox.inbox.overview import clock_view
from sinch_sandbox.inbox.phones import Limit

router = APIRouter()

_Seq = Annotated[int | None, Query(ge=1, le=2**53, description="`next` of the page before.")]


@router.get("/batches")
async def batch_list(
    sandbox: Controlled,
    limit: Limit = 30,
    before: _Seq = None,
    q: Annotated[
        str | None, Query(max_length=200, description="Part of a text or a reference; or an id.")
    ] = None,
    client_reference: Annotated[
        str | None, Query(min_length=1, description="Only batches with exactly this reference.")
    ] = None,
) -> dict[str, Any]:
    """Batches, the newest first, each with how many of its messages have which status."""
    now = sandbox.clock.now()
    found = sandbox.store.batches.summaries(before, limit + 1, PREVIEW, q, client_reference)
    more, found = len(found) > limit, found[:limit]
    progress = {each.seq: _progress(sandbox, each.seq, now) for each in found}
    return {
        "clock": clock_view(sandbox),
        "batches": [
            {
                "seq": each.seq,
                "id": each.id,
                "text": each.preview,
                "from": each.sender or sandbox.settings.default_originator,
                "client_reference": each.client_reference,
                "at": format_time(each.created_at),
                "state": _state(progress[each.seq], each.starts_at, each.canceled_at, now),
                **{name: progress[each.seq][name] for name in ("recipients", "parts", "statuses")},
            }
            for each in found
        ],
        "next": found[-1].seq if more else None,
        "next_change_at": min(
            (each["next_change_at"] for each in progress.values() if each["next_change_at"]), default=None
        ),
    }


@router.get("/batches/{batch_id}")
async def batch_view(
    sandbox: Controlled,
    batch_id: str,
    limit: Limit = 100,
    after: Annotated[int, Query(ge=-1, le=2**53, description="`next` of the page before.")] = -1,
) -> dict[str, Any]:
    """One batch without its recipients, its progress, and a page of its messages."""
    batch = sandbox.store.batches.with_id(batch_id)
    if batch is None:
        raise HTTPException(404, "there is no such batch")
    now = sandbox.clock.now()
    progress = _progress(sandbox, batch.seq, now)
    found = sandbox.store.messages.of_batch(batch.seq, after, limit + 1)
    more, found = len(found) > limit, found[:limit]
    document = shown_batch(batch)
    document.pop("to")
    return {
        "clock": clock_view(sandbox),
        "account": batch.account,
        "batch": document,
        "state": _state(progress, batch.starts_at, batch.canceled_at, now),
        "starts_at": format_time(batch.starts_at),
        **progress,
        "messages": [message_view(sandbox, each, now) for each in found],
        "next": found[-1].position if more else None,
    }


def _progress(sandbox: Sandbox, seq: int, now: int) -> dict[str, Any]:
    found = sandbox.store.progress.of(seq, now)
    counts = {each.status: each.messages for each in found}
    return {
        "recipients": sum(counts.values()),
        "parts": sum(each.parts for each in found),
        "statuses": [{"status": status, "count": counts[status]} for status in STATUSES if status in counts],
        "next_change_at": next_change(
            (at for each in found for at in (each.next_dispatch_at, each.next_final_at)), now
        ),
    }


def _state(progress: dict[str, Any], starts_at: int, canceled_at: int | None, now: int) -> str:
    if canceled_at is not None:
        return "cancelled"
    if starts_at > now:
        return "scheduled"
    unfinished = any(each["status"] in STATUSES[:2] for each in progress["statuses"])
    return "under way" if unfinished else "finished"
