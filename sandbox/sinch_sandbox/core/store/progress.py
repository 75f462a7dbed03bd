"""How far batches are. Each is counted again only when time or a change makes a difference."""

from __future__ import annotations

from typing import NamedTuple

from sinch_sandbox.core.outcomes import CANCELLED_CODE
from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.moment import STATUS_NOW

_NEVER = 2**62


class Counted(NamedTuple):
    """The messages of a batch that have one status."""

    status: str
    messages: int
    parts: int
    cancelled: int
    """How many of them a cancel has stopped."""
    next_dispatch_at: int | None
    next_final_at: int | None


class _Known(NamedTuple):
    """What was counted, and the time until which it stays so."""

    counted: list[Counted]
    since: int
    until: int


class Progress:
    """Counts the messages of batches by their status now."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._known: dict[int, _Known] = {}

    def of(self, batch: int, now: int) -> list[Counted]:
        """How many messages of a batch have which status."""
        known = self._known.get(batch)
        if known is None or not known.since <= now < known.until:
            counted = self._count(batch, now)
            coming = [at for each in counted for at in (each.next_dispatch_at, each.next_final_at)]
            until = min((at for at in coming if at is not None), default=_NEVER)
            known = self._known[batch] = _Known(counted, now, until)
        return known.counted

    def forget(self, batch: int) -> None:
        """Count anew, because messages of this batch were changed."""
        self._known.pop(batch, None)

    def forget_all(self) -> None:
        """Count anew, because messages were deleted."""
        self._known.clear()

    def _count(self, batch: int, now: int) -> list[Counted]:
        rows = self._db.rows(
            f"SELECT {STATUS_NOW}, count(*), sum(m.parts),"
            f" sum(m.final_at <= :now AND m.code = {CANCELLED_CODE}),"
            " min(CASE WHEN m.dispatched_at > :now THEN m.dispatched_at END),"
            " min(CASE WHEN m.final_at > :now THEN m.final_at END)"
            " FROM messages m WHERE m.batch = :batch GROUP BY 1",
            {"batch": batch, "now": now},
        )
        return [Counted(*row) for row in rows]
