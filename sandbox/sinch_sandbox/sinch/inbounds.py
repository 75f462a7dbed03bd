"""Messages that phones send to the account's numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store import callbacks as outbox
from sinch_sandbox.core.store.store import NEVER_STARTED
from sinch_sandbox.core.times import format_time
from sinch_sandbox.sinch import groups
from sinch_sandbox.sinch.errors import Problems, not_found
from sinch_sandbox.sinch.paging import read_addresses, read_page, read_window


@dataclass(frozen=True)
class Inbound:
    """An inbound message as stored; ``fields`` is what was given, apart from the columns."""

    id: str
    account: str
    sender: str
    recipient: str
    client_reference: str | None
    received_at: int
    fields: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The message as Sinch shows it; the same JSON arrives as a callback."""
        shown = {
            "id": self.id,
            "from": self.sender,
            "to": self.recipient,
            **self.fields,
            "received_at": format_time(self.received_at),
        }
        if self.client_reference is not None:
            shown["client_reference"] = self.client_reference
        return shown


@dataclass(frozen=True)
class Answered:
    """The message that a phone would answer."""

    account: str
    sender: str | None
    client_reference: str | None


def latest_message_to(
    sandbox: Sandbox, phone: str, account: str | None = None, sender: str | None = None
) -> Answered | None:
    """The latest message on its way to a phone; ``account`` and ``sender`` narrow it down."""
    found = sandbox.store.rows(
        "SELECT b.account, coalesce(b.sender, :originator), b.client_reference"
        " FROM messages m JOIN batches b ON b.seq = m.batch"
        f" WHERE m.recipient = :phone AND b.starts_at <= :now AND NOT {NEVER_STARTED}"
        " AND (:account IS NULL OR b.account = :account)"
        " AND (:sender IS NULL OR coalesce(b.sender, :originator) = :sender)"
        " ORDER BY b.starts_at DESC, b.seq DESC LIMIT 1",
        {
            "phone": phone,
            "account": account,
            "sender": sender,
            "originator": sandbox.settings.default_originator,
            "now": sandbox.clock.now(),
        },
    )
    return Answered(*found[0]) if found else None


def receive(
    sandbox: Sandbox,
    account: str,
    sender: str,
    recipient: str,
    fields: Mapping[str, Any],
    client_reference: str | None = None,
) -> Inbound:
    """Take in a message; where the account has this feature, it carries the reference it answers.

    A phone that texts the word of a group joins or leaves it.
    """
    now = sandbox.clock.now()
    if client_reference is None and sandbox.settings.inbound_client_reference:
        answered = latest_message_to(sandbox, sender, account, recipient)
        client_reference = answered.client_reference if answered else None
    inbound = Inbound(sandbox.ids.new(now), account, sender, recipient, client_reference, now, fields)
    url = sandbox.settings.inbound_callback_url or sandbox.settings.default_callback_url
    with sandbox.store.transaction():
        _insert(sandbox, inbound)
        if fields["type"] == "mo_text":
            groups.apply_keywords(sandbox, account, recipient, sender, fields["body"])
        if url:
            outbox.add(sandbox.store, url, inbound.document(), now, due_at=now)
    return inbound


def _insert(sandbox: Sandbox, inbound: Inbound) -> None:
    sandbox.store.execute(
        "INSERT INTO inbounds (id, account, sender, recipient, client_reference, received_at, fields)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            inbound.id, inbound.account, inbound.sender, inbound.recipient, inbound.client_reference,
            inbound.received_at, json.dumps(inbound.fields, ensure_ascii=False, separators=(",", ":")),
        ),
    )  # fmt: skip


def find(sandbox: Sandbox, account: str, inbound_id: str) -> Inbound:
    _, found = select(
        sandbox, "id = :id AND account = :account", {"id": inbound_id, "account": account}, limit=1
    )
    if not found:
        raise not_found()
    return found[0]


def list_inbounds(sandbox: Sandbox, account: str, query: QueryParams) -> dict[str, Any]:
    """The newest first, by the time they came in."""
    problems = Problems()
    page = read_page(query, problems)
    start, end = read_window(query, sandbox.clock.now(), sandbox.settings, problems)
    recipients = read_addresses(query, "to", problems)
    problems.raise_first()
    where = "account = :account AND received_at >= :start AND received_at < :end"
    values: dict[str, Any] = {"account": account, "start": start, "end": end}
    if recipients:
        where += " AND recipient IN (SELECT value FROM json_each(:recipients))"
        values["recipients"] = json.dumps(recipients)
    if "client_reference" in query:
        where += " AND client_reference = :reference"
        values["reference"] = query["client_reference"]
    count, found = select(sandbox, where, values, page.size, page.offset)
    return page.answer("inbounds", count, [each.document() for each in found], sandbox.settings)


def select(
    sandbox: Sandbox, where: str, values: Mapping[str, Any], limit: int, offset: int = 0
) -> tuple[int, list[Inbound]]:
    """How many inbound messages match, and one page of them, newest first."""
    count = sandbox.store.rows(f"SELECT count(*) FROM inbounds WHERE {where}", dict(values))[0][0]
    rows = sandbox.store.rows(
        "SELECT id, account, sender, recipient, client_reference, received_at, fields"
        f" FROM inbounds WHERE {where} ORDER BY seq DESC LIMIT :limit OFFSET :offset",
        {**values, "limit": limit, "offset": offset},
    )
    return count, [_inbound(*row) for row in rows]


def _inbound(
    id_: str, account: str, sender: str, recipient: str, reference: str | None, received_at: int, fields: str
) -> Inbound:
    return Inbound(id_, account, sender, recipient, reference, received_at, json.loads(fields))
