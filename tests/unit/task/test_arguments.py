"""Which arguments are known when a Dag is parsed, and what is wrong with those of waiting and sending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from jinja2 import Environment

from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.task.arguments import (
    interval_faults,
    is_marked,
    is_template,
    policy_faults,
    refuse,
    seconds_of,
    sending_faults,
    unknown_fields,
)


class Output:
    """Stands for another task's output: an object that nobody here knows."""


@pytest.mark.parametrize(
    "value",
    [
        "{{ ds }}",
        "Hi {% if x %}you{% endif %}",
        "{# a comment #}Hi",
        Output(),
        ["+447700900222", "{{ params.to }}"],
        ["+447700900222", Output()],
        ("{{ x }}",),
        {"name": {"default": "{{ x }}"}},
        {"{{ x }}": "Maria"},
        {"name": Output()},
        object(),
        iter(()),
    ],
)
def test_templates_and_outputs_are_known_only_when_the_task_runs(value: Any) -> None:
    assert is_template(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Hi ${name}",
        "{ not a template }",
        True,
        5,
        0.5,
        Decimal(5),
        b"{{ x }}",
        datetime(2026, 1, 1, tzinfo=UTC),
        timedelta(minutes=5),
        [],
        ["+447700900222", 447700900222],
        {"name": {"default": "there", "+447700900222": 5}},
        frozenset({"+447700900222"}),
    ],
)
def test_other_values_are_known_when_the_dag_is_parsed(value: Any) -> None:
    assert not is_template(value)


def test_unknown_fields_are_named() -> None:
    given = {"to": "{{ x }}", "body": "Hi", "from_": None, "send_at": Output()}
    assert set(unknown_fields(given)) == {"to", "send_at"}


def test_the_text_of_a_file_is_not_known_either() -> None:
    assert set(unknown_fields({"body": "reminder.txt", "from_": "reminder.txt"})) == {"body"}
    assert not unknown_fields({"body": "See reminder.txt"})


def test_marks_are_those_of_the_dags_jinja_environment() -> None:
    usual, unusual = Environment(autoescape=True), Environment(variable_start_string="[[", autoescape=True)
    assert is_marked("{{ x }}", usual)
    assert is_marked("{% if x %}", usual)
    assert is_marked("{# x #}", usual)
    assert not is_marked("[[ x ]]", usual)
    assert is_marked("[[ x ]]", unusual)
    assert not is_marked("{{ x }}", unusual)
    assert is_marked("x", Environment(line_statement_prefix="#", autoescape=True))
    assert is_marked("x", Environment(line_comment_prefix="##", autoescape=True))


def test_the_shares_of_a_policy_are_between_0_and_1() -> None:
    assert policy_faults(1.0, 0) == []
    assert [fault.field for fault in policy_faults("half", 95)] == ["max_failed", "min_delivered"]
    assert [fault.field for fault in policy_faults(True, float("nan"))] == ["max_failed", "min_delivered"]


@pytest.mark.parametrize("seconds", [0, -1, "10", None, True, float("inf"), float("nan"), timedelta(0)])
def test_an_interval_is_a_number_of_seconds_above_0(seconds: Any) -> None:
    assert [fault.field for fault in interval_faults("poll_interval", seconds)] == ["poll_interval"]


@pytest.mark.parametrize("seconds", [0.1, 60, timedelta(minutes=1)])
def test_an_interval_may_be_a_timedelta(seconds: Any) -> None:
    assert interval_faults("poll_interval", seconds) == []
    assert seconds_of(seconds) == (0.1 if seconds == 0.1 else 60)


def test_how_to_send_once_is_checked() -> None:
    assert sending_faults("adopt", None) == []
    assert sending_faults("resend", timedelta(minutes=5)) == []
    assert [fault.field for fault in sending_faults("never", timedelta(0))] == ["on_clear", "hold"]
    assert [fault.field for fault in sending_faults(None, 300)] == ["on_clear", "hold"]
    assert [fault.field for fault in sending_faults("adopt", timedelta(days=30))] == ["hold"]


def test_faults_are_refused_all_at_once() -> None:
    refuse([])
    faults = [Fault("max_failed", "must be a share"), Fault("hold", "must be a timedelta")]
    with pytest.raises(SinchValidationError) as caught:
        refuse(faults, "SinchBatchSensor")
    assert list(caught.value.faults) == faults
    assert "SinchBatchSensor: 2 faults" in str(caught.value)
