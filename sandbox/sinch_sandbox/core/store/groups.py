"""Groups of phone numbers, and their members."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sinch_sandbox.core.store.database import Database

Keywords = dict[str, Any]
"""The rules by which phones join or leave a group with a text."""


@dataclass(frozen=True)
class Group:
    """A group as stored, without its members."""

    seq: int
    id: str
    account: str
    auto_update: Keywords | None
    name: str | None
    created_at: int
    modified_at: int


_FAMILY = (
    "WITH RECURSIVE family (seq) AS"
    " (SELECT :group UNION SELECT c.child FROM child_groups c JOIN family f ON f.seq = c.parent)"
)
"""A group and all groups it includes, each once, even if groups include each other."""


class Groups:
    """All groups of all accounts."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # The groups

    def find(self, account: str, group_id: str) -> Group | None:
        """A group of an account by its id."""
        found = self._select("id = :id AND account = :account", {"id": group_id, "account": account})
        return found[0] if found else None

    def named(self, account: str, name: str | None) -> Group | None:
        """The group of an account that has this name."""
        found = self._select("account = :account AND name = :name", {"account": account, "name": name})
        return found[0] if found else None

    def with_keywords(self, account: str) -> list[Group]:
        """The groups of an account that phones can join or leave with a text."""
        return self._select(
            "account = :account AND auto_update IS NOT NULL ORDER BY seq", {"account": account}
        )

    def page(self, account: str, limit: int, offset: int) -> tuple[int, list[Group]]:
        """How many groups an account has, and one page of them, newest first."""
        count = self._db.value("SELECT count(*) FROM groups WHERE account = :account", {"account": account})
        return count, self._select(
            "account = :account ORDER BY seq DESC LIMIT :limit OFFSET :offset",
            {"account": account, "limit": limit, "offset": offset},
        )

    def count(self) -> int:
        """How many groups all accounts have."""
        count: int = self._db.value("SELECT count(*) FROM groups")
        return count

    def _select(self, where: str, values: dict[str, Any]) -> list[Group]:
        rows = self._db.rows(
            f"SELECT seq, id, account, auto_update, name, created_at, modified_at FROM groups WHERE {where}",
            values,
        )
        return [
            Group(row[0], row[1], row[2], None if row[3] is None else json.loads(row[3]), *row[4:])
            for row in rows
        ]

    def create(self, group_id: str, account: str, now: int) -> Group:
        """Add a group without a name and without members."""
        seq = self._db.insert(
            "INSERT INTO groups (id, account, created_at, modified_at) VALUES (?, ?, ?, ?)",
            (group_id, account, now, now),
        )
        return Group(seq, group_id, account, None, None, now, now)

    def save(self, group: Group) -> None:
        """Write a group's name, rules and time of change."""
        rules = None if group.auto_update is None else json.dumps(group.auto_update, ensure_ascii=False)
        self._db.execute(
            "UPDATE groups SET name = ?, auto_update = ?, modified_at = ? WHERE seq = ?",
            (group.name, rules, group.modified_at, group.seq),
        )

    def delete(self, group: Group) -> None:
        """Delete a group, and remove it from the groups that include it."""
        with self._db.transaction():
            self._db.execute("DELETE FROM child_groups WHERE :group IN (parent, child)", {"group": group.seq})
            self._db.execute("DELETE FROM group_members WHERE member_of = ?", (group.seq,))
            self._db.execute("DELETE FROM groups WHERE seq = ?", (group.seq,))

    # Their members

    def children(self, group: Group) -> list[str]:
        """The ids of the groups that a group includes directly."""
        found = self._db.rows(
            "SELECT g.id FROM child_groups c JOIN groups g ON g.seq = c.child"
            " WHERE c.parent = :group ORDER BY c.rowid",
            {"group": group.seq},
        )
        return [row[0] for row in found]

    def size(self, group: Group) -> int:
        """How many numbers are in a group and its child groups."""
        size: int = self._db.value(
            f"{_FAMILY} SELECT count(DISTINCT number) FROM group_members WHERE member_of IN family",
            {"group": group.seq},
        )
        return size

    def members(self, group: Group) -> list[str]:
        """Everyone in a group and its child groups, once, in the order they were added."""
        found = self._db.rows(
            f"{_FAMILY} SELECT number FROM group_members WHERE member_of IN family"
            " GROUP BY number ORDER BY min(rowid)",
            {"group": group.seq},
        )
        return [row[0] for row in found]

    def add_members(self, group: Group, numbers: Sequence[str]) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO group_members SELECT ?, value FROM json_each(?)",
            (group.seq, json.dumps(numbers)),
        )

    def remove_members(self, group: Group, numbers: Sequence[str]) -> None:
        self._db.execute(
            "DELETE FROM group_members WHERE member_of = ? AND number IN (SELECT value FROM json_each(?))",
            (group.seq, json.dumps(numbers)),
        )

    def add_children(self, group: Group, children: Iterable[Group]) -> None:
        for child in children:
            self._db.execute("INSERT OR IGNORE INTO child_groups VALUES (?, ?)", (group.seq, child.seq))

    def empty(self, group: Group) -> None:
        """Remove all members and child groups from a group."""
        self._db.execute("DELETE FROM group_members WHERE member_of = ?", (group.seq,))
        self._db.execute("DELETE FROM child_groups WHERE parent = ?", (group.seq,))
