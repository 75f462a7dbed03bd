"""Trouble on demand: which calls are struck, by what, and how often it happened."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from itertools import count
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sinch_provider.sandbox.sinch import phone

Operation = Literal[
    "send", "list", "get", "dry_run", "update", "replace", "cancel", "delivery_feedback",
    "delivery_report", "recipient_report", "list_reports", "list_inbounds", "get_inbound", "token",
    "create_group", "list_groups", "get_group", "update_group", "replace_group", "delete_group",
    "group_members", "callback",
]  # fmt: skip
Kind = Literal[
    "latency",
    "rate_limited",
    "server_error",
    "lost_reply",
    "malformed",
    "expired_token",
    "unknown_token",
    "listing_lag",
    "report_gap",
    "report_duplicate",
    "report_late",
    "report_out_of_order",
    "report_missing",
]
When = Literal["before", "after"]

_REPORT_KINDS: frozenset[Kind] = frozenset(
    {"report_duplicate", "report_late", "report_out_of_order", "report_missing"}
)
_COMPANIONS: frozenset[Kind] = frozenset({"latency", "listing_lag", "report_gap", *_REPORT_KINDS})
"""Kinds that leave the reply alone, so that they can strike together with one that does not."""

_OPERATIONS: dict[Kind, frozenset[Operation]] = {
    "listing_lag": frozenset({"send"}),
    "report_gap": frozenset({"delivery_report", "recipient_report", "list_reports"}),
    **dict.fromkeys(_REPORT_KINDS, frozenset[Operation]({"callback"})),
}
"""Kinds that make sense for some operations only."""


def _fits(kind: Kind, operation: str) -> bool:
    if kind in _OPERATIONS:
        return operation in _OPERATIONS[kind]
    if kind in ("expired_token", "unknown_token"):
        return operation not in ("token", "callback")
    return operation != "callback"


def operations_of(kind: Kind) -> list[Operation]:
    """The operations that a kind of trouble makes sense for."""
    return [each for each in get_args(Operation) if _fits(kind, each)]


class Fault(BaseModel):
    """One kind of trouble and the calls it strikes."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    operation: Operation | Literal["*"] = "*"
    match: dict[str, str | int | bool] = Field(
        default_factory=dict,
        description="Only calls with these values in path, query or body: client_reference, batch_id, to;"
        " for callbacks also recipient, status, code, type.",
    )
    skip: Annotated[int, Field(ge=0)] = 0
    """Calls to let through first."""
    count: Annotated[int, Field(ge=1)] | None = 1
    """How often it strikes; null: for ever."""
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: int = 0
    seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """latency: real seconds before the reply. listing_lag, report_gap, report_late: those of the sandbox."""
    retry_after: Annotated[int, Field(ge=0)] | None = None
    """rate_limited: the Retry-After header; null: none, as Sinch."""
    status: Annotated[int, Field(ge=500, le=599)] = 500
    when: When | None = None
    """Whether the call takes effect first. Default: after for lost_reply and malformed, else before."""
    how: Literal["close", "reset", "half_body", "hang"] = "close"
    body: Literal["html", "empty", "wrong_type", "truncated"] = "html"

    @model_validator(mode="after")
    def _makes_sense(self) -> Fault:
        if self.operation != "*" and not _fits(self.kind, self.operation):
            fitting = ", ".join(operations_of(self.kind))
            raise ValueError(f"operation {self.operation} knows no {self.kind}; that is for {fitting} or *")
        return self

    def strikes_after(self) -> bool:
        """Whether the call has taken effect by the time this fault hits."""
        default: When = "after" if self.kind in ("lost_reply", "malformed") else "before"
        return (self.when or default) == "after"


class _Armed:
    """A fault with its memory."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.number = number
        self.fault = fault
        self.struck = 0
        self._to_skip = fault.skip
        self._random = random.Random(fault.seed)

    def concerns(self, operation: str, facts: Mapping[str, Any]) -> bool:
        fault = self.fault
        if fault.count is not None and self.struck >= fault.count:
            return False
        if fault.operation not in ("*", operation):
            return False
        if not _fits(fault.kind, operation):
            return False
        return all(_holds(facts.get(name), wanted) for name, wanted in fault.match.items())

    def draw(self) -> bool:
        """Settle one concerned call: skipped, spared by chance, or struck."""
        if self._to_skip:
            self._to_skip -= 1
            return False
        if self._random.random() >= self.fault.probability:
            return False
        self.struck += 1
        return True


def _holds(actual: object, wanted: str | int | bool) -> bool:
    """Whether a value of the call is, or as a list has, the wanted one; numbers compare by digits."""
    if isinstance(actual, list):
        return any(_holds(item, wanted) for item in actual)
    if isinstance(actual, str) and isinstance(wanted, str):
        digits = phone.normalise_number(wanted)
        return actual == wanted or (digits is not None and phone.normalise_number(actual) == digits)
    return actual == wanted


class Faults:
    """The armed faults in the order they were given."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._numbers = count(1)
        self.struck: Counter[Kind] = Counter()
        """How often which kind struck, disarmed faults included."""

    def arm(self, faults: list[Fault]) -> None:
        self._armed = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        self._armed.append(_Armed(next(self._numbers), fault))

    def disarm(self, number: int) -> bool:
        """Take back one fault; the others keep their memory. False if there is none of this number."""
        rest = [armed for armed in self._armed if armed.number != number]
        found = len(rest) < len(self._armed)
        self._armed = rest
        return found

    def __bool__(self) -> bool:
        return bool(self._armed)

    def report(self) -> list[dict[str, Any]]:
        return [
            {"id": armed.number, **armed.fault.model_dump(), "struck": armed.struck} for armed in self._armed
        ]

    def strike(self, operation: str, facts: Mapping[str, Any]) -> list[Fault]:
        """The faults that hit this call: companions, and at most one that decides the reply."""
        struck: list[Fault] = []
        decided = False
        for armed in self._armed:
            companion = armed.fault.kind in _COMPANIONS
            if decided and not companion:
                continue
            if armed.concerns(operation, facts) and armed.draw():
                struck.append(armed.fault)
                self.struck[armed.fault.kind] += 1
                decided = decided or not companion
        return struck
