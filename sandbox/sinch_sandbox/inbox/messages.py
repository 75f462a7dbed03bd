"""How the inbox shows a message: what it says, what it cost, and what has become of it so far."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Any

from sinch_sandbox.core.outcomes import DISPATCHED, DISPATCHED_CODE, QUEUED, QUEUED_CODE
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.times import format_time
from sinch_sandbox.sinch.codes import meaning
from sinch_sandbox.sinch.encoding import GSM_BASIC, GSM_EXTENSION

PREVIEW = 160
_GSM = frozenset(GSM_BASIC + GSM_EXTENSION)

MESSAGE_COLUMNS = (
    "m.batch, m.position, m.recipient, coalesce(m.text, b.text), m.encoding, m.parts, m.dispatched_at,"
    " m.final_at, m.status, m.code, b.id, b.sender, b.client_reference, b.created_at, b.starts_at,"
    " b.canceled_at"
)
MESSAGE_SOURCE = "messages m JOIN batches b ON b.seq = m.batch"


def message_view(sandbox: Sandbox, row: tuple[Any, ...], now: int) -> dict[str, Any]:
    """One message, from a row of ``MESSAGE_COLUMNS``."""
    (
        batch, position, recipient, text, encoding, parts, dispatched_at,
        final_at, status, code, batch_id, sender, reference, created_at, starts_at,
        canceled_at,
    ) = row  # fmt: skip
    steps = timeline(created_at, dispatched_at, final_at, (status, code), now)
    return {
        "key": f"{batch}-{position}",
        "seq": batch,
        "direction": "out",
        "id": f"{batch_id}-{position}",
        "batch_id": batch_id,
        "to": recipient,
        "from": sender or sandbox.settings.default_originator,
        "text": text,
        "encoding": encoding,
        "parts": parts,
        "forced_by": forced_by(text) if encoding == "unicode" else [],
        "status": steps[-1]["status"],
        "code": steps[-1]["code"],
        "meaning": steps[-1]["meaning"],
        "timeline": steps,
        "at": format_time(created_at),
        "starts_at": format_time(starts_at) if starts_at > now and canceled_at is None else None,
        "client_reference": reference,
    }


def timeline(
    created_at: int, dispatched_at: int | None, final_at: int | None, end: tuple[str, int], now: int
) -> list[dict[str, Any]]:
    """The statuses it has had so far, each with its time."""
    steps = [_step(QUEUED, QUEUED_CODE, created_at)]
    if dispatched_at is not None and dispatched_at <= now:
        steps.append(_step(DISPATCHED, DISPATCHED_CODE, dispatched_at))
    if final_at is not None and final_at <= now:
        steps.append(_step(*end, final_at))
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


def next_change(instants: list[int | None], now: int) -> str | None:
    """The first of these instants that is still to come: nothing shown changes by itself before."""
    coming = [each for each in instants if each is not None and each > now]
    return format_time(min(coming)) if coming else None
