"""Batches with events that have to be reported by callback, and these events.

A batch that wants reports has a row in ``reporting`` with the time of its next event, until there is none.
"""

from __future__ import annotations

from typing import NamedTuple

from sinch_sandbox.core.outcomes import CANCELLED_CODE, DISPATCHED, DISPATCHED_CODE, QUEUED, QUEUED_CODE
from sinch_sandbox.core.store.database import Database


class OpenBatch(NamedTuple):
    """A batch with reports to come."""

    batch: int
    until: int
    """Events up to here have become callbacks."""
    cancelled: bool
    """Whether it was cancelled since. A cancel ends messages at an instant that may have been reported on."""


class Ends(NamedTuple):
    """How many messages of a batch have a time when they are final."""

    messages: int
    with_end: int
    """How many of them have a time when they are final."""
    last_at: int | None
    """The latest of these times."""


class Event(NamedTuple):
    """A change of one message's status."""

    at: int
    stage: int
    code: int
    status: str
    recipient: str
    position: int
    parts: int
    dispatched_at: int | None
    final_at: int | None


class Reporting:
    """The batches with reports to come."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def open(self, batch: int, starts_at: int) -> None:
        """Report on a batch from its start on. What was reported before a change stays reported."""
        self._db.execute(
            "INSERT INTO reporting (batch, next_at) VALUES (?, ?)"
            " ON CONFLICT (batch) DO UPDATE SET next_at = excluded.next_at",
            (batch, starts_at),
        )

    def close(self, batch: int) -> None:
        """Stop reporting on a batch."""
        self._db.execute("DELETE FROM reporting WHERE batch = ?", (batch,))

    def go_on(self, batch: int, now: int, next_at: int) -> None:
        """Note that all events up to ``now`` have been reported, and when the next one is."""
        self._db.execute(
            "UPDATE reporting SET until = ?, next_at = ?, cancelled = 0 WHERE batch = ?",
            (now, next_at, batch),
        )

    def cancel(self, batch: int, now: int) -> None:
        """Note that a batch was cancelled, which has to be reported now."""
        self._db.execute("UPDATE reporting SET next_at = ?, cancelled = 1 WHERE batch = ?", (now, batch))

    def oldest_due(self, now: int) -> OpenBatch | None:
        """The batch whose next event is the oldest of those that are due."""
        found = self._db.rows(
            "SELECT batch, until, cancelled FROM reporting WHERE next_at <= :now"
            " ORDER BY next_at, batch LIMIT 1",
            {"now": now},
        )
        return OpenBatch(*found[0]) if found else None

    def next_event(self) -> int | None:
        """When the next event of all batches is."""
        at: int | None = self._db.value("SELECT min(next_at) FROM reporting")
        return at

    def ends(self, batch: int) -> Ends:
        """How many messages of a batch have a known end, and the latest end."""
        found = self._db.rows(
            "SELECT count(*), count(final_at), max(final_at) FROM messages WHERE batch = :batch",
            {"batch": batch},
        )
        return Ends(*found[0])

    def events(
        self, open_: OpenBatch, now: int, starts_at: int, intermediate: bool, queued: bool
    ) -> list[Event]:
        """What has happened to the messages of a batch since it was last looked at, in order.

        :param intermediate: whether the change to Dispatched counts.
        :param queued: whether being Queued from the start counts.
        """
        row = "recipient, position, parts, dispatched_at, final_at"
        rows = self._db.rows(
            f"SELECT :starts_at AS at, 0 AS stage, {QUEUED_CODE} AS code, '{QUEUED}' AS status, {row}"
            " FROM messages WHERE batch = :batch AND :queued"
            f" UNION ALL SELECT dispatched_at, 1, {DISPATCHED_CODE}, '{DISPATCHED}', {row}"
            " FROM messages WHERE batch = :batch AND :intermediate"
            " AND dispatched_at > :until AND dispatched_at <= :now"
            f" UNION ALL SELECT final_at, 2, code, status, {row}"
            " FROM messages WHERE batch = :batch AND final_at <= :now"
            f" AND (final_at > :until OR (:cancelled AND code = {CANCELLED_CODE}))"
            " ORDER BY at, position, stage",
            {
                **open_._asdict(),
                "now": now,
                "starts_at": starts_at,
                "intermediate": intermediate,
                "queued": queued,
            },
        )
        return [Event(*each) for each in rows]

    def next_change(self, batch: int, now: int, intermediate: bool) -> int | None:
        """When the status of a message of this batch changes next.

        :param intermediate: whether the change to Dispatched counts.
        """
        at: int | None = self._db.value(
            "SELECT min(at) FROM"
            " (SELECT min(final_at) AS at FROM messages WHERE batch = :batch AND final_at > :now"
            " UNION ALL SELECT min(dispatched_at) FROM messages"
            " WHERE batch = :batch AND :intermediate AND dispatched_at > :now)",
            {"batch": batch, "now": now, "intermediate": intermediate},
        )
        return at
