"""How often each operation was called."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from sinch_sandbox.control.access import Controlled

router = APIRouter()


@router.get("/calls")
async def calls(sandbox: Controlled) -> dict[str, Any]:
    """How often each operation was called, including refused calls and calls hit by faults."""
    counted = sandbox.calls
    return {"count": counted.total(), "calls": dict(counted)}


@router.delete("/calls")
async def clear_calls(sandbox: Controlled) -> dict[str, Any]:
    """Count from zero again."""
    sandbox.calls.clear()
    sandbox.answers.clear()
    return {"count": 0, "calls": {}}
