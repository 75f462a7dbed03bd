"""The control API under ``/sandbox/``: look inside, move the clock, arm faults."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from sinch_sandbox.control import (
    batch_views,
    callbacks,
    documentation,
    events,
    export,
    inbounds,
    ledger,
    metrics,
    overview,
    phones,
    searching,
    sent,
    switches,
)
from sinch_sandbox.control.access import announce_changes
from sinch_sandbox.control.texts import refuse_broken_text

router = APIRouter(
    prefix="/sandbox",
    tags=["Sandbox"],
    dependencies=[Depends(announce_changes), Depends(refuse_broken_text)],
)
for part in (switches, sent, ledger, export, metrics, documentation, inbounds, callbacks, events):
    router.include_router(part.router)
for part in (overview, phones, batch_views, searching):
    router.include_router(part.router, prefix="/inbox", tags=["Inbox"])
