"""Nothing private in what Airflow logs and stores: one full run, then a search through everything it left."""

from __future__ import annotations

import sqlite3

import pytest
from airflow.providers.common.compat.sdk import DAG

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchSendBatchOperator,
)
from sinch_provider.sensors.batches import SinchBatchSensor
from tests.integration.conftest import HOME, RETRIES

# In pieces, for Airflow keeps the source of a Dag; they are put together only when it runs.
NUMBER = "44770090" + "0987"
TEXT = "The fox meets" + " the owl"
TOKEN = "sandbox" + "-token"


@pytest.mark.usefixtures("moving_clock")
def test_no_number_text_or_token_in_logs_and_database(run_dag, sinch_default, airflow_database, shown):
    to = "{{ ['+44770090', '0987'] | join }}"
    body = "{{ ['The fox meets', ' the owl'] | join }}"
    sinch_default.fault("server_error", "cancel", count=None)
    with DAG("privacy", default_args=RETRIES) as dag:
        SinchDryRunBatchOperator(task_id="dry", to=to, body=body, per_recipient=True)
        send = SinchSendBatchOperator(
            task_id="send",
            to=to,
            body=body,
            feedback_enabled=True,
            from_=to,
            parameters={"a": {"default": body}},
        )
        SinchBatchSensor(task_id="wait", batch_id=send.output, deferrable=True, poke_interval=0.05)
        SinchDeliveryFeedbackOperator(task_id="feedback", batch_id=send.output, recipients=[to])
        SinchCancelBatchOperator(task_id="late", batch_id="{{ ti.xcom_pull('send')[:-1] }}!")
        SinchSendBatchOperator(task_id="refused", to=[to, "{{ '07700-900 987' }}"], body=body * 100)
        SinchSendBatchOperator(task_id="lost", to=to, body=body, client_reference="lost")
    sinch_default.fault("lost_reply", "send", match={"client_reference": "lost"})
    run_dag(dag)
    assert sinch_default.messages(to=NUMBER), "the run has to have something to hide"

    stored = "\n".join(sqlite3.connect(airflow_database).iterdump())
    files = "\n".join(path.read_text(errors="replace") for path in HOME.rglob("*.log"))
    left = {"logs and output": shown(), "database": stored, "log files": files}
    for place, content in left.items():
        for private in (NUMBER, TEXT, TOKEN):
            assert private not in content, f"{private!r} in {place}"


def test_no_number_in_what_the_http_library_logs(sinch_default, caplog):
    caplog.set_level("DEBUG")
    hook = SinchHook()
    batch = hook.batches.send(to=[NUMBER], body="Hi", from_=NUMBER)
    hook.delivery_reports.get_for_number(batch.id, NUMBER)
    assert len(list(hook.batches.list(from_=["+" + NUMBER, NUMBER]))) == 1
    lines = [record.getMessage() for record in caplog.records if record.name == "urllib3.connectionpool"]
    assert any(f"{batch.id}/delivery_report/+4477***0987" in line for line in lines)
    assert not any(NUMBER in line for line in lines)
