"""Faults on demand: which calls they hit, with what, and how often."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from itertools import count
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from sinch_sandbox.core import phone
from sinch_sandbox.core.limits import MAX_MEMBERS, Given, at_most

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
    "contradicting",
    "redirect",
    "refused_by_proxy",
    "expired_token",
    "unknown_token",
    "late",
    "listing_lag",
    "listing_partial",
    "listing_unfiltered",
    "listing_unlabelled",
    "listing_garbled",
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
LISTING_KINDS: frozenset[Kind] = frozenset(
    {"listing_partial", "listing_unfiltered", "listing_unlabelled", "listing_garbled"}
)
_COMPANIONS: frozenset[Kind] = frozenset(
    {"latency", "listing_lag", "report_gap", *LISTING_KINDS, *_REPORT_KINDS}
)
"""Kinds that do not decide about the answer, so they can hit a call together with another kind."""

_OPERATIONS: dict[Kind, frozenset[Operation]] = {
    "contradicting": frozenset({"send", "get", "update", "replace", "cancel"}),
    "late": frozenset({"send", "update", "replace", "cancel", "delivery_feedback"}),
    "listing_lag": frozenset({"send"}),
    "report_gap": frozenset({"delivery_report", "recipient_report", "list_reports"}),
    **dict.fromkeys(LISTING_KINDS, frozenset[Operation]({"list"})),
    **dict.fromkeys(_REPORT_KINDS, frozenset[Operation]({"callback"})),
}
"""Kinds that apply to some operations only."""

STATUSES: dict[Kind, tuple[int, int, int]] = {
    "server_error": (500, 599, 500),
    "redirect": (300, 399, 302),
    "refused_by_proxy": (400, 499, 403),
}
"""Kinds with a status: the lowest, the highest, and the default."""


def _fits(kind: Kind, operation: str) -> bool:
    if kind in _OPERATIONS:
        return operation in _OPERATIONS[kind]
    if kind in ("expired_token", "unknown_token"):
        return operation not in ("token", "callback")
    return operation != "callback"


def operations_of(kind: Kind) -> list[Operation]:
    """The operations that a kind of fault applies to."""
    return [each for each in get_args(Operation) if _fits(kind, each)]


class Fault(Given):
    """One kind of fault and the calls it hits."""

    kind: Kind
    operation: Operation | Literal["*"] = "*"
    on: bool = Field(True, description="A fault that is off hits no call, and keeps its place and its count.")
    match: Annotated[dict[str, str | int | bool], at_most(MAX_MEMBERS)] = Field(
        default_factory=dict,
        description="Only calls with these values in path, query or body: client_reference, batch_id, to;"
        " for callbacks also recipient, status, code, type.",
    )
    skip: Annotated[int, Field(ge=0)] = 0
    """Matching calls to leave alone before the first hit."""
    count: Annotated[int, Field(ge=1)] | None = 1
    """How many calls it hits; null: without limit."""
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: int = 0
    seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """latency: real seconds before the answer. All other kinds: seconds of the sandbox's clock."""
    retry_after: Annotated[int, Field(ge=0)] | None = None
    """rate_limited, server_error: the Retry-After header; null: none, as at Sinch."""
    status: int | None = Field(
        None, description="server_error: 500 to 599; redirect: 300 to 399; refused_by_proxy: 400 to 499."
    )
    location: Annotated[str, Field(max_length=2048, pattern=r"^[!-~]+$")] = "https://elsewhere.example.test/"
    """redirect: the location."""
    when: When | None = None
    """Whether the call takes effect first. Default: after for lost_reply, malformed, contradicting."""
    how: Literal["close", "reset", "half_body", "hang"] = "close"
    body: Literal["html", "empty", "wrong_type", "truncated"] = "html"
    reply: Literal["other_batch", "other_reference", "other_recipients", "other_text", "less", "trimmed"] = (
        "other_batch"
    )
    """contradicting: what the answer shows instead of the truth."""
    items: Annotated[int, Field(ge=0)] | None = None
    """listing_partial: how many items the list shows; null: those of the first page."""
    lacks: Literal["canceled", "id"] = "canceled"
    """listing_garbled: the field that the additional item lacks."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Fault:
        if self.operation != "*" and not _fits(self.kind, self.operation):
            fitting = ", ".join(operations_of(self.kind))
            raise ValueError(
                f"fault {self.kind} does not apply to {self.operation}; it applies to {fitting} or *"
            )
        low, high, usual = STATUSES.get(self.kind, (0, -1, None))
        if self.status is None:
            self.status = usual
        elif not low <= self.status <= high:
            wanted = f"has a status from {low} to {high}" if usual else "has no status"
            raise ValueError(f"{self.kind} {wanted}")
        if self.kind == "late" and self.how == "half_body":
            raise ValueError("late gives no answer, so how cannot be half_body")
        if self.kind == "late" and self.when == "after":
            raise ValueError("late takes effect later, so when cannot be after")
        return self

    def strikes_after(self) -> bool:
        """Whether the call has taken effect by the time this fault hits."""
        default: When = "after" if self.kind in ("lost_reply", "malformed", "contradicting") else "before"
        return (self.when or default) == "after"


class _Armed:
    """An armed fault, and how often it hit."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.number = number
        self.fault = fault
        self.begin()

    def begin(self) -> None:
        """Count from zero."""
        self.struck = 0
        self._to_skip = self.fault.skip
        self._random = random.Random(self.fault.seed)

    @property
    def is_spent(self) -> bool:
        """Whether it has hit as many calls as it was to hit."""
        return self.fault.count is not None and self.struck >= self.fault.count

    @property
    def is_active(self) -> bool:
        return self.fault.on and not self.is_spent

    def concerns(self, operation: str, facts: Mapping[str, Any]) -> bool:
        fault = self.fault
        if not self.is_active:
            return False
        if fault.operation not in ("*", operation):
            return False
        if not _fits(fault.kind, operation):
            return False
        return all(_holds(facts.get(name), wanted) for name, wanted in fault.match.items())

    def draw(self) -> bool:
        """Decide about a matching call: whether the fault hits it."""
        if self._to_skip:
            self._to_skip -= 1
            return False
        if self._random.random() >= self.fault.probability:
            return False
        self.struck += 1
        return True


def _holds(actual: object, wanted: str | int | bool) -> bool:
    """Whether a value of the call equals the wanted one, or a list contains it; numbers compare by digits."""
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
        """How often each kind hit a call, including disarmed faults."""

    def arm(self, faults: list[Fault]) -> None:
        self._armed = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        self._armed.append(_Armed(next(self._numbers), fault))

    def disarm(self, number: int) -> bool:
        """Disarm one fault; the others keep their counts. False if there is no fault with this number."""
        rest = [armed for armed in self._armed if armed.number != number]
        found = len(rest) < len(self._armed)
        self._armed = rest
        return found

    def switch(self, number: int, on: bool) -> bool:
        """Switch one fault on or off; a spent one that is switched on counts from zero.

        False if there is no fault with this number.
        """
        for armed in self._armed:
            if armed.number == number:
                armed.fault.on = on
                if on and armed.is_spent:
                    armed.begin()
                return True
        return False

    def __bool__(self) -> bool:
        return bool(self._armed)

    def active(self) -> int:
        """How many can still hit a call."""
        return sum(armed.is_active for armed in self._armed)

    def report(self) -> list[dict[str, Any]]:
        return [
            {"id": armed.number, **armed.fault.model_dump(), "struck": armed.struck} for armed in self._armed
        ]

    def strike(self, operation: str, facts: Mapping[str, Any]) -> list[Fault]:
        """The faults that hit this call: at most one that decides about the answer, and companions."""
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
