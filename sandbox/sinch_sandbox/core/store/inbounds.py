"""Messages that phones sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sinch_sandbox.core.store.database import Database


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


class Inbounds:
    """All inbound messages of all accounts."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, inbound: Inbound) -> None:
        self._db.execute(
            "INSERT INTO inbounds (id, account, sender, recipient, client_reference, received_at, fields)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                inbound.id, inbound.account, inbound.sender, inbound.recipient, inbound.client_reference,
                inbound.received_at, json.dumps(inbound.fields, ensure_ascii=False, separators=(",", ":")),
            ),
        )  # fmt: skip

    def find(self, account: str, inbound_id: str) -> Inbound | None:
        """An inbound message of one account."""
        found = self._select("id = :id AND account = :account", {"id": inbound_id, "account": account}, 1)
        return found[0] if found else None

    def listed(
        self,
        account: str,
        window: tuple[int, int],
        recipients: Sequence[str] | None,
        reference: str | None,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Inbound]]:
        """How many messages Sinch's list has, and one page of them, newest first.

        :param window: received at the first instant or later, and before the second.
        :param recipients: only messages to one of these numbers; None for all.
        :param reference: only messages with this ``client_reference``; None for all.
        """
        where = "account = :account AND received_at >= :start AND received_at < :end"
        values: dict[str, Any] = {"account": account, "start": window[0], "end": window[1]}
        if recipients:
            where += " AND recipient IN (SELECT value FROM json_each(:recipients))"
            values["recipients"] = json.dumps(recipients)
        if reference is not None:
            where += " AND client_reference = :reference"
            values["reference"] = reference
        return self._count(where, values), self._select(where, values, limit, offset)

    def sent_by(self, sender: str | None, limit: int, offset: int) -> tuple[int, list[Inbound]]:
        """How many messages a phone sent, or all phones, and one page of them, newest first."""
        where, values = ":sender IS NULL OR sender = :sender", {"sender": sender}
        return self._count(where, values), self._select(where, values, limit, offset)

    def between(self, sender: str, start: int, end: int, limit: int) -> list[Inbound]:
        """What a phone sent from ``start`` until before ``end``, newest first."""
        return self._select(
            "sender = :sender AND received_at >= :start AND received_at < :end",
            {"sender": sender, "start": start, "end": end},
            limit,
        )

    def since(self, instant: int, limit: int) -> list[Inbound]:
        """What phones sent at an instant or later, newest first."""
        return self._select("received_at >= :since", {"since": instant}, limit)

    def count(self) -> int:
        """How many messages all phones sent."""
        return self._count("1", {})

    def _count(self, where: str, values: dict[str, Any]) -> int:
        count: int = self._db.value(f"SELECT count(*) FROM inbounds WHERE {where}", values)
        return count

    def _select(self, where: str, values: dict[str, Any], limit: int, offset: int = 0) -> list[Inbound]:
        rows = self._db.rows(
            "SELECT id, account, sender, recipient, client_reference, received_at, fields"
            f" FROM inbounds WHERE {where} ORDER BY seq DESC LIMIT :limit OFFSET :offset",
            {**values, "limit": limit, "offset": offset},
        )
        return [_inbound(*row) for row in rows]


def _inbound(
    id_: str, account: str, sender: str, recipient: str, reference: str | None, received_at: int, fields: str
) -> Inbound:
    return Inbound(id_, account, sender, recipient, reference, received_at, json.loads(fields))
