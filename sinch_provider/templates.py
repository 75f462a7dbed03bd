"""Telling, when a Dag is parsed, which arguments are known already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any


def is_template(value: Any) -> bool:
    """Whether a value will only be known when the task runs: Jinja text, or another task's output."""
    if isinstance(value, str):
        return any(mark in value for mark in ("{{", "{%", "{#"))
    if value is None or isinstance(value, (bool, int, float, bytes, date, timedelta)):
        return False
    if isinstance(value, Mapping):
        return any(map(is_template, value.keys())) or any(map(is_template, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(is_template, value))
    return True


def unknown_fields(values: Mapping[str, Any]) -> Collection[str]:
    """Name the arguments that will only be known when the task runs."""
    return {name for name, value in values.items() if is_template(value)}
