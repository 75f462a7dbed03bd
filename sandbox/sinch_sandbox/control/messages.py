"""Routes that list, wait for and clear messages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request
from pydantic import Field

from sinch_sandbox.control.access import Controlled, Dispatching
from sinch_sandbox.control.answers import Message, Messages, answers
from sinch_sandbox.control.filters import MessageFilters, shown
from sinch_sandbox.control.waiting import Search, enough_messages
from sinch_sandbox.core.store.filtered import MessageFilter
from sinch_sandbox.web.guards import is_foreign

router = APIRouter()

MAX_LISTED = 10_000
MAX_WAIT = 60


class MessagesWanted(MessageFilters):
    """Which messages, which page of them, and how many to wait for."""

    limit: int = Field(1000, ge=1, le=MAX_LISTED)
    offset: int = Field(0, ge=0, le=2**53)
    wait: int = Field(
        0, ge=0, le=2**53, description="Answer once there are this many messages, or the timeout has passed."
    )
    timeout: float = Field(10, ge=0, le=MAX_WAIT, description="Real seconds to wait at most.")


@router.get("/messages", response_model=None, responses=answers(Messages))
async def messages(
    sandbox: Controlled, request: Request, wanted: Annotated[MessagesWanted, Query()]
) -> dict[str, Any]:
    """Every message of every accepted batch with its status, in the order they were sent."""
    if wanted.wait:
        if is_foreign(request.scope):
            raise HTTPException(403, "a web page of another origin cannot wait for messages")
        state = request.app.state
        search = Search(sandbox, wanted, wanted.wait)
        await enough_messages(state.lookout, search, state.connections, request.receive, wanted.timeout)
    found = wanted.messages(sandbox)
    return {
        "count": found.count(),
        "messages": [shown(sandbox, each) for each in found.page(wanted.limit, wanted.offset)],
    }


@router.get(
    "/messages/latest",
    response_model=None,
    responses=answers(Message) | {404: {"description": "There is none."}},
)
async def latest_message(sandbox: Controlled, filters: Annotated[MessageFilters, Query()]) -> dict[str, Any]:
    """The message that was sent last; 404 where there is none."""
    latest = filters.messages(sandbox).latest()
    if latest is None:
        raise HTTPException(404, "there is no such message")
    return shown(sandbox, latest)


@router.delete("/messages")
async def clear_messages(
    sandbox: Controlled, dispatcher: Dispatching, filters: Annotated[MessageFilters, Query()]
) -> dict[str, int]:
    """Without filters, forget everything sent and received: batches, messages, inbound messages, callbacks.

    With filters, forget only the messages that pass, and batches of which nothing is left.
    """
    if filters.model_fields_set:
        sandbox.store.forgetting.messages(filters.messages(sandbox))
    else:
        sandbox.clear()
        dispatcher.interrupt()
    return {"count": sandbox.store.counts.totals()[0]}


@router.delete("/messages/{message_id}")
async def forget_message(
    sandbox: Controlled,
    message_id: Annotated[str, Path(pattern=r"^[0-9A-Za-z]{26}-[0-9]{1,15}$", description="Its `id`.")],
) -> dict[str, int]:
    """Forget one message. Its batch no longer names the recipient; a batch without any is forgotten too."""
    batch_id, _, position = message_id.partition("-")
    found = sandbox.store.filtered(
        MessageFilter(batch_id=batch_id, position=int(position)), sandbox.clock.now(), None
    )
    if not sandbox.store.forgetting.messages(found):
        raise HTTPException(404, "there is no such message")
    return {"count": sandbox.store.counts.totals()[0]}
