"""Routes for magic numbers and scripted outcomes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path
from pydantic import Field

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.limits import MAX_SCRIPTS, Given, Scripts
from sinch_sandbox.core.outcomes import MAGIC, MAGIC_PREFIX, Outcome

router = APIRouter()


class Script(Given):
    """The outcome of messages to numbers that begin with these digits; the longest prefix wins."""

    prefix: Annotated[str, Field(pattern=r"^\+?[0-9]+$", max_length=20)]
    status: Literal["Delivered", "Failed", "Expired", "Rejected", "Deleted", "Aborted", "Unknown"] = (
        "Delivered"
    )
    code: Annotated[int, Field(ge=0, le=999)] = 0
    dispatch_delay: Annotated[float, Field(ge=0, le=10 * 365 * 86400)] | None = None
    delivery_delay: Annotated[float, Field(ge=0, le=10 * 365 * 86400)] | None = None
    receipt: bool = True

    def digits(self) -> str:
        return self.prefix.removeprefix("+")

    def outcome(self) -> Outcome:
        return Outcome(
            self.status,
            self.code,
            self.dispatch_delay,
            self.delivery_delay,
            self.receipt,
            dispatched=self.status != "Aborted",
        )


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
    """Script the outcomes of batches accepted from now on; earlier scripts are replaced."""
    sandbox.outcomes.script((script.digits(), script.outcome()) for script in scripts)
    return await read_outcomes(sandbox)


@router.post("/outcomes")
async def script_outcome(sandbox: Controlled, script: Script) -> dict[str, Any]:
    """Script one more prefix, or script it anew; the other scripts stay."""
    scripted = sandbox.outcomes.scripted()
    if len(scripted) >= MAX_SCRIPTS and script.digits() not in scripted:
        raise HTTPException(422, f"{MAX_SCRIPTS} outcomes are scripted already; remove some first")
    sandbox.outcomes.add(script.digits(), script.outcome())
    return await read_outcomes(sandbox)


@router.delete("/outcomes")
async def clear_outcomes(sandbox: Controlled) -> dict[str, Any]:
    """Remove all scripts. Magic numbers stay."""
    sandbox.outcomes.script([])
    return await read_outcomes(sandbox)


@router.delete("/outcomes/{prefix}")
async def remove_outcome(
    sandbox: Controlled, prefix: Annotated[str, Path(pattern=r"^\+?[0-9]+$", max_length=20)]
) -> dict[str, Any]:
    """Remove the script of one prefix."""
    if not sandbox.outcomes.remove(prefix.removeprefix("+")):
        raise HTTPException(404, "prefix: no outcome is scripted for it")
    return await read_outcomes(sandbox)
