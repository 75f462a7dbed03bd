"""What the body holds, and what fills it in for each recipient."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.fields.validation import checked_message
from tests.unit.sms.calls import ID, TO, numbers
from tests.unit.sms.fields.test_validation import refused, sent

MARIA, ANNA, LARS = "447700900222", "447700900333", "447700900555"
GROUP = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


@pytest.mark.parametrize(
    ("body", "parameters", "faults"),
    [
        ("Hi ${nmae}", {"name": {"default": "x"}}, ["body", "parameters.name"]),
        ("Hi ${name}", None, ["body"]),
        ("Hi ${name}", {}, ["body"]),
        ("Hi ${a_name_that_is_too_long}", None, ["body"]),
        ("Hi", {"name": {"default": "x"}}, ["parameters.name"]),
        ("Hi ${Name}", {"name": {"default": "x"}}, ["body", "parameters.name"]),
        ("Hi ${name}", {"name": {}}, ["parameters.name"]),
        ("Hi ${name}", {"name": {MARIA: "Maria"}}, ["parameters.name"]),
        ("Hi ${name}", {"name": {MARIA: "Maria", ANNA: "Anna", LARS: "Lars"}}, []),
        ("Hi ${name}", {"name": {"default": ""}}, []),
        # Plain text.
        ("It costs $5, ${ or ${}, ${a b} or $name", None, []),
    ],
)
def test_body_and_parameters_name_the_same(body: str, parameters: Any, faults: list[str]) -> None:
    to = [MARIA, "+" + ANNA, LARS]
    values = {"to": to, "body": body, "parameters": parameters}
    if not faults:
        sent(**values)
        return
    assert refused(**values) == faults
    for operation in (endpoints.send_dry_run, partial(endpoints.replace, ID)):
        with pytest.raises(SinchValidationError) as caught:
            operation(**values)
        assert [fault.field for fault in caught.value.faults] == faults


def test_who_lacks_a_value_is_told_masked_and_not_all() -> None:
    with pytest.raises(SinchValidationError) as caught:
        sent(to=numbers(9), body="${a}", parameters={"a": {numbers(9)[0]: "x"}})
    [fault] = caught.value.faults
    assert fault.rule == "has no default, and no value for 8 of 9 recipients"
    assert fault.shown.count("***") == 3
    assert numbers(9)[1].lstrip("+") not in str(fault)


def test_members_of_groups_are_not_known() -> None:
    assert sent(to=[MARIA, GROUP], body="${a}", parameters={"a": {MARIA: "x"}})


def test_parameters_fill_the_message_of_a_picture() -> None:
    body = {"url": "https://m.test/x", "subject": "For ${who}", "message": "Rows: ${rows}"}
    values = {"who": {"default": "you"}, "rows": {"default": "3"}}
    assert sent(type_="mt_media", body=body, parameters=values)
    assert refused(type_="mt_media", body=body, parameters={"row": {"default": "3"}}) == [
        "body.message",
        "parameters.row",
    ]


def test_an_update_is_compared_only_if_it_has_both() -> None:
    parameters = {"name": {MARIA: "Maria"}}
    endpoints.update(ID, body="Hi ${name}")
    endpoints.update(ID, parameters=parameters)
    endpoints.update(ID, body="Hi ${name}", parameters=parameters)
    with pytest.raises(SinchValidationError) as caught:
        endpoints.update(ID, body="Hi ${nmae}", parameters=parameters)
    assert [fault.field for fault in caught.value.faults] == ["body", "parameters.name"]


def test_what_is_not_known_yet_is_not_compared() -> None:
    values: dict[str, Any] = {"to": TO, "body": "Hi ${a}", "parameters": {"b": {"default": "x"}}}
    for unknown in ("body", "parameters"):
        assert checked_message(values, "send", unknown=(unknown,))
    with pytest.raises(SinchValidationError):
        checked_message({**values, "to": None}, "send", unknown=("to",))
