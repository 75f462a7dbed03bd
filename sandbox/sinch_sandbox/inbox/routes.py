"""The inbox's router: all routes that only its page uses, under ``/sandbox/inbox``."""

from __future__ import annotations

from fastapi import APIRouter

from sinch_sandbox.control.access import ROUTE_DEPENDENCIES
from sinch_sandbox.inbox import batches, overview, phones, search

router = APIRouter(tags=["Sandbox", "Inbox"], dependencies=ROUTE_DEPENDENCIES)
for part in (overview, phones, batches, search):
    router.include_router(part.router, prefix="/sandbox/inbox")
