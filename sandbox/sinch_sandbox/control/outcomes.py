"""Routes for magic numbers and scripted outcomes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.limits import Given, Scripts
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
    sandbox.outcomes.script((script.prefix.removeprefix("+"), script.outcome()) for script in scripts)
    return await read_outcomes(sandbox)
