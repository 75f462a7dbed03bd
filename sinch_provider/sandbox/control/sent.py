"""What was sent: messages, batches, and how often each operation was called."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from sinch_provider.sandbox.control.access import Controlled, Dispatching
from sinch_provider.sandbox.sinch import batches, phone
from sinch_provider.sandbox.state import Sandbox
from sinch_provider.sandbox.store import CODE_NOW, STATUS_NOW
from sinch_provider.sandbox.times import format_time

router = APIRouter()

MAX_LISTED = 10_000


@router.get("/messages")
async def messages(
    sandbox: Controlled,
    to: str | None = None,
    batch_id: str | None = None,
    client_reference: str | None = None,
    q: Annotated[str | None, Query(description="Part of a text or of a number.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> dict[str, Any]:
    """Every message of every accepted batch and what has become of it, in the order they were sent."""
    values: dict[str, Any] = {"now": sandbox.clock.now()}
    where = "1"
    for column, value in (
        ("m.recipient", None if to is None else phone.normalise_number(to) or to),
        ("b.id", batch_id),
        ("b.client_reference", client_reference),
    ):
        if value is not None:
            name = f"v{len(values)}"
            where += f" AND {column} = :{name}"
            values[name] = value
    if q is not None:
        where += " AND (instr(fold(coalesce(m.text, b.text)), fold(:q)) OR instr(m.recipient, :q))"
        values["q"] = q
    source = f"FROM messages m JOIN batches b ON b.seq = m.batch WHERE {where}"
    count = sandbox.store.rows(f"SELECT count(*) {source}", values)[0][0]
    rows = sandbox.store.rows(
        "SELECT b.id, m.position, m.recipient, b.sender, coalesce(m.text, b.text), m.parts, m.encoding,"
        f" {STATUS_NOW}, {CODE_NOW}, b.client_reference, b.created_at, m.final_at"
        f" {source} ORDER BY m.batch, m.position LIMIT :limit OFFSET :offset",
        {**values, "limit": limit, "offset": offset},
    )
    return {"count": count, "messages": [_message(sandbox, row) for row in rows]}


def _message(sandbox: Sandbox, row: tuple[Any, ...]) -> dict[str, Any]:
    batch_id, position, to, sender, body, parts, encoding, status, code, reference, created_at, final_at = row
    received = status == "Delivered"
    return {
        "id": f"{batch_id}-{position}",
        "batch_id": batch_id,
        "to": to,
        "from": sender or sandbox.settings.default_originator,
        "body": body,
        "parts": parts,
        "encoding": encoding,
        "status": status,
        "code": code,
        "client_reference": reference,
        "created_at": format_time(created_at),
        "received": received,
        "received_at": format_time(final_at) if received else None,
    }


@router.delete("/messages")
async def clear_messages(sandbox: Controlled, dispatcher: Dispatching) -> dict[str, int]:
    """Forget everything sent and received: batches, messages, feedback, inbound messages, callbacks."""
    sandbox.store.clear()
    dispatcher.interrupt()
    return {"count": 0}


@router.get("/batches")
async def list_batches(
    sandbox: Controlled,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> dict[str, Any]:
    """All batches of all accounts as Sinch shows them, the newest first, listed or not."""
    count, found = sandbox.store.batches("1", {}, limit, offset)
    return {
        "count": count,
        "batches": [{"account": each.account, **batches.document(each)} for each in found],
    }


@router.get("/calls")
async def calls(sandbox: Controlled) -> dict[str, Any]:
    """How often each operation was called, refused and disturbed calls included."""
    counted = sandbox.calls
    return {"count": counted.total(), "calls": dict(counted)}


@router.delete("/calls")
async def clear_calls(sandbox: Controlled) -> dict[str, Any]:
    """Count from zero again."""
    sandbox.calls.clear()
    return {"count": 0, "calls": {}}
