"""What names a send, and what Airflow says about its earlier attempts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pendulum
import pytest
from airflow.providers.common.compat.sdk import BaseOperator
from airflow.sdk.execution_time.context import set_current_context

from sinch_provider.task import identity
from sinch_provider.task.attempt import attempt_of
from tests.unit.task.contexts import START, context_of, dag_context, in_dag, processor_context, send


def send_of(operator: Any, arguments: Any = None, loop: int | None = None, **facts: Any) -> Any:
    """The send of an operator that is the task itself."""
    context = context_of(operator, **facts)
    if loop is not None:
        context["loop"] = SimpleNamespace(index=loop)
    return identity.send_of(context, operator, **(arguments or {}))


def reference(operator: Any, arguments: Any = None, **facts: Any) -> str:
    name: str = send_of(operator, arguments, **facts).reference
    return name


# The reference


def test_a_reference_stays_the_same_over_versions_of_this_package():
    """Otherwise a retry after an upgrade would not find the batch of its first attempt."""
    plain = reference(send("task"))
    assert plain == identity.reference_of("dag", "run", "task", None, None, None, None)
    assert plain == "af-a5840d9b0c8541d58a4c937e2bc0be28"


def test_every_name_of_a_send_changes_its_reference():
    task = context_of(in_dag(BaseOperator(task_id="work")))
    named = {
        "plain": reference(send()),
        "dag": reference(send(), dag_id="other"),
        "run": reference(send(), run_id="other"),
        "task": reference(send("other")),
        "inside a task": identity.send_of(task, send("inner")).reference,
        "another operator inside": identity.send_of(task, send("another")).reference,
        "send_key": reference(send(), {"send_key": "a"}),
        "another send_key": reference(send(), {"send_key": "b"}),
        "namespace": reference(send(), {"namespace": "staging"}),
        "iteration 0": reference(send(), loop=0),
        "iteration 1": reference(send(), loop=1),
    }
    assert len(set(named.values())) == len(named)
    assert all(each.startswith("af-") and len(each) == 35 for each in named.values())


@pytest.mark.parametrize(
    "facts",
    [
        {"try_number": 2},
        {"try_number": 4, "max_tries": 6},
        {"clear_number": 1},
        {"reschedules": 3},
        {"map_index": 0},
        {"map_index": 7},
        {"state": "failed"},
    ],
    ids=str,
)
def test_retries_clears_and_places_keep_the_reference(facts):
    assert reference(send(), **facts) == reference(send())


def test_message_and_settings_keep_the_reference():
    other = send(to="+447700900333", body="Bye", retries=3, on_clear="resend", wait_for_completion=True)
    assert reference(other) == reference(send())


def test_a_reference_reveals_none_of_its_names():
    name = reference(send("payroll"), {"send_key": "+447700900222"})
    assert "payroll" not in name
    assert "447700900222" not in name


def test_a_second_execution_is_another_send_unless_it_has_a_key():
    operator = send()
    context = context_of(operator)
    first, keyed = identity.send_of(context, operator), identity.send_of(context, operator, send_key="k")
    attempt_of(context).executions[operator.task_id] = 2
    second = identity.send_of(context, operator)
    assert second.reference != first.reference
    assert first.single
    assert not second.single
    assert identity.send_of(context, operator, send_key="k").reference == keyed.reference


def test_outside_a_task_every_call_is_another_send():
    first, second = (identity.send_of({}, send()) for _ in range(2))
    assert first.reference != second.reference
    assert first.single
    assert first.first


# What Airflow says about earlier attempts


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, {"single": True, "mapped": False, "first": True, "cleared": False, "in_loop": False}),
        ({"map_index": None}, {"single": True, "mapped": False}),
        ({"map_index": 0}, {"single": False, "mapped": True}),
        ({"try_number": 2}, {"first": False, "try_number": 2}),
        ({"reschedules": 1}, {"first": False}),
        ({"clear_number": 1}, {"cleared": True}),
        ({"max_tries": 2}, {"cleared": False, "max_tries": 2, "retries": 2}),
        ({"max_tries": 5}, {"cleared": True, "max_tries": 5}),
    ],
    ids=str,
)
def test_what_the_context_says(facts, expected):
    found = send_of(send(retries=2), **facts)
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_key_and_a_loop():
    assert send_of(send(), {"send_key": "k"}).keyed
    assert send_of(send(), loop=3).in_loop


def test_a_send_inside_a_task_goes_by_the_retries_of_that_task():
    task = in_dag(BaseOperator(task_id="work", retries=2))
    assert not identity.send_of(context_of(task), send("inner")).cleared
    assert identity.send_of(context_of(task, max_tries=3), send("inner")).cleared
    assert not identity.send_of(context_of(task), send("inner")).single


def test_an_operator_with_the_task_id_of_its_task_is_inside_it_all_the_same():
    task = in_dag(BaseOperator(task_id="send"))
    assert identity.is_nested(context_of(task), send("send"))
    operator = send("send")
    assert not identity.is_nested(context_of(operator), operator)


@pytest.mark.parametrize(
    ("map_index", "region", "region_index", "loop"),
    [(-1, 0, -1, None), (0, 1, 0, None), (4, 1, 4, None), (None, 0, -1, None), (-1, 1, 0, 0), (-1, 1, 4, 4)],
)
def test_regions_of_airflow_3_4_are_loops_only_for_tasks_that_are_not_mapped(
    map_index, region, region_index, loop
):
    """Loops and mapped tasks have a region. As measured on 3.4.0b2."""
    operator = send()
    context = context_of(operator)
    context["ti"] = SimpleNamespace(
        dag_id="dag", run_id="run", task_id="send", map_index=map_index, try_number=1, max_tries=0,
        region_id=UUID(int=region), region_index=region_index,
    )  # fmt: skip
    found = identity.send_of(context, operator)
    assert found.in_loop is (loop is not None)
    assert found.mapped is (map_index is not None and map_index >= 0)
    assert found.reference == reference(send(), loop=loop)


def test_no_attempt_begins_before_its_run_is_due():
    due = pendulum.datetime(2026, 1, 5)
    assert send_of(send(), run_after=due).since == due


@pytest.mark.parametrize(
    ("run", "since"),
    [
        ({"data_interval_end": START}, START),
        ({"data_interval_end": START, "queued_at": START.subtract(hours=1)}, START.subtract(hours=1)),
    ],
)
def test_on_airflow_2_a_run_is_due_at_the_end_of_its_data_interval(run, since):
    assert identity.since_of(SimpleNamespace(**run)) == since


def test_an_empty_context_stands_for_that_of_the_running_task():
    running = context_of(send())
    with set_current_context(running):
        assert identity.task_context({}) is running
    assert identity.task_context({}) == {}


# Attempts


def test_the_sends_of_an_attempt_share_what_they_know():
    context = context_of(send())
    assert attempt_of(context) is attempt_of(context.copy())
    assert attempt_of(context) is not attempt_of(context_of(send()))
    context["ti"].try_number = 2
    assert attempt_of(context).executions == {}


# Callbacks


def test_a_task_that_runs_is_no_callback():
    assert identity.callback_of(context_of(send())) is None
    assert identity.callback_of({}) is None


def test_the_same_callback_has_the_same_names_in_the_task_and_in_the_dag_processor():
    in_process = identity.callback_of(context_of(send(), state="failed"))
    assert in_process == ("failure", "dag", "run", "send", "-1", "1")
    assert identity.callback_of(processor_context(send())) == in_process
    retry = identity.callback_of(context_of(send(retries=1), state="up_for_retry"))
    assert identity.callback_of(processor_context(send(retries=1), retrying=True)) == retry


def mapped_in_loop(region: int, clear_number: int = 0) -> dict[str, Any]:
    """The callback of a mapped item inside a loop, as the Dag processor of Airflow 3.4 runs it."""
    context: dict[str, Any] = context_of(send(), state="failed", map_index=0, clear_number=clear_number)
    ti = context["ti"]
    object.__setattr__(ti, "region_id", UUID(int=region))
    object.__setattr__(ti, "region_index", 0)
    return context


def test_callbacks_of_other_attempts_items_and_kinds_have_other_names():
    contexts = [
        context_of(send(), state="failed"),
        context_of(send(), state="failed", try_number=2),
        context_of(send(), state="failed", map_index=1),
        context_of(send(), state="success"),
        context_of(send(), state="skipped"),
        {**context_of(send(), state="failed"), "loop": SimpleNamespace(index=0)},
        {**context_of(send(), state="failed"), "loop": SimpleNamespace(index=1)},
        {**context_of(send(), state="failed", clear_number=1), "loop": SimpleNamespace(index=0)},
        mapped_in_loop(region=1),
        mapped_in_loop(region=2),
        mapped_in_loop(region=1, clear_number=1),
        dag_context(send(), reason="task_failure"),
        dag_context(send(), reason="timed_out"),
        dag_context(send(), reason="task_failure", clear_number=1),
    ]
    named = [identity.callback_of(each) for each in contexts]
    assert None not in named
    assert len(set(named)) == len(named)


def test_a_dag_callback_goes_by_run_and_reason_whichever_task_was_last():
    first = identity.callback_of(dag_context(send("first"), reason="task_failure"))
    assert first == identity.callback_of(dag_context(send("last"), reason="task_failure"))
    alone = identity.callback_of(dag_context(send("first"), reason="task_failure", with_task=False))
    assert alone == first
