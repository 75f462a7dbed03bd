"""Templates that fail or put things into the wrong field: nothing private is logged or stored."""

from __future__ import annotations

import sqlite3

import pytest
from airflow.providers.common.compat.sdk import DAG

from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.sensors.batches import SinchBatchSensor
from tests.integration.conftest import HOME, stored_of

# In pieces, for Airflow keeps the source of a Dag; they are put together only when it runs.
NUMBER = "44770090" + "0987"
TEXT = "The fox meets" + " the owl"
TO = "{{ ['44770090', '0987'] | join }}"
SAID = "{{ ['The fox meets', ' the owl'] | join }}"
LOOKUP = "{{ {'a': {}}[['44770090', '0987'] | join].first }}"
INCLUDE = "{% include ['44770090', '0987'] | join %}"


def boom():
    raise ValueError(f"{NUMBER} {TEXT}")


def chained():
    try:
        boom()
    except ValueError as error:
        raise KeyError(NUMBER) from error


class Nested:
    """What users put into a field: an object with templates of its own."""

    template_fields = ("inner",)

    def __init__(self, inner):
        self.inner = inner


def assert_nothing_left(database, shown):
    stored = "\n".join(sqlite3.connect(database).iterdump())
    files = "\n".join(path.read_text(errors="replace") for path in HOME.rglob("*.log"))
    for place, content in {"logs": shown, "database": stored, "files": files}.items():
        for private in (NUMBER, TEXT):
            assert private not in content, f"{private!r} in {place}: {content.partition(private)[0][-200:]}"


@pytest.mark.parametrize("native", [False, True])
def test_a_template_that_fails_is_named_without_its_data(run_dag, airflow_database, shown, native):
    failing = [
        LOOKUP,
        "{{ boom() }}",
        "{{ chained() }}",
        INCLUDE,
    ]
    with DAG(
        "guarded",
        render_template_as_native_obj=native,
        user_defined_macros={"boom": boom, "chained": chained},
    ) as dag:
        for index, template in enumerate(failing):
            for name in ("to", "body", "client_reference", "send_at", "sinch_conn_id"):
                given = {"to": TO, "body": "Hi", name: template}
                SinchSendBatchOperator(task_id=f"{name}_{index}", **given)
            for name in ("batch_id", "to_add"):
                given = {"batch_id": "x", "body": "Hi", name: template}
                SinchUpdateBatchOperator(task_id=f"update_{name}_{index}", **given)
            SinchDeliveryFeedbackOperator(task_id=f"feedback_{index}", batch_id="x", recipients=[template])
            for name in SinchBatchSensor.template_fields:
                SinchBatchSensor(
                    task_id=f"wait_{name}_{index}", timeout=1, **{"batch_id": "x", name: template}
                )
        SinchCancelBatchOperator(task_id="nested", batch_id=Nested("{{ boom() }}"))
    run_dag(dag)
    output = shown()
    assert "The template of client_reference cannot be rendered (UndefinedError). Nothing was sent." in output
    assert "The template of send_at cannot be rendered (ValueError). Nothing was sent." in output
    assert "The template of batch_id cannot be rendered (TemplateNotFound). Delivery of the batches" in output
    assert_nothing_left(airflow_database, output)


def test_what_is_written_in_the_template_is_named(run_dag, shown):
    with DAG("named") as dag:
        SinchSendBatchOperator(task_id="undefined", to="{{ guests }}", body="Hi")
        SinchSendBatchOperator(task_id="lacking", to="+447700900222", body="{{ {'a': 1}.first }}")
        SinchSendBatchOperator(task_id="file", to="+447700900222", body="Hi", from_="{% include 'a.txt' %}")
    run_dag(dag)
    output = shown()
    assert "to cannot be rendered (UndefinedError: 'guests' is undefined)" in output
    assert "body cannot be rendered (UndefinedError: 'dict object' has no attribute 'first')" in output
    assert "from_ cannot be rendered (TemplateNotFound: a.txt)" in output


def test_a_value_in_the_wrong_field_is_not_stored(run_dag, airflow_database, shown):
    number, text = TO, SAID
    with DAG("misplaced") as dag:
        SinchSendBatchOperator(task_id="key", to=number, body=text, send_key=f"reminder-{number}-{text}")
        SinchDryRunBatchOperator(task_id="label", to=number, body=text, client_reference=f"reminder-{number}")
        for name in ("delivery_report", "send_at", "expire_at", "on_clear", "sinch_conn_id"):
            for value in (number, text):
                SinchSendBatchOperator(
                    task_id=f"{name}_{value == text}", **{"to": number, "body": "Hi", name: value}
                )
        for kind in (SinchCancelBatchOperator, SinchBatchSensor):
            for value in (number, text):
                kind(task_id=f"{kind.__name__}_{value == text}", batch_id=value)
        SinchBatchSensor(task_id="several", batch_id=[number, text], timeout=1)
        SinchBatchSensor(
            task_id="ids",
            batch_id="01J8ZC4M7T2Q9KX5RVBW3NHYDP,01J8ZC4M7T2Q9KX5RVBW3NHYDQ",
            timeout=1,
            poke_interval=0.5,
        )
    stored = stored_of(run_dag(dag))
    assert_nothing_left(airflow_database, shown())
    keys = {fields["send_key"] for fields in stored if fields.get("send_key")}
    assert keys == {"<hidden: 43 characters>"}
    assert "reminder-+4477***0987" in {fields.get("client_reference") for fields in stored}
    # What is as it should be stays readable.
    assert {"sinch_default"} < {fields["sinch_conn_id"] for fields in stored}
    ids = "01J8ZC4M7T2Q9KX5RVBW3NHYDP,01J8ZC4M7T2Q9KX5RVBW3NHYDQ"
    assert ids in {str(fields.get("batch_id")) for fields in stored}
