"""What a text that is being written would become: parts and encoding, and what Sinch would say against it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.inbox.messages import forced_by
from sinch_sandbox.sinch import batches
from sinch_sandbox.sinch.encoding import room_for
from sinch_sandbox.sinch.errors import Refusal

router = APIRouter()

_SOMEBODY = "447700900000"
"""A recipient to count parts for, as long as none is given."""
_MOST_COMPARED = 1_000
"""The most recipients whose texts are compared, to show the longest."""


@router.post("/preview")
async def preview(sandbox: Controlled, batch: dict[str, Any]) -> dict[str, Any]:
    """The longest text of a batch, with its parts.

    Unlike a dry run it counts as no call, and no fault hits it.
    """
    counted: dict[str, Any] | None
    problem = None
    try:
        counted = _counted(sandbox, batch)
    except Refusal as refusal:
        problem = refusal.text
        counted = _counted_for_somebody(sandbox, batch)
    if counted is None:
        return {"problem": problem, "text": None}
    longest = max(counted["per_recipient"], key=lambda each: each["number_of_parts"])
    used, room = room_for(longest["body"])
    return {
        "problem": problem,
        "text": longest["body"],
        "encoding": longest["encoding"],
        "parts": longest["number_of_parts"],
        "used": used,
        "room": room,
        "recipients": None if problem else counted["number_of_recipients"],
        "total_parts": None if problem else counted["number_of_messages"],
        "forced_by": forced_by(longest["body"]) if longest["encoding"] == "unicode" else [],
    }


def _counted(sandbox: Sandbox, batch: dict[str, Any]) -> dict[str, Any]:
    answer = batches.dry_run(sandbox, sandbox.credentials.service_plan_id, batch, True, _MOST_COMPARED)
    if not answer.get("per_recipient"):
        raise Refusal(400, text="This batch has no text, or no recipient.")
    return answer


def _counted_for_somebody(sandbox: Sandbox, batch: dict[str, Any]) -> dict[str, Any] | None:
    """The same for text and parameters alone; None if something is wrong with them too."""
    given: dict[str, Any] = {name: batch[name] for name in ("body", "parameters") if name in batch}
    try:
        return _counted(sandbox, {"to": [_SOMEBODY], "from": _SOMEBODY, **given})
    except Refusal:
        return None
