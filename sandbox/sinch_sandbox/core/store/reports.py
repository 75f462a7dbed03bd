"""The rows that delivery reports are made from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.moment import CODE_NOW, MESSAGES_AND_BATCHES, NEVER_STARTED, STATUS_NOW


class ReportedMessage(NamedTuple):
    """What a report says of one recipient."""

    recipient: str
    code: int
    status: str
    parts: int
    dispatched_at: int | None
    final_at: int | None


_COLUMNS = f"m.recipient, {CODE_NOW}, {STATUS_NOW}, m.parts, m.dispatched_at, m.final_at"


class FinalReports(NamedTuple):
    """Which final reports are wanted; None stands for all."""

    account: str
    now: int
    """Only reports that were final at this instant."""
    start: int
    end: int
    statuses: Collection[str] | None
    codes: Collection[int] | None
    client_reference: str | None


class Reports:
    """Reads of messages, for delivery reports."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_batch(self, batch: int, now: int) -> list[tuple[int, str, str]]:
        """Code, status and recipient of each message of a batch, in its order."""
        return self._db.rows(
            f"SELECT {CODE_NOW}, {STATUS_NOW}, m.recipient FROM messages m"
            " WHERE m.batch = :batch ORDER BY m.position",
            {"batch": batch, "now": now},
        )

    def counts(self, batch: int, now: int) -> list[tuple[int, str, int]]:
        """Code, status and number of messages of a batch, in the order in which they come in the batch."""
        return self._db.rows(
            f"SELECT {CODE_NOW} AS code_now, {STATUS_NOW} AS status_now, count(*) FROM messages m"
            " WHERE m.batch = :batch GROUP BY code_now, status_now ORDER BY min(m.position)",
            {"batch": batch, "now": now},
        )

    def of_recipient(self, batch: int, number: str | None, now: int) -> ReportedMessage | None:
        """The first message of a batch to a number."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM messages m"
            " WHERE m.batch = :batch AND m.recipient = :recipient ORDER BY m.position LIMIT 1",
            {"batch": batch, "recipient": number, "now": now},
        )
        return ReportedMessage(*rows[0]) if rows else None

    def final(
        self, wanted: FinalReports, limit: int, offset: int
    ) -> tuple[int, list[tuple[str, ReportedMessage]]]:
        """How many final reports there are, and one page of them with their batch ids, newest first."""
        values: dict[str, Any] = {
            "account": wanted.account, "now": wanted.now, "start": wanted.start, "end": wanted.end,
        }  # fmt: skip
        where = (
            "b.account = :account AND m.final_at <= :now AND m.final_at >= :start AND m.final_at < :end"
            f" AND NOT {NEVER_STARTED}"
        )
        for name, given in (("status", wanted.statuses), ("code", wanted.codes)):
            if given:
                where += f" AND m.{name} IN ({_placeholders(name, given, values)})"
        if wanted.client_reference is not None:
            where += " AND b.client_reference = :reference"
            values["reference"] = wanted.client_reference
        source = f"FROM {MESSAGES_AND_BATCHES} WHERE {where}"
        count = self._db.value(f"SELECT count(*) {source}", values)
        rows = self._db.rows(
            f"SELECT b.id, {_COLUMNS} {source}"
            " ORDER BY m.final_at DESC, m.batch DESC, m.position LIMIT :limit OFFSET :offset",
            {**values, "limit": limit, "offset": offset},
        )
        return count, [(row[0], ReportedMessage(*row[1:])) for row in rows]


def _placeholders(name: str, given: Collection[Any], values: dict[str, Any]) -> str:
    names = [f"{name}{index}" for index in range(len(given))]
    values.update(zip(names, given, strict=True))
    return ", ".join(f":{each}" for each in names)
