"""Live updates: a stream with an event after every change."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.web.connections import Connections, Seats

router = APIRouter()

MAX_LISTENING = 100
_HEARTBEAT = 15
"""Real seconds after which a silent stream sends a sign of life, or finds its listener gone."""
_PAUSE = 0.1
"""Real seconds between two events, so that many changes at once cause one event."""


@router.get("/events", response_class=StreamingResponse)
async def events(sandbox: Controlled, request: Request) -> StreamingResponse:
    """Server-Sent Events: ``change`` on connecting and after every change, until the server ends."""
    listeners: Seats = request.app.state.listeners
    listeners.check()
    return StreamingResponse(
        _stream(sandbox, request.app.state.connections, listeners),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(sandbox: Sandbox, connections: Connections, listeners: Seats) -> AsyncIterator[str]:
    with listeners.one(), sandbox.changes.watch() as changed:
        yield "retry: 1000\n\n"
        while True:
            changed.clear()
            count = sandbox.changes.count
            yield f"id: {count}\nevent: change\ndata: {json.dumps({'changes': count})}\n\n"
            if not await connections.pause(_PAUSE):
                return
            while not await connections.until(changed, _HEARTBEAT):
                if connections.ending:
                    return
                yield ": still here\n\n"
