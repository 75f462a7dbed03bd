"""Limits of one call: body sizes by route, items of a list, and errors named in an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

KIB, MIB = 1024, 1024 * 1024

BODIES: Mapping[str, int] = {
    "/xms/": 10 * MIB,
    "/oauth2/": 16 * KIB,
    "/sandbox/ledger": 4 * MIB,
    "/sandbox/outcomes": 1 * MIB,
    "/sandbox/faults": 1 * MIB,
    "/sandbox/inbounds": 512 * KIB,
}
"""The largest body, by the beginning of the path."""
SMALL_BODY = 64 * KIB
"""The largest body of any other path."""
STREAMED_BODY = 256 * MIB
"""The largest body that is streamed and so needs no memory."""
BODIES_IN_FLIGHT = 64 * MIB
"""The size of all bodies together that are being received or processed."""

MAX_ERRORS_SHOWN = 100
MAX_MEMBERS = 100
"""Most members of an object; no object of the control API has as many."""

_T = TypeVar("_T")


def largest_body(path: str) -> int:
    for beginning, limit in BODIES.items():
        if path.startswith(beginning):
            return limit
    return SMALL_BODY


class Budget:
    """An amount shared by all calls."""

    def __init__(self, amount: int) -> None:
        self.left = amount

    def take(self, amount: int) -> bool:
        """Take an amount; False if there is not enough left."""
        if amount > self.left:
            return False
        self.left -= amount
        return True

    def give_back(self, amount: int) -> None:
        self.left += amount


def at_most(limit: int) -> BeforeValidator:
    """Check that a list or an object is short enough before its items are checked."""

    def check(value: Any) -> Any:
        if isinstance(value, list | dict) and len(value) > limit:
            raise ValueError(f"has {len(value)} entries; at most {limit} are allowed")
        return value

    return BeforeValidator(check)


MAX_ARMED = 1_000
MAX_SCRIPTS = 10_000
Armed = Annotated[list[_T], at_most(MAX_ARMED), Field(max_length=MAX_ARMED)]
Scripts = Annotated[list[_T], at_most(MAX_SCRIPTS), Field(max_length=MAX_SCRIPTS)]
Changes = Annotated[dict[str, _T], at_most(MAX_MEMBERS)]


class Given(BaseModel):
    """Input of the control API. Unknown names are refused, and so are too many."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_no_flood(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and len(value) > MAX_MEMBERS:
            raise ValueError(f"has {len(value)} members; at most {MAX_MEMBERS} are allowed")
        return value


class WrongItemsError(RequestValidationError):
    """Wrong items of a list, of which the rest was not read.

    :param unread: how many items were not read.
    """

    def __init__(self, errors: Sequence[Any], unread: int) -> None:
        super().__init__(errors)
        self.unread = unread


def describe_errors(error: RequestValidationError) -> dict[str, Any]:
    """Errors with their places, without the input, which may not be valid in JSON."""
    faults = error.errors()
    answer: dict[str, Any] = {
        "detail": [
            {"loc": [str(part) for part in each["loc"]], "msg": each["msg"]}
            for each in faults[:MAX_ERRORS_SHOWN]
        ]
    }
    if len(faults) > MAX_ERRORS_SHOWN:
        answer["more"] = len(faults) - MAX_ERRORS_SHOWN
    if isinstance(error, WrongItemsError):
        answer["unread"] = error.unread
    return answer
