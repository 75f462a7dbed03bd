"""Which arguments are known when a Dag is parsed, and the checks of those for waiting and sending."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from numbers import Number
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.rules import is_file_name, shown_value
from sinch_provider.sms.fields.table import MAX_HOLD, MIN_HOLD, ON_CLEAR

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import XComArg

T = TypeVar("T")

#: The types of literals. No subclasses, which may behave differently.
_LITERALS: Final = frozenset({str, int, float, bool, NoneType})


def is_template(value: Any) -> bool:
    """Whether a value is known only when the task runs: a template, or another task's output."""
    if isinstance(value, str):
        return any(mark in value for mark in ("{{", "{%", "{#"))
    if value is None or isinstance(value, (bool, Number, bytes, date, timedelta)):
        return False
    if isinstance(value, Mapping):
        return _holds_template(value.keys()) or _holds_template(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return _holds_template(value)
    return True


def _holds_template(values: Collection[Any]) -> bool:
    text = literal_text(values)
    return any(map(is_template, values)) if text is None else is_template(text)


def literal_text(values: Collection[Any]) -> str | None:
    """
    Return the texts of a collection as one, to look for the marks of templates in all of them at once.

    :returns: None if something in it is no literal, so that each value needs a look.
    """
    kinds = set(map(type, values))
    if not kinds <= _LITERALS:
        return None
    # No mark has a line break in it, so none can come together here.
    return "\n".join(values if kinds == {str} else (each for each in values if type(each) is str))


def as_rendered(value: T | XComArg) -> T:
    """Type a templated argument as the value that it is once the task runs."""
    return cast("T", value)


def unknown_fields(values: Mapping[str, Any]) -> Collection[str]:
    """Name the arguments that are known only when the task runs. The text of a file is read then, too."""
    return {
        name
        for name, value in values.items()
        if is_template(value) or (name == "body" and is_file_name(value))
    }


def is_marked(text: str, environment: jinja2.Environment) -> bool:
    """Whether a text holds a template, by the marks that the Dag's Jinja environment uses."""
    return (
        environment.variable_start_string in text
        or environment.block_start_string in text
        or environment.comment_start_string in text
        or environment.line_statement_prefix is not None
        or environment.line_comment_prefix is not None
    )


def policy_faults(max_failed: Any, min_delivered: Any) -> list[Fault]:
    """Return the faults of the shares that decide whether an outcome fails the task."""
    shares = {"max_failed": max_failed, "min_delivered": min_delivered}
    return [
        Fault(name, "must be a share from 0 to 1", shown_value(value))
        for name, value in shares.items()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1
    ]


def seconds_of(interval: float | timedelta) -> float:
    """Return the seconds of a poll interval."""
    return interval.total_seconds() if isinstance(interval, timedelta) else float(interval)


def interval_faults(name: str, seconds: Any) -> list[Fault]:
    """Return the faults of a poll interval, which is a number of seconds or a timedelta."""
    value = seconds_of(seconds) if isinstance(seconds, timedelta) else seconds
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        return [Fault(name, "must be a number of seconds above 0", shown_value(seconds))]
    return []


def sending_faults(on_clear: Any, hold: Any) -> list[Fault]:
    """Return the faults of the arguments about sending once."""
    faults = []
    if on_clear not in ON_CLEAR:
        faults.append(Fault("on_clear", f"must be one of {', '.join(ON_CLEAR)}", shown_value(on_clear)))
    if hold is not None and not (isinstance(hold, timedelta) and MIN_HOLD <= hold <= MAX_HOLD):
        rule = f"must be a timedelta from {MIN_HOLD} to {MAX_HOLD}"
        faults.append(Fault("hold", rule, shown_value(hold)))
    return faults


def refuse(faults: Sequence[Fault], operation: str = "") -> None:
    """
    Refuse arguments that have faults.

    :param faults: If there are none, nothing happens.
    :param operation: Name for the error.
    :raises SinchValidationError: Names every fault.
    """
    if faults:
        raise SinchValidationError(faults, operation)
