"""The callbacks that were sent, or are going to be."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query

from sinch_sandbox.control.access import Controlled, Dispatching
from sinch_sandbox.core.masking import masked
from sinch_sandbox.core.store import callbacks as outbox
from sinch_sandbox.core.times import format_time

router = APIRouter()

MAX_LISTED = 10_000


@router.get("/callbacks")
async def callbacks(
    sandbox: Controlled,
    batch_id: str | None = None,
    state: outbox.CallbackState | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> dict[str, Any]:
    """Every callback with its attempts, in the order they were queued."""
    where = "(:batch_id IS NULL OR batch_id = :batch_id) AND (:state IS NULL OR state = :state)"
    values: dict[str, Any] = {"batch_id": batch_id, "state": state}
    count = sandbox.store.rows(f"SELECT count(*) FROM callbacks WHERE {where}", values)[0][0]
    rows = sandbox.store.rows(
        "SELECT seq, type, url, batch_id, recipient, body, state, created_at, due_at, attempts"
        f" FROM callbacks WHERE {where} ORDER BY seq LIMIT :limit OFFSET :offset",
        {**values, "limit": limit, "offset": offset},
    )
    return {"count": count, "callbacks": [_callback(row) for row in rows]}


@router.delete("/callbacks")
async def forget_callbacks(sandbox: Controlled, dispatcher: Dispatching) -> dict[str, int]:
    """Forget all callbacks so far, sent or not; what happens from now on is reported as before."""
    outbox.forget(sandbox.store)
    dispatcher.interrupt()
    return {"count": 0}


def _callback(row: tuple[Any, ...]) -> dict[str, Any]:
    seq, type_, url, batch_id, recipient, body, state, created_at, due_at, attempts = row
    return {
        "id": seq,
        "type": type_,
        "url": masked(url),
        "batch_id": batch_id,
        "recipient": recipient,
        "state": state,
        "created_at": format_time(created_at),
        "due_at": None if due_at is None else format_time(due_at),
        "attempts": [{**each, "at": format_time(each["at"])} for each in json.loads(attempts)],
        "body": json.loads(body),
    }
