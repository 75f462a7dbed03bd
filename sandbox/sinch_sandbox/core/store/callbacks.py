"""The queue of callbacks: written before anything is sent, so a killed process forgets none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from sinch_sandbox.core.store.database import Database

CallbackState = Literal["waiting", "delivered", "dropped", "given_up", "refused", "withheld"]
WITHHELD: CallbackState = "withheld"
"""A report that a fault keeps from being sent at all."""

_COLUMNS = "type, url, batch_id, recipient, body, created_at, due_at, state, failed_at, attempts"


class DueCallback(NamedTuple):
    """A callback whose time has come."""

    seq: int
    url: str
    batch_id: str | None
    recipient: str | None
    body: str
    due_at: int
    failed_at: int | None
    """When it was first attempted in vain."""


class CallbackAttempt(NamedTuple):
    """The result of one attempt: an HTTP status, or an error without one."""

    at: int
    status: int | None
    error: str | None


class StoredCallback(NamedTuple):
    """A callback with all attempts at it."""

    seq: int
    type: str
    url: str
    batch_id: str | None
    recipient: str | None
    body: str
    state: CallbackState
    created_at: int
    due_at: int | None
    attempts: str
    """JSON: a list of ``CallbackAttempt`` as objects."""


class Callbacks:
    """All callbacks, sent and waiting."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self,
        url: str,
        document: Mapping[str, Any],
        created_at: int,
        *,
        due_at: int | None,
        batch_id: str | None = None,
        recipient: str | None = None,
        state: CallbackState = "waiting",
    ) -> None:
        """Queue one; without ``due_at`` it is held until it is released."""
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        self._db.execute(
            f"INSERT INTO callbacks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, '[]')",
            (document["type"], url, batch_id, recipient, body, created_at, due_at, state),
        )

    def release(self, batch_id: str, recipient: str | None, due_at: int) -> None:
        """Release the held callbacks of a batch, behind all that are queued.

        :param recipient: only those about this recipient; None for all.
        """
        where = "state = 'waiting' AND due_at IS NULL AND batch_id = :batch_id"
        if recipient is not None:
            where += " AND recipient = :recipient"
        values = {"batch_id": batch_id, "recipient": recipient, "due_at": due_at}
        for (seq,) in self._db.rows(f"SELECT seq FROM callbacks WHERE {where} ORDER BY seq", values):
            self._db.execute(
                f"INSERT INTO callbacks ({_COLUMNS})"
                f" SELECT {_COLUMNS.replace('due_at', ':due_at')} FROM callbacks WHERE seq = :seq",
                {"due_at": due_at, "seq": seq},
            )
            self._db.execute("DELETE FROM callbacks WHERE seq = :seq", {"seq": seq})

    def due(self, now: int, limit: int) -> list[DueCallback]:
        """Those whose time has come, the longest due first."""
        rows = self._db.rows(
            "SELECT seq, url, batch_id, recipient, body, due_at, failed_at FROM callbacks"
            " WHERE state = 'waiting' AND due_at <= :now ORDER BY due_at, seq LIMIT :limit",
            {"now": now, "limit": limit},
        )
        return [DueCallback(*row) for row in rows]

    def next_due(self, after: int) -> int | None:
        """When the next callback becomes due."""
        at: int | None = self._db.value(
            "SELECT min(due_at) FROM callbacks WHERE state = 'waiting' AND due_at > :after", {"after": after}
        )
        return at

    def record(
        self, seq: int, attempt: CallbackAttempt, state: CallbackState, due_at: int | None = None
    ) -> None:
        """Note an attempt and what follows from it.

        :param due_at: when the next attempt is due.
        """
        with self._db.transaction():
            self._db.execute(
                "UPDATE callbacks SET state = :state, due_at = :due_at,"
                " failed_at = CASE WHEN :failed THEN coalesce(failed_at, :at) ELSE failed_at END,"
                " attempts = json_insert(attempts, '$[#]', json(:attempt)) WHERE seq = :seq",
                {
                    "seq": seq,
                    "state": state,
                    "due_at": due_at,
                    "failed": state in ("waiting", "given_up"),
                    "at": attempt.at,
                    "attempt": json.dumps(attempt._asdict()),
                },
            )

    def page(
        self, batch_id: str | None, state: CallbackState | None, limit: int, offset: int
    ) -> tuple[int, list[StoredCallback]]:
        """How many callbacks there are, and one page of them in the order they were queued.

        :param batch_id: only those about this batch; None for all.
        :param state: only those in this state; None for all.
        """
        where = "(:batch_id IS NULL OR batch_id = :batch_id) AND (:state IS NULL OR state = :state)"
        values: dict[str, Any] = {"batch_id": batch_id, "state": state}
        count = self._db.value(f"SELECT count(*) FROM callbacks WHERE {where}", values)
        rows = self._db.rows(
            "SELECT seq, type, url, batch_id, recipient, body, state, created_at, due_at, attempts"
            f" FROM callbacks WHERE {where} ORDER BY seq LIMIT :limit OFFSET :offset",
            {**values, "limit": limit, "offset": offset},
        )
        return count, [StoredCallback(*row) for row in rows]

    def count_by_state(self) -> dict[str, int]:
        """How many callbacks are in which state; states without any are not in it."""
        return {
            row[0]: row[1] for row in self._db.rows("SELECT state, count(*) FROM callbacks GROUP BY state")
        }

    def clear(self) -> None:
        """Forget all callbacks."""
        self._db.execute("DELETE FROM callbacks")
