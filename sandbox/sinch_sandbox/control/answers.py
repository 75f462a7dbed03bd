"""Types of the control API's answers, only for the API description: answers are not checked against them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from sinch_sandbox.control.filters import Status


class Message(BaseModel):
    """A message and its status."""

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
    received: bool = Field(description="Whether the phone has received it.")
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


class JudgedRecipient(BaseModel):
    """One recipient."""

    to: str
    client_reference: str | None = Field(None, description="If the expected recipients were given with one.")
    verdict: Literal["ok", "lost", "duplicated", "unexpected"]
    expected: int
    accepted: int
    batch_ids: list[str]
    client_references: list[str]


class Verdict(BaseModel):
    """The verdict; `valid` if everyone is `ok`."""

    valid: bool
    totals: Totals
    recipients: list[JudgedRecipient]


def answers(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The description of a route's answer."""
    return {200: {"model": model}}
