"""Batches that wait for their start, and batches that have turns in an account's queue."""

from __future__ import annotations

import math
from typing import NamedTuple

from sinch_sandbox.core.store.batches import Batch, Batches
from sinch_sandbox.core.store.database import Database


class Turns(NamedTuple):
    """The part of a queue that a batch takes up, in milliseconds: one message every ``every``."""

    first_at: float
    every: float
    free_at: float
    """When the next batch can begin."""


class Queue:
    """Which batch is sent when."""

    def __init__(self, database: Database, batches: Batches) -> None:
        self._db = database
        self._batches = batches
        self._next_start: float | None = None
        """None: has to be looked up, since it may have changed."""

    # Waiting for the start

    def next_start(self) -> float:
        """When the next waiting batch has to be planned; cheap enough to ask at every call."""
        if self._next_start is None:
            found = self._db.value("SELECT min(starts_at) FROM waiting")
            self._next_start = math.inf if found is None else found
        return self._next_start

    def forget_next_start(self) -> None:
        """Look it up again at the next use, because a transaction was rolled back."""
        self._next_start = None

    def wait(self, batch: Batch) -> None:
        """Note that a batch has to be planned when it starts."""
        self._db.execute("INSERT OR REPLACE INTO waiting VALUES (?, ?)", (batch.seq, batch.starts_at))
        self._next_start = None

    def due(self, now: int) -> list[Batch]:
        """Waiting batches whose start has come, in the order in which they started."""
        return in_order(
            self._batches.select("b.seq IN (SELECT batch FROM waiting WHERE starts_at <= :now)", {"now": now})
        )

    # Turns at the plan's rate

    def free_at(self, account: str) -> float:
        """When everything that has a turn so far will have left."""
        found: float | None = self._db.value(
            "SELECT max(free_at) FROM turns WHERE account = :account", {"account": account}
        )
        return found or 0

    def turns(self, batch: Batch) -> Turns | None:
        """The turns of a batch, if it has any."""
        found = self._db.rows(
            "SELECT first_at, every, free_at FROM turns WHERE batch = :batch", {"batch": batch.seq}
        )
        return Turns(*found[0]) if found else None

    def take(self, batch: Batch, turns: Turns) -> None:
        """Give turns to a batch; turns it had are replaced."""
        self._db.execute(
            "INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?)", (batch.seq, batch.account, *turns)
        )

    def behind(self, batch: Batch, now: int) -> list[Batch]:
        """Batches whose turns come after those of this one and have not begun, in their order."""
        return in_order(
            self._batches.select(
                "b.seq IN (SELECT other.batch FROM turns own JOIN turns other ON other.account = own.account"
                " WHERE own.batch = :batch AND other.batch != own.batch AND other.first_at >= own.first_at"
                " AND other.free_at > :now AND other.first_at > :now)",
                {"batch": batch.seq, "now": now},
            )
        )

    def leave(self, batch: Batch) -> None:
        """Remove a batch: it no longer waits, and has no turn."""
        for table in ("waiting", "turns"):
            self._db.execute(f"DELETE FROM {table} WHERE batch = ?", (batch.seq,))
        self._next_start = None


def in_order(batches: list[Batch]) -> list[Batch]:
    """First in, first out: by start, and by acceptance where that is the same."""
    return sorted(batches, key=lambda batch: (batch.starts_at, batch.seq))
