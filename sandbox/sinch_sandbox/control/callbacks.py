"""The callbacks that were sent or are waiting to be sent."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query

from sinch_sandbox.control.access import Controlled, Dispatching
from sinch_sandbox.core.masking import masked
from sinch_sandbox.core.store.callbacks import CallbackState, StoredCallback
from sinch_sandbox.core.times import format_time

router = APIRouter()

MAX_LISTED = 10_000


@router.get("/callbacks")
async def callbacks(
    sandbox: Controlled,
    batch_id: str | None = None,
    state: CallbackState | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> dict[str, Any]:
    """Every callback with its attempts, in the order they were queued."""
    count, found = sandbox.store.callbacks.page(batch_id, state, limit, offset)
    return {"count": count, "callbacks": [_shown(each) for each in found]}


@router.delete("/callbacks")
async def forget_callbacks(sandbox: Controlled, dispatcher: Dispatching) -> dict[str, int]:
    """Forget all callbacks so far, sent or waiting; later events are reported as usual."""
    sandbox.store.callbacks.clear()
    dispatcher.interrupt()
    return {"count": 0}


def _shown(callback: StoredCallback) -> dict[str, Any]:
    return {
        "id": callback.seq,
        "type": callback.type,
        "url": masked(callback.url),
        "batch_id": callback.batch_id,
        "recipient": callback.recipient,
        "state": callback.state,
        "created_at": format_time(callback.created_at),
        "due_at": None if callback.due_at is None else format_time(callback.due_at),
        "attempts": [{**each, "at": format_time(each["at"])} for each in json.loads(callback.attempts)],
        "body": json.loads(callback.body),
    }
