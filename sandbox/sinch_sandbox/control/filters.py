"""The filters for messages in the control API, and how it shows a message."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from sinch_sandbox.core import phone
from sinch_sandbox.core.limits import Given, at_most
from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.filtered import FilteredMessages, MessageFilter, SentMessage
from sinch_sandbox.core.times import format_time, parse_time


def _status(text: str) -> str:
    for status in STATUSES:
        if status.lower() == text.lower():
            return status
    raise ValueError(f"{text[:40]!r} is not one of {', '.join(STATUSES)}")


Status = Annotated[str, AfterValidator(_status), WithJsonSchema({"type": "string", "enum": list(STATUSES)})]


def _instant(text: str) -> str:
    moment = parse_time(text, bare_date=True)
    if moment is None:
        raise ValueError(f"{text[:40]!r} is not an ISO-8601 date or time")
    return format_time(moment)


Instant = Annotated[str, AfterValidator(_instant)]


class MessageFilters(Given):
    """Filters for messages; without any, all messages pass. An unknown filter is refused."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    to: str | None = Field(None, description="The recipient's number, however it is written.")
    from_: str | None = Field(None, alias="from", description="The sender, of the plan or of the batch.")
    batch_id: str | None = None
    client_reference: str | None = None
    account: str | None = Field(None, description="Service plan or project.")
    status: Annotated[list[Status] | None, at_most(100)] = Field(
        None, description="The current status; repeat it for several."
    )
    since: Instant | None = Field(None, description="Accepted at this time or later, ISO-8601.")
    until: Instant | None = Field(None, description="Accepted before this time, ISO-8601.")
    q: str | None = Field(
        None,
        description="Part of a text, of a reference, or of a number however it is written; or a batch's id.",
    )

    def filter(self) -> MessageFilter:
        """The filter with normalised values."""
        return MessageFilter(
            to=None if self.to is None else phone.normalise_number(self.to) or self.to,
            sender=None if self.from_ is None else phone.normalise_sender(self.from_) or self.from_,
            batch_id=self.batch_id,
            client_reference=self.client_reference,
            account=self.account,
            statuses=tuple(self.status or ()),
            since=None if self.since is None else parse_time(self.since),
            until=None if self.until is None else parse_time(self.until),
            q=self.q,
        )

    def messages(self, sandbox: Sandbox) -> FilteredMessages:
        """The messages that pass, as they are now."""
        return sandbox.store.filtered(self.filter(), sandbox.clock.now(), sandbox.settings.default_originator)


def shown(sandbox: Sandbox, message: SentMessage) -> dict[str, Any]:
    """A message as the control API shows it."""
    received = message.status == "Delivered"
    return {
        "id": f"{message.batch_id}-{message.position}",
        "batch_id": message.batch_id,
        "to": message.recipient,
        "from": message.sender or sandbox.settings.default_originator,
        "body": message.text,
        "parts": message.parts,
        "encoding": message.encoding,
        "status": message.status,
        "code": message.code,
        "client_reference": message.client_reference,
        "created_at": format_time(message.created_at),
        "received": received,
        "received_at": format_time(message.final_at) if received and message.final_at is not None else None,
    }
