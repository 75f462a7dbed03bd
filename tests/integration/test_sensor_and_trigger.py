"""The sensor in its modes, and the trigger, against the sandbox."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.operators.batches import SinchCancelBatchOperator, SinchSendBatchOperator
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.task.failures import SinchTaskFailed, SinchWaitInterrupted, SinchWaitTimeout
from sinch_provider.triggers.batches import SinchBatchTrigger, summary_of_event
from tests.integration.conftest import RETRIES, instance_of, result_of
from tests.versions import AirflowRescheduleException, first_poke_known

MARIA, ANNA = "+447700900222", "+447700900333"
UNKNOWN_SUBSCRIBER = "+447700900150"
NEVER_A_RECEIPT = "+447700900401"
BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"

MODES = [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}]


@pytest.fixture
def send(sinch_default):
    def send(*to, **fields):
        return SinchHook().batches.send(to=to, body="Hi", **fields).id

    return send


@pytest.mark.usefixtures("moving_clock")
@pytest.mark.parametrize("mode", MODES)
def test_waits_until_delivered(run_dag, mode):
    with DAG(f"wait_{'_'.join(map(str, mode.values()))}") as dag:
        send = SinchSendBatchOperator(task_id="send", to=[MARIA, ANNA], body="Hi")
        SinchBatchSensor(task_id="wait", batch_id=send.output, poke_interval=0.05, min_delivered=1.0, **mode)
    run = run_dag(dag)
    assert run.state == "success"
    assert result_of(run, "wait") == {"Delivered": 2}


@pytest.mark.usefixtures("moving_clock")
@pytest.mark.parametrize("mode", MODES)
def test_a_poor_outcome_fails_at_once(run_dag, send, mode):
    batch_id = send(MARIA, UNKNOWN_SUBSCRIBER)
    with DAG(f"poor_{'_'.join(map(str, mode.values()))}", default_args=RETRIES) as dag:
        SinchBatchSensor(task_id="wait", batch_id=batch_id, poke_interval=0.05, max_failed=0.5, **mode)
    instance = instance_of(run_dag(dag), "wait")
    assert (str(instance.state), instance.try_number) == ("failed", 1)


@pytest.mark.usefixtures("moving_clock")
@pytest.mark.parametrize("mode", MODES)
def test_soft_fail_skips(run_dag, send, mode):
    batch_id = send(UNKNOWN_SUBSCRIBER)
    with DAG(f"soft_{'_'.join(map(str, mode.values()))}") as dag:
        SinchBatchSensor(task_id="wait", batch_id=batch_id, poke_interval=0.05, soft_fail=True, **mode)
    assert str(instance_of(run_dag(dag), "wait").state) == "skipped"


@pytest.mark.usefixtures("moving_clock")
def test_several_batches_some_over_already(run_dag, sinch_default, send):
    first = send(MARIA)
    sinch_default.advance(60)
    second = send(ANNA, UNKNOWN_SUBSCRIBER)
    with DAG("several") as dag:
        SinchBatchSensor(task_id="wait", batch_id=[first, second], poke_interval=0.05, deferrable=True)
    run = run_dag(dag)
    assert result_of(run, "wait") == {"Delivered": 2, "Failed": 1}


def test_a_batch_cancelled_before_its_time_counts_as_cancelled(run_dag, sinch_default):
    with DAG("cancelled") as dag:
        send = SinchSendBatchOperator(
            task_id="send", to=[MARIA], body="Hi", send_at=pendulum.now("UTC").add(hours=1)
        )
        cancel = SinchCancelBatchOperator(task_id="cancel", batch_id=send.output)
        SinchBatchSensor(task_id="wait", batch_id=cancel.output, soft_fail=True)
    assert str(instance_of(run_dag(dag), "wait").state) == "skipped"


def test_nothing_is_asked_before_the_batch_leaves(sinch_default, send):
    sensor = SinchBatchSensor(task_id="wait", batch_id=send(MARIA, send_at=pendulum.now("UTC").add(hours=1)))
    assert not sensor.poke({})
    assert not sensor.poke({})
    assert sinch_default.calls() == {"send": 1, "get": 1}


@first_poke_known
@pytest.mark.parametrize(("timeout", "minutes"), [(86400, 60), (600, 10)])
def test_a_rescheduled_sensor_comes_back_when_the_batch_leaves_or_its_time_is_up(send, timeout, minutes):
    class Instance:
        @staticmethod
        def get_first_reschedule_date(context):
            return pendulum.now("UTC")

    batch_id = send(MARIA, send_at=pendulum.now("UTC").add(hours=1))
    sensor = SinchBatchSensor(task_id="wait", batch_id=batch_id, mode="reschedule", timeout=timeout)
    with pytest.raises(AirflowRescheduleException) as caught:
        sensor.execute({"ti": Instance()})
    pause = caught.value.reschedule_date - pendulum.now("UTC")
    assert abs(pause - timedelta(minutes=minutes)) < timedelta(seconds=30)


def test_a_batch_without_receipts_times_out_after_its_expiry(send, monkeypatch):
    sensor = SinchBatchSensor(task_id="wait", batch_id=send(NEVER_A_RECEIPT))
    in_four_days = pendulum.now("UTC").add(days=4)
    assert not sensor.poke({})
    monkeypatch.setattr("pendulum.now", lambda tz=None: in_four_days)
    with pytest.raises(SinchWaitTimeout, match="no final status"):
        sensor.poke({})


@pytest.mark.parametrize("batch_id", ["", "None", [], ["a b"], None, [BATCH_ID, ""]])
def test_a_batch_id_that_cannot_be_fails_when_parsed(batch_id):
    with pytest.raises(SinchValidationError):
        SinchBatchSensor(task_id="wait", batch_id=batch_id)


def test_unknown_batch_and_wrong_share(no_pauses, sinch_default):
    with pytest.raises(SinchTaskFailed, match="not found"):
        SinchBatchSensor(task_id="wait", batch_id=BATCH_ID).poke({})
    with pytest.raises(SinchValidationError):
        SinchBatchSensor(task_id="wait", batch_id=BATCH_ID, min_delivered=95)


class TestTrigger:
    @staticmethod
    def event_of(trigger):
        async def first():
            return await anext(trigger.run())

        return asyncio.run(first()).payload

    def test_comes_back_from_what_it_serializes(self):
        trigger = SinchBatchTrigger(batch_ids=[BATCH_ID], poll_interval=3, cancel_on_kill=True)
        path, arguments = trigger.serialize()
        assert path == f"{SinchBatchTrigger.__module__}.{SinchBatchTrigger.__qualname__}"
        assert SinchBatchTrigger(**json.loads(json.dumps(arguments))).serialize() == trigger.serialize()

    @pytest.mark.usefixtures("moving_clock")
    @pytest.mark.parametrize("project", [False, True])
    def test_its_event_holds_ids_and_counts_only(self, sinch_default, send, monkeypatch, project):
        if project:
            monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(sinch_default.project_connection))
        batch_id = send(MARIA, ANNA)
        event = self.event_of(SinchBatchTrigger(batch_ids=[batch_id], poll_interval=0.05))
        assert event == {
            "status": "finished",
            "summary": {
                "batch_ids": [batch_id],
                "counts": [["Delivered", 0, 2]],
                "pending": [],
                "overdue": [],
            },
        }

    def test_errors_reach_the_task(self, sinch_default, no_pauses):
        event = self.event_of(SinchBatchTrigger(batch_ids=[BATCH_ID]))
        assert event["status"] == "error"
        with pytest.raises(SinchTaskFailed, match="not found"):
            summary_of_event(event)

    def test_a_missing_connection_reaches_the_task(self):
        trigger = SinchBatchTrigger(batch_ids=[BATCH_ID], sinch_conn_id="nowhere", poll_interval=0.001)
        event = self.event_of(trigger)
        assert event["status"] == "error"

    def test_passing_trouble_may_be_retried(self, sinch_default, send, no_pauses):
        sinch_default.fault("server_error", "get", count=None)
        event = self.event_of(SinchBatchTrigger(batch_ids=[send(MARIA)], poll_interval=0.001))
        with pytest.raises(SinchWaitInterrupted, match="Sinch failed"):
            summary_of_event(event)

    @pytest.mark.parametrize("status", ["finished", "overdue"])
    @pytest.mark.parametrize("summary", [..., None, [], "text", 7, {}, {"batch_ids": [BATCH_ID]}])
    def test_an_event_without_a_summary_is_no_success(self, status, summary):
        event = {"status": status} | ({} if summary is ... else {"summary": summary})
        with pytest.raises(SinchTaskFailed, match="not from this provider"):
            summary_of_event(event)

    @pytest.mark.parametrize(
        "change",
        [
            {"counts": [["Delivered", 0, -1]]},
            {"counts": [["Delivered", "0", 1]]},
            {"counts": {"Delivered": 1}},
            {"batch_ids": []},
            {"batch_ids": [7]},
            {"pending": [BATCH_ID]},
            {"overdue": [BATCH_ID]},
        ],
    )
    def test_an_event_that_contradicts_itself_is_no_success(self, change):
        summary = {"batch_ids": [BATCH_ID], "counts": [["Delivered", 0, 1]], "pending": [], "overdue": []}
        assert summary_of_event({"status": "finished", "summary": summary}).by_status == {"Delivered": 1}
        with pytest.raises(SinchTaskFailed):
            summary_of_event({"status": "finished", "summary": summary | change})
        late = summary | {"overdue": [BATCH_ID]}
        assert summary_of_event({"status": "overdue", "summary": late}).overdue == (BATCH_ID,)
        with pytest.raises(SinchTaskFailed):
            summary_of_event({"status": "overdue", "summary": summary})
        with pytest.raises(SinchTaskFailed):
            summary_of_event({"status": "overdue", "summary": summary | {"overdue": ["another"]}})

    @pytest.mark.parametrize(
        "event",
        [
            None,
            [],
            "finished",
            {},
            {"status": None},
            {"status": ["finished"]},
            {"status": "error"},
            {"status": "error", "message": {"to": MARIA}},
            {"status": "late", "message": "text", "transient": True},
            {"transient": True},
        ],
    )
    def test_an_event_that_is_not_ours_is_no_success(self, event):
        with pytest.raises(SinchTaskFailed) as caught:
            summary_of_event(event)
        assert MARIA not in str(caught.value)

    def test_only_an_error_that_says_so_may_be_retried(self):
        with pytest.raises(SinchTaskFailed):
            summary_of_event({"status": "error", "message": "text", "transient": "false"})

    def test_on_kill_cancels_if_asked_to(self, sinch_default, send, shown):
        batch_id = send(MARIA)
        asyncio.run(SinchBatchTrigger(batch_ids=[batch_id]).on_kill())
        assert sinch_default.batches()[0]["canceled"] is False
        assert f"{batch_id} was sent. Delivery continues" in shown()
        asyncio.run(SinchBatchTrigger(batch_ids=[batch_id, BATCH_ID], cancel_on_kill=True).on_kill())
        assert sinch_default.batches()[0]["canceled"] is True
        assert f"{BATCH_ID} was not cancelled" in shown()

    def test_on_kill_says_when_it_is_too_late(self, sinch_default, send, shown):
        batch_id = send(MARIA)
        sinch_default.advance(60)
        asyncio.run(SinchBatchTrigger(batch_ids=[batch_id], cancel_on_kill=True).on_kill())
        text = shown()
        assert f"Cancelled batch {batch_id}" not in text
        assert f"{batch_id} was not cancelled" in text

    def test_on_kill_without_a_connection_says_that_nothing_was_cancelled(self, shown):
        trigger = SinchBatchTrigger(batch_ids=[BATCH_ID], sinch_conn_id="nowhere", cancel_on_kill=True)
        asyncio.run(trigger.on_kill())
        assert f"{BATCH_ID} was not cancelled" in shown()

    @pytest.mark.usefixtures("moving_clock")
    def test_it_logs_what_changes(self, sinch_default, send, shown):
        self.event_of(SinchBatchTrigger(batch_ids=[send(MARIA)], poll_interval=0.05))
        assert "Delivered 1" in shown()
