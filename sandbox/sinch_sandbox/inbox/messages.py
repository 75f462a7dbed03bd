"""How the inbox shows a message: its text, parts, and history so far."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sinch_sandbox.core.outcomes import CANCELLED_CODE, DISPATCHED, DISPATCHED_CODE, QUEUED, QUEUED_CODE
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.messages import StoredMessage
from sinch_sandbox.core.times import format_time
from sinch_sandbox.sinch.codes import meaning
from sinch_sandbox.sinch.encoding import GSM_BASIC, GSM_EXTENSION

PREVIEW = 160
_GSM = frozenset(GSM_BASIC + GSM_EXTENSION)


def message_view(sandbox: Sandbox, message: StoredMessage, now: int) -> dict[str, Any]:
    """One message as the page shows it."""
    steps = timeline(message, now)
    scheduled = message.starts_at > now and message.canceled_at is None
    return {
        "key": f"{message.batch}-{message.position}",
        "seq": message.batch,
        "direction": "out",
        "id": f"{message.batch_id}-{message.position}",
        "batch_id": message.batch_id,
        "to": message.recipient,
        "from": message.sender or sandbox.settings.default_originator,
        "text": message.text,
        "encoding": message.encoding,
        "parts": message.parts,
        "forced_by": forced_by(message.text) if message.encoding == "unicode" else [],
        "status": steps[-1]["status"],
        "code": steps[-1]["code"],
        "meaning": steps[-1]["meaning"],
        "cancelled": steps[-1]["code"] == CANCELLED_CODE,
        "timeline": steps,
        "at": format_time(message.created_at),
        "starts_at": format_time(message.starts_at) if scheduled else None,
        "client_reference": message.client_reference,
    }


def timeline(message: StoredMessage, now: int) -> list[dict[str, Any]]:
    """The statuses it has had so far, each with its time."""
    steps = [_step(QUEUED, QUEUED_CODE, message.created_at)]
    if message.dispatched_at is not None and message.dispatched_at <= now:
        steps.append(_step(DISPATCHED, DISPATCHED_CODE, message.dispatched_at))
    if message.final_at is not None and message.final_at <= now:
        steps.append(_step(message.status, message.code, message.final_at))
    return steps


def _step(status: str, code: int, at: int) -> dict[str, Any]:
    return {"status": status, "code": code, "meaning": meaning(code), "at": format_time(at)}


def forced_by(text: str) -> list[dict[str, Any]]:
    """The characters outside GSM 03.38, which make a whole text UCS-2, in the order they appear."""
    found = Counter(character for character in text if character not in _GSM)
    return [
        {
            "character": character,
            "point": f"U+{ord(character):04X}",
            "name": unicodedata.name(character, "unnamed character").lower(),
            "count": count,
        }
        for character, count in found.items()
    ]


def next_change(instants: Iterable[int | None], now: int) -> str | None:
    """The first of these instants that is in the future; until then nothing shown changes by itself."""
    coming = [each for each in instants if each is not None and each > now]
    return format_time(min(coming)) if coming else None
