"""Reads the JSON of a group as Sinch does: normalises valid fields and names the first problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sinch_sandbox.core import phone
from sinch_sandbox.core.store.batches import Fields
from sinch_sandbox.sinch.batch_fields import read_numbers
from sinch_sandbox.sinch.errors import Problems

MAX_NAME = 20
MAX_MEMBERS = 10_000
MAX_CHILD_GROUPS = 10
MAX_KEYWORD = 15


def read_fields(data: Mapping[str, Any], problems: Problems) -> Fields:
    """Check each given field by itself. A null counts as absent."""
    readers = {
        "name": _name,
        "members": _members,
        "add": _members,
        "remove": _members,
        "child_groups": _child_groups,
        "add_from_group": _group_id,
        "remove_from_group": _group_id,
        "auto_update": _auto_update,
    }
    given = {name: data[name] for name in readers if data.get(name) is not None}
    fields = {name: readers[name](name, value, problems) for name, value in given.items()}
    return {name: value for name, value in fields.items() if value is not None}


def _name(path: str, value: object, problems: Problems) -> str | None:
    return _limited(path, value, MAX_NAME, problems)


def _members(path: str, value: object, problems: Problems) -> list[str] | None:
    numbers = read_numbers(path, value, problems, limit=MAX_MEMBERS)
    _check_length(path, value, MAX_MEMBERS, problems)
    return numbers


def _child_groups(path: str, value: object, problems: Problems) -> list[str] | None:
    if not isinstance(value, list):
        problems.bad_format(path, value, "an array")
        return None
    _check_length(path, value, MAX_CHILD_GROUPS, problems)
    ids = [
        _group_id(f"{path}[{index}]", item, problems) for index, item in enumerate(value[:MAX_CHILD_GROUPS])
    ]
    return [each for each in ids if each is not None]


def _group_id(path: str, value: object, problems: Problems) -> str | None:
    if isinstance(value, str) and phone.is_group_id(value):
        return value
    problems.bad_format(path, value, "a valid group ID")
    return None


def _auto_update(path: str, value: object, problems: Problems) -> Fields | None:
    if not isinstance(value, dict):
        problems.bad_format(path, value, "an object")
        return None
    fields: Fields = {}
    to = value.get("to")
    if to is None:
        problems.constraint(f"{path}.to", "may not be empty")
    else:
        address = phone.normalise_sender(to) if isinstance(to, str) else None
        if address is None or not address.isdigit() or phone.is_sender_too_long(address):
            problems.bad_format(f"{path}.to", to, "a valid MSISDN or short code")
        fields["to"] = address
    for name in ("add", "remove"):
        if value.get(name) is not None:
            fields[name] = _keywords(f"{path}.{name}", value[name], problems)
    return fields


def _keywords(path: str, value: object, problems: Problems) -> Fields | None:
    if not isinstance(value, dict):
        problems.bad_format(path, value, "an object")
        return None
    if value.get("first_word") is None:
        problems.constraint(f"{path}.first_word", "may not be empty")
    given = [name for name in ("first_word", "second_word") if value.get(name) is not None]
    return {name: _keyword(f"{path}.{name}", value[name], problems) for name in given}


def _keyword(path: str, value: object, problems: Problems) -> str | None:
    text = _limited(path, value, MAX_KEYWORD, problems)
    if text is not None and text.split() != [text]:
        problems.constraint(path, "must be one word")
    return text


def _limited(path: str, value: object, limit: int, problems: Problems) -> str | None:
    if not isinstance(value, str):
        problems.bad_format(path, value, "a string")
        return None
    if len(value) > limit:
        problems.constraint(path, f"may not be longer than {limit} characters")
    return value


def _check_length(path: str, value: object, limit: int, problems: Problems) -> None:
    if isinstance(value, list) and len(value) > limit:
        problems.constraint(path, f"may not have more than {limit} items")
