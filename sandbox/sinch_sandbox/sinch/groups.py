"""Groups of phone numbers that batches can be addressed to, apart from HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_changes
from typing import Any

from starlette.datastructures import QueryParams

from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.store import Fields
from sinch_sandbox.core.times import format_time
from sinch_sandbox.sinch.errors import CONFLICT_GROUP_NAME, Problems, Refusal, not_found, unknown_group
from sinch_sandbox.sinch.group_fields import read_fields
from sinch_sandbox.sinch.paging import read_page


@dataclass(frozen=True)
class Group:
    """A group as stored, apart from who is in it."""

    seq: int
    id: str
    account: str
    auto_update: Fields | None
    name: str | None
    created_at: int
    modified_at: int


def document(sandbox: Sandbox, group: Group) -> dict[str, Any]:
    """The group as Sinch shows it; its size counts the members of its child groups too."""
    children = sandbox.store.rows(
        "SELECT g.id FROM child_groups c JOIN groups g ON g.seq = c.child"
        " WHERE c.parent = :group ORDER BY c.rowid",
        {"group": group.seq},
    )
    size = f"{_FAMILY} SELECT count(DISTINCT number) FROM group_members WHERE member_of IN family"
    shown = {
        "id": group.id,
        "name": group.name,
        "size": sandbox.store.rows(size, {"group": group.seq})[0][0],
        "created_at": format_time(group.created_at),
        "modified_at": format_time(group.modified_at),
        "child_groups": [row[0] for row in children],
        "auto_update": group.auto_update,
    }
    return {name: value for name, value in shown.items() if value is not None}


def create(sandbox: Sandbox, account: str, data: Mapping[str, Any]) -> Group:
    problems = Problems()
    fields = read_fields(data, problems)
    problems.raise_first()
    children = _known(sandbox, account, fields.get("child_groups", []))
    _check_name(sandbox, account, fields.get("name"))
    now = sandbox.clock.now()
    group_id = sandbox.ids.new(now)
    with sandbox.store.transaction():
        sandbox.store.execute(
            "INSERT INTO groups (id, account, created_at, modified_at) VALUES (?, ?, ?, ?)",
            (group_id, account, now, now),
        )
        return _fill(sandbox, find(sandbox, account, group_id), fields, children)


def find(sandbox: Sandbox, account: str, group_id: str) -> Group:
    group = _find(sandbox, account, group_id)
    if group is None:
        raise not_found()
    return group


def list_groups(sandbox: Sandbox, account: str, query: QueryParams) -> dict[str, Any]:
    """The newest first."""
    problems = Problems()
    page = read_page(query, problems, smallest=0)
    problems.raise_first()
    where = "account = :account"
    count = sandbox.store.rows(f"SELECT count(*) FROM groups WHERE {where}", {"account": account})[0][0]
    found = _select(
        sandbox,
        f"{where} ORDER BY seq DESC LIMIT :limit OFFSET :offset",
        {"account": account, "limit": page.size, "offset": page.offset},
    )
    return page.answer("groups", count, [document(sandbox, each) for each in found], sandbox.settings)


def update(sandbox: Sandbox, account: str, group_id: str, data: Mapping[str, Any]) -> Group:
    """Adds before removes, so a number in both ends up removed. A name of null is taken away."""
    group = find(sandbox, account, group_id)
    problems = Problems()
    fields = read_fields(data, problems)
    problems.raise_first()
    # Who is in the other groups is settled first, or a group that is also named to be added would differ.
    added = _members_of(sandbox, account, fields.get("add_from_group"))
    removed = _members_of(sandbox, account, fields.get("remove_from_group"))
    name = fields.get("name") if "name" in data else group.name
    _check_name(sandbox, account, name, group)
    changed = with_changes(
        group,
        name=name,
        auto_update=fields.get("auto_update", group.auto_update),
        modified_at=sandbox.clock.now(),
    )
    with sandbox.store.transaction():
        _add(sandbox, group, [*fields.get("add", []), *added])
        _remove(sandbox, group, [*fields.get("remove", []), *removed])
        return _save(sandbox, changed)


def replace(sandbox: Sandbox, account: str, group_id: str, data: Mapping[str, Any]) -> Group:
    """New content under the old id; everything not named falls back to nothing."""
    group = find(sandbox, account, group_id)
    problems = Problems()
    fields = read_fields(data, problems)
    if data.get("members") is None:
        problems.constraint("members", "may not be empty")
    problems.raise_first()
    children = _known(sandbox, account, fields.get("child_groups", []))
    _check_name(sandbox, account, fields.get("name"), group)
    with sandbox.store.transaction():
        sandbox.store.execute("DELETE FROM group_members WHERE member_of = ?", (group.seq,))
        sandbox.store.execute("DELETE FROM child_groups WHERE parent = ?", (group.seq,))
        return _fill(sandbox, with_changes(group, modified_at=sandbox.clock.now()), fields, children)


def delete(sandbox: Sandbox, account: str, group_id: str) -> None:
    """Batches that still wait for their time find nobody in it, and neither do groups that include it."""
    group = find(sandbox, account, group_id)
    with sandbox.store.transaction():
        sandbox.store.execute(
            "DELETE FROM child_groups WHERE :group IN (parent, child)", {"group": group.seq}
        )
        sandbox.store.execute("DELETE FROM group_members WHERE member_of = ?", (group.seq,))
        sandbox.store.execute("DELETE FROM groups WHERE seq = ?", (group.seq,))


def members(sandbox: Sandbox, group: Group) -> list[str]:
    """Everyone in the group and its child groups, once, in the order they came."""
    found = sandbox.store.rows(
        f"{_FAMILY} SELECT number FROM group_members WHERE member_of IN family"
        " GROUP BY number ORDER BY min(rowid)",
        {"group": group.seq},
    )
    return [row[0] for row in found]


def check_known(sandbox: Sandbox, account: str, group_ids: Iterable[str]) -> None:
    """Refuse a batch that names a group which is not there."""
    _known(sandbox, account, group_ids)


def members_now(sandbox: Sandbox, account: str, group_id: str) -> list[str]:
    """Who a batch to this group reaches now; nobody once it is deleted."""
    group = _find(sandbox, account, group_id)
    return [] if group is None else members(sandbox, group)


def apply_keywords(sandbox: Sandbox, account: str, to: str, sender: str, text: str) -> None:
    """Let a phone join or leave the groups whose keywords it has texted to their number."""
    words = [word.casefold() for word in text.split()[:2]]
    now = sandbox.clock.now()
    with sandbox.store.transaction():
        for group in _select(
            sandbox, "account = :account AND auto_update IS NOT NULL ORDER BY seq", {"account": account}
        ):
            rules = group.auto_update or {}
            if rules["to"] != to:
                continue
            joins, leaves = _says(words, rules.get("add")), _says(words, rules.get("remove"))
            if joins:
                _add(sandbox, group, [sender])
            if leaves:
                _remove(sandbox, group, [sender])
            if joins or leaves:
                _save(sandbox, with_changes(group, modified_at=now))


def _says(words: Sequence[str], keywords: Mapping[str, str] | None) -> bool:
    if not keywords:
        return False
    wanted = [keywords[name].casefold() for name in ("first_word", "second_word") if name in keywords]
    return list(words[: len(wanted)]) == wanted


_FAMILY = (
    "WITH RECURSIVE family (seq) AS"
    " (SELECT :group UNION SELECT c.child FROM child_groups c JOIN family f ON f.seq = c.parent)"
)
"""A group with all that it includes, each once, so that groups which include each other do no harm."""


def _select(sandbox: Sandbox, where: str, values: dict[str, Any]) -> list[Group]:
    rows = sandbox.store.rows(
        f"SELECT seq, id, account, auto_update, name, created_at, modified_at FROM groups WHERE {where}",
        values,
    )
    return [
        Group(row[0], row[1], row[2], None if row[3] is None else json.loads(row[3]), *row[4:])
        for row in rows
    ]


def _find(sandbox: Sandbox, account: str, group_id: str) -> Group | None:
    found = _select(sandbox, "id = :id AND account = :account", {"id": group_id, "account": account})
    return found[0] if found else None


def _known(sandbox: Sandbox, account: str, group_ids: Iterable[str]) -> list[Group]:
    found = []
    for group_id in group_ids:
        group = _find(sandbox, account, group_id)
        if group is None:
            raise unknown_group(group_id)
        found.append(group)
    return found


def _members_of(sandbox: Sandbox, account: str, group_id: str | None) -> list[str]:
    if group_id is None:
        return []
    return members(sandbox, _known(sandbox, account, [group_id])[0])


def _check_name(sandbox: Sandbox, account: str, name: str | None, group: Group | None = None) -> None:
    taken = _select(sandbox, "account = :account AND name = :name", {"account": account, "name": name})
    if taken and (group is None or taken[0].seq != group.seq):
        raise Refusal(403, CONFLICT_GROUP_NAME, f"There is another group with the name '{name}'.")


def _fill(sandbox: Sandbox, group: Group, fields: Fields, children: Iterable[Group]) -> Group:
    _add(sandbox, group, fields.get("members", []))
    for child in children:
        sandbox.store.execute("INSERT OR IGNORE INTO child_groups VALUES (?, ?)", (group.seq, child.seq))
    return _save(sandbox, with_changes(group, name=fields.get("name"), auto_update=fields.get("auto_update")))


def _add(sandbox: Sandbox, group: Group, numbers: Sequence[str]) -> None:
    sandbox.store.execute(
        "INSERT OR IGNORE INTO group_members SELECT ?, value FROM json_each(?)",
        (group.seq, json.dumps(numbers)),
    )


def _remove(sandbox: Sandbox, group: Group, numbers: Sequence[str]) -> None:
    sandbox.store.execute(
        "DELETE FROM group_members WHERE member_of = ? AND number IN (SELECT value FROM json_each(?))",
        (group.seq, json.dumps(numbers)),
    )


def _save(sandbox: Sandbox, group: Group) -> Group:
    rules = None if group.auto_update is None else json.dumps(group.auto_update, ensure_ascii=False)
    sandbox.store.execute(
        "UPDATE groups SET name = ?, auto_update = ?, modified_at = ? WHERE seq = ?",
        (group.name, rules, group.modified_at, group.seq),
    )
    return group
