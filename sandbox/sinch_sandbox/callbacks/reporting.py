"""Turns what happens to messages into callbacks, as the ``delivery_report`` of their batch wants it.

A batch that wants reports has a row in ``reporting`` with the time of its next event, until there is none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sinch_sandbox.core.faults import Fault
from sinch_sandbox.core.outcomes import CANCELLED_CODE, DISPATCHED, DISPATCHED_CODE, QUEUED, QUEUED_CODE
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store import callbacks as outbox
from sinch_sandbox.core.store.store import Batch
from sinch_sandbox.core.times import SECOND
from sinch_sandbox.sinch import reports


class _Open(NamedTuple):
    """A batch with reports to come."""

    batch: int
    until: int
    """Events up to here have become callbacks."""
    cancelled: bool
    """Whether it was cancelled since. What a cancel stops ends at once, at a time that may be done with."""


def collect_next(sandbox: Sandbox, now: int) -> bool:
    """Queue what is due for the batch whose events are the oldest. False when there is none."""
    found = sandbox.store.rows(
        "SELECT batch, until, cancelled FROM reporting WHERE next_at <= :now ORDER BY next_at, batch LIMIT 1",
        {"now": now},
    )
    if not found:
        return False
    with sandbox.store.transaction():
        _collect(sandbox, _Open(*found[0]), now)
    return True


def next_event(sandbox: Sandbox) -> int | None:
    at: int | None = sandbox.store.rows("SELECT min(next_at) FROM reporting", {})[0][0]
    return at


def _collect(sandbox: Sandbox, open_: _Open, now: int) -> None:
    batch = sandbox.store.batches("b.seq = :seq", {"seq": open_.batch})[1][0]
    next_at = None
    if not batch.never_started:
        if batch.fields["delivery_report"] in ("summary", "full"):
            next_at = _report_batch(sandbox, batch, now)
        else:
            next_at = _report_recipients(sandbox, batch, open_, now)
    values = {"batch": open_.batch, "now": now, "next_at": next_at}
    if next_at is None:
        sandbox.store.execute("DELETE FROM reporting WHERE batch = :batch", values)
        outbox.release(sandbox.store, batch.id, None, now)
    else:
        sandbox.store.execute(
            "UPDATE reporting SET until = :now, next_at = :next_at, cancelled = 0 WHERE batch = :batch",
            values,
        )


def _report_batch(sandbox: Sandbox, batch: Batch, now: int) -> int | None:
    """One report, once every message is final. The next time to look, if there is one."""
    total, with_end, at = sandbox.store.rows(
        "SELECT count(*), count(final_at), max(final_at) FROM messages WHERE batch = :batch",
        {"batch": batch.seq},
    )[0]
    if total == 0 or with_end < total:
        return None
    if at > now:
        return int(at)
    document = reports.batch_document(sandbox, batch, batch.fields["delivery_report"], now)
    facts: dict[str, Any] = {}
    if sandbox.faults:
        facts["to"] = sandbox.store.recipients(batch)
        facts["status"] = [each["status"] for each in document["statuses"]]
    _queue(sandbox, batch, document, facts, at)
    return None


def _report_recipients(sandbox: Sandbox, batch: Batch, open_: _Open, now: int) -> int | None:
    """One report per recipient and change since the last look. The next time to look, if there is one."""
    intermediate = batch.fields["delivery_report"] == "per_recipient"
    values = {
        "batch": batch.seq,
        "until": open_.until,
        "now": now,
        "cancelled": open_.cancelled,
        "intermediate": intermediate,
        "queued": intermediate and sandbox.settings.report_queued and open_.until < batch.starts_at,
    }
    row = "recipient, position, parts, dispatched_at, final_at"
    rows = sandbox.store.rows(
        f"SELECT {batch.starts_at} AS at, 0 AS stage, {QUEUED_CODE} AS code, '{QUEUED}' AS status, {row}"
        " FROM messages WHERE batch = :batch AND :queued"
        f" UNION ALL SELECT dispatched_at, 1, {DISPATCHED_CODE}, '{DISPATCHED}', {row}"
        " FROM messages WHERE batch = :batch AND :intermediate"
        " AND dispatched_at > :until AND dispatched_at <= :now"
        f" UNION ALL SELECT final_at, 2, code, status, {row}"
        " FROM messages WHERE batch = :batch AND final_at <= :now"
        f" AND (final_at > :until OR (:cancelled AND code = {CANCELLED_CODE}))"
        " ORDER BY at, position, stage",
        values,
    )
    for at, _, code, status, recipient, _, parts, dispatched_at, final_at in rows:
        document = reports.recipient_document(
            sandbox, batch, (recipient, code, status, parts, dispatched_at, final_at)
        )
        _queue(sandbox, batch, document, {"to": recipient, "status": status, "code": code}, at)
    next_at: int | None = sandbox.store.rows(
        "SELECT min(at) FROM"
        " (SELECT min(final_at) AS at FROM messages WHERE batch = :batch AND final_at > :now"
        " UNION ALL SELECT min(dispatched_at) FROM messages"
        " WHERE batch = :batch AND :intermediate AND dispatched_at > :now)",
        values,
    )[0][0]
    return next_at


def _queue(sandbox: Sandbox, batch: Batch, document: dict[str, Any], facts: dict[str, Any], at: int) -> None:
    """Queue a report the way the armed faults leave it."""
    url = batch.fields.get("callback_url", sandbox.settings.default_callback_url)
    recipient = document.get("recipient")
    copies, due_at, held = 1, at, False
    state: outbox.CallbackState = "waiting"
    struck: list[Fault] = []
    if sandbox.faults:
        known = {
            "batch_id": batch.id,
            "recipient": facts.get("to"),
            "client_reference": batch.fields.get("client_reference"),
        }
        struck = sandbox.faults.strike("callback", {**known, "type": document["type"], **facts})
    for fault in struck:
        if fault.kind == "report_duplicate":
            copies = 2
        elif fault.kind == "report_late":
            due_at += round(fault.seconds * SECOND)
        elif fault.kind == "report_out_of_order":
            held = True
        elif fault.kind == "report_missing":
            state = outbox.WITHHELD
    for _ in range(copies):
        outbox.add(
            sandbox.store,
            url or "",
            document,
            at,
            due_at=None if held or state != "waiting" else due_at,
            batch_id=batch.id,
            recipient=recipient,
            state=state,
        )
    if not held and recipient is not None:
        outbox.release(sandbox.store, batch.id, recipient, due_at)
