"""The ledger: SQLite, written before every reply, so that what a client was told survives ``kill -9``."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from sinch_sandbox.core.outcomes import CANCELLED_CODE, DISPATCHED, DISPATCHED_CODE, QUEUED, QUEUED_CODE

Fields = dict[str, Any]
"""Normalised fields of a batch: digits-only numbers, instants in milliseconds; absent rather than None."""

TEMPORARY = ""
"""A path with which SQLite keeps a private file that vanishes with the process, however that ends."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    fields TEXT NOT NULL,
    text TEXT NOT NULL,
    sender TEXT,
    client_reference TEXT,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    leaves_at INTEGER,
    expires_at INTEGER NOT NULL,
    canceled_at INTEGER,
    listed_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS batches_by_time ON batches (account, created_at);
CREATE INDEX IF NOT EXISTS batches_by_reference ON batches (client_reference);
CREATE TABLE IF NOT EXISTS messages (
    batch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT,
    encoding TEXT NOT NULL,
    parts INTEGER NOT NULL,
    dispatched_at INTEGER,
    final_at INTEGER,
    status TEXT NOT NULL,
    code INTEGER NOT NULL,
    PRIMARY KEY (batch, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_by_recipient ON messages (recipient);
CREATE TABLE IF NOT EXISTS feedback (
    batch INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (batch, recipient)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbounds (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    client_reference TEXT,
    received_at INTEGER NOT NULL,
    fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS inbounds_by_sender ON inbounds (sender);
CREATE TABLE IF NOT EXISTS waiting (
    batch INTEGER PRIMARY KEY,
    starts_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting_by_start ON waiting (starts_at);
CREATE TABLE IF NOT EXISTS turns (
    batch INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    first_at REAL NOT NULL,
    every REAL NOT NULL,
    free_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS turns_by_account ON turns (account, free_at);
CREATE TABLE IF NOT EXISTS groups (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    name TEXT,
    auto_update TEXT,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS groups_by_name ON groups (account, name);
CREATE TABLE IF NOT EXISTS group_members (
    member_of INTEGER NOT NULL,
    number TEXT NOT NULL,
    UNIQUE (member_of, number)
);
CREATE TABLE IF NOT EXISTS child_groups (
    parent INTEGER NOT NULL,
    child INTEGER NOT NULL,
    UNIQUE (parent, child)
);
CREATE TABLE IF NOT EXISTS reporting (
    batch INTEGER PRIMARY KEY,
    until INTEGER NOT NULL DEFAULT -1,
    next_at INTEGER NOT NULL,
    cancelled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS reporting_by_time ON reporting (next_at);
CREATE TABLE IF NOT EXISTS callbacks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    url TEXT NOT NULL,
    batch_id TEXT,
    recipient TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    state TEXT NOT NULL,
    failed_at INTEGER,
    attempts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS callbacks_waiting ON callbacks (due_at, seq) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS callbacks_by_batch ON callbacks (batch_id);
"""

STATUS_NOW = f"""CASE WHEN m.final_at <= :now THEN m.status
    WHEN m.dispatched_at <= :now THEN '{DISPATCHED}' ELSE '{QUEUED}' END"""
CODE_NOW = f"""CASE WHEN m.final_at <= :now THEN m.code
    WHEN m.dispatched_at <= :now THEN {DISPATCHED_CODE} ELSE {QUEUED_CODE} END"""
"""A message carries its whole future; what it is now is a question to the clock."""

NEVER_STARTED = "(b.canceled_at IS NOT NULL AND b.canceled_at < b.starts_at)"


class Message(NamedTuple):
    """A row of the ledger; ``text`` is None where it is the same for the whole batch."""

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
        """Cancelled before its time, so there was nothing to report on."""
        return self.canceled_at is not None and self.canceled_at < self.starts_at


_BATCH = (
    "b.seq, b.id, b.account, b.fields, b.created_at, b.modified_at,"
    " b.starts_at, b.leaves_at, b.expires_at, b.canceled_at"
)


def _batch(row: Sequence[Any]) -> Batch:
    return Batch(row[0], row[1], row[2], json.loads(row[3]), *row[4:])


class Store:
    """Batches and messages in one SQLite database, used by one thread at a time."""

    def __init__(self, path: str = TEMPORARY, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self.rewritten = 0
        """How often messages were changed or forgotten, other than by the passing of time."""
        if path not in (TEMPORARY, ":memory:"):
            _make_private(path)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # WAL with synchronous=NORMAL outlives a killed process; only a power cut can take the last commits.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA temp_store = MEMORY")
        # Recipients come in no order, so every row of a batch touches another page of their index: the more
        # pages stay in memory, and the more changes to one a checkpoint gathers, the faster.
        self._db.execute("PRAGMA cache_size = -64000")
        self._db.execute("PRAGMA wal_autocheckpoint = 8000")
        self._db.executescript(_SCHEMA)
        self._db.create_function("fold", 1, str.casefold, deterministic=True)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another one it is part of that."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        self._on_change()

    def rows(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def execute(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Write; how many rows it concerned."""
        return self._db.execute(sql, values).rowcount

    # What outlives a restart besides batches

    def secret(self) -> bytes:
        """The key that signs access tokens, so that they stay good over a restart."""
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (secrets.token_bytes(32),))
        value: bytes = self._db.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()[0]
        return value

    def latest_instant(self) -> int:
        """The latest time the ledger has seen; the clock of a restarted sandbox may not be earlier."""
        advanced = self._db.execute("SELECT value FROM meta WHERE name = 'clock'").fetchone()
        modified = self._db.execute("SELECT max(modified_at) FROM batches").fetchone()[0]
        received = self._db.execute("SELECT max(received_at) FROM inbounds").fetchone()[0]
        grouped = self._db.execute("SELECT max(modified_at) FROM groups").fetchone()[0]
        called = self._db.execute("SELECT max(created_at) FROM callbacks").fetchone()[0]
        times = (advanced and advanced[0], modified, received, grouped, called)
        return max(each or 0 for each in times)

    def remember_clock(self, now: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('clock', ?)", (now,))

    def last_id(self) -> str | None:
        """The highest identifier given out so far; they grow with time, whatever they stand for."""
        tables = ("batches", "groups", "inbounds")
        found = [self._db.execute(f"SELECT max(id) FROM {table}").fetchone()[0] for table in tables]
        return max((each for each in found if each is not None), default=None)

    # Writing

    def add(self, batch: Batch, text: str, messages: Iterable[Message], listed_at: int) -> int:
        """Put in a new batch; its sequence number."""
        with self.transaction():
            cursor = self._db.execute(
                "INSERT INTO batches (id, account, fields, text, sender, client_reference,"
                " created_at, modified_at, starts_at, leaves_at, expires_at, listed_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    batch.id, batch.account, _dump(batch.fields), text, batch.fields.get("from"),
                    batch.fields.get("client_reference"), batch.created_at, batch.modified_at,
                    batch.starts_at, batch.leaves_at, batch.expires_at, listed_at,
                ),
            )  # fmt: skip
            assert cursor.lastrowid is not None
            self._insert_messages(cursor.lastrowid, messages)
            self._open_reporting(cursor.lastrowid, batch)
        return cursor.lastrowid

    def rewrite(self, batch: Batch, text: str, messages: Iterable[Message]) -> None:
        """Put a changed batch, and the messages that follow from it, in the place of the old one."""
        self.rewritten += 1
        with self.transaction():
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

    def _open_reporting(self, seq: int, batch: Batch) -> None:
        """Callbacks about a batch begin with the start of it; what was reported before a change, was."""
        if batch.fields.get("delivery_report", "none") == "none":
            self._db.execute("DELETE FROM reporting WHERE batch = ?", (seq,))
            return
        self._db.execute(
            "INSERT INTO reporting (batch, next_at) VALUES (?, ?)"
            " ON CONFLICT (batch) DO UPDATE SET next_at = excluded.next_at",
            (seq, batch.starts_at),
        )

    def _insert_messages(self, batch: int, messages: Iterable[Message]) -> None:
        self._db.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(batch, position, *message) for position, message in enumerate(messages)],
        )

    def cancel(self, batch: Batch, now: int, status: str) -> None:
        """Stop what has not left the queue yet; the rest goes its way."""
        with self.transaction():
            self._db.execute(
                "UPDATE batches SET canceled_at = ?, modified_at = ? WHERE seq = ?", (now, now, batch.seq)
            )
            self._db.execute(
                "UPDATE messages SET dispatched_at = NULL, final_at = ?, status = ?, code = ?"
                " WHERE batch = ? AND coalesce(dispatched_at, final_at) > ?",
                (now, status, CANCELLED_CODE, batch.seq, now),
            )
            self._db.execute(
                "UPDATE reporting SET next_at = ?, cancelled = 1 WHERE batch = ?", (now, batch.seq)
            )

    def add_feedback(self, batch: Batch, recipients: Iterable[str], now: int) -> None:
        with self.transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?)",
                [(batch.seq, recipient, now) for recipient in recipients],
            )

    def clear(self) -> None:
        self.rewritten += 1
        with self.transaction():
            tables = (
                "messages",
                "feedback",
                "waiting",
                "turns",
                "batches",
                "inbounds",
                "reporting",
                "callbacks",
            )
            for table in tables:
                self._db.execute(f"DELETE FROM {table}")

    def clear_groups(self) -> None:
        with self.transaction():
            for table in ("child_groups", "group_members", "groups"):
                self._db.execute(f"DELETE FROM {table}")

    def forget_clock(self) -> None:
        self._db.execute("DELETE FROM meta WHERE name = 'clock'")

    # Reading

    def find(self, account: str, batch_id: str) -> Batch | None:
        found = self.rows(
            f"SELECT {_BATCH} FROM batches b WHERE b.id = :id AND b.account = :account",
            {"id": batch_id, "account": account},
        )
        return _batch(found[0]) if found else None

    def batches(
        self, where: str, values: dict[str, Any], limit: int = -1, offset: int = 0
    ) -> tuple[int, list[Batch]]:
        """How many batches match, and one page of them, newest first."""
        count = self.rows(f"SELECT count(*) FROM batches b WHERE {where}", values)[0][0]
        found = self.rows(
            f"SELECT {_BATCH} FROM batches b WHERE {where} ORDER BY b.seq DESC LIMIT :limit OFFSET :offset",
            {**values, "limit": limit, "offset": offset},
        )
        return count, [_batch(row) for row in found]

    def recipients(self, batch: Batch) -> list[str]:
        found = self.rows(
            "SELECT recipient FROM messages WHERE batch = :batch ORDER BY position", {"batch": batch.seq}
        )
        return [row[0] for row in found]

    def anything_left_to(self, batch: Batch, now: int) -> tuple[bool, bool]:
        """Whether a message could still be stopped, and whether one is not final yet."""
        found = self.rows(
            "SELECT coalesce(max(coalesce(dispatched_at, final_at) > :now), 0),"
            " coalesce(max(final_at IS NULL OR final_at > :now), 0) FROM messages WHERE batch = :batch",
            {"batch": batch.seq, "now": now},
        )[0]
        return bool(found[0]), bool(found[1])


def _make_private(path: str) -> None:
    """Texts and the key that signs tokens are nobody else's. SQLite's other files take this one's mode."""
    # What keeps the file from being made, SQLite says better.
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for each in (path, f"{path}-wal", f"{path}-shm"):
        # Left from before, or copied here; never through a link to something else.
        with suppress(OSError):
            found = os.lstat(each)
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid():
                os.chmod(each, 0o600)


def _dump(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
