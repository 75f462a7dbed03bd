"""
What operators need only when their tasks run.

They import it in the functions that a task calls, so that parsing a Dag does not load it. All of it is loaded
before anything is sent.
"""

from __future__ import annotations

from sinch_provider.sms import endpoints
from sinch_provider.sms.delivery.progress import Progress, progress_of
from sinch_provider.sms.delivery.wait import wait
from sinch_provider.sms.sending.change_once import change_once
from sinch_provider.task.description import describe, limit_faults
from sinch_provider.task.failures import (
    SinchWaitInterrupted,
    airflow_failures,
    conclude,
    goes_on,
    waiting_for,
)
from sinch_provider.task.identity import callback_of, is_first, is_nested
from sinch_provider.task.metrics import count_sent, traced
from sinch_provider.task.sending import remembered, sending
from sinch_provider.triggers.batches import SinchBatchTrigger, summary_of_event

__all__ = [
    "Progress",
    "SinchBatchTrigger",
    "SinchWaitInterrupted",
    "airflow_failures",
    "callback_of",
    "change_once",
    "conclude",
    "count_sent",
    "describe",
    "endpoints",
    "goes_on",
    "is_first",
    "is_nested",
    "limit_faults",
    "progress_of",
    "remembered",
    "sending",
    "summary_of_event",
    "traced",
    "wait",
    "waiting_for",
]
