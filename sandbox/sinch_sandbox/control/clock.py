"""Routes that read and move the clock."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import Field

from sinch_sandbox.control.access import Controlled, Dispatching
from sinch_sandbox.core.limits import Given
from sinch_sandbox.core.times import LATEST, SECOND, format_time
from sinch_sandbox.sinch import planning

router = APIRouter()


class ClockMove(Given):
    """How far to move the clock."""

    advance: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False, description="Seconds.")]
    wait: Annotated[bool, Field(description="Answer once all due callbacks have been attempted.")] = True


@router.get("/clock")
async def read_clock(sandbox: Controlled) -> dict[str, Any]:
    """The sandbox's time."""
    clock = sandbox.clock
    return {"mode": clock.mode, "speed": clock.speed, "now": format_time(clock.now())}


@router.post("/clock")
async def move_clock(sandbox: Controlled, dispatcher: Dispatching, move: ClockMove) -> dict[str, Any]:
    """Move the clock forward. Callbacks that become due are sent, and by default waited for.

    ``settled`` is false if some have not been attempted yet: the call did not wait, or waited too long.
    """
    if sandbox.clock.now() + move.advance * SECOND > LATEST:
        raise HTTPException(422, "the clock cannot go beyond the year 9000")
    sandbox.advance(move.advance)
    planning.settle(sandbox)
    dispatcher.wake()
    settled = move.wait and await dispatcher.settle()
    return {**await read_clock(sandbox), "settled": settled}
