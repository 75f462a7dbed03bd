"""``@task.sinch_sms`` in a real Airflow: what a function may return, templates, mapping, privacy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from sinch_provider.decorators.sms import sinch_sms_task
from tests.integration.conftest import RETRIES, instance_of, result_of, state_of, texts
from tests.versions import needs, needs_task_state, serialized

stored_after_execution = needs(3, 0, what="fields stored again after the execution")

ANN, BEN = "+447700900222", "+447700900333"


@pytest.fixture
def sms() -> Any:
    """The decorator as Dag authors use it."""
    return task.sinch_sms


@pytest.fixture
def play(run_dag: Callable[[Any], Any], sms: Any) -> Callable[..., Any]:
    """Run a Dag with one task that calls a function and sends what it returns."""

    def run(function: Callable[..., Any], *, name: str, **arguments: Any) -> Any:
        with DAG(name, params={"who": "Ann"}) as dag:
            sms(task_id="send", **arguments)(function)()
        return run_dag(dag)

    return run


class TestReturns:
    def test_the_text(self, play, sinch_default):
        run = play(lambda: "See you at 19:30.", name="text", to=[ANN])
        assert texts(sinch_default) == {"222": "See you at 19:30."}
        assert result_of(run, "send") == sinch_default.batches()[0]["id"]

    def test_a_mapping_of_arguments(self, play, sinch_default):
        def reminder():
            return {
                "to": [ANN, BEN],
                "body": "Hi ${name}",
                "parameters": {"name": {ANN: "Ann", "default": "there"}},
                "from_": "Bistro",
            }

        play(reminder, name="mapping")
        assert texts(sinch_default) == {"222": "Hi Ann", "333": "Hi there"}
        assert sinch_default.batches()[0]["from"] == "Bistro"

    def test_a_mapping_by_its_annotation_makes_no_outputs_of_its_own(self, play, sinch_default):
        def reminder() -> dict[str, Any]:
            return {"to": [ANN], "body": "Hi"}

        assert state_of(play(reminder, name="annotated"), "send") == ("success", 1)

    def test_templates_that_are_rendered_once(self, play, sinch_default):
        def greeting(params):
            return {"body": "Hi {{ params.who }}, {{ '{' }}{ x }}"}

        play(greeting, name="templates", to="{{ '" + ANN + "' }}", from_="{{ 'Bistro' }}")
        assert sinch_default.batches() == []  # A text that looks like a template is refused.

        play(lambda: "Hi {{ params.who }}", name="templates_too", to="{{ '" + ANN + "' }}")
        assert texts(sinch_default) == {"222": "Hi Ann"}

    def test_arguments_are_not_rendered_again(self, play, sinch_default):
        run = play(lambda: "Hi", name="rendered_once", to=[ANN], from_="{{ '{{ 5 }}' }}")
        assert state_of(run, "send") == ("failed", 1)
        assert sinch_default.batches() == []

    @pytest.mark.parametrize(
        ("returned", "said"),
        [
            (None, "return_value: must be text, or a mapping of arguments (got NoneType)"),
            ([ANN], "return_value: must be text, or a mapping of arguments (got list)"),
            ({"body": "Hi", "hold": 5, ANN: "x"}, "return_value: must not have other keys than to, body"),
            ({"to": [ANN]}, "body: must be returned by the function"),
            ("Hi", "to: must be returned by the function"),
            ({"to": "{{ none }}", "body": "Hi"}, "to: must not come from a template that found no value"),
        ],
    )
    def test_something_else_fails_without_a_retry(self, play, sinch_default, shown, returned, said):
        run = play(lambda: returned, name="something_else", **RETRIES)
        assert state_of(run, "send") == ("failed", 1)
        found = shown()
        assert said in found
        assert "900222" not in found
        assert sinch_default.batches() == []

    def test_a_template_in_an_argument_that_finds_nothing(self, play, sinch_default, shown):
        run = play(lambda: "Hi", name="found_nothing", to="{{ none }}")
        assert state_of(run, "send") == ("failed", 1)
        assert "to: must not come from a template that found no value" in shown()


def test_arguments_of_the_function_and_mapped_tasks(run_dag, sms, sinch_default):
    with DAG("mapped_texts") as dag:

        @task(show_return_value_in_logs=False)
        def names() -> dict[str, str]:
            return {"a": "Ann"}

        @sms(to=[ANN])
        def greet(known, nobody=None, *, ti):
            return f"{known['a']} {nobody} {ti.task_id}"

        @sms()
        def mapped(to, body):
            return {"to": to, "body": body}

        greet(names())
        mapped.expand_kwargs([{"to": [BEN], "body": "One"}, {"to": ["+447700900444"], "body": "{{ 2 }}"}])
    run = run_dag(dag)
    assert run.state == "success"
    assert texts(sinch_default) == {"222": "Ann None greet", "333": "One", "444": "2"}


@stored_after_execution
def test_fields_are_hidden_as_airflow_stores_them(play, sinch_default, shown):
    from airflow.models.renderedtifields import RenderedTaskInstanceFields

    def secret():
        return {"to": [ANN], "body": "Your code is 1234", "send_key": "code-1"}

    run = play(secret, name="hidden")
    stored = RenderedTaskInstanceFields.get_templated_fields(instance_of(run, "send")) or {}
    assert stored["body"] == "<hidden: 17 characters>"
    assert stored["to"] == "<hidden: 1 entries>"
    assert stored["op_kwargs"].startswith("<hidden")
    assert "900222" not in (said := shown())
    assert "1234" not in said.replace("+4477***", "")


@stored_after_execution
def test_show_body(play, sinch_default):
    from airflow.models.renderedtifields import RenderedTaskInstanceFields

    run = play(lambda: "Shut today", name="shown", to=[ANN], show_body=True)
    stored = RenderedTaskInstanceFields.get_templated_fields(instance_of(run, "send")) or {}
    assert stored["body"] == "Shut today"


@needs_task_state
def test_a_lost_answer_is_found_by_the_next_attempt(play, sinch_default, no_pauses):
    """The function says something else each time. The first text stays."""
    said = iter(["One", "Two", "Three"])
    sinch_default.fault("lost_reply", "send")
    sinch_default.fault("server_error", "list", count=5)
    run = play(lambda: next(said), name="lost", to=[ANN], **RETRIES)
    assert run.state == "success"
    assert texts(sinch_default) == {"222": "One"}
    assert state_of(run, "send") == ("success", 2)


def test_a_function_that_skips_or_fails_sends_nothing(play, sinch_default):
    from airflow.providers.common.compat.sdk import AirflowSkipException

    def skip():
        raise AirflowSkipException

    assert state_of(play(skip, name="skips", to=[ANN]), "send")[0] == "skipped"
    assert sinch_default.batches() == []


def test_the_dag_reads_the_same_at_every_parse():
    def dag() -> Any:
        with DAG("stable", schedule=None) as dag:
            sinch_sms_task(lambda: "Hi", task_id="send")()
        return serialized(dag)

    assert str(dag()) == str(dag())
    assert "DYNAMIC (set during execution)" in str(dag())
