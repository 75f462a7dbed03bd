"""Who waits for the moment to be sent, and who has which turn in an account's queue. Kept in the ledger."""

from __future__ import annotations

import math
from typing import NamedTuple

from sinch_sandbox.core.store.store import Batch, Store


class Turns(NamedTuple):
    """The part of a queue that a batch takes up, in milliseconds: one message every ``every``."""

    first_at: float
    every: float
    free_at: float
    """When the next batch can begin."""


class Queue:
    """Batches that wait for their start, and batches with a place in the queue of their account."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next_start: float | None = None
        """None: has to be looked up, since it may have changed."""

    # Waiting for the start

    def next_start(self) -> float:
        """When the next of those that wait has to be planned; cheap enough to ask at every call."""
        if self._next_start is None:
            found = self._store.rows("SELECT min(starts_at) FROM waiting", {})[0][0]
            self._next_start = math.inf if found is None else found
        return self._next_start

    def look_again(self) -> None:
        """The ledger is not what it was: a transaction was taken back."""
        self._next_start = None

    def wait(self, batch: Batch) -> None:
        """To be planned when it starts."""
        self._store.execute("INSERT OR REPLACE INTO waiting VALUES (?, ?)", (batch.seq, batch.starts_at))
        self._next_start = None

    def due(self, now: int) -> list[Batch]:
        """Those whose start has come, in the order in which they started."""
        _, found = self._store.batches(
            "b.seq IN (SELECT batch FROM waiting WHERE starts_at <= :now)", {"now": now}
        )
        return in_order(found)

    # Turns at the plan's rate

    def free_at(self, account: str) -> float:
        """When all that has a turn so far will have left."""
        found = self._store.rows(
            "SELECT max(free_at) FROM turns WHERE account = :account", {"account": account}
        )
        return found[0][0] or 0

    def turns(self, batch: Batch) -> Turns | None:
        found = self._store.rows(
            "SELECT first_at, every, free_at FROM turns WHERE batch = :batch", {"batch": batch.seq}
        )
        return Turns(*found[0]) if found else None

    def take(self, batch: Batch, turns: Turns) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?)", (batch.seq, batch.account, *turns)
        )

    def behind(self, batch: Batch, now: int) -> list[Batch]:
        """Those whose turns come after its own and have not begun, in their order."""
        _, found = self._store.batches(
            "b.seq IN (SELECT other.batch FROM turns own JOIN turns other ON other.account = own.account"
            " WHERE own.batch = :batch AND other.batch != own.batch AND other.first_at >= own.first_at"
            " AND other.free_at > :now AND other.first_at > :now)",
            {"batch": batch.seq, "now": now},
        )
        return in_order(found)

    def leave(self, batch: Batch) -> None:
        """Neither wait nor have a turn any more."""
        for table in ("waiting", "turns"):
            self._store.execute(f"DELETE FROM {table} WHERE batch = ?", (batch.seq,))
        self._next_start = None


def in_order(batches: list[Batch]) -> list[Batch]:
    """First in, first out: by start, and by acceptance where that is the same."""
    return sorted(batches, key=lambda batch: (batch.starts_at, batch.seq))
