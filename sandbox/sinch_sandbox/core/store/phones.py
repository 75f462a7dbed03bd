"""Phones and the messages each of them got, for the inbox."""

from __future__ import annotations

from collections.abc import Iterable

from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.messages import Messages, Place, StoredMessage


class Phones:
    """Reads of messages by their recipient."""

    def __init__(self, database: Database, messages: Messages) -> None:
        self._db = database
        self._messages = messages

    def newest_of_all(self, most: int) -> list[Place] | None:
        """The newest message of every phone, newest first; None if there are more than ``most`` phones."""
        numbers = self._db.rows(
            "WITH RECURSIVE phones(number) AS ("
            " SELECT min(recipient) FROM messages UNION ALL"
            " SELECT (SELECT min(recipient) FROM messages WHERE recipient > number) FROM phones"
            " WHERE number IS NOT NULL"
            ") SELECT number FROM phones WHERE number IS NOT NULL LIMIT :limit",
            {"limit": most + 1},
        )
        if len(numbers) > most:
            return None
        newest = [
            self._db.rows(
                "SELECT batch, position FROM messages WHERE recipient = :number"
                " ORDER BY batch DESC, position DESC LIMIT 1",
                {"number": number},
            )[0]
            for (number,) in numbers
        ]
        return sorted(((row[0], row[1]) for row in newest), reverse=True)

    def stride(self, before: Place, size: int) -> list[tuple[Place, bool]]:
        """Messages before a place, newest first, and whether each is the newest of its phone."""
        rows = self._db.rows(
            "SELECT m.batch, m.position, NOT EXISTS (SELECT 1 FROM messages n WHERE n.recipient = m.recipient"
            " AND (n.batch, n.position) > (m.batch, m.position)) FROM messages m"
            " WHERE (m.batch, m.position) < (:batch, :position)"
            " ORDER BY m.batch DESC, m.position DESC LIMIT :stride",
            {"batch": before[0], "position": before[1], "stride": size},
        )
        return [((batch, position), bool(is_newest)) for batch, position, is_newest in rows]

    def messages_at(self, places: Iterable[Place]) -> list[StoredMessage]:
        """The messages at these places, in the same order."""
        found = []
        for batch, position in places:
            found += self._messages.select(
                "m.batch = :batch AND m.position = :position", {"batch": batch, "position": position}
            )
        return found

    def conversation(self, number: str, before: Place, limit: int) -> list[StoredMessage]:
        """Messages to one phone before a place, newest first."""
        return self._messages.select(
            "m.recipient = :number AND (m.batch, m.position) < (:batch, :position)"
            " ORDER BY m.batch DESC, m.position DESC LIMIT :limit",
            {"number": number, "batch": before[0], "position": before[1], "limit": limit},
        )
