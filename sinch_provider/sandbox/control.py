"""The control API under ``/sandbox/``: look inside, move the clock, arm faults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

import sinch_provider
from sinch_provider.sandbox import batches, phone
from sinch_provider.sandbox.faults import Fault
from sinch_provider.sandbox.outcomes import MAGIC, MAGIC_PREFIX, Outcome
from sinch_provider.sandbox.state import Sandbox
from sinch_provider.sandbox.store import CODE_NOW, STATUS_NOW
from sinch_provider.sandbox.times import LATEST, SECOND, format_time

router = APIRouter(prefix="/sandbox", tags=["Sandbox"])

MAX_LISTED = 10_000


class ClockMove(BaseModel):
    """How far to move the clock."""

    model_config = ConfigDict(extra="forbid")
    advance: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False, description="Seconds.")]


class Script(BaseModel):
    """What becomes of messages to numbers that begin with these digits; the longest prefix wins."""

    model_config = ConfigDict(extra="forbid")
    prefix: Annotated[str, Field(pattern=r"^\+?[0-9]+$")]
    status: Literal["Delivered", "Failed", "Expired", "Rejected", "Deleted", "Aborted", "Unknown"] = (
        "Delivered"
    )
    code: Annotated[int, Field(ge=0, le=999)] = 0
    dispatch_delay: Annotated[float, Field(ge=0, le=10 * 365 * 86400)] | None = None
    delivery_delay: Annotated[float, Field(ge=0, le=10 * 365 * 86400)] | None = None
    receipt: bool = True

    def outcome(self) -> Outcome:
        return Outcome(
            self.status,
            self.code,
            self.dispatch_delay,
            self.delivery_delay,
            self.receipt,
            dispatched=self.status != "Aborted",
        )


def _sandbox(request: Request) -> Sandbox:
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


@router.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Ready to take calls."""
    return {
        "status": "ok",
        "version": sinch_provider.__version__,
        "now": format_time(_sandbox(request).clock.now()),
    }


# What was sent


@router.get("/messages")
async def messages(
    request: Request,
    to: str | None = None,
    batch_id: str | None = None,
    client_reference: str | None = None,
    q: Annotated[str | None, Query(description="Part of a text or of a number.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> dict[str, Any]:
    """Every message of every accepted batch and what has become of it, in the order they were sent."""
    sandbox = _sandbox(request)
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
async def clear_messages(request: Request) -> dict[str, int]:
    """Forget everything sent: batches, messages, delivery feedback."""
    _sandbox(request).store.clear()
    return {"count": 0}


@router.get("/batches")
async def list_batches(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> dict[str, Any]:
    """All batches of all accounts as Sinch shows them, the newest first, listed or not."""
    count, found = _sandbox(request).store.batches("1", {}, limit, offset)
    return {
        "count": count,
        "batches": [{"account": each.account, **batches.document(each)} for each in found],
    }


@router.get("/calls")
async def calls(request: Request) -> dict[str, Any]:
    """How often each operation was called, refused and disturbed calls included."""
    counted = _sandbox(request).calls
    return {"count": counted.total(), "calls": dict(counted)}


@router.delete("/calls")
async def clear_calls(request: Request) -> dict[str, Any]:
    """Count from zero again."""
    _sandbox(request).calls.clear()
    return {"count": 0, "calls": {}}


# Clock


@router.get("/clock")
async def read_clock(request: Request) -> dict[str, Any]:
    """The time as the sandbox sees it."""
    clock = _sandbox(request).clock
    return {"mode": clock.mode, "speed": clock.speed, "now": format_time(clock.now())}


@router.post("/clock")
async def move_clock(request: Request, move: ClockMove) -> dict[str, Any]:
    """Move the clock forward."""
    sandbox = _sandbox(request)
    if sandbox.clock.now() + move.advance * SECOND > LATEST:
        raise HTTPException(422, "the clock cannot go beyond the year 9000")
    sandbox.advance(move.advance)
    return await read_clock(request)


# Faults, scripts, settings


@router.get("/faults")
async def read_faults(request: Request) -> dict[str, Any]:
    """The armed faults and how often each struck."""
    armed = _sandbox(request).faults.report()
    return {"count": len(armed), "faults": armed}


@router.put("/faults")
async def arm_faults(request: Request, faults: list[Fault]) -> dict[str, Any]:
    """Arm these faults in place of all others."""
    _sandbox(request).faults.arm(faults)
    return await read_faults(request)


@router.post("/faults")
async def add_fault(request: Request, fault: Fault) -> dict[str, Any]:
    """Arm one more fault."""
    _sandbox(request).faults.add(fault)
    return await read_faults(request)


@router.delete("/faults")
async def clear_faults(request: Request) -> dict[str, Any]:
    """Disarm all faults."""
    return await arm_faults(request, [])


@router.get("/outcomes")
async def read_outcomes(request: Request) -> dict[str, Any]:
    """The scripted numbers and the table of magic ones."""
    scripted = _sandbox(request).outcomes.scripted()
    return {
        "scripted": [
            {"prefix": prefix, "status": each.status, "code": each.code} for prefix, each in scripted.items()
        ],
        "magic": [
            {
                "number": f"+{MAGIC_PREFIX}{digits}",
                "status": each.status,
                "code": each.code,
                "about": each.about,
            }
            for digits, each in MAGIC.items()
        ],
    }


@router.put("/outcomes")
async def script_outcomes(request: Request, scripts: list[Script]) -> dict[str, Any]:
    """Script what becomes of batches accepted from now on, in place of all earlier scripts."""
    _sandbox(request).outcomes.script(
        (script.prefix.removeprefix("+"), script.outcome()) for script in scripts
    )
    return await read_outcomes(request)


@router.get("/settings")
async def read_settings(request: Request) -> dict[str, Any]:
    """Every switch and its value."""
    return _sandbox(request).settings.as_dict()


@router.patch("/settings")
async def change_settings(
    request: Request, changes: dict[str, str | bool | int | float | None]
) -> dict[str, Any]:
    """Change some switches until the next reset."""
    sandbox = _sandbox(request)
    try:
        sandbox.settings = sandbox.settings.changed(changes)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    return sandbox.settings.as_dict()


@router.post("/reset")
async def reset(request: Request) -> dict[str, Any]:
    """As freshly started: nothing sent, no faults, no scripts, settings and clock as at the start."""
    _sandbox(request).reset()
    return await health(request)
