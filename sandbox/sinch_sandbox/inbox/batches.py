"""Batches as the inbox shows them: how far they are, and each recipient's message."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.control.batches import shown_batch
from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.store import STATUS_NOW
from sinch_sandbox.core.times import format_time
from sinch_sandbox.inbox.messages import (
    MESSAGE_COLUMNS,
    MESSAGE_SOURCE,
    PREVIEW,
    message_view,
    next_change,
)
from sinch_sandbox.inbox.overview import clock_view
from sinch_sandbox.inbox.phones import Limit

router = APIRouter()

_Seq = Annotated[int | None, Query(ge=1, le=2**53, description="`next` of the page before.")]


@router.get("/batches")
async def batch_list(sandbox: Controlled, limit: Limit = 30, before: _Seq = None) -> dict[str, Any]:
    """Batches, the newest first, each with how many of its messages have which status."""
    now = sandbox.clock.now()
    rows = sandbox.store.rows(
        "SELECT seq, id, substr(text, 1, :preview), sender, client_reference, created_at, starts_at,"
        " canceled_at FROM batches WHERE seq < :before ORDER BY seq DESC LIMIT :limit",
        {"preview": PREVIEW, "before": before or 2**62, "limit": limit + 1},
    )
    more, rows = len(rows) > limit, rows[:limit]
    progress = {row[0]: _progress(sandbox, row[0], now) for row in rows}
    return {
        "clock": clock_view(sandbox),
        "batches": [
            {
                "seq": seq,
                "id": batch_id,
                "text": text,
                "from": sender or sandbox.settings.default_originator,
                "client_reference": reference,
                "at": format_time(created_at),
                "state": _state(progress[seq], starts_at, canceled_at, now),
                **{name: progress[seq][name] for name in ("recipients", "parts", "statuses")},
            }
            for seq, batch_id, text, sender, reference, created_at, starts_at, canceled_at in rows
        ],
        "next": rows[-1][0] if more else None,
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
    """One batch as Sinch shows it without its recipients, how far it is, and a page of its messages."""
    _, found = sandbox.store.batches("b.id = :id", {"id": batch_id}, 1)
    if not found:
        raise HTTPException(404, "there is no such batch")
    batch = found[0]
    now = sandbox.clock.now()
    progress = _progress(sandbox, batch.seq, now)
    rows = sandbox.store.rows(
        f"SELECT {MESSAGE_COLUMNS} FROM {MESSAGE_SOURCE} WHERE m.batch = :batch AND m.position > :after"
        " ORDER BY m.position LIMIT :limit",
        {"batch": batch.seq, "after": after, "limit": limit + 1},
    )
    more, rows = len(rows) > limit, rows[:limit]
    document = shown_batch(batch)
    document.pop("to")
    return {
        "clock": clock_view(sandbox),
        "account": batch.account,
        "batch": document,
        "state": _state(progress, batch.starts_at, batch.canceled_at, now),
        "starts_at": format_time(batch.starts_at),
        **progress,
        "messages": [message_view(sandbox, row, now) for row in rows],
        "next": rows[-1][1] if more else None,
    }


def _progress(sandbox: Sandbox, seq: int, now: int) -> dict[str, Any]:
    rows = sandbox.store.rows(
        f"SELECT {STATUS_NOW}, count(*), sum(m.parts),"
        " min(CASE WHEN m.dispatched_at > :now THEN m.dispatched_at END),"
        " min(CASE WHEN m.final_at > :now THEN m.final_at END)"
        " FROM messages m WHERE m.batch = :batch GROUP BY 1",
        {"batch": seq, "now": now},
    )
    counts = {row[0]: row[1] for row in rows}
    return {
        "recipients": sum(counts.values()),
        "parts": sum(row[2] for row in rows),
        "statuses": [{"status": status, "count": counts[status]} for status in STATUSES if status in counts],
        "next_change_at": next_change([at for row in rows for at in row[3:5]], now),
    }


def _state(progress: dict[str, Any], starts_at: int, canceled_at: int | None, now: int) -> str:
    if canceled_at is not None:
        return "canceled"
    if starts_at > now:
        return "scheduled"
    unfinished = any(each["status"] in STATUSES[:2] for each in progress["statuses"])
    return "under way" if unfinished else "finished"
