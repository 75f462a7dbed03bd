"""Calls that the tests of the clients make, and answers they can expect."""

from __future__ import annotations

import traceback
from typing import Any

from tests.unit.sms.scripted import (
    Reply,
    reply,
)

ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
BATCH = {"id": ID, "to": ["447700900222"], "canceled": False}
TO = ["+447700900222"]
# Not written out where they are used: a traceback shows the lines of the tests as well.
NUMBER = "+447700900222"
TOKEN = "plan-token"
TEXT = "Hi Maria, see you tomorrow."
REPORT = {"batch_id": ID, "recipient": "447700900222", "status": "Delivered", "code": 0}

SEND = ("batches.send", {"to": TO, "body": TEXT})
UPDATE = ("batches.update", ID, {"body": TEXT})
GET = ("batches.get", ID)
DRY_RUN = ("batches.send_dry_run", {"to": TO, "body": TEXT})
REPLACE = ("batches.replace", ID, {"to": TO, "body": TEXT, "send_at": "2999-01-01T00:00:00Z"})
CANCEL = ("batches.cancel", ID)
FEEDBACK = ("batches.send_delivery_feedback", ID, {"recipients": TO})
LIST = ("batches.list",)
REPORTS = ("delivery_reports.get", ID)
# A batch that leaves at once may have left before its replacement is repeated.
REPLACE_NOW: tuple[Any, ...] = ("batches.replace", ID, {"to": TO, "body": TEXT})
NOT_IDEMPOTENT: list[tuple[Any, ...]] = [SEND, UPDATE, REPLACE_NOW]
REPEATABLE: list[tuple[Any, ...]] = [GET, DRY_RUN, REPLACE, CANCEL, FEEDBACK, LIST, REPORTS]

GOOD: dict[str, Reply] = {
    "batches.send": reply(201, BATCH),
    "batches.update": reply(200, BATCH),
    "batches.get": reply(200, BATCH),
    "batches.send_dry_run": reply(200, {"number_of_recipients": 1, "number_of_messages": 1}),
    "batches.replace": reply(200, BATCH),
    "batches.cancel": reply(200, {**BATCH, "canceled": True}),
    "batches.send_delivery_feedback": reply(202),
    "batches.list": reply(200, {"count": 0, "page": 0, "page_size": 0, "batches": []}),
    "delivery_reports.get": reply(200, {"batch_id": ID, "total_message_count": 0, "statuses": []}),
}


def by_operation(call: object) -> str:
    return str(call[0]) if isinstance(call, tuple) else ""


def told(error: BaseException) -> str:
    """Everything that a log would show of an error: itself, and all that led to it."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


def numbers(count: int) -> list[str]:
    return [f"+9990000{index:04}" for index in range(count)]
