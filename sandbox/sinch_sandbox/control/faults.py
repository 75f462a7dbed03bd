"""Routes that arm, list and disarm faults."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.faults import Fault
from sinch_sandbox.core.limits import MAX_ARMED, Armed, Given

router = APIRouter()


@router.get("/faults")
async def read_faults(sandbox: Controlled) -> dict[str, Any]:
    """The armed faults, and how often each hit a call."""
    armed = sandbox.faults.report()
    return {"count": len(armed), "faults": armed}


@router.put("/faults")
async def arm_faults(sandbox: Controlled, faults: Armed[Fault]) -> dict[str, Any]:
    """Arm these faults and disarm all others."""
    sandbox.faults.arm(faults)
    return await read_faults(sandbox)


@router.post("/faults")
async def add_fault(sandbox: Controlled, fault: Fault) -> dict[str, Any]:
    """Arm one more fault."""
    if len(sandbox.faults.report()) >= MAX_ARMED:
        raise HTTPException(422, f"{MAX_ARMED} faults are armed already; disarm some first")
    sandbox.faults.add(fault)
    return await read_faults(sandbox)


class Switch(Given):
    """Whether a fault is on."""

    on: bool


@router.patch("/faults/{number}")
async def switch_fault(
    sandbox: Controlled, number: Annotated[int, Path(ge=1, le=2**53)], switch: Switch
) -> dict[str, Any]:
    """Switch one fault on or off by its ``id``. A spent one that is switched on counts from zero again."""
    if not sandbox.faults.switch(number, switch.on):
        raise _unknown(number)
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
        raise _unknown(number)
    return await read_faults(sandbox)


def _unknown(number: int) -> HTTPException:
    return HTTPException(404, f"number: no armed fault has the id {number}")
