"""
Every operation of the API, described once: the request, and how to read the answer. No I/O happens here.

Each function checks its arguments and returns a :class:`~sinch_provider.sms.wire.call.Call`, which the
clients make. Arguments are keyword-only, except those in the path. None means "not sent". Times are
``datetime`` (naive means UTC) or ISO-8601 text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar, Unpack

from sinch_provider.sms.errors import MalformedAnswerError
from sinch_provider.sms.fields import table, validation
from sinch_provider.sms.fields.times import parse_time
from sinch_provider.sms.message import (
    MessageChanges,
    MessageFields,
    Recipients,
    Time,
    takes_changes,
    takes_message,
)
from sinch_provider.sms.models import (
    Batch,
    BatchDeliveryReport,
    BatchPage,
    DeliveryReportPage,
    DryRun,
    Page,
    RecipientDeliveryReport,
)
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.wire.call import Call, Kind

T = TypeVar("T")


@takes_message
def send(**message: Unpack[MessageFields]) -> Call[Batch]:
    """
    Send a message to 1 to 1000 recipients.

    :param message: As :class:`~sinch_provider.sms.message.MessageFields` describes it.
    :raises SinchValidationError: Names every field that breaks a rule.
    """
    body = validation.check_message(message, "send")
    return Call(
        "send", "POST", "/batches", Batch.from_json, body=body, kind=Kind.NOT_IDEMPOTENT, default_sender=True
    )


@takes_message
def send_dry_run(
    *,
    per_recipient: bool | None = None,
    number_of_recipients: int | None = None,
    **message: Unpack[MessageFields],
) -> Call[DryRun]:
    """
    Count the recipients and the SMS parts of a message without sending it.

    :param message: As :class:`~sinch_provider.sms.message.MessageFields` describes it.
    :param per_recipient: Whether to list what each recipient would get.
    :param number_of_recipients: How many recipients to list, 0 to 1000; the server's default is 100. The
        totals always count everybody.
    :raises SinchValidationError: Names every field that breaks a rule.
    """
    asked = {"per_recipient": per_recipient, "number_of_recipients": number_of_recipients}
    body, query = validation.check_dry_run({**message, **asked}, "send_dry_run")
    return Call(
        "send_dry_run",
        "POST",
        "/batches/dry_run",
        DryRun.from_json,
        query=_query(query),
        body=body,
        default_sender=True,
    )


def list_batches(
    *,
    page: int = 0,
    page_size: int | None = None,
    from_: str | Iterable[str] | None = None,
    start_date: Time | None = None,
    end_date: Time | None = None,
    client_reference: str | None = None,
) -> Call[Page[Batch]]:
    """
    List batches, newest first.

    :param page: The first page to read, counted from 0.
    :param page_size: 1 to 100; the server's default is 30.
    :param from_: Only batches from these numbers or short codes: a list, or text separated by commas.
    :param start_date: Only batches created then or later. By default: in the last 24 hours. Sinch lists
        nothing older than 14 days.
    :param end_date: Only batches created before then.
    :param client_reference: Only batches with exactly this label.
    :raises SinchValidationError: Names every field that breaks a rule.
    """
    given = {
        "page": page,
        "page_size": page_size,
        "from_": from_,
        "start_date": start_date,
        "end_date": end_date,
        "client_reference": client_reference,
    }
    query = _query(validation.check_fields(given, table.LISTING, "list"))
    return Call("list", "GET", "/batches", BatchPage.from_json, query=query)


def get(batch_id: str) -> Call[Batch]:
    """
    Read a batch.

    :param batch_id: The batch.
    """
    checked = validation.check_fields({"batch_id": batch_id}, {}, "get")
    return Call("get", "GET", _path(checked), _of_batch(batch_id))


@takes_changes
def update(batch_id: str, **changes: Unpack[MessageChanges]) -> Call[Batch]:
    """
    Change parts of a batch that has not left yet. Other fields stay as they are.

    :param batch_id: The batch.
    :param changes: As :class:`~sinch_provider.sms.message.MessageChanges` describes them.
    :raises SinchValidationError: Names every field that breaks a rule; or nothing would change.
    """
    body = validation.check_update({"batch_id": batch_id, **changes}, "update")
    return Call("update", "POST", _path(body), _of_batch(batch_id), body=body, kind=Kind.NOT_IDEMPOTENT)


@takes_message
def replace(batch_id: str, **message: Unpack[MessageFields]) -> Call[Batch]:
    """
    Replace a batch that has not left yet. Fields that are not given get their defaults. The id stays.

    :param batch_id: The batch.
    :param message: As :class:`~sinch_provider.sms.message.MessageFields` describes it.
    :raises SinchValidationError: Names every field that breaks a rule.
    """
    body = validation.check_message({"batch_id": batch_id, **message}, "replace")
    # Once the new batch has left, replacing it again may send it a second time. All requests of one call
    # together take less than the margin.
    waits = "send_at" in body and parse_time(body["send_at"]) > utcnow().add(minutes=15)
    kind = Kind.IDEMPOTENT if waits else Kind.NOT_IDEMPOTENT
    parse = _of_batch(batch_id)
    return Call("replace", "PUT", _path(body), parse, body=body, kind=kind, default_sender=True)


def cancel(batch_id: str) -> Call[Batch]:
    """
    Cancel a batch. Messages that have not left will not leave; those under way may still arrive.

    :param batch_id: The batch.
    """
    checked = validation.check_fields({"batch_id": batch_id}, {}, "cancel")
    return Call("cancel", "DELETE", _path(checked), _of_batch(batch_id), kind=Kind.IDEMPOTENT)


def send_delivery_feedback(batch_id: str, *, recipients: Recipients) -> Call[None]:
    """
    Report to Sinch who got their message. The batch must have been sent with ``feedback_enabled``.

    :param batch_id: The batch.
    :param recipients: Those who got it. An empty list means everybody (not for batches to groups).
    """
    operation = "send_delivery_feedback"
    given = {"batch_id": batch_id, "recipients": recipients}
    body = validation.check_fields(given, table.FEEDBACK, operation, required=("recipients",))
    path = _path(body, "/delivery_feedback")
    return Call(operation, "POST", path, lambda _: None, body=body, kind=Kind.IDEMPOTENT)


def get_delivery_report(
    batch_id: str,
    *,
    report_type: str = "summary",
    status: str | Iterable[str] | None = None,
    code: int | str | Iterable[int | str] | None = None,
) -> Call[BatchDeliveryReport]:
    """
    Read the status of a batch's messages.

    :param batch_id: The batch.
    :param report_type: ``summary``, or ``full`` to have the numbers too.
    :param status: Only these statuses. ``total_message_count`` still counts all.
    :param code: Only these codes.
    """
    operation = "get_delivery_report"
    given = {"batch_id": batch_id, "report_type": report_type, "status": status, "code": code}
    checked = validation.check_fields(given, table.REPORT, operation)
    path = _path(checked, "/delivery_report")
    parse = partial(_about, batch_id.strip(), BatchDeliveryReport.from_json, attrgetter("batch_id"))
    return Call(operation, "GET", path, parse, query=_query(checked))


def get_delivery_report_for_number(
    batch_id: str, recipient_msisdn: str | int
) -> Call[RecipientDeliveryReport]:
    """
    Read the status of one recipient's message.

    :param batch_id: The batch.
    :param recipient_msisdn: The recipient's number in any international format.
    """
    operation = "get_delivery_report_for_number"
    given = {"batch_id": batch_id, "recipient_msisdn": recipient_msisdn}
    checked = validation.check_fields(given, {}, operation)
    path = _path(checked, f"/delivery_report/{checked.pop('recipient_msisdn')}")
    parse = partial(_about, batch_id.strip(), RecipientDeliveryReport.from_json, attrgetter("batch_id"))
    return Call(operation, "GET", path, parse)


def list_delivery_reports(
    *,
    page: int = 0,
    page_size: int | None = None,
    start_date: Time | None = None,
    end_date: Time | None = None,
    status: str | Iterable[str] | None = None,
    code: int | str | Iterable[int | str] | None = None,
    client_reference: str | None = None,
) -> Call[Page[RecipientDeliveryReport]]:
    """
    List the final reports of recipients over all batches, newest first.

    :param page: The first page to read, counted from 0.
    :param page_size: 1 to 100; the server's default is 30.
    :param start_date: Only reports from then on. By default: of the last 24 hours.
    :param end_date: Only reports before then.
    :param status: Only these statuses.
    :param code: Only these codes.
    :param client_reference: Only batches with this label.
    """
    given = {
        "page": page,
        "page_size": page_size,
        "start_date": start_date,
        "end_date": end_date,
        "status": status,
        "code": code,
        "client_reference": client_reference,
    }
    operation = "list_delivery_reports"
    query = _query(validation.check_fields(given, table.LISTING, operation))
    return Call(operation, "GET", "/delivery_reports", DeliveryReportPage.from_json, query=query)


def _of_batch(batch_id: str) -> Callable[[Any], Batch]:
    return partial(_about, batch_id.strip(), Batch.from_json, attrgetter("id"))


def _about(batch_id: str, read: Callable[[Any], T], id_of: Callable[[T], str], data: Any) -> T:
    """Read an answer, and refuse one about another batch: a proxy may answer from its cache, or too late."""
    answer = read(data)
    if id_of(answer) != batch_id:
        raise MalformedAnswerError("it is another batch")
    return answer


def _path(checked: dict[str, Any], rest: str = "") -> str:
    return f"/batches/{checked.pop('batch_id')}{rest}"


def _query(fields: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in fields.items()
    }
