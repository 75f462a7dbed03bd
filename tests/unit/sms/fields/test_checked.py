"""Collections that are checked once, as long as nobody changes them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from sinch_provider.sms.fields.checked import Checked
from sinch_provider.sms.fields.rules import BrokenRuleError, broken
from sinch_provider.sms.fields.validation import check_message

MARIA, ANNA = "+447700900222", "+447700900333"
GIVEN: dict[str, dict[str, Any]] = {"name": {MARIA: "Maria", ANNA: 5}, "at": {MARIA: "noon"}}


class Counting:
    """A check that counts how often it is made."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, field: str, value: Any) -> Any:
        self.times += 1
        if "wrong" in value:
            raise broken(field, "is wrong")
        return [f"{field} {self.times}"]


@pytest.mark.parametrize(
    "make", [lambda: [MARIA, 447700900333], lambda: (MARIA,), lambda: deepcopy(GIVEN), list]
)
def test_what_is_equal_is_checked_once(make: Callable[[], Any]) -> None:
    checked, check = Checked(), Counting()
    first = checked.check("to", make(), check)
    assert checked.check("to", make(), check) is first
    assert deepcopy(checked).check("to", make(), check) is first
    assert check.times == 1


def test_each_field_is_remembered_for_itself() -> None:
    checked, check = Checked(), Counting()
    results = [checked.check(name, [MARIA], check) for name in ("to_add", "to_remove", "to_add")]
    assert results == [["to_add 1"], ["to_remove 2"], ["to_add 1"]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([MARIA, ANNA], [ANNA, MARIA]),
        ([MARIA], [MARIA, ANNA]),
        ([447700900222], [447700900222.0]),
        ([447700900222], [Decimal(447700900222)]),
        ([1], [True]),
        ([MARIA], [type("Text", (str,), {})(MARIA)]),
        ({"a": {MARIA: "x"}}, {"b": {MARIA: "x"}}),
        ({"a": {MARIA: "x"}}, {"a": {ANNA: "x"}}),
        ({"a": {MARIA: "x"}}, {"a": {MARIA: "y"}}),
        ({"a": {MARIA: 1}}, {"a": {MARIA: True}}),
        ({"a": {1: "x"}}, {"a": {True: "x"}}),
        ({"a": {MARIA: "x", ANNA: "x"}}, {"a": {ANNA: "x", MARIA: "x"}}),
        ({"a": {MARIA: "x"}, "b": {}}, {"a": {}, "b": {MARIA: "x"}}),
        ({"a": {}}, {"a": []}),
        ([MARIA], MARIA),
        ([], {}),
        ({}, ()),
    ],
)
def test_what_is_different_is_checked_again(before: Any, after: Any) -> None:
    checked, check = Checked(), Counting()
    checked.check("to", before, check)
    checked.check("to", after, check)
    assert check.times == 2


def test_what_somebody_changes_in_place_is_checked_again() -> None:
    checked, check = Checked(), Counting()
    to, parameters = [MARIA], deepcopy(GIVEN)
    checked.check("to", to, check)
    checked.check("parameters", parameters, check)
    to[0] = "wrong"
    parameters["name"][MARIA] = "Mary"
    with pytest.raises(BrokenRuleError):
        checked.check("to", to, check)
    checked.check("parameters", parameters, check)
    assert check.times == 4


@pytest.mark.parametrize("make", [lambda: [MARIA], lambda: deepcopy(GIVEN)])
def test_what_changes_while_it_is_checked_does_not_count(make: Callable[[], Any]) -> None:
    checked, live = Checked(), make()

    def check(field: str, value: Any) -> Any:
        if isinstance(live, list):
            live[0] = ANNA
        else:
            live["name"][MARIA] = "Mary"
        return deepcopy(value)

    assert checked.check("to", live, check) == make() != live
    assert checked.check("to", make(), check) == make()


def test_recipients_that_change_meanwhile_are_not_the_keys_of_others() -> None:
    to = [MARIA, ANNA]

    class Changing(str):
        """The next field after the recipients."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            to[:] = [ANNA, MARIA]
            return str.__eq__(self, other)

    parameters = {"a": {ANNA: "Anna", MARIA: "Maria"}}
    given = {"to": to, "body": "${a}", "type_": Changing("mt_text"), "parameters": parameters}
    with Checked().used():
        wire = check_message(given, "send")
    assert to == [ANNA, MARIA]
    assert wire["to"] == [MARIA[1:], ANNA[1:]]
    assert wire["parameters"] == {"a": {ANNA[1:]: "Anna", MARIA[1:]: "Maria"}}


def test_copies_know_the_same_and_then_each_its_own() -> None:
    checked, check = Checked(), Counting()
    checked.check("to", [MARIA], check)
    deepcopy(checked).check("to", [ANNA], check)
    checked.check("to", [MARIA], check)
    assert check.times == 2


def test_what_was_refused_is_checked_again() -> None:
    checked, check = Checked(), Counting()
    for _ in range(2):
        with pytest.raises(BrokenRuleError):
            checked.check("to", ["wrong"], check)
    assert check.times == 2


@pytest.mark.parametrize(
    "value", [MARIA, {MARIA}, {"url": "x"}, [[MARIA]], [None], {"a": {MARIA: None}}, iter("x")]
)
def test_other_values_are_always_checked(value: Any) -> None:
    checked, check = Checked(), Counting()
    checked.check("to", value, check)
    checked.check("to", value, check)
    assert check.times == 2


def test_rules_between_fields_are_checked_always() -> None:
    values = {"to": [MARIA], "body": "Hi ${a}", "parameters": {"a": {MARIA: "x"}}}
    with Checked().used():
        assert check_message(values, "send") == check_message(values, "send")
        for change in ({"to": [ANNA]}, {"body": "Hi"}, {"type_": "mt_binary"}):
            with pytest.raises(ValueError, match="fault"):
                check_message({**values, **change}, "send")
