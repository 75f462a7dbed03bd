"""What the collections of a message became when they were last checked, so that they are checked once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Self

from sinch_provider.sms.fields.rules import Check

#: Types whose values are equal only if every check sees the same in them.
_PLAIN: Final = frozenset({str, int})
_used: ContextVar[Checked | None] = ContextVar("checked", default=None)


class Checked:
    """
    Checks collections, and remembers the last one of each field and what it became on the wire.

    An operator checks its message when the Dag is parsed, and when the task runs. What has not changed in
    between is not checked a second time. That is decided by value, with a copy: somebody may have changed a
    list in place. The copy is also what is checked, because another thread may change the list meanwhile.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[list[Any], Any]] = {}

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let every check of this thread that begins meanwhile use what is known, and remember more."""
        token = _used.set(self)
        try:
            yield
        finally:
            _used.reset(token)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # What a value becomes is the same for every copy of an operator. Later they may differ.
        copied = type(self)()
        copied._known = dict(self._known)
        return copied

    def check(self, field: str, value: Any, check: Check) -> Any:
        """
        Check a field, unless it is as it was.

        :param check: Returns what the field becomes on the wire. Nobody may change that.
        :raises BrokenRuleError: The check does.
        """
        copied = snapshot(value)
        entries = _entries(copied)
        if entries is None:
            return check(field, copied)
        known, wire = self._known.get(field, (None, None))
        if entries != known:
            wire = check(field, copied)
            self._known[field] = entries, wire
        return wire


def check_once(field: str, value: Any, check: Check) -> Any:
    """Check a field, unless it is a collection that a :class:`Checked` in use knows."""
    checked = _used.get()
    return check(field, value) if checked is None else checked.check(field, value, check)


def snapshot(value: Any) -> Any:
    """Copy a list, or parameters, so that nobody changes it; return other values as they are."""
    if type(value) is list:
        return list(value)
    if type(value) is dict:
        return {
            name: dict(column) if type(column) is dict else column for name, column in list(value.items())
        }
    return value


def _entries(value: Any) -> list[Any] | None:
    """
    List what is in a list, or in parameters, in its order, after the type.

    :returns: None if it is something else, or if values of other types are in it.
    """
    if type(value) in (list, tuple):
        parts = [list(value)]
    elif type(value) is dict and {dict}.issuperset(map(type, value.values())):
        parts = [list(value)]
        for column in value.values():
            parts += [list(column), list(column.values())]
    else:
        return None
    return [type(value), *parts] if all(_PLAIN.issuperset(map(type, part)) for part in parts) else None
