"""Answers that show a different batch from the one that was asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from starlette.responses import Response

from sinch_sandbox.core.outcomes import MAGIC_PREFIX
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.times import format_time
from sinch_sandbox.sinch import batches
from sinch_sandbox.sinch.responses import json_reply

_STRANGERS = tuple(f"{MAGIC_PREFIX}{digits:03}" for digits in range(999, -1, -1))
_TEXT = "This is the text of another batch."
_LABEL = "another-batch"


def contradicting(sandbox: Sandbox, account: str, reply: Response, how: str) -> Response:
    """The answer with another batch, or parts of one. An error answer is not changed."""
    if reply.status_code >= 300:
        return reply
    shown: dict[str, Any] = json.loads(bytes(reply.body))
    if how == "other_batch":
        other = sandbox.store.batches.latest(account, shown["id"])
        shown = foreign(sandbox, shown) if other is None else batches.document(other)
    elif how == "other_reference":
        shown["client_reference"] = _other(shown.get("client_reference"), _LABEL)
    elif how == "other_recipients":
        shown["to"] = [_stranger(shown["to"])]
    elif how == "other_text":
        shown["body"] = _other_text(shown["body"])
    elif how == "less":
        for name in ("client_reference", "to"):
            shown.pop(name, None)
    elif isinstance(shown["body"], str):
        shown["body"] = shown["body"].strip()
    return json_reply(shown, reply.status_code)


def foreign(sandbox: Sandbox, like: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A made-up batch that differs from the given one."""
    like = like or {}
    now = sandbox.clock.now()
    return {
        "id": sandbox.ids.new(now),
        "to": [_stranger(like.get("to", []))],
        "canceled": False,
        "type": "mt_text",
        "body": _other(like.get("body"), _TEXT),
        "client_reference": _other(like.get("client_reference"), _LABEL),
        "created_at": format_time(now),
        "modified_at": format_time(now),
        "expire_at": format_time(now + batches.MAX_VALIDITY),
        "delivery_report": "none",
        "feedback_enabled": False,
        "flash_message": False,
    }


def _stranger(known: Collection[str]) -> str:
    return next((number for number in _STRANGERS if number not in known), _STRANGERS[0])


def _other(value: object, usual: str) -> str:
    return usual if value != usual else f"yet {usual}"


def _other_text(body: str | dict[str, Any]) -> str | dict[str, Any]:
    if isinstance(body, dict):
        return {**body, "message": _other(body.get("message"), _TEXT)}
    return _other(body, _TEXT)
