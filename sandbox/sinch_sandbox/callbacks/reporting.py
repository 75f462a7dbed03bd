"""Turns events of messages into callbacks, as the ``delivery_report`` of their batch asks for them."""

from __future__ import annotations

from typing import Any

from sinch_sandbox.core.faults import Fault
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.batches import Batch
from sinch_sandbox.core.store.callbacks import WITHHELD, CallbackState
from sinch_sandbox.core.store.reporting import OpenBatch
from sinch_sandbox.core.store.reports import ReportedMessage
from sinch_sandbox.core.times import SECOND
from sinch_sandbox.sinch import reports


def collect_next(sandbox: Sandbox, now: int) -> bool:
    """Queue the callbacks of the batch whose event is the oldest. False if no event is due."""
    open_ = sandbox.store.reporting.oldest_due(now)
    if open_ is None:
        return False
    with sandbox.store.transaction():
        _collect(sandbox, open_, now)
    return True


def _collect(sandbox: Sandbox, open_: OpenBatch, now: int) -> None:
    batch = sandbox.store.batches.with_seq(open_.batch)
    next_at = None
    if not batch.never_started:
        if batch.fields["delivery_report"] in ("summary", "full"):
            next_at = _report_batch(sandbox, batch, now)
        else:
            next_at = _report_recipients(sandbox, batch, open_, now)
    if next_at is None:
        sandbox.store.reporting.close(batch.seq)
        sandbox.store.callbacks.release(batch.id, None, now)
    else:
        sandbox.store.reporting.go_on(batch.seq, now, next_at)


def _report_batch(sandbox: Sandbox, batch: Batch, now: int) -> int | None:
    """Queue one report, once every message is final.

    :return: when to look again; None if the batch is done.
    """
    ends = sandbox.store.reporting.ends(batch.seq)
    if ends.last_at is None or ends.with_end < ends.messages:
        return None
    if ends.last_at > now:
        return ends.last_at
    document = reports.batch_document(sandbox, batch, batch.fields["delivery_report"], now)
    facts: dict[str, Any] = {}
    if sandbox.faults:
        facts["to"] = sandbox.store.messages.recipients(batch)
        facts["status"] = [each["status"] for each in document["statuses"]]
    _queue(sandbox, batch, document, facts, ends.last_at)
    return None


def _report_recipients(sandbox: Sandbox, batch: Batch, open_: OpenBatch, now: int) -> int | None:
    """Queue one report per recipient and change since the last look.

    :return: when to look again; None if the batch is done.
    """
    intermediate = batch.fields["delivery_report"] == "per_recipient"
    queued = intermediate and sandbox.settings.report_queued and open_.until < batch.starts_at
    for event in sandbox.store.reporting.events(open_, now, batch.starts_at, intermediate, queued):
        message = ReportedMessage(
            event.recipient, event.code, event.status, event.parts, event.dispatched_at, event.final_at
        )
        facts = {"to": event.recipient, "status": event.status, "code": event.code}
        _queue(sandbox, batch, reports.recipient_document(sandbox, batch, message), facts, event.at)
    return sandbox.store.reporting.next_change(batch.seq, now, intermediate)


def _queue(sandbox: Sandbox, batch: Batch, document: dict[str, Any], facts: dict[str, Any], at: int) -> None:
    """Queue a report, changed by the faults that hit it."""
    url = batch.fields.get("callback_url", sandbox.settings.default_callback_url)
    recipient = document.get("recipient")
    copies, due_at, held = 1, at, False
    state: CallbackState = "waiting"
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
            state = WITHHELD
    for _ in range(copies):
        sandbox.store.callbacks.add(
            url or "",
            document,
            at,
            due_at=None if held or state != "waiting" else due_at,
            batch_id=batch.id,
            recipient=recipient,
            state=state,
        )
    if not held and recipient is not None:
        sandbox.store.callbacks.release(batch.id, recipient, due_at)
