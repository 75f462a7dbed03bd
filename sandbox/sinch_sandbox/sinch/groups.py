"""The group operations, without HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace as with_changes
from typing import Any

from starlette.datastructures import QueryParams

from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.batches import Fields
from sinch_sandbox.core.store.groups import Group
from sinch_sandbox.core.times import format_time
from sinch_sandbox.sinch.errors import CONFLICT_GROUP_NAME, Problems, Refusal, not_found, unknown_group
from sinch_sandbox.sinch.group_fields import read_fields
from sinch_sandbox.sinch.paging import read_page


def document(sandbox: Sandbox, group: Group) -> dict[str, Any]:
    """The group as Sinch shows it; its size counts the members of its child groups too."""
    shown = {
        "id": group.id,
        "name": group.name,
        "size": sandbox.store.groups.size(group),
        "created_at": format_time(group.created_at),
        "modified_at": format_time(group.modified_at),
        "child_groups": sandbox.store.groups.children(group),
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
    with sandbox.store.transaction():
        group = sandbox.store.groups.create(sandbox.ids.new(now), account, now)
        return _fill(sandbox, group, fields, children)


def find(sandbox: Sandbox, account: str, group_id: str) -> Group:
    group = sandbox.store.groups.find(account, group_id)
    if group is None:
        raise not_found()
    return group


def list_groups(sandbox: Sandbox, account: str, query: QueryParams) -> dict[str, Any]:
    """The newest first."""
    problems = Problems()
    page = read_page(query, problems, smallest=0)
    problems.raise_first()
    count, found = sandbox.store.groups.page(account, page.size, page.offset)
    return page.answer("groups", count, [document(sandbox, each) for each in found], sandbox.settings)


def update(sandbox: Sandbox, account: str, group_id: str, data: Mapping[str, Any]) -> Group:
    """Adds before removes, so a number in both ends up removed. A null removes the name."""
    group = find(sandbox, account, group_id)
    problems = Problems()
    fields = read_fields(data, problems)
    problems.raise_first()
    # Read the members of the other groups before any change, since a group may be named more than once.
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
        sandbox.store.groups.add_members(group, [*fields.get("add", []), *added])
        sandbox.store.groups.remove_members(group, [*fields.get("remove", []), *removed])
        sandbox.store.groups.save(changed)
    return changed


def replace(sandbox: Sandbox, account: str, group_id: str, data: Mapping[str, Any]) -> Group:
    """New content under the old id; fields that are not named become empty."""
    group = find(sandbox, account, group_id)
    problems = Problems()
    fields = read_fields(data, problems)
    if data.get("members") is None:
        problems.constraint("members", "may not be empty")
    problems.raise_first()
    children = _known(sandbox, account, fields.get("child_groups", []))
    _check_name(sandbox, account, fields.get("name"), group)
    with sandbox.store.transaction():
        sandbox.store.groups.empty(group)
        return _fill(sandbox, with_changes(group, modified_at=sandbox.clock.now()), fields, children)


def delete(sandbox: Sandbox, account: str, group_id: str) -> None:
    """Delete a group. Scheduled batches to it, and groups that include it, lose its members."""
    sandbox.store.groups.delete(find(sandbox, account, group_id))


def members(sandbox: Sandbox, group: Group) -> list[str]:
    """Everyone in the group and its child groups, once, in the order they were added."""
    return sandbox.store.groups.members(group)


def check_known(sandbox: Sandbox, account: str, group_ids: Iterable[str]) -> None:
    """Refuse a batch to an unknown group."""
    _known(sandbox, account, group_ids)


def members_now(sandbox: Sandbox, account: str, group_id: str) -> list[str]:
    """The numbers a batch to this group goes to now; none if the group was deleted."""
    group = sandbox.store.groups.find(account, group_id)
    return [] if group is None else members(sandbox, group)


def apply_keywords(sandbox: Sandbox, account: str, to: str, sender: str, text: str) -> None:
    """Let a phone join or leave the groups whose keywords it sent to their number."""
    words = [word.casefold() for word in text.split()[:2]]
    now = sandbox.clock.now()
    with sandbox.store.transaction():
        for group in sandbox.store.groups.with_keywords(account):
            rules = group.auto_update or {}
            if rules["to"] != to:
                continue
            joins, leaves = _says(words, rules.get("add")), _says(words, rules.get("remove"))
            if joins:
                sandbox.store.groups.add_members(group, [sender])
            if leaves:
                sandbox.store.groups.remove_members(group, [sender])
            if joins or leaves:
                sandbox.store.groups.save(with_changes(group, modified_at=now))


def _says(words: Sequence[str], keywords: Mapping[str, str] | None) -> bool:
    if not keywords:
        return False
    wanted = [keywords[name].casefold() for name in ("first_word", "second_word") if name in keywords]
    return list(words[: len(wanted)]) == wanted


def _known(sandbox: Sandbox, account: str, group_ids: Iterable[str]) -> list[Group]:
    found = []
    for group_id in group_ids:
        group = sandbox.store.groups.find(account, group_id)
        if group is None:
            raise unknown_group(group_id)
        found.append(group)
    return found


def _members_of(sandbox: Sandbox, account: str, group_id: str | None) -> list[str]:
    if group_id is None:
        return []
    return members(sandbox, _known(sandbox, account, [group_id])[0])


def _check_name(sandbox: Sandbox, account: str, name: str | None, group: Group | None = None) -> None:
    taken = sandbox.store.groups.named(account, name)
    if taken is not None and (group is None or taken.seq != group.seq):
        raise Refusal(403, CONFLICT_GROUP_NAME, f"There is another group with the name '{name}'.")


def _fill(sandbox: Sandbox, group: Group, fields: Fields, children: Iterable[Group]) -> Group:
    filled = with_changes(group, name=fields.get("name"), auto_update=fields.get("auto_update"))
    sandbox.store.groups.add_members(group, fields.get("members", []))
    sandbox.store.groups.add_children(group, children)
    sandbox.store.groups.save(filled)
    return filled
