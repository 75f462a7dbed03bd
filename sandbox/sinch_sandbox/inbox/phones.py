"""The phones that were texted, and what each of them received."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core import phone
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.times import format_time
from sinch_sandbox.inbox.messages import (
    MESSAGE_COLUMNS,
    MESSAGE_SOURCE,
    PREVIEW,
    message_view,
    next_change,
)
from sinch_sandbox.inbox.overview import clock_view
from sinch_sandbox.inbox.replies import newest_replies, replies_between, reply_view, text_of
from sinch_sandbox.sinch import inbounds
from sinch_sandbox.sinch.inbounds import Inbound

router = APIRouter()

MAX_PAGE = 200
Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,15}-[0-9]{1,15}$", description="`next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]

Place = tuple[int, int]
"""Where a message stands in the ledger: its batch, and its position in it. Later ones are greater."""
_END: Place = (2**62, 0)
_FOR_EVER = 2**62

_STRIDE = 1000
_MOST_LOOKED_AT = 20_000
"""Messages that one page walks past in search of phones it does not have yet."""


def place(cursor: str | None) -> Place:
    if cursor is None:
        return _END
    batch, _, position = cursor.partition("-")
    return int(batch), int(position)


@router.get("/phones")
async def phones(sandbox: Controlled, limit: Limit = 50, before: Cursor = None) -> dict[str, Any]:
    """Phones by their newest message, the newest first. A page may be short and still have a ``next``."""
    found = None if before else _all_phones(sandbox, limit)
    end = None
    if found is None:
        found, end = await _walk(sandbox, place(before), limit)
    now = sandbox.clock.now()
    rows = _messages(sandbox, found)
    shown = {row[2]: _phone_of_message(sandbox, row, now) for row in rows}
    if before is None:
        # A reply lifts its phone to where it belongs by time. What is older is where its last text is.
        since = rows[-1][13] if end and rows else 0
        for number, reply in newest_replies(sandbox, since).items():
            if number not in shown or format_time(reply.received_at) >= shown[number]["at"]:
                shown[number] = _phone_of_reply(reply, shown.get(number))
    return {
        "clock": clock_view(sandbox),
        "phones": list(shown.values()),
        "next": None if end is None else f"{end[0]}-{end[1]}",
        "next_change_at": next_change([at for row in rows for at in row[6:8]], now),
    }


def _phone_of_message(sandbox: Sandbox, row: tuple[Any, ...], now: int) -> dict[str, Any]:
    return {
        "number": row[2],
        "key": f"{row[0]}-{row[1]}",
        "seq": row[0],
        "at": format_time(row[13]),
        "text": row[3][:PREVIEW],
        "status": message_view(sandbox, row, now)["status"],
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
        "direction": "in",
    }


def _all_phones(sandbox: Sandbox, limit: int) -> list[Place] | None:
    """The newest message of every phone, if there are no more than ``limit`` phones."""
    numbers = sandbox.store.rows(
        "WITH RECURSIVE phones(number) AS ("
        " SELECT min(recipient) FROM messages UNION ALL"
        " SELECT (SELECT min(recipient) FROM messages WHERE recipient > number) FROM phones"
        " WHERE number IS NOT NULL"
        ") SELECT number FROM phones WHERE number IS NOT NULL LIMIT :limit",
        {"limit": limit + 1},
    )
    if len(numbers) > limit:
        return None
    newest = [
        sandbox.store.rows(
            "SELECT batch, position FROM messages WHERE recipient = :number"
            " ORDER BY batch DESC, position DESC LIMIT 1",
            {"number": number},
        )[0]
        for (number,) in numbers
    ]
    return sorted(((row[0], row[1]) for row in newest), reverse=True)


async def _walk(sandbox: Sandbox, start: Place, limit: int) -> tuple[list[Place], Place | None]:
    """Messages before ``start`` that are their phone's newest, and where to go on."""
    found: list[Place] = []
    at = start
    for _ in range(_MOST_LOOKED_AT // _STRIDE):
        rows = sandbox.store.rows(
            "SELECT m.batch, m.position, EXISTS (SELECT 1 FROM messages n WHERE n.recipient = m.recipient"
            " AND (n.batch, n.position) > (m.batch, m.position)) FROM messages m"
            " WHERE (m.batch, m.position) < (:batch, :position)"
            " ORDER BY m.batch DESC, m.position DESC LIMIT :stride",
            {"batch": at[0], "position": at[1], "stride": _STRIDE},
        )
        for batch, position, has_newer in rows:
            at = batch, position
            if not has_newer:
                found.append(at)
                if len(found) == limit:
                    return found, at
        if len(rows) < _STRIDE:
            return found, None
        # Others get their turn.
        await asyncio.sleep(0)
    return found, at


def _messages(sandbox: Sandbox, places: list[Place]) -> list[tuple[Any, ...]]:
    rows = []
    for batch, position in places:
        rows += sandbox.store.rows(
            f"SELECT {MESSAGE_COLUMNS} FROM {MESSAGE_SOURCE}"
            " WHERE m.batch = :batch AND m.position = :position",
            {"batch": batch, "position": position},
        )
    return rows


@router.get("/phones/{number}")
async def conversation(
    sandbox: Controlled, number: str, limit: Limit = 50, before: Cursor = None
) -> dict[str, Any]:
    """What one phone received and replied, the newest first."""
    digits = phone.normalise_number(number)
    if digits is None:
        raise HTTPException(422, "number: not an international phone number")
    now = sandbox.clock.now()
    batch, position = place(before)
    rows = sandbox.store.rows(
        f"SELECT {MESSAGE_COLUMNS} FROM {MESSAGE_SOURCE} WHERE m.recipient = :number"
        " AND (m.batch, m.position) < (:batch, :position)"
        " ORDER BY m.batch DESC, m.position DESC LIMIT :limit",
        {"number": digits, "batch": batch, "position": position, "limit": limit + 1},
    )
    more, rows = len(rows) > limit, rows[:limit]
    oldest = rows[-1][13] if more else 0
    replies = replies_between(sandbox, digits, oldest, _time_of(sandbox, batch) if before else _FOR_EVER)
    return {
        "clock": clock_view(sandbox),
        "number": digits,
        "messages": [
            *(message_view(sandbox, row, now) for row in rows),
            *(reply_view(each) for each in replies),
        ],
        "answers": _answers(sandbox, digits),
        "next": f"{rows[-1][0]}-{rows[-1][1]}" if more else None,
        "next_change_at": next_change([at for row in rows for at in (*row[6:8], row[14])], now),
    }


def _time_of(sandbox: Sandbox, batch: int) -> int:
    rows = sandbox.store.rows("SELECT created_at FROM batches WHERE seq = :batch", {"batch": batch})
    return rows[0][0] if rows else _FOR_EVER


def _answers(sandbox: Sandbox, number: str) -> dict[str, str] | None:
    """Whom a reply goes to: the latest sender, or where that is no number, the default one."""
    answered = inbounds.latest_message_to(sandbox, number)
    sender = answered.sender if answered else None
    to = sender if sender and sender.isdigit() else sandbox.settings.default_originator
    account = answered.account if answered else sandbox.credentials.service_plan_id
    return {"to": to, "account": account} if to else None
