"""Literals among what is rendered: thousands of numbers and texts without a template in them."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from sinch_provider.operators.batches import SinchSendBatchOperator
from tests.integration.conftest import state_of, texts

MARIA, ANNA, LARS = "+447700900222", "+447700900333", "+447700900555"


def numbers(count: int) -> list[str]:
    """Numbers of nobody."""
    return [f"+447700900{index:03}" for index in range(700, 700 + count)]


def test_literals_are_handed_on_as_they_are(monkeypatch):
    import jinja2

    to = [f"+4477009{index:05}" for index in range(1000)]
    parameters = {"name": dict.fromkeys(to, "Maria")}
    operator = SinchSendBatchOperator(task_id="send", to=to, body="Hi ${name}", parameters=parameters)
    monkeypatch.delattr(jinja2.Environment, "from_string")
    operator.render_template_fields({})
    assert (operator.to, operator.parameters) == (to, parameters)
    # They are copies: who changes a field does not change what is written in the Dag.
    rendered: Any = operator
    rendered.to.append(MARIA)
    rendered.parameters["name"][MARIA] = "Maria"
    assert len(to) == len(parameters["name"]) == 1000


class Translated(SinchSendBatchOperator):
    """Translates texts of its own kind, as a user's operator may."""

    def render_template(self, content, context, jinja_env=None, seen_oids=None):
        return said(super().render_template(content, context, jinja_env, seen_oids))


def said(value):
    return (
        {"word:maria": MARIA, "word:hello": "Guten Tag"}.get(value, value)
        if isinstance(value, str)
        else value
    )


@pytest.mark.parametrize("way", ["subclass", "instance"])
def test_whoever_renders_in_another_way_sees_each_literal(way):
    kind = Translated if way == "subclass" else SinchSendBatchOperator
    to, parameters = [ANNA, "{{ 'word:maria' }}"], {"a": {ANNA: "word:hello", "default": "x"}}
    operator = kind(task_id="send", to=to, body="${a}", parameters=parameters)
    if way == "instance":
        render = operator.render_template
        replaced: Any = operator
        replaced.render_template = lambda content, *more: said(render(content, *more))
    operator.render_template_fields({})
    assert (operator.to, operator.parameters) == (
        [ANNA, MARIA],
        {"a": {ANNA: "Guten Tag", "default": "x"}},
    )


@pytest.mark.parametrize("native", [False, True])
def test_one_template_among_many_literals_is_rendered(run_dag, sinch_default, native):
    @task(show_return_value_in_logs=False)
    def lars():
        return LARS

    class Text(str):
        __slots__ = ()

    with DAG("among", render_template_as_native_obj=native, params={"name": "Maria"}) as dag:
        SinchSendBatchOperator(
            task_id="send",
            to=[*numbers(20), MARIA, Text("{{ '+447700900333' }}"), [lars()], ("+447700900666",)],
            body="Hi ${name}\n",
            parameters={
                "name": {
                    **dict.fromkeys(numbers(20), "0042"),
                    MARIA: "{{ params.name }}",
                    ANNA: Text("{# quietly #}Anna"),
                    LARS: lars(),
                    "default": 7,
                }
            },
        )
    assert run_dag(dag).state == "success"
    said = texts(sinch_default)
    assert len(said) == 24
    assert {said[each[-3:]] for each in numbers(20)} == {"Hi 0042\n"}
    assert [said[each] for each in ("222", "333", "555", "666")] == [
        "Hi Maria\n",
        "Hi Anna\n",
        f"Hi {LARS}\n",
        "Hi 7\n",
    ]


@pytest.mark.parametrize(
    ("marks", "template"),
    [
        ({"variable_start_string": "[[", "variable_end_string": "]]"}, "[[ params.name ]]"),
        ({"block_start_string": "<<", "block_end_string": ">>"}, "<< if true >>Maria<< endif >>"),
        ({"line_statement_prefix": "%%"}, "%% if true\nMaria\n%% endif"),
    ],
)
def test_other_marks_are_honoured_in_lists_too(run_dag, sinch_default, marks, template):
    with DAG("listed_marks", jinja_environment_kwargs=marks, params={"name": "Maria"}) as dag:
        SinchSendBatchOperator(
            task_id="send",
            to=[MARIA, ANNA],
            body="Hi ${a}",
            parameters={"a": {MARIA: template, ANNA: "Anna"}},
        )
    assert run_dag(dag).state == "success"
    assert {name: text.strip() for name, text in texts(sinch_default).items()} == {
        "222": "Hi Maria",
        "333": "Hi Anna",
    }


def test_data_of_a_mapped_task_is_no_template(run_dag, sinch_default, shown):
    @task(show_return_value_in_logs=False)
    def audiences():
        return ["{{ '+447700900222' }}", ["{{ '+447700900222' }}"]]

    with DAG("mapped_lists") as dag:
        SinchSendBatchOperator.partial(task_id="send", body="Hi").expand(to=audiences())
    run = run_dag(dag)
    assert [state_of(run, "send", index) for index in range(2)] == [("failed", 1), ("failed", 1)]
    assert "to[0]: must be an international phone number" in shown()
    assert sinch_default.calls() == {}
