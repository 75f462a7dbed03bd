"""How much one call may ask for: bodies by route, items of a list, and faults that an answer tells."""

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
"""The largest body by the beginning of the path."""
SMALL_BODY = 64 * KIB
"""The largest body of any other path."""
STREAMED_BODY = 256 * MIB
"""The largest body that is read as it comes in, so that it needs no memory."""
BODIES_IN_FLIGHT = 64 * MIB
"""The bodies of all calls together that are being received or worked on."""

MAX_TOLD = 100
MAX_MEMBERS = 100
"""Members of an object: more than any object of the control API has."""

_T = TypeVar("_T")


def largest_body(path: str) -> int:
    for beginning, limit in BODIES.items():
        if path.startswith(beginning):
            return limit
    return SMALL_BODY


class Budget:
    """An amount that all calls share."""

    def __init__(self, amount: int) -> None:
        self.left = amount

    def take(self, amount: int) -> bool:
        """False if there is not so much left."""
        if amount > self.left:
            return False
        self.left -= amount
        return True

    def give_back(self, amount: int) -> None:
        self.left += amount


def at_most(limit: int) -> BeforeValidator:
    """Lets a list or an object through if it is short enough to be looked into at all."""

    def check(value: Any) -> Any:
        if isinstance(value, list | dict) and len(value) > limit:
            raise ValueError(f"has {len(value)} entries, and {limit} at most are read")
        return value

    return BeforeValidator(check)


MAX_ARMED = 1_000
MAX_SCRIPTS = 10_000
Armed = Annotated[list[_T], at_most(MAX_ARMED), Field(max_length=MAX_ARMED)]
Scripts = Annotated[list[_T], at_most(MAX_SCRIPTS), Field(max_length=MAX_SCRIPTS)]
Changes = Annotated[dict[str, _T], at_most(MAX_MEMBERS)]


class Given(BaseModel):
    """What a caller of the control API says. A name nobody knows is refused, and so are too many."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_no_flood(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and len(value) > MAX_MEMBERS:
            raise ValueError(f"has {len(value)} members, and {MAX_MEMBERS} at most are read")
        return value


class WrongItemsError(RequestValidationError):
    """Wrong items of a list that was not looked at any further.

    :param unread: how many items come after the last that was looked at.
    """

    def __init__(self, errors: Sequence[Any], unread: int) -> None:
        super().__init__(errors)
        self.unread = unread


def told(error: RequestValidationError) -> dict[str, Any]:
    """What is wrong and where, without the input: not all that can be received can be put into JSON."""
    faults = error.errors()
    answer: dict[str, Any] = {
        "detail": [
            {"loc": [str(part) for part in each["loc"]], "msg": each["msg"]} for each in faults[:MAX_TOLD]
        ]
    }
    if len(faults) > MAX_TOLD:
        answer["more"] = len(faults) - MAX_TOLD
    if isinstance(error, WrongItemsError):
        answer["unread"] = error.unread
    return answer
