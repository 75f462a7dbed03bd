"""Health, clock, faults, scripted outcomes and settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path
from pydantic import Field

import sinch_sandbox
from sinch_sandbox.control.access import Controlled, Dispatching
from sinch_sandbox.faults import Fault
from sinch_sandbox.limits import MAX_ARMED, Armed, Changes, Given, Scripts
from sinch_sandbox.sinch import planning
from sinch_sandbox.sinch.outcomes import MAGIC, MAGIC_PREFIX, Outcome
from sinch_sandbox.times import LATEST, SECOND, format_time

router = APIRouter()


class ClockMove(Given):
    """How far to move the clock."""

    advance: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False, description="Seconds.")]
    wait: Annotated[bool, Field(description="Answer when all callbacks that are due have been tried.")] = True


class Script(Given):
    """What becomes of messages to numbers that begin with these digits; the longest prefix wins."""

    prefix: Annotated[str, Field(pattern=r"^\+?[0-9]+$", max_length=20)]
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


@router.get("/health")
async def health(sandbox: Controlled) -> dict[str, Any]:
    """Ready to take calls."""
    return {
        "status": "ok",
        "version": sinch_sandbox.__version__,
        "now": format_time(sandbox.clock.now()),
    }


# Clock


@router.get("/clock")
async def read_clock(sandbox: Controlled) -> dict[str, Any]:
    """The time as the sandbox sees it."""
    clock = sandbox.clock
    return {"mode": clock.mode, "speed": clock.speed, "now": format_time(clock.now())}


@router.post("/clock")
async def move_clock(sandbox: Controlled, dispatcher: Dispatching, move: ClockMove) -> dict[str, Any]:
    """Move the clock forward. Callbacks that have become due are sent, and by default waited for.

    ``settled`` is false when some were not tried yet: none was waited for, or no progress was made for long.
    """
    if sandbox.clock.now() + move.advance * SECOND > LATEST:
        raise HTTPException(422, "the clock cannot go beyond the year 9000")
    sandbox.advance(move.advance)
    planning.settle(sandbox)
    dispatcher.wake()
    settled = move.wait and await dispatcher.settle()
    return {**await read_clock(sandbox), "settled": settled}


# Faults, scripts, settings


@router.get("/faults")
async def read_faults(sandbox: Controlled) -> dict[str, Any]:
    """The armed faults and how often each struck."""
    armed = sandbox.faults.report()
    return {"count": len(armed), "faults": armed}


@router.put("/faults")
async def arm_faults(sandbox: Controlled, faults: Armed[Fault]) -> dict[str, Any]:
    """Arm these faults in place of all others."""
    sandbox.faults.arm(faults)
    return await read_faults(sandbox)


@router.post("/faults")
async def add_fault(sandbox: Controlled, fault: Fault) -> dict[str, Any]:
    """Arm one more fault."""
    if len(sandbox.faults.report()) >= MAX_ARMED:
        raise HTTPException(422, f"{MAX_ARMED} faults are armed already; disarm some")
    sandbox.faults.add(fault)
    return await read_faults(sandbox)


@router.delete("/faults")
async def clear_faults(sandbox: Controlled) -> dict[str, Any]:
    """Disarm all faults."""
    sandbox.faults.arm([])
    return await read_faults(sandbox)


@router.delete("/faults/{number}")
async def disarm_fault(sandbox: Controlled, number: Annotated[int, Path(ge=1, le=2**53)]) -> dict[str, Any]:
    """Disarm one fault by its ``id``."""
    if not sandbox.faults.disarm(number):
        raise HTTPException(404, f"number: no armed fault has the id {number}")
    return await read_faults(sandbox)


@router.get("/outcomes")
async def read_outcomes(sandbox: Controlled) -> dict[str, Any]:
    """The scripted numbers and the table of magic ones."""
    scripted = sandbox.outcomes.scripted()
    return {
        "scripted": [
            {
                "prefix": prefix,
                "status": each.status,
                "code": each.code,
                "dispatch_delay": each.dispatch_delay,
                "delivery_delay": each.delivery_delay,
                "receipt": each.receipt,
            }
            for prefix, each in scripted.items()
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
async def script_outcomes(sandbox: Controlled, scripts: Scripts[Script]) -> dict[str, Any]:
    """Script what becomes of batches accepted from now on, in place of all earlier scripts."""
    sandbox.outcomes.script((script.prefix.removeprefix("+"), script.outcome()) for script in scripts)
    return await read_outcomes(sandbox)


@router.get("/settings")
async def read_settings(sandbox: Controlled) -> dict[str, Any]:
    """Every switch and its value."""
    return sandbox.settings.as_dict()


@router.patch("/settings")
async def change_settings(
    sandbox: Controlled, changes: Changes[str | bool | int | float | None]
) -> dict[str, Any]:
    """Change some switches until the next reset."""
    try:
        sandbox.settings = sandbox.settings.changed(changes)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    return sandbox.settings.as_dict()


@router.post("/reset")
async def reset(sandbox: Controlled, dispatcher: Dispatching) -> dict[str, Any]:
    """As freshly started: nothing sent, no faults, no scripts, settings and clock as at the start."""
    sandbox.reset()
    dispatcher.interrupt()
    return await health(sandbox)
