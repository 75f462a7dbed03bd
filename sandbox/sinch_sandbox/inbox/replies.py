"""How the inbox shows messages from phones."""

from __future__ import annotations

from typing import Any

from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.inbounds import Inbound
from sinch_sandbox.core.times import format_time

_MOST = 200
"""The most replies that one page shows. There are few, since people or tests write them."""


def reply_view(inbound: Inbound) -> dict[str, Any]:
    return {
        "key": f"reply-{inbound.id}",
        "direction": "in",
        "id": inbound.id,
        "to": inbound.recipient,
        "from": inbound.sender,
        "text": text_of(inbound),
        "type": inbound.fields.get("type"),
        "at": format_time(inbound.received_at),
        "client_reference": inbound.client_reference,
    }


def text_of(inbound: Inbound) -> str:
    """The text, Base64 of a binary message, or what a media message says."""
    body = inbound.fields.get("body", "")
    if isinstance(body, str):
        return body
    return " ".join(body[name] for name in ("subject", "message") if body.get(name))


def replies_between(sandbox: Sandbox, number: str, start: int, end: int) -> list[Inbound]:
    """What one phone wrote from ``start`` until before ``end``, the newest first."""
    return sandbox.store.inbounds.between(number, start, end, _MOST)


def newest_replies(sandbox: Sandbox, since: int) -> dict[str, Inbound]:
    """The newest reply of each phone, among the latest replies."""
    found = sandbox.store.inbounds.since(since, _MOST)
    return {each.sender: each for each in reversed(found)}
