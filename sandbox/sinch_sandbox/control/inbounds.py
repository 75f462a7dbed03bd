"""Routes that simulate and list messages from phones."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import AfterValidator, Field, model_validator

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core import phone
from sinch_sandbox.core.limits import Given, at_most
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.inbounds import Inbound
from sinch_sandbox.core.times import format_time, parse_time
from sinch_sandbox.sinch import inbounds

router = APIRouter()

MAX_LISTED = 10_000
MAX_TEXT = 2000
MAX_REFERENCE = 2048


def _address(text: str) -> str:
    digits = phone.normalise_sender(text)
    if digits is None or not digits.isdigit() or phone.is_sender_too_long(digits):
        raise ValueError(f"{text[:40]!r} is not a phone number or short code")
    return digits


def _instant(text: str) -> str:
    moment = parse_time(text)
    if moment is None:
        raise ValueError(f"{text[:40]!r} is not an ISO-8601 date and time")
    return format_time(moment)


Address = Annotated[str, AfterValidator(_address)]


class Attachment(Given):
    """A file of an incoming MMS."""

    url: Annotated[str, Field(max_length=2048)] | None = None
    content_type: Annotated[str, Field(max_length=255)]
    status: Literal["Uploaded", "Failed"] = "Uploaded"
    code: Annotated[int, Field(ge=0, le=9999)] = 0


class MediaBody(Given):
    """The content of an incoming MMS."""

    subject: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    message: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    media: Annotated[list[Attachment], at_most(100), Field(max_length=100, default_factory=list)]


class Incoming(Given):
    """A message from a phone."""

    from_: Annotated[Address, Field(alias="from", description="The phone.")]
    to: Annotated[
        Address | None,
        Field(description="Your number. Without it the phone answers the latest message it was sent."),
    ] = None
    body: Annotated[
        str | MediaBody, Field(description="A text; Base64 for mo_binary; an object for mo_media.")
    ] = ""
    type: Literal["mo_text", "mo_binary", "mo_media"] = "mo_text"
    udh: Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2})+$", max_length=280)] | None = None
    operator_id: Annotated[str, Field(pattern=r"^[0-9]{5,6}$", description="MCC and MNC.")] | None = None
    sent_at: Annotated[str, AfterValidator(_instant)] | None = None
    client_reference: Annotated[str, Field(max_length=MAX_REFERENCE)] | None = None
    account: Annotated[
        str | None, Field(description="Service plan or project; by default the one answered, else the plan.")
    ] = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> Incoming:
        if isinstance(self.body, str) == (self.type == "mo_media"):
            raise ValueError(
                f"body of {self.type} must be {'an object' if self.type == 'mo_media' else 'a string'}"
            )
        if self.type == "mo_text" and isinstance(self.body, str) and len(self.body) > MAX_TEXT:
            raise ValueError(f"body of mo_text may not be longer than {MAX_TEXT} characters")
        if self.type == "mo_binary" and isinstance(self.body, str):
            try:
                base64.b64decode(self.body, validate=True)
            except (binascii.Error, ValueError):
                raise ValueError("body of mo_binary must be Base64") from None
        if (self.udh is not None) != (self.type == "mo_binary"):
            raise ValueError("mo_binary requires udh, and no other type may have it")
        return self

    def fields(self) -> dict[str, Any]:
        """The fields that are not columns of the store."""
        return self.model_dump(include={"type", "body", "udh", "operator_id", "sent_at"}, exclude_none=True)


@router.post("/inbounds", status_code=201)
async def simulate(sandbox: Controlled, message: Incoming) -> dict[str, Any]:
    """Simulate a message from a phone."""
    account, to = _destination(sandbox, message)
    inbound = inbounds.receive(
        sandbox, account, message.from_, to, message.fields(), message.client_reference
    )
    return _shown(inbound)


@router.get("/inbounds")
async def list_inbounds(
    sandbox: Controlled,
    from_: Annotated[str | None, Query(alias="from")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> dict[str, Any]:
    """All messages from phones, to all accounts, the newest first."""
    sender = None if from_ is None else phone.normalise_sender(from_) or from_
    count, found = sandbox.store.inbounds.sent_by(sender, limit, offset)
    return {"count": count, "inbounds": [_shown(each) for each in found]}


@router.delete("/inbounds")
async def forget_inbounds(
    sandbox: Controlled, from_: Annotated[str | None, Query(alias="from")] = None
) -> dict[str, int]:
    """Forget what all phones wrote, or one phone."""
    sender = None if from_ is None else phone.normalise_sender(from_) or from_
    sandbox.store.forgetting.inbounds(sender=sender)
    return {"count": sandbox.store.inbounds.count()}


@router.delete("/inbounds/{inbound_id}")
async def forget_inbound(sandbox: Controlled, inbound_id: str) -> dict[str, int]:
    """Forget one message from a phone."""
    if not sandbox.store.forgetting.inbounds(inbound_id=inbound_id):
        raise HTTPException(404, "there is no such message")
    return {"count": sandbox.store.inbounds.count()}


def _destination(sandbox: Sandbox, message: Incoming) -> tuple[str, str]:
    """The account and the number a message goes to."""
    credentials = sandbox.credentials
    accounts = (credentials.service_plan_id, credentials.project_id)
    if message.account is not None and message.account not in accounts:
        raise HTTPException(422, f"account: {message.account[:40]!r} is not one of {', '.join(accounts)}")
    if message.to is not None:
        return message.account or credentials.service_plan_id, message.to
    answered = inbounds.latest_message_to(sandbox, message.from_, message.account)
    if answered is None:
        raise HTTPException(
            422,
            f"to: there is no message to {message.from_} that it could answer; name the number it writes to",
        )
    if answered.sender is None or not answered.sender.isdigit():
        raise HTTPException(
            422,
            f"to: the latest message came from {answered.sender!r}, which is not a number;"
            " name the number it writes to",
        )
    return answered.account, answered.sender


def _shown(inbound: Inbound) -> dict[str, Any]:
    return {"account": inbound.account, **inbounds.document(inbound)}
