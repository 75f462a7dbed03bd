"""Forgets what was sent and received: all of it, a batch, some messages, or what phones wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sinch_sandbox.core import phone
from sinch_sandbox.core.store.batches import Batch, Batches, Fields
from sinch_sandbox.core.store.counts import Counts
from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.filtered import FilteredMessages
from sinch_sandbox.core.store.progress import Progress
from sinch_sandbox.core.store.queue import Queue

_SENT_AND_RECEIVED = (
    "messages",
    "feedback",
    "waiting",
    "turns",
    "batches",
    "inbounds",
    "reporting",
    "callbacks",
)
_OF_BATCH = ("messages", "feedback", "waiting", "turns", "reporting")


class Forgetting:
    """Deletes for good. What is forgotten is nowhere: in no list, count, report or queue."""

    def __init__(
        self, database: Database, batches: Batches, queue: Queue, counts: Counts, progress: Progress
    ) -> None:
        self._db = database
        self._batches = batches
        self._queue = queue
        self._counts = counts
        self._progress = progress
        self.times = 0
        """How often something was forgotten, so that readers notice that what they know may be gone."""

    def all(self) -> None:
        """Forget everything sent and received."""
        with self._db.transaction():
            for table in _SENT_AND_RECEIVED:
                self._db.execute(f"DELETE FROM {table}")
            self._note()

    def batch(self, batch: Batch) -> None:
        """Forget a batch with its messages and its callbacks."""
        with self._db.transaction():
            self._delete_batch(batch.seq, batch.id)
            self._note()

    def messages(self, found: FilteredMessages) -> int:
        """Forget these messages, and batches of which nothing is left; how many messages there were.

        Their batches no longer name the numbers, so no later look at a batch brings them back.
        """
        with self._db.transaction():
            by_batch: dict[int, set[str]] = {}
            places = found.places()
            for seq, _, recipient in places:
                by_batch.setdefault(seq, set()).add(recipient)
            self._db.execute_many(
                "DELETE FROM messages WHERE batch = ?1 AND position = ?2 AND recipient = ?3", places
            )
            for seq, recipients in by_batch.items():
                self._shrink(self._batches.with_seq(seq), recipients)
            self._note()
        return len(places)

    def inbounds(self, sender: str | None = None, inbound_id: str | None = None) -> int:
        """Forget what phones wrote; how many messages it was.

        :param sender: only messages of this phone; None for all.
        :param inbound_id: only the message with this id; None for all.
        """
        where = "(:sender IS NULL OR sender = :sender) AND (:id IS NULL OR id = :id)"
        values = {"sender": sender, "id": inbound_id}
        with self._db.transaction():
            count: int = self._db.value(f"SELECT count(*) FROM inbounds WHERE {where}", values)
            self._db.execute(f"DELETE FROM inbounds WHERE {where}", values)
            self._note()
        return count

    def _shrink(self, batch: Batch, recipients: set[str]) -> None:
        """Take deleted recipients out of a batch, or delete it if nothing is left of it."""
        rows = self._db.rows(
            "SELECT recipient, count(*) FROM messages WHERE batch = ? GROUP BY recipient", (batch.seq,)
        )
        left = dict(rows)
        fields = _without(batch.fields, {number: left.get(number, 0) for number in recipients})
        if not left and not any(phone.is_group_id(each) for each in fields["to"]):
            self._delete_batch(batch.seq, batch.id)
            return
        self._batches.set_fields(replace(batch, fields=fields))
        gone = [(batch.seq, batch.id, number) for number in recipients if number not in left]
        self._db.execute_many("DELETE FROM feedback WHERE batch = ?1 AND recipient = ?3", gone)
        self._db.execute_many("DELETE FROM callbacks WHERE batch_id = ?2 AND recipient = ?3", gone)

    def _delete_batch(self, seq: int, batch_id: str) -> None:
        for table in _OF_BATCH:
            self._db.execute(f"DELETE FROM {table} WHERE batch = ?", (seq,))
        self._db.execute("DELETE FROM batches WHERE seq = ?", (seq,))
        self._db.execute("DELETE FROM callbacks WHERE batch_id = ?", (batch_id,))

    def _note(self) -> None:
        self.times += 1
        self._batches.rewritten += 1
        self._counts.forget()
        self._progress.forget_all()
        self._queue.forget_next_start()


def _without(fields: Fields, left: dict[str, int]) -> Fields:
    """The fields of a batch that no longer names numbers more often than they have messages left."""
    to = []
    room = dict(left)
    for target in fields["to"]:
        if target not in room:
            to.append(target)
        elif room[target] > 0:
            room[target] -= 1
            to.append(target)
    changed: dict[str, Any] = {**fields, "to": to}
    if "parameters" in fields:
        changed["parameters"] = {
            key: {name: text for name, text in values.items() if left.get(_digits(name)) != 0}
            for key, values in fields["parameters"].items()
        }
    return changed


def _digits(name: str) -> str:
    return phone.normalise_number(name) or name
