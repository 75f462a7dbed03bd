"""
Every operation of the API, described once: what to ask, how to read the answer. No I/O happens here.

Each function checks its arguments and returns a :class:`~sinch_provider.sms.wire.call.Call`; the clients
make it. None means "not sent" throughout. Times are ``datetime`` (naive means UTC) or ISO-8601 text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sinch_provider.sms.errors import MalformedAnswerError
from sinch_provider.sms.fields import validation
from sinch_provider.sms.fields.times import parse_time, utcnow
from sinch_provider.sms.models import (
    Batch,
    BatchDeliveryReport,
    BatchPage,
    DeliveryReportPage,
    DryRun,
    Page,
    RecipientDeliveryReport,
)
from sinch_provider.sms.wire.call import Call, Kind

Body = str | Mapping[str, Any]
Parameters = Mapping[str, Mapping[str, str]]
Recipients = str | Iterable[str]
Time = str | datetime


def send(
    body: Body,
    to: Recipients,
    from_: str | None = None,
    delivery_report: str | None = "none",
    parameters: Parameters | None = None,
    type_: str = "mt_text",
    send_at: Time | None = None,
    expire_at: Time | None = None,
    callback_url: str | None = None,
    client_reference: str | None = None,
    feedback_enabled: bool | None = None,
    flash_message: bool | None = None,
    truncate_concat: bool | None = None,
    max_number_of_message_parts: int | None = None,
    from_ton: int | None = None,
    from_npi: int | None = None,
    udh: str | None = None,
    strict_validation: bool | None = None,
) -> Call[Batch]:
    """
    Send a message to 1 to 1000 recipients.

    :param body: Text of up to 2000 characters; for ``mt_binary`` base64; for ``mt_media`` an object with
        ``url`` and optionally ``subject`` and ``message``.
    :param to: Phone numbers in any international writing, and group ids. A list, or text with several
        separated by commas or line breaks, or a JSON list. The same person twice is one recipient.
    :param from_: Sender: a number, a short code, or a name of up to 11 characters. Left out, the account's
        sender, else the service plan's default.
    :param delivery_report: Callbacks wanted: ``none``, ``summary``, ``full``, ``per_recipient``,
        ``per_recipient_final``. Reports can be fetched whatever this says.
    :param parameters: ``{"name": {"<number>": "Maria", "default": "there"}}`` fills ``${name}`` in the body.
        Keys up to 16 characters, values up to 160.
    :param type_: ``mt_text``, ``mt_binary`` or ``mt_media``.
    :param send_at: When to send; past or left out: now.
    :param expire_at: When to give up; by default, and at most, three days after sending.
    :param callback_url: Where reports go, instead of the plan's default.
    :param client_reference: Free label, given back in batch and reports; 128 characters at most are safe. No
        personal data.
    :param feedback_enabled: Whether :func:`send_delivery_feedback` will be used.
    :param flash_message: Show at once, store nowhere.
    :param truncate_concat: Cut the text to one part.
    :param max_number_of_message_parts: Do not send to recipients whose text needs more parts (status Aborted,
        code 411).
    :param from_ton: Type of number of the sender, 0 to 6; together with ``from_npi``.
    :param from_npi: Numbering plan of the sender, 0 to 18.
    :param udh: User data header in hexadecimal, for ``mt_binary``; 140 bytes together with the body.
    :param strict_validation: Check media against best practice before sending, for ``mt_media``.
    :raises SinchValidationError: Names every field that breaks a rule.
    """
    fields = validation.checked_message(locals(), "send")
    return Call(
        "send",
        "POST",
        "/batches",
        Batch.from_json,
        body=fields,
        kind=Kind.NOT_IDEMPOTENT,
        default_sender=True,
    )


def send_dry_run(
    body: Body,
    to: Recipients,
    from_: str | None = None,
    delivery_report: str | None = "none",
    parameters: Parameters | None = None,
    type_: str = "mt_text",
    send_at: Time | None = None,
    expire_at: Time | None = None,
    callback_url: str | None = None,
    client_reference: str | None = None,
    feedback_enabled: bool | None = None,
    flash_message: bool | None = None,
    truncate_concat: bool | None = None,
    max_number_of_message_parts: int | None = None,
    from_ton: int | None = None,
    from_npi: int | None = None,
    udh: str | None = None,
    strict_validation: bool | None = None,
    per_recipient: bool | None = None,
    number_of_recipients: int | None = None,
) -> Call[DryRun]:
    """
    Work out what a message would come to, without sending it.

    Takes the parameters of :func:`send`, and:

    :param per_recipient: Whether to list what each recipient would get.
    :param number_of_recipients: How many of them to list, 0 to 1000; the server's default is 100. Totals
        always count all.
    :raises SinchValidationError: Names every field that breaks a rule.
    """
    fields, query = validation.checked_dry_run(locals(), "send_dry_run")
    return Call(
        "send_dry_run",
        "POST",
        "/batches/dry_run",
        DryRun.from_json,
        query=_query(query),
        body=fields,
        default_sender=True,
    )


def list_batches(
    page: int = 0,
    page_size: int | None = None,
    from_: Recipients | None = None,
    start_date: Time | None = None,
    end_date: Time | None = None,
    client_reference: str | None = None,
) -> Call[Page[Batch]]:
    """
    List batches, newest first.

    :param page: Page to begin with; the first is 0.
    :param page_size: 1 to 100; the server's default is 30.
    :param from_: Only batches from these numbers or short codes; a list, or text separated by commas.
    :param start_date: Created then or later. Left out: the last 24 hours. Nothing older than 14 days is
        listed.
    :param end_date: Created before.
    :param client_reference: With exactly this label.
    :raises SinchValidationError: Names every field that breaks a rule.
    """
    query = _query(validation.checked_fields(locals(), validation.LISTING, "list"))
    return Call("list", "GET", "/batches", BatchPage.from_json, query=query)


def get(batch_id: str) -> Call[Batch]:
    """
    Read a batch.

    :param batch_id: The batch.
    """
    values = validation.checked_fields(locals(), {}, "get")
    return Call("get", "GET", _path(values), _of_batch(batch_id))


def update(
    batch_id: str,
    from_: str | None = None,
    body: Body | None = None,
    to_add: Recipients | None = None,
    to_remove: Recipients | None = None,
    delivery_report: str | None = None,
    send_at: Time | None = None,
    expire_at: Time | None = None,
    callback_url: str | None = None,
    parameters: Parameters | None = None,
    type_: str | None = None,
    client_reference: str | None = None,
    feedback_enabled: bool | None = None,
    flash_message: bool | None = None,
    truncate_concat: bool | None = None,
    max_number_of_message_parts: int | None = None,
    from_ton: int | None = None,
    from_npi: int | None = None,
    udh: str | None = None,
    strict_validation: bool | None = None,
) -> Call[Batch]:
    """
    Change parts of a batch that has not left yet; what is not named stays.

    :param batch_id: The batch.
    :param to_add: 1 to 100 recipients to add.
    :param to_remove: 1 to 100 recipients to take off.

    The others are those of :func:`send`.

    :raises SinchValidationError: Names every field that breaks a rule; or nothing would change.
    """
    fields = validation.checked_update(locals(), "update")
    return Call("update", "POST", _path(fields), _of_batch(batch_id), body=fields, kind=Kind.NOT_IDEMPOTENT)


def replace(
    batch_id: str,
    body: Body,
    to: Recipients,
    from_: str | None = None,
    delivery_report: str | None = "none",
    parameters: Parameters | None = None,
    type_: str = "mt_text",
    send_at: Time | None = None,
    expire_at: Time | None = None,
    callback_url: str | None = None,
    client_reference: str | None = None,
    feedback_enabled: bool | None = None,
    flash_message: bool | None = None,
    truncate_concat: bool | None = None,
    max_number_of_message_parts: int | None = None,
    from_ton: int | None = None,
    from_npi: int | None = None,
    udh: str | None = None,
    strict_validation: bool | None = None,
) -> Call[Batch]:
    """
    Replace a batch that has not left yet; what is not named falls back to its default. The id stays.

    :param batch_id: The batch.

    The others are those of :func:`send`.

    :raises SinchValidationError: Names every field that breaks a rule.
    """
    fields = validation.checked_message(locals(), "replace")
    # Once the new batch has left, nobody knows what replacing it again does; it may send a second time. All
    # attempts together end within the margin.
    waits = "send_at" in fields and parse_time(fields["send_at"]) > utcnow().add(minutes=15)
    kind = Kind.IDEMPOTENT if waits else Kind.NOT_IDEMPOTENT
    parse = _of_batch(batch_id)
    return Call("replace", "PUT", _path(fields), parse, body=fields, kind=kind, default_sender=True)


def cancel(batch_id: str) -> Call[Batch]:
    """
    Cancel a batch. What has not left will not leave; what is under way may still arrive.

    :param batch_id: The batch.
    """
    values = validation.checked_fields(locals(), {}, "cancel")
    return Call("cancel", "DELETE", _path(values), _of_batch(batch_id), kind=Kind.IDEMPOTENT)


def send_delivery_feedback(batch_id: str, recipients: Recipients) -> Call[None]:
    """
    Tell Sinch that recipients got their message. The batch must have been sent with ``feedback_enabled``.

    :param batch_id: The batch.
    :param recipients: Those who got it; an empty list means everyone (not for batches to groups).
    """
    operation = "send_delivery_feedback"
    fields = validation.checked_fields(locals(), validation.FEEDBACK, operation, required=("recipients",))
    path = _path(fields, "/delivery_feedback")
    return Call(operation, "POST", path, lambda _: None, body=fields, kind=Kind.IDEMPOTENT)


def get_delivery_report(
    batch_id: str,
    report_type: str = "summary",
    status: str | Iterable[str] | None = None,
    code: int | Iterable[int] | None = None,
) -> Call[BatchDeliveryReport]:
    """
    Read where the messages of a batch are.

    :param batch_id: The batch.
    :param report_type: ``summary``, or ``full`` for the numbers too.
    :param status: Only these statuses. ``total_message_count`` still counts all.
    :param code: Only these codes.
    """
    operation = "get_delivery_report"
    values = validation.checked_fields(locals(), validation.REPORT, operation)
    path = _path(values, "/delivery_report")
    query = _query(values)
    return Call(operation, "GET", path, BatchDeliveryReport.from_json, query=query)


def get_delivery_report_for_number(batch_id: str, recipient_msisdn: str) -> Call[RecipientDeliveryReport]:
    """
    Read what became of one recipient's message.

    :param batch_id: The batch.
    :param recipient_msisdn: The recipient, in any international writing.
    """
    operation = "get_delivery_report_for_number"
    values = validation.checked_fields(
        {"batch_id": batch_id, "recipient_msisdn": recipient_msisdn}, {}, operation
    )
    path = _path(values, f"/delivery_report/{values.pop('recipient_msisdn')}")
    return Call(operation, "GET", path, RecipientDeliveryReport.from_json)


def list_delivery_reports(
    page: int = 0,
    page_size: int | None = None,
    start_date: Time | None = None,
    end_date: Time | None = None,
    status: str | Iterable[str] | None = None,
    code: int | Iterable[int] | None = None,
    client_reference: str | None = None,
) -> Call[Page[RecipientDeliveryReport]]:
    """
    List final reports of recipients over all batches, newest first.

    :param page: Page to begin with; the first is 0.
    :param page_size: 1 to 100; the server's default is 30.
    :param start_date: From then on. Left out: the last 24 hours.
    :param end_date: Before.
    :param status: Only these statuses.
    :param code: Only these codes.
    :param client_reference: Only batches with this label.
    """
    query = _query(validation.checked_fields(locals(), validation.LISTING, "list_delivery_reports"))
    return Call(
        "list_delivery_reports", "GET", "/delivery_reports", DeliveryReportPage.from_json, query=query
    )


def _of_batch(batch_id: str) -> Callable[[Any], Batch]:
    """Read a batch, and refuse another one: a proxy may answer with what it kept from another request."""

    def parse(data: Any) -> Batch:
        batch = Batch.from_json(data)
        if batch.id != batch_id.strip():
            raise MalformedAnswerError("it is another batch")
        return batch

    return parse


def _path(checked: dict[str, Any], rest: str = "") -> str:
    return f"/batches/{checked.pop('batch_id')}{rest}"


def _query(fields: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in fields.items()
    }
