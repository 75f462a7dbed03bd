"""Batches, and the writing of their messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sinch_sandbox.core.outcomes import CANCELLED_CODE
from sinch_sandbox.core.store import finding
from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.progress import Progress
from sinch_sandbox.core.store.reporting import Reporting

Fields = dict[str, Any]
"""Normalised fields of a batch: digits-only numbers, instants in milliseconds; absent rather than None."""

_LAST = 2**62
"""After the last batch there can be."""


class Message(NamedTuple):
    """A message to be written; ``text`` is None where it is the same for the whole batch."""

    recipient: str
    text: str | None
    encoding: str
    parts: int
    dispatched_at: int | None
    final_at: int | None
    status: str
    code: int


@dataclass(frozen=True)
class Batch:
    """A batch as stored; ``fields`` is what the client gave, normalised."""

    seq: int
    id: str
    account: str
    fields: Fields
    created_at: int
    modified_at: int
    starts_at: int
    leaves_at: int | None
    """When its first message leaves the queue, after which it can no longer be changed."""
    expires_at: int
    canceled_at: int | None

    @property
    def never_started(self) -> bool:
        """Whether it was cancelled before its start, so that there was nothing to report on."""
        return self.canceled_at is not None and self.canceled_at < self.starts_at


class BatchSummary(NamedTuple):
    """What a list of batches shows of one."""

    seq: int
    id: str
    preview: str
    sender: str | None
    client_reference: str | None
    created_at: int
    starts_at: int
    canceled_at: int | None


_COLUMNS = (
    "b.seq, b.id, b.account, b.fields, b.created_at, b.modified_at,"
    " b.starts_at, b.leaves_at, b.expires_at, b.canceled_at"
)


class Batches:
    """All batches of all accounts."""

    def __init__(self, database: Database, reporting: Reporting, progress: Progress) -> None:
        self._db = database
        self._reporting = reporting
        self._progress = progress
        self.rewritten = 0
        """How often messages were changed or forgotten, other than by the passing of time."""

    # Writing

    def add(self, batch: Batch, text: str, messages: Iterable[Message], listed_at: int) -> int:
        """Add a new batch; return its sequence number.

        :param text: the text for recipients whose message has none.
        :param listed_at: the time from which Sinch's list shows it, in milliseconds.
        """
        with self._db.transaction():
            seq = self._db.insert(
                "INSERT INTO batches (id, account, fields, text, sender, client_reference,"
                " created_at, modified_at, starts_at, leaves_at, expires_at, listed_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    batch.id, batch.account, _dump(batch.fields), text, batch.fields.get("from"),
                    batch.fields.get("client_reference"), batch.created_at, batch.modified_at,
                    batch.starts_at, batch.leaves_at, batch.expires_at, listed_at,
                ),
            )  # fmt: skip
            self._insert_messages(seq, messages)
            self._open_reporting(seq, batch)
        return seq

    def rewrite(self, batch: Batch, text: str, messages: Iterable[Message]) -> None:
        """Replace a batch and its messages by a changed batch and the messages that follow from it."""
        self.rewritten += 1
        self._progress.forget(batch.seq)
        with self._db.transaction():
            self._db.execute(
                "UPDATE batches SET fields = ?, text = ?, sender = ?, client_reference = ?, modified_at = ?,"
                " starts_at = ?, leaves_at = ?, expires_at = ? WHERE seq = ?",
                (
                    _dump(batch.fields), text, batch.fields.get("from"), batch.fields.get("client_reference"),
                    batch.modified_at, batch.starts_at, batch.leaves_at, batch.expires_at, batch.seq,
                ),
            )  # fmt: skip
            self._db.execute("DELETE FROM messages WHERE batch = ?", (batch.seq,))
            self._insert_messages(batch.seq, messages)
            self._open_reporting(batch.seq, batch)

    def set_fields(self, batch: Batch) -> None:
        """Replace what is stored of a batch's fields; its messages stay as they are."""
        self._db.execute("UPDATE batches SET fields = ? WHERE seq = ?", (_dump(batch.fields), batch.seq))

    def _open_reporting(self, seq: int, batch: Batch) -> None:
        if batch.fields.get("delivery_report", "none") == "none":
            self._reporting.close(seq)
        else:
            self._reporting.open(seq, batch.starts_at)

    def _insert_messages(self, batch: int, messages: Iterable[Message]) -> None:
        self._db.execute_many(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(batch, position, *message) for position, message in enumerate(messages)],
        )

    def cancel(self, batch: Batch, now: int, status: str) -> None:
        """Stop the messages that have not left the queue yet; the others are delivered as usual.

        :param status: the status that stopped messages get.
        """
        self._progress.forget(batch.seq)
        with self._db.transaction():
            self._db.execute(
                "UPDATE batches SET canceled_at = ?, modified_at = ? WHERE seq = ?", (now, now, batch.seq)
            )
            self._db.execute(
                "UPDATE messages SET dispatched_at = NULL, final_at = ?, status = ?, code = ?"
                " WHERE batch = ? AND coalesce(dispatched_at, final_at) > ?",
                (now, status, CANCELLED_CODE, batch.seq, now),
            )
            self._reporting.cancel(batch.seq, now)

    def add_feedback(self, batch: Batch, recipients: Iterable[str], now: int) -> None:
        """Note that the customer says these recipients received their message."""
        with self._db.transaction():
            self._db.execute_many(
                "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?)",
                [(batch.seq, recipient, now) for recipient in recipients],
            )

    # Reading

    def find(self, account: str, batch_id: str) -> Batch | None:
        """A batch of one account."""
        found = self.select("b.id = :id AND b.account = :account", {"id": batch_id, "account": account})
        return found[0] if found else None

    def with_id(self, batch_id: str) -> Batch | None:
        """A batch of any account."""
        found = self.select("b.id = :id", {"id": batch_id})
        return found[0] if found else None

    def with_seq(self, seq: int) -> Batch:
        """A batch that certainly exists."""
        return self.select("b.seq = :seq", {"seq": seq})[0]

    def latest(self, account: str, other_than: str) -> Batch | None:
        """The account's newest batch, apart from the one with this id."""
        found = self.select(
            "b.account = :account AND b.id != :id", {"account": account, "id": other_than}, limit=1
        )
        return found[0] if found else None

    def all(self, limit: int, offset: int) -> tuple[int, list[Batch]]:
        """How many batches there are, and one page of them, newest first."""
        return self.count(), self.select("1", {}, limit, offset)

    def listed(
        self,
        account: str,
        window: tuple[int, int],
        now: int,
        senders: Sequence[str] | None,
        reference: str | None,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Batch]]:
        """How many batches Sinch's list has, and one page of them, newest first.

        :param window: created at the first instant or later, and before the second.
        :param senders: only batches from one of these; None for all.
        :param reference: only batches with this ``client_reference``; None for all.
        """
        where = (
            "b.account = :account AND b.created_at >= :start AND b.created_at < :end AND b.listed_at <= :now"
        )
        values: dict[str, Any] = {"account": account, "start": window[0], "end": window[1], "now": now}
        if senders:
            where += " AND b.sender IN (SELECT value FROM json_each(:senders))"
            values["senders"] = json.dumps(senders)
        if reference is not None:
            where += " AND b.client_reference = :reference"
            values["reference"] = reference
        count = self._db.value(f"SELECT count(*) FROM batches b WHERE {where}", values)
        return count, self.select(where, values, limit, offset)

    def select(self, where: str, values: dict[str, Any], limit: int = -1, offset: int = 0) -> list[Batch]:
        """Batches that meet a condition on ``b``, newest first. For the store's own modules."""
        found = self._db.rows(
            f"SELECT {_COLUMNS} FROM batches b WHERE {where} ORDER BY b.seq DESC LIMIT :limit OFFSET :offset",
            {**values, "limit": limit, "offset": offset},
        )
        return [Batch(row[0], row[1], row[2], json.loads(row[3]), *row[4:]) for row in found]

    def summaries(
        self,
        before: int | None,
        limit: int,
        preview: int,
        q: str | None = None,
        reference: str | None = None,
    ) -> list[BatchSummary]:
        """Batches before the one with this number, newest first.

        :param preview: how many characters of the text to show.
        :param q: only batches with this part of a text or reference, or with this id; None for all.
        :param reference: only batches with exactly this reference; None for all.
        """
        matches = f"({finding.BATCH_MATCHES} OR {finding.text_matches('b.text')})" if q else "1"
        if reference is not None:
            matches += " AND b.client_reference = :reference"
        rows = self._db.rows(
            "SELECT b.seq, b.id, substr(b.text, 1, :preview), b.sender, b.client_reference, b.created_at,"
            " b.starts_at, b.canceled_at FROM batches b"
            f" WHERE b.seq < :before AND {matches} ORDER BY b.seq DESC LIMIT :limit",
            {
                "preview": preview, "before": before or _LAST, "limit": limit, "reference": reference,
                **finding.values(q or ""),
            },
        )  # fmt: skip
        return [BatchSummary(*row) for row in rows]

    def with_reference(self, reference: str) -> list[int]:
        """The numbers of all batches with exactly this reference, the newest first."""
        rows = self._db.rows(
            "SELECT seq FROM batches WHERE client_reference = :reference ORDER BY seq DESC",
            {"reference": reference},
        )
        return [row[0] for row in rows]

    def count(self) -> int:
        """How many batches there are."""
        count: int = self._db.value("SELECT count(*) FROM batches")
        return count

    def newest(self) -> int:
        """The number of the newest batch; 0 if there is none."""
        seq: int | None = self._db.value("SELECT max(seq) FROM batches")
        return seq or 0

    def stride(self, after: int, size: int, last: int = _LAST) -> int | None:
        """The number of the last of the next ``size`` batches; None if there are no more.

        :param after: the number of the batch before the stride.
        :param last: the number of the last batch to look at.
        """
        high: int | None = self._db.value(
            "SELECT max(seq) FROM (SELECT seq FROM batches WHERE seq > :low AND seq <= :last ORDER BY seq"
            " LIMIT :stride)",
            {"low": after, "last": last, "stride": size},
        )
        return high

    def created_at(self, seq: int) -> int | None:
        """When a batch was accepted; None if it does not exist."""
        at: int | None = self._db.value("SELECT created_at FROM batches WHERE seq = :seq", {"seq": seq})
        return at

    def created_at_or_after(self, seq: int) -> int | None:
        """When the first batch from this number on was accepted; None if there is none."""
        at: int | None = self._db.value(
            "SELECT created_at FROM batches WHERE seq >= :seq ORDER BY seq LIMIT 1", {"seq": seq}
        )
        return at


def _dump(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
