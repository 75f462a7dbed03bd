"""The inbox's references: what became of all batches that have the same one."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.inbox.messages import next_change
from sinch_sandbox.inbox.overview import clock_view

router = APIRouter()

_STRIDE = 20
_PENDING, _DELIVERED = STATUSES[:2], "Delivered"

Reference = Annotated[str, Query(min_length=1, description="The `client_reference` of the batches.")]


@router.get("/reference")
async def reference_view(sandbox: Controlled, client_reference: Reference) -> dict[str, Any]:
    """The sum of all batches with one reference; `/sandbox/inbox/batches` lists them."""
    now = sandbox.clock.now()
    seqs = sandbox.store.batches.with_reference(client_reference)
    if not seqs:
        raise HTTPException(404, "no batch has this reference")
    statuses: Counter[str] = Counter()
    parts = cancelled = 0
    changes: set[int | None] = set()
    for index, seq in enumerate(seqs):
        for each in sandbox.store.progress.of(seq, now):
            statuses[each.status] += each.messages
            parts += each.parts
            cancelled += each.cancelled
            changes |= {each.next_dispatch_at, each.next_final_at}
        if index % _STRIDE == 0:
            # Let other calls be answered.
            await asyncio.sleep(0)
    recipients, pending = statuses.total(), sum(statuses[each] for each in _PENDING)
    return {
        "clock": clock_view(sandbox),
        "client_reference": client_reference,
        "batches": len(seqs),
        "recipients": recipients,
        "parts": parts,
        "delivered": statuses[_DELIVERED],
        "failed": recipients - statuses[_DELIVERED] - pending - cancelled,
        "pending": pending,
        "cancelled": cancelled,
        "statuses": [
            {"status": status, "count": statuses[status]} for status in STATUSES if statuses[status]
        ],
        "next_change_at": next_change(changes, now),
    }
