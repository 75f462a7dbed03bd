"""The control API under ``/sandbox/``: look inside, move the clock, arm faults."""

from __future__ import annotations

from fastapi import APIRouter

from sinch_provider.sandbox.control import inbounds, sent, switches

router = APIRouter(prefix="/sandbox", tags=["Sandbox"])
router.include_router(switches.router)
router.include_router(sent.router)
router.include_router(inbounds.router)
