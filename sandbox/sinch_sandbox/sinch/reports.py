"""The three reads of delivery reports, apart from HTTP."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from starlette.datastructures import QueryParams

from sinch_sandbox.core import phone
from sinch_sandbox.core.outcomes import DISPATCHED, QUEUED
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.store import CODE_NOW, NEVER_STARTED, STATUS_NOW, Batch
from sinch_sandbox.core.times import SECOND, format_seconds, format_time
from sinch_sandbox.sinch import batches
from sinch_sandbox.sinch.batch_fields import MEDIA, TEXT
from sinch_sandbox.sinch.composing import max_parts
from sinch_sandbox.sinch.errors import Problems, not_found
from sinch_sandbox.sinch.paging import read_codes, read_page, read_statuses, read_window

_STOPPED_INSIDE = ("Aborted", "Cancelled")
"""Ends that no operator had a part in, so there is no operator's time."""


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
    rows = sandbox.store.rows(
        f"SELECT {CODE_NOW}, {STATUS_NOW}, m.recipient FROM messages m"
        " WHERE m.batch = :batch ORDER BY m.position",
        {"batch": batch.seq, "now": now},
    )
    empty = batch.never_started or (now < batch.starts_at and sandbox.settings.scheduled_report == "empty")
    groups: dict[tuple[int, str], list[str]] = {}
    for code, status, recipient in [] if empty else rows:
        groups.setdefault((code, status), []).append(recipient)
    report: dict[str, Any] = {
        "type": f"delivery_report_{_channel(batch)}",
        "batch_id": batch.id,
        "total_message_count": 0 if empty and sandbox.settings.empty_report_total == "zero" else len(rows),
        "statuses": [
            {
                "code": code,
                "status": status,
                "count": len(recipients),
                **({"recipients": recipients} if kind == "full" else {}),
            }
            for (code, status), recipients in groups.items()
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
    rows = sandbox.store.rows(
        f"SELECT {_ROW} FROM messages m"
        " WHERE m.batch = :batch AND m.recipient = :recipient ORDER BY m.position LIMIT 1",
        {"batch": batch.seq, "recipient": phone.normalise_number(number), "now": now},
    )
    if not rows:
        raise not_found()
    return recipient_document(sandbox, batch, rows[0])


def _as_of(sandbox: Sandbox, batch: Batch, gap: float) -> int:
    """A report that lags behind still shows a batch that has started as started."""
    now = sandbox.clock.now()
    return max(now - round(gap * SECOND), min(now, batch.starts_at))


def list_reports(sandbox: Sandbox, account: str, query: QueryParams, gap: float = 0) -> dict[str, Any]:
    """Final reports only, the newest first."""
    problems = Problems()
    now = sandbox.clock.now()
    page = read_page(query, problems)
    start, end = read_window(query, now, sandbox.settings, problems)
    visible = now - round(gap * SECOND)
    values: dict[str, Any] = {"account": account, "now": visible, "start": start, "end": end}
    where = (
        "b.account = :account AND m.final_at <= :now AND m.final_at >= :start AND m.final_at < :end"
        f" AND NOT {NEVER_STARTED}"
    )
    for name, wanted in (("status", read_statuses(query, problems)), ("code", read_codes(query, problems))):
        if wanted:
            where += f" AND m.{name} IN ({_placeholders(name, wanted, values)})"
    if query.get("client_reference") is not None:
        where += " AND b.client_reference = :reference"
        values["reference"] = query["client_reference"]
    problems.raise_first()

    source = f"FROM messages m JOIN batches b ON b.seq = m.batch WHERE {where}"
    count = sandbox.store.rows(f"SELECT count(*) {source}", values)[0][0]
    rows = sandbox.store.rows(
        f"SELECT b.id, {_ROW} {source}"
        " ORDER BY m.final_at DESC, m.batch DESC, m.position LIMIT :limit OFFSET :offset",
        {**values, "limit": page.size, "offset": page.offset},
    )
    known: dict[str, Batch] = {}
    items = []
    for batch_id, *row in rows:
        if batch_id not in known:
            known[batch_id] = batches.find(sandbox, account, batch_id)
        items.append(recipient_document(sandbox, known[batch_id], row))
    return page.answer("delivery_reports", count, items, sandbox.settings)


_ROW = f"m.recipient, {CODE_NOW}, {STATUS_NOW}, m.parts, m.dispatched_at, m.final_at"


def recipient_document(sandbox: Sandbox, batch: Batch, row: Sequence[Any]) -> dict[str, Any]:
    """The report of one recipient, fetched or sent.

    :param row: recipient, code, status, parts, and when the message was dispatched and became final.
    """
    recipient, code, status, parts, dispatched_at, final_at = row
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
    if is_final and status not in _STOPPED_INSIDE:
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


def _placeholders(name: str, wanted: Collection[Any], values: dict[str, Any]) -> str:
    names = [f"{name}{index}" for index in range(len(wanted))]
    values.update(zip(names, wanted, strict=True))
    return ", ".join(f":{each}" for each in names)
