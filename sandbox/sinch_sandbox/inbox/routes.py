"""The inbox's router: all routes that only its page uses, under ``/sandbox/inbox``."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from sinch_sandbox.control.access import ROUTE_DEPENDENCIES
from sinch_sandbox.control.surrogates import refuse_lone_surrogates
from sinch_sandbox.inbox import batches, overview, phones, preview, references, search

_PREFIX = "/sandbox/inbox"

router = APIRouter(tags=["Sandbox", "Inbox"])
for part in (overview, phones, batches, references, search):
    router.include_router(part.router, prefix=_PREFIX, dependencies=ROUTE_DEPENDENCIES)
# A preview changes nothing, so nobody has to look again while somebody types.
router.include_router(preview.router, prefix=_PREFIX, dependencies=(Depends(refuse_lone_surrogates),))
