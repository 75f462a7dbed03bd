"""The SQLite database that keeps everything: written before every reply, so it survives ``kill -9``."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sinch_sandbox.core.store.schema import SCHEMA

TEMPORARY = ""
"""A path with which SQLite keeps a private file that vanishes with the process, however that ends."""

Values = Sequence[Any] | dict[str, Any]


class Database:
    """One connection, used by one thread at a time.

    :param path: the file, or ``TEMPORARY``.
    :param on_change: called after every committed transaction.
    """

    def __init__(self, path: str = TEMPORARY, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        if path not in (TEMPORARY, ":memory:"):
            make_private(path)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # WAL with synchronous=NORMAL outlives a killed process; only a power cut can take the last commits.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA temp_store = MEMORY")
        # Recipients arrive in no order, so each row of a batch touches another page of their index. It is
        # faster with more pages in memory, and with more changes to a page in one checkpoint.
        self._db.execute("PRAGMA cache_size = -64000")
        self._db.execute("PRAGMA wal_autocheckpoint = 8000")
        self._db.executescript(SCHEMA)
        self._db.create_function("fold", 1, str.casefold, deterministic=True)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Inside another transaction it is part of that one."""
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

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def value(self, sql: str, values: Values = ()) -> Any:
        """The first column of the first row; None if there is no row."""
        found = self._db.execute(sql, values).fetchone()
        return None if found is None else found[0]

    def execute(self, sql: str, values: Values = ()) -> None:
        """Write once."""
        self._db.execute(sql, values)

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Write once for each row of values."""
        self._db.executemany(sql, rows)

    def insert(self, sql: str, values: Values) -> int:
        """Insert one row; the number that SQLite gives it."""
        number = self._db.execute(sql, values).lastrowid
        assert number is not None
        return number


def make_private(path: str) -> None:
    """Let only the owner read the file: it has texts, and the key that signs tokens.

    SQLite gives its other files the same mode.
    """
    # If the file cannot be made, SQLite explains it better.
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for each in (path, f"{path}-wal", f"{path}-shm"):
        # Left from before, or copied here; never through a link to something else.
        with suppress(OSError):
            found = os.lstat(each)
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid():
                os.chmod(each, 0o600)
