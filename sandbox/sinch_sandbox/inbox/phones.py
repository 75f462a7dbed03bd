"""The inbox's phones, and the conversation with each."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core import phone
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.inbounds import Inbound
from sinch_sandbox.core.store.messages import Place, StoredMessage
from sinch_sandbox.core.times import format_time
from sinch_sandbox.inbox.messages import PREVIEW, message_view, next_change
from sinch_sandbox.inbox.overview import clock_view
from sinch_sandbox.inbox.replies import newest_replies, replies_between, reply_view, text_of
from sinch_sandbox.sinch import inbounds

router = APIRouter()

MAX_PAGE = 200
Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,15}-[0-9]{1,15}$", description="`next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]

_END: Place = (2**62, 0)
_FOR_EVER = 2**62

_STRIDE = 1000
_MOST_LOOKED_AT = 20_000
"""The most messages that one page looks at to find further phones."""


def place(cursor: str | None) -> Place:
    if cursor is None:
        return _END
    batch, _, position = cursor.partition("-")
    return int(batch), int(position)


@router.get("/phones")
async def phones(sandbox: Controlled, limit: Limit = 50, before: Cursor = None) -> dict[str, Any]:
    """Phones by their newest message, the newest first. A page may be short and still have a ``next``."""
    found = None if before else sandbox.store.phones.newest_of_all(limit)
    end = None
    if found is None:
        found, end = await _walk(sandbox, place(before), limit)
    now = sandbox.clock.now()
    messages = sandbox.store.phones.messages_at(found)
    shown = {each.recipient: _phone_of_message(sandbox, each, now) for each in messages}
    if before is None:
        # A reply moves its phone up to its place by time. Older replies do not move it.
        since = messages[-1].created_at if end and messages else 0
        for number, reply in newest_replies(sandbox, since).items():
            if number not in shown or format_time(reply.received_at) >= shown[number]["at"]:
                shown[number] = _phone_of_reply(reply, shown.get(number))
    return {
        "clock": clock_view(sandbox),
        "phones": list(shown.values()),
        "next": None if end is None else f"{end[0]}-{end[1]}",
        "next_change_at": next_change(
            (at for each in messages for at in (each.dispatched_at, each.final_at)), now
        ),
    }


def _phone_of_message(sandbox: Sandbox, message: StoredMessage, now: int) -> dict[str, Any]:
    view = message_view(sandbox, message, now)
    return {
        "number": message.recipient,
        "key": f"{message.batch}-{message.position}",
        "seq": message.batch,
        "at": format_time(message.created_at),
        "text": message.text[:PREVIEW],
        "status": view["status"],
        "cancelled": view["cancelled"],
        "direction": "out",
    }


def _phone_of_reply(reply: Inbound, before: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "number": reply.sender,
        "key": before["key"] if before else "0-0",
        "seq": before["seq"] if before else 0,
        "at": format_time(reply.received_at),
        "text": text_of(reply)[:PREVIEW],
        "status": None,
        "cancelled": False,
        "direction": "in",
    }


async def _walk(sandbox: Sandbox, start: Place, limit: int) -> tuple[list[Place], Place | None]:
    """Messages before ``start`` that are the newest of their phone, and where to continue."""
    found: list[Place] = []
    at = start
    for _ in range(_MOST_LOOKED_AT // _STRIDE):
        stride = sandbox.store.phones.stride(at, _STRIDE)
        for at, is_newest in stride:
            if is_newest:
                found.append(at)
                if len(found) == limit:
                    return found, at
        if len(stride) < _STRIDE:
            return found, None
        # Let other calls be answered.
        await asyncio.sleep(0)
    return found, at


@router.get("/phones/{number}")
async def conversation(
    sandbox: Controlled, number: str, limit: Limit = 50, before: Cursor = None
) -> dict[str, Any]:
    """What one phone received and replied, the newest first."""
    digits = phone.normalise_number(number)
    if digits is None:
        raise HTTPException(422, "number: not an international phone number")
    now = sandbox.clock.now()
    start = place(before)
    messages = sandbox.store.phones.conversation(digits, start, limit + 1)
    more, messages = len(messages) > limit, messages[:limit]
    oldest = messages[-1].created_at if more else 0
    newest = sandbox.store.batches.created_at(start[0]) if before else None
    replies = replies_between(sandbox, digits, oldest, _FOR_EVER if newest is None else newest)
    return {
        "clock": clock_view(sandbox),
        "number": digits,
        "messages": [
            *(message_view(sandbox, each, now) for each in messages),
            *(reply_view(each) for each in replies),
        ],
        "answers": _answers(sandbox, digits),
        "next": f"{messages[-1].batch}-{messages[-1].position}" if more else None,
        "next_change_at": next_change(
            (at for each in messages for at in (each.dispatched_at, each.final_at, each.starts_at)), now
        ),
    }


def _answers(sandbox: Sandbox, number: str) -> dict[str, str] | None:
    """Where a reply goes: to the latest sender, or to the default one if that is not a number."""
    answered = inbounds.latest_message_to(sandbox, number)
    sender = answered.sender if answered else None
    to = sender if sender and sender.isdigit() else sandbox.settings.default_originator
    account = answered.account if answered else sandbox.credentials.service_plan_id
    return {"to": to, "account": account} if to else None
