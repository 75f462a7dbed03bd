"""Routes that report health and reset the sandbox."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

import sinch_sandbox
from sinch_sandbox.control.access import Controlled, Dispatching
from sinch_sandbox.core.times import format_time

router = APIRouter()


@router.get("/health")
async def health(sandbox: Controlled) -> dict[str, Any]:
    """The sandbox is ready to answer calls."""
    return {
        "status": "ok",
        "version": sinch_sandbox.__version__,
        "now": format_time(sandbox.clock.now()),
    }


@router.post("/reset")
async def reset(sandbox: Controlled, dispatcher: Dispatching) -> dict[str, Any]:
    """Return to a fresh start: nothing sent, no faults, no scripts, settings and clock as at the start."""
    sandbox.reset()
    dispatcher.interrupt()
    return await health(sandbox)
