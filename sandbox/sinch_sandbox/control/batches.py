"""The batches that were sent, and how the sandbox shows a batch."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.masking import masked
from sinch_sandbox.core.store.batches import Batch
from sinch_sandbox.sinch import batches

router = APIRouter()

MAX_LISTED = 10_000


@router.get("/batches")
async def list_batches(
    sandbox: Controlled,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> dict[str, Any]:
    """All batches of all accounts as Sinch shows them, newest first, even if Sinch's list lacks them."""
    count, found = sandbox.store.batches.all(limit, offset)
    return {
        "count": count,
        "batches": [{"account": each.account, **shown_batch(each)} for each in found],
    }


@router.delete("/batches/{batch_id}")
async def forget_batch(sandbox: Controlled, batch_id: str) -> dict[str, int]:
    """Forget a batch of any account, with its messages and callbacks. To cancel it, use Sinch's operation."""
    batch = sandbox.store.batches.with_id(batch_id)
    if batch is None:
        raise HTTPException(404, "there is no such batch")
    sandbox.store.forgetting.batch(batch)
    return {"count": sandbox.store.batches.count()}


def shown_batch(batch: Batch) -> dict[str, Any]:
    """A batch as Sinch shows it, without the password of its callback URL."""
    document = batches.document(batch)
    if "callback_url" in document:
        document["callback_url"] = masked(document["callback_url"])
    return document
