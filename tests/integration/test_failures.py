"""How a task fails in Airflow: one short text, one traceback, a retry only if it can help."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, AirflowNotFoundException

from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.runtime import current, using
from sinch_provider.task.failures import SinchTaskFailed, airflow_failures
from sinch_provider.triggers.batches import SinchBatchTrigger, summary_of_event
from tests.integration.conftest import RETRIES, instance_of

MARIA = "+447700900222"
BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


def failure_of(error, block=airflow_failures):
    with pytest.raises(Exception) as caught, block():  # noqa: PT011
        raise error
    return caught.value


class TestOneTraceback:
    def test_in_the_log_of_a_task(self, run_dag, shown):
        with DAG("told_once") as dag:
            SinchSendBatchOperator(task_id="send", to="{{ '0770' }}", body="{{ '' }}")
        assert str(instance_of(run_dag(dag), "send").state) == "failed"
        text = shown()
        assert "SinchTaskFailed" in text
        assert "The above exception was the direct cause" not in text
        assert "During handling of the above exception" not in text


@pytest.fixture
def operators():
    return [
        SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi"),
        SinchDryRunBatchOperator(task_id="dry_run", to=[MARIA], body="Hi"),
        SinchUpdateBatchOperator(task_id="update", batch_id=BATCH_ID, body="Hi"),
        SinchReplaceBatchOperator(task_id="replace", batch_id=BATCH_ID, to=[MARIA], body="Hi"),
        SinchCancelBatchOperator(task_id="cancel", batch_id=BATCH_ID),
        SinchDeliveryFeedbackOperator(task_id="feedback", batch_id=BATCH_ID, recipients=[]),
    ]


class Store:
    """Airflow's task state, which answers, or cannot be reached."""

    def __init__(self, trouble=None):
        self.trouble = trouble

    def get(self, key, default=None):
        if self.trouble:
            raise self.trouble
        return default


class Instance:
    """A task instance whose XComs can be read, or not."""

    task_id = "send"

    def __init__(self, trouble=None):
        self.trouble = trouble

    def xcom_pull(self, task_ids, key):
        if self.trouble:
            raise self.trouble


class TestMissingConnection:
    def test_fails_every_operator_and_says_how_to_make_one(self, operators):
        for operator in operators:
            operator.sinch_conn_id = "nowhere"
            with pytest.raises(SinchTaskFailed, match=r"nowhere.*airflow connections add.*Nothing was sent"):
                operator.execute({})

    @pytest.mark.parametrize("deferrable", [False, True])
    def test_fails_the_sensor(self, deferrable):
        sensor = SinchBatchSensor(
            task_id="wait", batch_id=BATCH_ID, sinch_conn_id="nowhere", deferrable=deferrable
        )
        with pytest.raises(SinchTaskFailed, match=r"nowhere.*airflow connections add") as caught:
            sensor.execute({})
        assert "Nothing was sent" not in str(caught.value)

    def test_fails_the_wait_in_the_triggerer(self):
        trigger = SinchBatchTrigger(batch_ids=[BATCH_ID], sinch_conn_id="nowhere", poll_interval=0.001)

        async def first():
            return await anext(trigger.run())

        event = asyncio.run(first()).payload
        assert event["transient"] is False
        with pytest.raises(SinchTaskFailed, match=r"nowhere.*airflow connections add.*triggerer"):
            summary_of_event(json.loads(json.dumps(event)))

    def test_that_is_only_missing_for_a_moment_does_not_end_the_wait(self, sinch_default, monkeypatch):
        from sinch_provider.hooks.sinch import SinchHook

        batch_id = SinchHook().batches.send(to=[MARIA], body="Hi").id
        sinch_default.advance(60)
        pauses = []

        async def sleep(seconds):
            # Airflow says the same of a connection while it cannot reach its own database.
            pauses.append(seconds)
            if len(pauses) == 3:
                monkeypatch.setenv("AIRFLOW_CONN_LATE", json.dumps(sinch_default.connection))

        async def first():
            return await anext(SinchBatchTrigger(batch_ids=[batch_id], sinch_conn_id="late").run())

        with using(replace(current(), async_sleep=sleep)):
            assert asyncio.run(first()).payload["status"] == "finished"
        assert len(pauses) == 3

    def test_fails_a_task_at_once(self, run_dag):
        with DAG("no_connection", default_args=RETRIES) as dag:
            SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi", sinch_conn_id="nowhere")
        instance = instance_of(run_dag(dag), "send")
        assert (str(instance.state), instance.try_number) == ("failed", 1)

    def test_is_distinguished_from_airflow_out_of_reach_in_every_operator(self, operators):
        down = {"task_state_store": Store(RuntimeError("API is down"))}
        for operator in operators:
            operator.sinch_conn_id = "nowhere"
            with pytest.raises(AirflowNotFoundException):
                operator.execute({"ti": Instance(), "dag_run": None, **down})
        for deferrable in (False, True):
            sensor = SinchBatchSensor(
                task_id="wait", batch_id=BATCH_ID, sinch_conn_id="nowhere", deferrable=deferrable
            )
            with pytest.raises(AirflowNotFoundException):
                sensor.execute(down)

    def test_before_airflow_has_a_task_state_an_xcom_tells(self):
        error = AirflowNotFoundException("The conn_id `sinch_default` isn't defined")
        assert failure_of(error, lambda: airflow_failures({"ti": Instance(RuntimeError())})) is error
        failure = failure_of(error, lambda: airflow_failures({"ti": Instance()}))
        assert isinstance(failure, AirflowFailException)


class TestFaults:
    def test_of_a_sensor_are_named_all_at_once(self):
        with pytest.raises(SinchValidationError) as caught:
            SinchBatchSensor(
                task_id="wait", batch_id=["a b", ""], max_failed=-1, min_delivered="all", poke_interval=0
            )
        assert [fault.field for fault in caught.value.faults] == [
            "batch_id[0]",
            "batch_id[1]",
            "max_failed",
            "min_delivered",
            "poke_interval",
        ]
        assert "SinchBatchSensor: 5 faults" in str(caught.value)
        SinchBatchSensor(task_id="fine", batch_id=BATCH_ID, poke_interval=timedelta(seconds=5))
