"""The messages of batches, with their recipients and statuses."""

from __future__ import annotations

from typing import Any, NamedTuple

from sinch_sandbox.core.store.batches import Batch
from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.moment import MESSAGES_AND_BATCHES, NEVER_STARTED

Place = tuple[int, int]
"""Where a message stands in the ledger: its batch, and its position in it. Later ones are greater."""


class StoredMessage(NamedTuple):
    """A message with what its batch says about it."""

    batch: int
    position: int
    recipient: str
    text: str
    encoding: str
    parts: int
    dispatched_at: int | None
    final_at: int | None
    status: str
    """Its final status; its current one depends on the clock."""
    code: int
    batch_id: str
    sender: str | None
    client_reference: str | None
    created_at: int
    starts_at: int
    canceled_at: int | None

    @property
    def place(self) -> Place:
        return self.batch, self.position


_COLUMNS = (
    "m.batch, m.position, m.recipient, coalesce(m.text, b.text), m.encoding, m.parts, m.dispatched_at,"
    " m.final_at, m.status, m.code, b.id, b.sender, b.client_reference, b.created_at, b.starts_at,"
    " b.canceled_at"
)


class Answered(NamedTuple):
    """The message that a phone would answer."""

    account: str
    sender: str | None
    client_reference: str | None


class Messages:
    """All messages of all batches."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def recipients(self, batch: Batch) -> list[str]:
        """The numbers a batch goes to, in its order."""
        found = self._db.rows(
            "SELECT recipient FROM messages WHERE batch = :batch ORDER BY position", {"batch": batch.seq}
        )
        return [row[0] for row in found]

    def anything_left(self, batch: Batch, now: int) -> tuple[bool, bool]:
        """Whether a message could still be stopped, and whether one is not final yet."""
        found = self._db.rows(
            "SELECT coalesce(max(coalesce(dispatched_at, final_at) > :now), 0),"
            " coalesce(max(final_at IS NULL OR final_at > :now), 0) FROM messages WHERE batch = :batch",
            {"batch": batch.seq, "now": now},
        )[0]
        return bool(found[0]), bool(found[1])

    def of_batch(self, batch: int, after: int, limit: int) -> list[StoredMessage]:
        """Messages of a batch behind a position, in their order."""
        return self.select(
            "m.batch = :batch AND m.position > :after ORDER BY m.position LIMIT :limit",
            {"batch": batch, "after": after, "limit": limit},
        )

    def select(self, where_and_order: str, values: dict[str, Any]) -> list[StoredMessage]:
        """Messages that meet a condition on ``m`` and ``b``. For the store's own modules."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM {MESSAGES_AND_BATCHES} WHERE {where_and_order}", values)
        return [StoredMessage(*row) for row in rows]

    def latest_to(
        self, phone: str, now: int, originator: str | None, account: str | None, sender: str | None
    ) -> Answered | None:
        """The latest message that has started on its way to a phone.

        :param originator: the sender of batches that name none.
        :param account: only messages of this account; None for all.
        :param sender: only messages from this sender; None for all.
        """
        found = self._db.rows(
            "SELECT b.account, coalesce(b.sender, :originator), b.client_reference"
            f" FROM {MESSAGES_AND_BATCHES}"
            f" WHERE m.recipient = :phone AND b.starts_at <= :now AND NOT {NEVER_STARTED}"
            " AND (:account IS NULL OR b.account = :account)"
            " AND (:sender IS NULL OR coalesce(b.sender, :originator) = :sender)"
            " ORDER BY b.starts_at DESC, b.seq DESC LIMIT 1",
            {"phone": phone, "account": account, "sender": sender, "originator": originator, "now": now},
        )
        return Answered(*found[0]) if found else None
