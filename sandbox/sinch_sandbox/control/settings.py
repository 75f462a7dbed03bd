"""Routes that read and change settings."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.limits import Changes

router = APIRouter()


@router.get("/settings")
async def read_settings(sandbox: Controlled) -> dict[str, Any]:
    """Every setting and its value."""
    return sandbox.settings.as_dict()


@router.patch("/settings")
async def change_settings(
    sandbox: Controlled, changes: Changes[str | bool | int | float | None]
) -> dict[str, Any]:
    """Change settings until the next reset."""
    try:
        sandbox.settings = sandbox.settings.changed(changes)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    return sandbox.settings.as_dict()
