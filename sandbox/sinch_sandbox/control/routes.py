"""The control API's router: all its routes under ``/sandbox``."""

from __future__ import annotations

from fastapi import APIRouter

from sinch_sandbox.control import (
    api_page,
    batches,
    callbacks,
    calls,
    clock,
    events,
    export,
    faults,
    health,
    inbounds,
    messages,
    metrics,
    outcomes,
    settings,
    verdict,
)
from sinch_sandbox.control.access import ROUTE_DEPENDENCIES

router = APIRouter(prefix="/sandbox", tags=["Sandbox"], dependencies=ROUTE_DEPENDENCIES)
_PARTS = (
    health,
    clock,
    faults,
    outcomes,
    settings,
    messages,
    batches,
    calls,
    verdict,
    export,
    metrics,
    api_page,
    inbounds,
    callbacks,
    events,
)
for part in _PARTS:
    router.include_router(part.router)
