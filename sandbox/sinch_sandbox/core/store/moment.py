"""Conditions that depend on the clock. A message's row has its whole future; ``:now`` decides its status."""

from __future__ import annotations

from sinch_sandbox.core.outcomes import CANCELLED_CODE, DISPATCHED, DISPATCHED_CODE, QUEUED, QUEUED_CODE

# ``m`` is a message, ``b`` its batch.
STATUS_NOW = f"""CASE WHEN m.final_at <= :now THEN m.status
    WHEN m.dispatched_at <= :now THEN '{DISPATCHED}' ELSE '{QUEUED}' END"""
CODE_NOW = f"""CASE WHEN m.final_at <= :now THEN m.code
    WHEN m.dispatched_at <= :now THEN {DISPATCHED_CODE} ELSE {QUEUED_CODE} END"""

NEVER_STARTED = "(b.canceled_at IS NOT NULL AND b.canceled_at < b.starts_at)"
STOPPED = f"(b.canceled_at IS NOT NULL AND m.dispatched_at IS NULL AND m.code = {CANCELLED_CODE})"
"""A cancel kept the message from leaving, so it reached nobody."""

MESSAGES_AND_BATCHES = "messages m JOIN batches b ON b.seq = m.batch"
