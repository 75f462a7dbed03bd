"""The three operations that read delivery reports, without HTTP."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from starlette.datastructures import QueryParams

from sinch_sandbox.core import phone
from sinch_sandbox.core.outcomes import DISPATCHED, QUEUED
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.batches import Batch
from sinch_sandbox.core.store.reports import FinalReports, ReportedMessage
from sinch_sandbox.core.times import SECOND, format_seconds, format_time
from sinch_sandbox.sinch import batches
from sinch_sandbox.sinch.batch_fields import MEDIA, TEXT
from sinch_sandbox.sinch.composing import max_parts
from sinch_sandbox.sinch.errors import Problems, not_found
from sinch_sandbox.sinch.paging import read_codes, read_page, read_statuses, read_window

_STOPPED_INSIDE = ("Aborted", "Cancelled")
"""Final statuses without an operator, so without an operator's time."""


def batch_report(
    sandbox: Sandbox, account: str, batch_id: str, query: QueryParams, gap: float = 0
) -> dict[str, Any]:
    """:param gap: seconds by which reports lag behind, for a fault that makes them."""
    batch = batches.find(sandbox, account, batch_id)
    now = _as_of(sandbox, batch, gap)
    problems = Problems()
    kind = query.get("type", "summary")
    if kind not in ("summary", "full"):
        if sandbox.settings.bad_report_type == 404:
            raise not_found()
        problems.bad_format("type", kind, "a valid report type")
    statuses = read_statuses(query, problems)
    codes = read_codes(query, problems)
    problems.raise_first()

    return batch_document(sandbox, batch, kind, now, statuses, codes)


def batch_document(
    sandbox: Sandbox,
    batch: Batch,
    kind: str,
    now: int,
    statuses: Collection[str] | None = None,
    codes: Collection[int] | None = None,
) -> dict[str, Any]:
    """The report of a batch as of ``now``, fetched or sent; with ``full`` it names the recipients."""
    counts = sandbox.store.reports.counts(batch.seq, now)
    empty = batch.never_started or (now < batch.starts_at and sandbox.settings.scheduled_report == "empty")
    total = sum(count for _, _, count in counts)
    groups: dict[tuple[int, str], list[str]] = {}
    if kind == "full":
        for code, status, recipient in sandbox.store.reports.of_batch(batch.seq, now):
            groups.setdefault((code, status), []).append(recipient)
    report: dict[str, Any] = {
        "type": f"delivery_report_{_channel(batch)}",
        "batch_id": batch.id,
        "total_message_count": 0 if empty and sandbox.settings.empty_report_total == "zero" else total,
        "statuses": [
            {
                "code": code,
                "status": status,
                "count": count,
                **({"recipients": groups[code, status]} if kind == "full" else {}),
            }
            for code, status, count in ([] if empty else counts)
            if _wanted(status, statuses) and _wanted(code, codes)
        ],
    }
    if "client_reference" in batch.fields:
        report["client_reference"] = batch.fields["client_reference"]
    return report


def recipient_report(
    sandbox: Sandbox, account: str, batch_id: str, number: str, gap: float = 0
) -> dict[str, Any]:
    batch = batches.find(sandbox, account, batch_id)
    now = _as_of(sandbox, batch, gap)
    message = sandbox.store.reports.of_recipient(batch.seq, phone.normalise_number(number), now)
    if message is None:
        raise not_found()
    return recipient_document(sandbox, batch, message)


def _as_of(sandbox: Sandbox, batch: Batch, gap: float) -> int:
    """The time of a report that lags behind; it is never before the start of a started batch."""
    now = sandbox.clock.now()
    return max(now - round(gap * SECOND), min(now, batch.starts_at))


def list_reports(sandbox: Sandbox, account: str, query: QueryParams, gap: float = 0) -> dict[str, Any]:
    """Final reports only, the newest first."""
    problems = Problems()
    now = sandbox.clock.now()
    page = read_page(query, problems)
    start, end = read_window(query, now, sandbox.settings, problems)
    wanted = FinalReports(
        account,
        now - round(gap * SECOND),
        start,
        end,
        read_statuses(query, problems),
        read_codes(query, problems),
        query.get("client_reference"),
    )
    problems.raise_first()
    count, found = sandbox.store.reports.final(wanted, page.size, page.offset)
    known: dict[str, Batch] = {}
    items = []
    for batch_id, message in found:
        if batch_id not in known:
            known[batch_id] = batches.find(sandbox, account, batch_id)
        items.append(recipient_document(sandbox, known[batch_id], message))
    return page.answer("delivery_reports", count, items, sandbox.settings)


def recipient_document(sandbox: Sandbox, batch: Batch, message: ReportedMessage) -> dict[str, Any]:
    """The report of one recipient, fetched or sent."""
    recipient, code, status, parts, dispatched_at, final_at = message
    is_final = status not in (QUEUED, DISPATCHED)
    since = final_at if is_final else dispatched_at if status == DISPATCHED else batch.starts_at
    report = {
        "type": f"recipient_delivery_report_{_channel(batch)}",
        "batch_id": batch.id,
        "recipient": recipient,
        "code": code,
        "status": status,
        "at": format_time(since),
    }
    if final_at is not None and is_final and status not in _STOPPED_INSIDE:
        report["operator_status_at"] = format_seconds(final_at)
    if "client_reference" in batch.fields:
        report["client_reference"] = batch.fields["client_reference"]
    if "from" not in batch.fields and sandbox.settings.default_originator is not None:
        report["applied_originator"] = sandbox.settings.default_originator
    if batch.fields["type"] == TEXT and max_parts(batch.fields, sandbox.settings) is not None:
        report["number_of_message_parts"] = parts
    return report


def _channel(batch: Batch) -> str:
    return "mms" if batch.fields["type"] == MEDIA else "sms"


def _wanted(value: Any, filter_: Collection[Any] | None) -> bool:
    return filter_ is None or value in filter_
