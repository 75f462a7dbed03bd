"""Telling which arguments are known when a Dag is parsed, and which only when its task runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from numbers import Number
from typing import TYPE_CHECKING, Any

from sinch_provider.sms.fields.rules import is_file_name

if TYPE_CHECKING:
    import jinja2


def is_template(value: Any) -> bool:
    """Whether a value will only be known when the task runs: Jinja text, or another task's output."""
    if isinstance(value, str):
        return any(mark in value for mark in ("{{", "{%", "{#"))
    if value is None or isinstance(value, (bool, Number, bytes, date, timedelta)):
        return False
    if isinstance(value, Mapping):
        return any(map(is_template, value.keys())) or any(map(is_template, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(is_template, value))
    return True


def unknown_fields(values: Mapping[str, Any]) -> Collection[str]:
    """Name the arguments that will only be known when the task runs; the text of a file is read there too."""
    return {
        name
        for name, value in values.items()
        if is_template(value) or (name == "body" and is_file_name(value))
    }


def is_marked(text: str, environment: jinja2.Environment) -> bool:
    """Whether Jinja, as a Dag has set it up, finds anything to do in a text."""
    return (
        environment.variable_start_string in text
        or environment.block_start_string in text
        or environment.comment_start_string in text
        or environment.line_statement_prefix is not None
        or environment.line_comment_prefix is not None
    )
