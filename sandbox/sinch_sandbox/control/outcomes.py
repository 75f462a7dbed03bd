"""Routes for magic numbers and scripted outcomes."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, HTTPException, Path
from pydantic import Field, model_validator

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core import outcomes
from sinch_sandbox.core.limits import MAX_SCRIPTS, Given, Scripts
from sinch_sandbox.core.outcomes import MAGIC, MAGIC_PREFIX, Outcome, Shares

router = APIRouter()

_LONGEST = 10 * 365 * 86400
_Share = Annotated[float, Field(ge=0, le=1)]
_BY_SHARES = {"status", "code", "receipt"}
"""What shares decide for each number."""


class GivenShares(Given):
    """How many of the numbers end in each way, from 0 to 1; ``delivered`` is what is left, if not given."""

    delivered: _Share | None = None
    temporary: _Share = 0
    permanent: _Share = 0
    never: _Share = 0


class Script(Given):
    """The outcome of messages to numbers that begin with these digits; the longest prefix wins."""

    prefix: Annotated[str, Field(pattern=r"^\+?[0-9]+$", max_length=20)]
    status: Literal["Delivered", "Failed", "Expired", "Rejected", "Deleted", "Aborted", "Unknown"] = (
        "Delivered"
    )
    code: Annotated[int, Field(ge=0, le=999)] = 0
    dispatch_delay: Annotated[float, Field(ge=0, le=_LONGEST)] | None = None
    delivery_delay: Annotated[float, Field(ge=0, le=_LONGEST)] | None = None
    receipt: bool = True
    shares: GivenShares | None = None
    seed: Annotated[int, Field(ge=0, le=2**53)] = 0

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        given = self.model_fields_set
        if self.shares is None:
            if "seed" in given:
                raise ValueError("seed is for shares")
        elif both := sorted(_BY_SHARES & given):
            raise ValueError(f"shares decide {', '.join(both)}; leave that out")
        else:
            self.outcome()
        return self

    def digits(self) -> str:
        return self.prefix.removeprefix("+")

    def outcome(self) -> outcomes.Script:
        """
        :raises ValueError: the shares are not 1 together.
        """
        if self.shares is None:
            return Outcome(
                self.status,
                self.code,
                self.dispatch_delay,
                self.delivery_delay,
                self.receipt,
                dispatched=self.status != "Aborted",
            )
        given = self.shares
        others = given.temporary + given.permanent + given.never
        return Shares(
            max(0.0, round(1 - others, 9)) if given.delivered is None else given.delivered,
            given.temporary,
            given.permanent,
            given.never,
            self.seed,
            self.dispatch_delay,
            self.delivery_delay,
        )


def _shown(prefix: str, script: outcomes.Script) -> dict[str, Any]:
    """A script as it was given."""
    if isinstance(script, Shares):
        decided: dict[str, Any] = {"shares": script.parts(), "seed": script.seed}
    else:
        decided = {"status": script.status, "code": script.code, "receipt": script.receipt}
    delays = {"dispatch_delay": script.dispatch_delay, "delivery_delay": script.delivery_delay}
    return {"prefix": prefix, **decided, **delays}


@router.get("/outcomes")
async def read_outcomes(sandbox: Controlled) -> dict[str, Any]:
    """The scripted numbers and the table of magic ones."""
    scripted = sandbox.outcomes.scripted()
    return {
        "scripted": [_shown(prefix, each) for prefix, each in scripted.items()],
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
