"""The whole ledger: its parts by subject, and what concerns all of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager

from sinch_sandbox.core.store.batches import Batches
from sinch_sandbox.core.store.callbacks import Callbacks
from sinch_sandbox.core.store.counts import Counts
from sinch_sandbox.core.store.database import TEMPORARY, Database
from sinch_sandbox.core.store.filtered import FilteredMessages, MessageFilter
from sinch_sandbox.core.store.forgetting import Forgetting
from sinch_sandbox.core.store.groups import Groups
from sinch_sandbox.core.store.inbounds import Inbounds
from sinch_sandbox.core.store.messages import Messages
from sinch_sandbox.core.store.phones import Phones
from sinch_sandbox.core.store.progress import Progress
from sinch_sandbox.core.store.queue import Queue
from sinch_sandbox.core.store.reporting import Reporting
from sinch_sandbox.core.store.reports import Reports
from sinch_sandbox.core.store.search import Search

_GROUPS = ("child_groups", "group_members", "groups")


class Store:
    """Everything that one sandbox keeps, in one database, used by one thread at a time.

    :param path: the SQLite file, or ``TEMPORARY``.
    :param on_change: called after every committed transaction.
    """

    def __init__(self, path: str = TEMPORARY, on_change: Callable[[], None] = lambda: None) -> None:
        self._db = Database(path, on_change)
        self.reporting = Reporting(self._db)
        self.progress = Progress(self._db)
        self.batches = Batches(self._db, self.reporting, self.progress)
        self.messages = Messages(self._db)
        self.reports = Reports(self._db)
        self.queue = Queue(self._db, self.batches)
        self.callbacks = Callbacks(self._db)
        self.groups = Groups(self._db)
        self.inbounds = Inbounds(self._db)
        self.phones = Phones(self._db, self.messages)
        self.search = Search(self._db, self.messages)
        self.counts = Counts(self._db)
        self.forgetting = Forgetting(self._db, self.batches, self.queue, self.counts, self.progress)

    def close(self) -> None:
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing. Inside another transaction it is part of that one."""
        return self._db.transaction()

    def filtered(self, filter_: MessageFilter, now: int, originator: str | None) -> FilteredMessages:
        """The messages that pass a filter.

        :param now: the moment that decides about statuses.
        :param originator: the sender of batches that name none.
        """
        return FilteredMessages(self._db, filter_, now, originator)

    # What else survives a restart

    def secret(self) -> bytes:
        """The key that signs access tokens, so that they stay valid over a restart."""
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (secrets.token_bytes(32),))
        value: bytes = self._db.value("SELECT value FROM meta WHERE name = 'secret'")
        return value

    def latest_instant(self) -> int:
        """The latest time in the ledger; the clock of a restarted sandbox may not be earlier."""
        times = (
            self._db.value("SELECT value FROM meta WHERE name = 'clock'"),
            self._db.value("SELECT max(modified_at) FROM batches"),
            self._db.value("SELECT max(received_at) FROM inbounds"),
            self._db.value("SELECT max(modified_at) FROM groups"),
            self._db.value("SELECT max(created_at) FROM callbacks"),
        )
        return max(each or 0 for each in times)

    def remember_clock(self, now: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('clock', ?)", (now,))

    def forget_clock(self) -> None:
        self._db.execute("DELETE FROM meta WHERE name = 'clock'")

    def last_id(self) -> str | None:
        """The highest identifier given out so far; identifiers of all kinds grow with time."""
        found = [
            self._db.value(f"SELECT max(id) FROM {table}") for table in ("batches", "groups", "inbounds")
        ]
        return max((each for each in found if each is not None), default=None)

    # Forgetting

    def clear(self) -> None:
        """Forget everything sent and received."""
        self.forgetting.all()

    def clear_groups(self) -> None:
        """Forget all groups."""
        with self._db.transaction():
            for table in _GROUPS:
                self._db.execute(f"DELETE FROM {table}")
