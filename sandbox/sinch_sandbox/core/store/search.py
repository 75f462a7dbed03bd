"""The inbox's search for part of a text or of a number."""

from __future__ import annotations

import json

from sinch_sandbox.core.store import finding
from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.messages import Messages, Place, StoredMessage


class Search:
    """Looks through messages in strides, newest first."""

    def __init__(self, database: Database, messages: Messages) -> None:
        self._db = database
        self._messages = messages

    def stride(self, before: Place, size: int) -> Place | None:
        """The place ``size`` messages before a place; None if there are fewer."""
        rows = self._db.rows(
            "SELECT batch, position FROM messages WHERE (batch, position) < (:batch, :position)"
            " ORDER BY batch DESC, position DESC LIMIT 1 OFFSET :stride",
            {"batch": before[0], "position": before[1], "stride": size - 1},
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def matches(self, q: str, low: Place | None, high: Place, limit: int) -> list[StoredMessage]:
        """Messages with ``q`` in their text or number, newest first.

        :param low: the first place to look at; None for the first message.
        :param high: the place before which to look.
        """
        first = low or (0, 0)
        values = {
            "low": first[0], "low_position": first[1], "high": high[0], "high_position": high[1],
            "limit": limit, **finding.values(q),
        }  # fmt: skip
        # A text that a whole batch shares is looked at once.
        shared = self._db.rows(
            f"SELECT seq FROM batches WHERE seq >= :low AND seq <= :high AND {finding.text_matches('text')}",
            values,
        )
        return self._messages.select(
            "(m.batch, m.position) >= (:low, :low_position)"
            " AND (m.batch, m.position) < (:high, :high_position) AND ("
            f" {finding.NUMBER_MATCHES}"
            " OR CASE WHEN m.text IS NULL THEN m.batch IN (SELECT value FROM json_each(:shared))"
            f" ELSE {finding.text_matches('m.text')} END)"
            " ORDER BY m.batch DESC, m.position DESC LIMIT :limit",
            {**values, "shared": json.dumps([row[0] for row in shared])},
        )
