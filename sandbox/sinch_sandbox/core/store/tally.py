"""Compares expected with accepted messages, recipient by recipient, in a separate database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

OK, LOST, DUPLICATED, UNEXPECTED = "ok", "lost", "duplicated", "unexpected"
VERDICTS = (OK, LOST, DUPLICATED, UNEXPECTED)
PROBLEMS = (LOST, DUPLICATED, UNEXPECTED)

_SCHEMA = """
CREATE TABLE recipients (
    number TEXT NOT NULL,
    reference TEXT NOT NULL,
    expected INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    PRIMARY KEY (number, reference)
) WITHOUT ROWID;
CREATE TABLE messages (
    number TEXT NOT NULL,
    reference TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    client_reference TEXT
);
CREATE INDEX messages_of ON messages (number, reference);
"""
_VERDICT = f"""CASE WHEN expected = 0 THEN '{UNEXPECTED}' WHEN accepted < expected THEN '{LOST}'
    WHEN accepted > expected THEN '{DUPLICATED}' ELSE '{OK}' END"""
_ANY = ""
"""In place of the reference, where only the number identifies a recipient."""


class Tally:
    """Counts in a temporary database, which SQLite moves to disk once it grows.

    A recipient is ``ok`` if accepted as often as expected, ``lost`` if less often, ``duplicated`` if more
    often, and ``unexpected`` if not expected at all.
    """

    def __init__(self) -> None:
        self.by_reference: bool | None = None
        """Whether number and ``client_reference`` together identify a recipient; the first one decides."""
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA} BEGIN;")

    def close(self) -> None:
        self._db.close()

    def expect(self, recipients: Iterable[tuple[str, str | None]]) -> None:
        """Add expected messages: number and reference. A recipient named twice is expected twice."""
        self._db.executemany(
            "INSERT INTO recipients VALUES (?, ?, 1, 0) ON CONFLICT DO UPDATE SET expected = expected + 1",
            [(number, self._key(reference)) for number, reference in recipients],
        )

    def accept(self, messages: Iterable[tuple[str, str | None, str]]) -> None:
        """Add accepted messages: number, reference and batch id."""
        rows = [
            (number, self._key(reference), batch_id, reference) for number, reference, batch_id in messages
        ]
        self._db.executemany(
            "INSERT INTO recipients VALUES (?, ?, 0, 1) ON CONFLICT DO UPDATE SET accepted = accepted + 1",
            [row[:2] for row in rows],
        )
        self._db.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", rows)

    def totals(self) -> dict[str, int]:
        """How many recipients have which verdict, and how many messages were expected and accepted."""
        counted = dict(self._db.execute(f"SELECT {_VERDICT}, count(*) FROM recipients GROUP BY 1"))
        messages = self._db.execute("SELECT sum(expected), sum(accepted) FROM recipients").fetchone()
        return {
            **{verdict: counted.get(verdict, 0) for verdict in VERDICTS},
            "expected": messages[0] or 0,
            "accepted": messages[1] or 0,
        }

    def recipients(self, verdicts: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Everyone with one of these verdicts, in the order of numbers."""
        wanted = ", ".join(f"'{verdict}'" for verdict in VERDICTS if verdict in set(verdicts))
        found = self._db.execute(
            f"SELECT number, reference, {_VERDICT}, expected, accepted FROM recipients"
            f" WHERE {_VERDICT} IN ({wanted}) ORDER BY number, reference"
        )
        for number, reference, verdict, expected, accepted in found:
            messages = self._db.execute(
                "SELECT batch_id, client_reference FROM messages WHERE number = ? AND reference = ?"
                " ORDER BY rowid",
                (number, reference),
            ).fetchall()
            yield {
                "to": number,
                **({"client_reference": reference or None} if self.by_reference else {}),
                "verdict": verdict,
                "expected": expected,
                "accepted": accepted,
                "batch_ids": list(dict.fromkeys(row[0] for row in messages)),
                "client_references": list(dict.fromkeys(row[1] for row in messages if row[1] is not None)),
            }

    def _key(self, reference: str | None) -> str:
        """The reference of a recipient; empty where it does not count or is missing."""
        return (reference or _ANY) if self.by_reference else _ANY
