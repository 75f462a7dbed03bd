"""Parameters whose columns are read at once: the same result and the same faults as entry by entry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.parameters import check_parameters
from sinch_provider.sms.fields.recipients import normalize_recipients
from sinch_provider.sms.fields.rules import BrokenRuleError
from tests.unit.sms.fields.test_recipients_at_once import (
    GROUP,
    NUMBER,
    TORN,
    Loud,
    Strip,
    clean,
    odd,
    torn,
    written,
)


class NeverEmpty(str):
    """A text that claims to hold everything."""

    __slots__ = ()

    def __contains__(self, part: Any) -> bool:
        return True

    def __len__(self) -> int:
        return 1


def hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


keys = (
    clean
    | written
    | torn
    | odd.filter(hashable)
    | st.sampled_from(["default", Loud("default"), "Default", GROUP, Strip(NUMBER), 447700900222, NUMBER])
)
values: st.SearchStrategy[Any] = (
    st.text(max_size=8)
    | st.integers()
    | st.sampled_from(
        [
            *("x" * 160, "x" * 161, 10**99, 10**100, 10**159, -1, True, None, 1.5, [], {}, b"x", "", " "),
            *("None", " None\n", "{{ x }}", "{% x %}", "{", "}{", "{\n{", "<hidden>", "<hidden: 5 entries>"),
            *("<hidden", "<", NeverEmpty("x" * 161), NeverEmpty("Maria"), Loud("Maria"), "\ud83d", "\0"),
        ]
    )
)
entries = st.dictionaries(keys, values, max_size=5)


def outcome(parameters: Mapping[Any, Any], *more: Any) -> tuple[Any, tuple[Fault, ...]]:
    try:
        checked = check_parameters("parameters", parameters, *more)
    except BrokenRuleError as error:
        return None, error.faults
    return [(name, list(column.items())) for name, column in checked.items()], ()


def entry_by_entry(parameters: dict[str, Any]) -> tuple[Any, tuple[Fault, ...]]:
    # What is no dictionary is read entry by entry.
    return outcome(
        {name: MappingProxyType(each) if type(each) is dict else each for name, each in parameters.items()}
    )


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c", NUMBER, "no name"]), entries | st.none(), max_size=3))
@example({"a": {NUMBER: "x", f"+{NUMBER}": "x"}})
@example({"a": {NUMBER: "x", f"+{NUMBER}": "y"}})
@example({"a": {NUMBER: "x", "default": "None"}})
@example({"a": {"default": "x", NUMBER: "None"}})
@example({"a": {NUMBER: "{"}, "b": {NUMBER: "{"}})
@example({"a": {}, "b": {"default": ""}})
@example({"a": {447700900222: "x"}, "b": {447700900222.0: "x"}})
@example({"a": {NUMBER: NeverEmpty("Maria")}})
@example({"a": {GROUP: "x"}})
@example({"a": dict.fromkeys(TORN, "x")})
def test_a_column_at_once_is_entry_by_entry(parameters: dict[str, Any]) -> None:
    assert outcome(parameters) == entry_by_entry(parameters)


@settings(deadline=None)
@given(
    st.lists(clean | written | odd.filter(hashable), min_size=1, max_size=5, unique=True),
    st.permutations(range(3)),
)
@example(["1" * 26], [0, 1, 2])
@example([Strip(NUMBER)], [0, 1, 2])
@example([f"+{NUMBER}", NUMBER], [0, 1, 2])
def test_keys_that_are_the_recipients_are_read_with_them(to: list[Any], order: list[int]) -> None:
    recipients, faults = normalize_recipients(to, "to")
    plain = {str(each) if isinstance(each, Strip) else each: "x" for each in to}
    parameters: dict[str, Any] = {"a": dict.fromkeys(to, "x"), "b": plain, "c": dict.fromkeys(to[::-1], "y")}
    parameters = {"abc"[place]: parameters["abc"[place]] for place in order}
    given = () if faults else (recipients,)
    assert outcome(parameters, to, *given) == entry_by_entry(parameters)


@pytest.mark.parametrize("to", [[], None, "", "{{ x }}"])
def test_recipients_that_are_not_known_are_no_keys(to: Any) -> None:
    assert outcome({"a": {NUMBER: "x"}, "b": {}}, to) == ([("a", [(NUMBER, "x")]), ("b", [])], ())


def test_what_is_checked_is_a_copy() -> None:
    given = {"a": {NUMBER: "x"}}
    checked = check_parameters("parameters", given, [NUMBER], [NUMBER])
    given["a"][NUMBER] = "y"
    assert checked == {"a": {NUMBER: "x"}}
