"""Counts messages by their status now, without looking at all of them every time."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.moment import STATUS_NOW

_BY_BATCH = f"""SELECT m.batch, {STATUS_NOW}, count(*), sum(m.parts),
    max(m.final_at IS NULL OR m.final_at > :now),
    min(CASE WHEN m.dispatched_at > :now THEN m.dispatched_at WHEN m.final_at > :now THEN m.final_at END)
    FROM messages m WHERE"""


class Counts:
    """Messages and their parts by status. A batch whose messages are all final is counted only once."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.forget()

    def forget(self) -> None:
        """Count anew, because messages were deleted."""
        self._settled: Counter[str] = Counter()
        self._settled_parts = 0
        self._unsettled: set[int] = set()
        self._last = 0
        """The newest batch that was looked at."""
        self._known: tuple[int, float] | None = None
        self._answer: tuple[Counter[str], int] = Counter(), 0

    def totals(self) -> tuple[int, int]:
        """How many messages and batches there are."""
        found = self._db.rows("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM batches)")[0]
        return found[0], found[1]

    def by_status(self, now: int, changes: int) -> tuple[Counter[str], int]:
        """How many messages have which status, and how many parts all have.

        :param changes: how often the ledger was changed: without a change only time makes a difference.
        """
        if self._known is None or changes != self._known[0] or now >= self._known[1]:
            self._answer, next_at = self._count(now)
            self._known = changes, next_at
        return self._answer

    def _count(self, now: int) -> tuple[tuple[Counter[str], int], float]:
        values: dict[str, Any] = {"now": now, "last": self._last, "unsettled": json.dumps([*self._unsettled])}
        rows = self._db.rows(
            f"{_BY_BATCH} m.batch IN (SELECT value FROM json_each(:unsettled)) GROUP BY 1, 2", values
        )
        rows += self._db.rows(f"{_BY_BATCH} m.batch > :last GROUP BY 1, 2", values)
        new = [row[0] for row in self._db.rows("SELECT seq FROM batches WHERE seq > :last", values)]
        self._last = max(new, default=self._last)
        self._unsettled.update(new)
        unsettled = {row[0] for row in rows if row[4]}
        counts: Counter[str] = Counter()
        parts = 0
        for batch, status, count, its_parts, *_ in rows:
            if batch in unsettled:
                counts[status] += count
                parts += its_parts
            else:
                self._settled[status] += count
                self._settled_parts += its_parts
                self._unsettled.discard(batch)
        next_at = min((row[5] for row in rows if row[5] is not None), default=float("inf"))
        return (counts + self._settled, parts + self._settled_parts), next_at
