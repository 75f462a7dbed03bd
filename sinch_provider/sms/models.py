"""
Typed answers of Sinch: batches, dry runs, delivery reports, and pages of them.

Reading is strict about fields that decisions depend on (ids, counts, statuses, ``canceled``) and lenient
about all others. Every object keeps its JSON: ``to_dict()`` returns it with unknown fields. ``repr`` shows
neither numbers nor texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Self, TypeVar

import pendulum

from sinch_provider.sms.errors import MalformedAnswerError
from sinch_provider.sms.fields.times import parse_time

T = TypeVar("T")

#: Up to fifteen digits and nothing else may be a phone number.
_BATCH_ID: Final = re.compile(r"(?![_-]*(?:[0-9][_-]*){5,15}\Z)[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """
    Base of all models.

    :param raw: The JSON object from which the model was read.
    """

    raw: Mapping[str, Any] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return a copy of the JSON object from which this was read."""
        return deepcopy(dict(self.raw))


@dataclass(frozen=True, kw_only=True)
class Batch(Answered):
    """
    A batch as Sinch stores it.

    A batch has no status. Delivery reports show its progress.

    :param id: Batch id, 26 characters.
    :param to: Recipients: digits of phone numbers, and group ids.
    :param canceled: Whether the batch was cancelled.
    :param created_at: When Sinch accepted the batch, in UTC. None if the answer has no readable time; this
        applies to the other times too.
    :param send_at: When a scheduled batch leaves, in UTC.
    :param expire_at: When Sinch stops trying to deliver, in UTC. The default is three days after sending.
    """

    id: str
    to: Sequence[str] = field(default=(), repr=False)
    from_: str | None = field(default=None, repr=False)
    canceled: bool = False
    type_: str = "mt_text"
    body: str | Mapping[str, Any] | None = field(default=None, repr=False)
    parameters: Mapping[str, Mapping[str, str]] | None = field(default=None, repr=False)
    udh: str | None = field(default=None, repr=False)
    created_at: pendulum.DateTime | None = None
    modified_at: pendulum.DateTime | None = None
    delivery_report: str = "none"
    send_at: pendulum.DateTime | None = None
    expire_at: pendulum.DateTime | None = None
    callback_url: str | None = field(default=None, repr=False)
    client_reference: str | None = None
    feedback_enabled: bool = False
    flash_message: bool = False
    truncate_concat: bool | None = None
    max_number_of_message_parts: int | None = None
    from_ton: int | None = None
    from_npi: int | None = None
    strict_validation: bool | None = None

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """
        Read a batch.

        :raises ValueError: The id is missing, or ``canceled`` is not a boolean.
        """
        fields = _object(data)
        body = fields.get("body")
        return cls(
            raw=fields,
            id=_batch_id(fields, "id"),
            to=_texts(fields, "to"),
            from_=_optional(fields, "from", str),
            canceled=_canceled(fields),
            type_=_optional(fields, "type", str) or "mt_text",
            body=body if isinstance(body, (str, Mapping)) else None,
            parameters=_optional(fields, "parameters", dict),
            udh=_optional(fields, "udh", str),
            created_at=_time(fields, "created_at"),
            modified_at=_time(fields, "modified_at"),
            delivery_report=_optional(fields, "delivery_report", str) or "none",
            send_at=_time(fields, "send_at"),
            expire_at=_time(fields, "expire_at"),
            callback_url=_optional(fields, "callback_url", str),
            client_reference=_optional(fields, "client_reference", str),
            feedback_enabled=fields.get("feedback_enabled") is True,
            flash_message=fields.get("flash_message") is True,
            truncate_concat=_optional(fields, "truncate_concat", bool),
            max_number_of_message_parts=_optional(fields, "max_number_of_message_parts", int),
            from_ton=_optional(fields, "from_ton", int),
            from_npi=_optional(fields, "from_npi", int),
            strict_validation=_optional(fields, "strict_validation", bool),
        )


@dataclass(frozen=True, kw_only=True)
class DryRunRecipient(Answered):
    """
    The message that one recipient would get.

    :param number_of_parts: SMS parts billed for this recipient.
    :param encoding: ``text`` (GSM 03.38) or ``unicode`` (UCS-2).
    :param body: The text with parameters filled in.
    """

    recipient: str = field(repr=False)
    number_of_parts: int
    body: str | None = field(default=None, repr=False)
    encoding: str | None = None

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read one recipient of a dry run."""
        fields = _object(data)
        # In an older description of the API, the count is a text named message_part.
        name = "number_of_parts" if "number_of_parts" in fields else "message_part"
        return cls(
            raw=fields,
            recipient=_required_text(fields, "recipient"),
            number_of_parts=_integer(fields, name),
            body=_optional(fields, "body", str),
            encoding=_optional(fields, "encoding", str),
        )


@dataclass(frozen=True, kw_only=True)
class DryRun(Answered):
    """
    What a batch would cost.

    :param number_of_recipients: Number of people that the batch would reach.
    :param number_of_messages: Number of SMS parts for all of them. Sinch bills parts.
    :param per_recipient: The messages of the first recipients, if requested.
    """

    number_of_recipients: int
    number_of_messages: int
    per_recipient: Sequence[DryRunRecipient] = field(default=(), repr=False)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read a dry run."""
        fields = _object(data)
        return cls(
            raw=fields,
            number_of_recipients=_integer(fields, "number_of_recipients"),
            number_of_messages=_integer(fields, "number_of_messages"),
            per_recipient=tuple(map(DryRunRecipient.from_json, _list(fields, "per_recipient"))),
        )


@dataclass(frozen=True, kw_only=True)
class StatusCount(Answered):
    """
    Number of messages of a batch with the same status and code.

    :param recipients: Digits of their phone numbers, in a full report only.
    """

    status: str
    code: int
    count: int
    recipients: Sequence[str] = field(default=(), repr=False)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read one status of a batch's report."""
        fields = _object(data)
        return cls(
            raw=fields,
            status=_required_text(fields, "status"),
            code=_integer(fields, "code"),
            count=_integer(fields, "count"),
            recipients=_texts(fields, "recipients"),
        )


@dataclass(frozen=True, kw_only=True)
class BatchDeliveryReport(Answered):
    """
    The delivery report of a batch.

    :param total_message_count: Number of messages: one for each recipient, and for each member of a group.
        Parts are not counted.
    :param statuses: Counts per status and code, without combinations that do not occur.
    """

    batch_id: str
    total_message_count: int
    statuses: Sequence[StatusCount] = ()
    type_: str | None = None
    client_reference: str | None = None

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read a batch's report."""
        fields = _object(data)
        return cls(
            raw=fields,
            batch_id=_batch_id(fields, "batch_id"),
            total_message_count=_integer(fields, "total_message_count"),
            statuses=tuple(map(StatusCount.from_json, _list(fields, "statuses", required=True))),
            type_=_optional(fields, "type", str),
            client_reference=_optional(fields, "client_reference", str),
        )


@dataclass(frozen=True, kw_only=True)
class RecipientDeliveryReport(Answered):
    """
    The delivery report of one recipient's message.

    :param at: When Sinch wrote this report, in UTC.
    :param operator_status_at: The time in the operator's receipt, in UTC.
    """

    batch_id: str
    recipient: str = field(repr=False)
    status: str
    code: int
    at: pendulum.DateTime | None = None
    operator_status_at: pendulum.DateTime | None = None
    type_: str | None = None
    status_message: str | None = field(default=None, repr=False)
    client_reference: str | None = None
    applied_originator: str | None = field(default=None, repr=False)
    number_of_message_parts: int | None = None
    operator: str | None = None
    encoding: str | None = None

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read a recipient's report."""
        fields = _object(data)
        return cls(
            raw=fields,
            batch_id=_batch_id(fields, "batch_id"),
            recipient=_required_text(fields, "recipient"),
            status=_required_text(fields, "status"),
            code=_integer(fields, "code"),
            at=_time(fields, "at"),
            operator_status_at=_time(fields, "operator_status_at"),
            type_=_optional(fields, "type", str),
            status_message=_optional(fields, "status_message", str),
            client_reference=_optional(fields, "client_reference", str),
            applied_originator=_optional(fields, "applied_originator", str),
            number_of_message_parts=_optional(fields, "number_of_message_parts", int),
            operator=_optional(fields, "operator", str),
            encoding=_optional(fields, "encoding", str),
        )


@dataclass(frozen=True, kw_only=True)
class Page(Answered, Generic[T]):
    """
    One page of a listing.

    :param count: Number of entries on all pages.
    :param page: Number of this page, from 0.
    :param items: The entries of this page, newest first.
    """

    count: int
    page: int
    items: Sequence[T] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class BatchPage(Page[Batch]):
    """A page of batches."""

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read a page of batches."""
        fields = _object(data)
        items = tuple(map(Batch.from_json, _list(fields, "batches", required=True)))
        return cls(raw=fields, count=_integer(fields, "count"), page=_integer(fields, "page"), items=items)

    @property
    def batches(self) -> Sequence[Batch]:
        """The batches of this page."""
        return self.items


@dataclass(frozen=True, kw_only=True)
class DeliveryReportPage(Page[RecipientDeliveryReport]):
    """A page of delivery reports of recipients."""

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read a page of delivery reports of recipients."""
        fields = _object(data)
        items = tuple(
            map(RecipientDeliveryReport.from_json, _list(fields, "delivery_reports", required=True))
        )
        return cls(raw=fields, count=_integer(fields, "count"), page=_integer(fields, "page"), items=items)

    @property
    def delivery_reports(self) -> Sequence[RecipientDeliveryReport]:
        """The reports of this page."""
        return self.items


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise MalformedAnswerError(f"it is {type(data).__name__}, not an object")
    return data


def _required_text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedAnswerError(f"it has no usable {name!r}")
    return value


def _batch_id(fields: Mapping[str, Any], name: str) -> str:
    # Ids go into logs, results and paths, so text of another kind is refused.
    value = _required_text(fields, name)
    if not _BATCH_ID.fullmatch(value):
        raise MalformedAnswerError(f"its {name!r} is not a batch id")
    return value


def _integer(fields: Mapping[str, Any], name: str) -> int:
    # In some descriptions of the API, counts and codes are texts.
    value = fields.get(name)
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedAnswerError(f"{name!r} is not a whole number")
    return value


def _list(fields: Mapping[str, Any], name: str, *, required: bool = False) -> list[Any]:
    value = fields.get(name)
    if isinstance(value, list):
        return value
    if required:
        raise MalformedAnswerError(f"{name!r} is not a list")
    return []


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = _list(fields, name)
    try:
        "".join(values)
    except TypeError:
        return tuple(value for value in values if isinstance(value, str))
    return tuple(values)


def _canceled(fields: Mapping[str, Any]) -> bool:
    value = fields.get("canceled", False)
    if not isinstance(value, bool):
        raise MalformedAnswerError("'canceled' is not a boolean")
    return value


def _optional(fields: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    value = fields.get(name)
    if kind is int and isinstance(value, bool):
        return None
    return value if isinstance(value, kind) else None


def _time(fields: Mapping[str, Any], name: str) -> pendulum.DateTime | None:
    value = fields.get(name)
    try:
        return parse_time(value) if isinstance(value, str) else None
    except ValueError:
        return None
