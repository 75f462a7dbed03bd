"""What the control API answers, for those who read its description; nothing is checked against it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from sinch_sandbox.control.filters import Status


class Message(BaseModel):
    """A message and what has become of it."""

    id: str
    batch_id: str
    to: str
    from_: str | None = Field(alias="from")
    body: str = Field(description="With the parameters filled in; Base64 if binary.")
    parts: int
    encoding: Literal["text", "unicode", "binary"]
    status: Status
    code: int
    client_reference: str | None
    created_at: str
    received: bool = Field(description="Whether the phone has it by now.")
    received_at: str | None


class Messages(BaseModel):
    """A page of messages; `count` is over all pages."""

    count: int
    messages: list[Message]


class Totals(BaseModel):
    """Recipients by verdict; and messages expected and accepted."""

    ok: int
    lost: int
    duplicated: int
    unexpected: int
    expected: int
    accepted: int


class Judged(BaseModel):
    """One recipient."""

    to: str
    client_reference: str | None = Field(None, description="If recipients are told apart by it.")
    verdict: Literal["ok", "lost", "duplicated", "unexpected"]
    expected: int
    accepted: int
    batch_ids: list[str]
    client_references: list[str]


class Ledger(BaseModel):
    """The verdict; `valid` if everyone is `ok`."""

    valid: bool
    totals: Totals
    recipients: list[Judged]


def answers(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """What a route says of its answer."""
    return {200: {"model": model}}
