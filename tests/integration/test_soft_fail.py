"""What skips a sensor and what fails it: the same in every mode."""

from __future__ import annotations

import json
from datetime import timedelta

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowSensorTimeout, AirflowSkipException

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_provider.task.failures import SinchTaskFailed, SinchWaitInterrupted
from tests.integration.conftest import RETRIES, instance_of
from tests.versions import TaskDeferralError, first_poke_known, needs

MARIA = "+447700900222"
UNKNOWN_SUBSCRIBER = "+447700900150"
NEVER_A_RECEIPT = "+447700900401"
BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"

MODES = [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}]
every_mode = pytest.mark.parametrize("mode", MODES, ids=["poke", "reschedule", "deferrable"])


@pytest.fixture
def send(sinch_default):
    def send(*to, **fields):
        return SinchHook().batches.send(to=to, body="Hi", **fields).id

    return send


@pytest.fixture
def ends(run_dag):
    """Run a sensor, and return its state and its number of attempts."""

    def ends(**arguments):
        name = "_".join(
            f"{key}_{value}" for key, value in sorted(arguments.items()) if key in {"mode", "deferrable"}
        )
        with DAG(f"soft_{name}", default_args=RETRIES) as dag:
            SinchBatchSensor(task_id="wait", poke_interval=0.05, **arguments)
        instance = instance_of(run_dag(dag), "wait")
        return str(instance.state), instance.try_number

    return ends


@every_mode
class TestWhatCouldNeverWork:
    def test_a_wrong_token_fails(self, ends, send, sinch_default, monkeypatch, mode):
        batch_id = send(MARIA)
        connection = {**sinch_default.connection, "password": "wrong-token"}
        monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
        assert ends(batch_id=batch_id, soft_fail=True, **mode) == ("failed", 1)

    def test_a_missing_connection_fails(self, ends, sinch_default, mode, shown):
        assert ends(batch_id=BATCH_ID, sinch_conn_id="nowhere", soft_fail=True, **mode) == ("failed", 1)
        text = shown()
        assert "nowhere" in text
        assert "airflow connections add" in text

    def test_a_connection_that_cannot_be_right_fails(self, ends, sinch_default, monkeypatch, mode):
        connection = {**sinch_default.connection, "extra": {"region": "mars"}}
        monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
        assert ends(batch_id=BATCH_ID, soft_fail=True, **mode) == ("failed", 1)

    @pytest.mark.parametrize("batch_id", ["{{ '' }}", "{{ none }}", "{{ 'a b' }}"])
    def test_no_batch_id_fails(self, ends, sinch_default, mode, batch_id):
        assert ends(batch_id=batch_id, soft_fail=True, **mode) == ("failed", 1)

    @pytest.mark.usefixtures("no_pauses")
    def test_an_unknown_batch_fails(self, ends, sinch_default, mode):
        assert ends(batch_id=BATCH_ID, soft_fail=True, **mode) == ("failed", 1)

    def test_never_fail_skips_all_the_same(self, ends, sinch_default, mode):
        assert ends(batch_id="{{ '' }}", never_fail=True, **mode) == ("skipped", 1)

    @pytest.mark.usefixtures("moving_clock")
    @pytest.mark.parametrize("how", ["soft_fail", "never_fail"])
    def test_a_wait_goes_on_all_the_same(self, ends, send, mode, how):
        assert ends(batch_id=send(MARIA), **{how: True}, **mode) == ("success", 1)


@every_mode
class TestOutcomes:
    @pytest.mark.usefixtures("moving_clock")
    def test_a_poor_delivery_skips(self, ends, send, mode):
        assert ends(batch_id=send(UNKNOWN_SUBSCRIBER), soft_fail=True, **mode) == ("skipped", 1)

    def test_a_batch_without_receipts_skips(self, ends, send, monkeypatch, mode):
        batch_id = send(NEVER_A_RECEIPT, expire_at=pendulum.now("UTC").add(minutes=5))
        # As if that were over, and the time for late reports too.
        monkeypatch.setattr("sinch_provider.sms.delivery.progress.GRACE", timedelta(hours=-1))
        assert ends(batch_id=batch_id, soft_fail=True, **mode) == ("skipped", 1)

    def test_without_soft_fail_they_fail(self, ends, send, sinch_default, mode):
        batch_id = send(MARIA, send_at=pendulum.now("UTC").add(hours=1))
        SinchHook().batches.cancel(batch_id)
        assert ends(batch_id=batch_id, **mode) == ("failed", 1)


skips_or_fails = pytest.mark.parametrize(
    ("soft_fail", "error"), [(True, AirflowSkipException), (False, AirflowSensorTimeout)]
)


class TestAirflowsTimeout:
    class Instance:
        try_number = 1

        @staticmethod
        def get_first_reschedule_date(context):
            return pendulum.now("UTC").subtract(hours=2)

    @pytest.mark.parametrize(
        ("soft_fail", "error"), [(True, AirflowSkipException), (False, AirflowSensorTimeout)]
    )
    @first_poke_known
    def test_skips_a_rescheduled_sensor(self, send, soft_fail, error):
        sensor = SinchBatchSensor(
            task_id="wait", batch_id=send(MARIA), mode="reschedule", timeout=3600, soft_fail=soft_fail
        )
        with pytest.raises(error):
            sensor.execute({"ti": self.Instance()})

    @pytest.mark.parametrize(
        ("soft_fail", "error"), [(True, AirflowSkipException), (False, AirflowSensorTimeout)]
    )
    @pytest.mark.parametrize("said", ["Trigger timeout", "Trigger/execution timeout"])
    def test_skips_a_deferred_sensor(self, soft_fail, error, said):
        sensor = SinchBatchSensor(task_id="wait", batch_id=BATCH_ID, deferrable=True, soft_fail=soft_fail)
        with pytest.raises(error):
            sensor.resume_execution("__fail__", {"error": said}, {})


class TestPassingTrouble:
    """Is retried, as without soft_fail."""

    def test_of_the_trigger(self):
        sensor = SinchBatchSensor(task_id="wait", batch_id=BATCH_ID, deferrable=True, soft_fail=True)
        event = {"status": "error", "message": "get: no connection", "transient": True}
        with pytest.raises(SinchWaitInterrupted, match="no connection"):
            sensor.resume_execution("execute_complete", {"event": event}, {})

    def test_a_trigger_that_died(self):
        sensor = SinchBatchSensor(task_id="wait", batch_id=BATCH_ID, deferrable=True, soft_fail=True)
        with pytest.raises(TaskDeferralError):
            sensor.resume_execution("__fail__", {"error": "Trigger failure"}, {})

    @needs(3, 0, what="never_fail for a trigger that died")
    def test_never_fail_skips(self):
        sensor = SinchBatchSensor(task_id="wait", batch_id=BATCH_ID, deferrable=True, never_fail=True)
        with pytest.raises(AirflowSkipException):
            sensor.resume_execution("__fail__", {"error": "Trigger failure"}, {})


def test_a_batch_id_that_is_missing_says_so(sinch_default):
    sensor = SinchBatchSensor(
        task_id="wait", batch_id="{{ '' }}", deferrable=True, timeout=timedelta(hours=1)
    )
    sensor.batch_id = ""
    with pytest.raises(SinchTaskFailed, match="must be the id of a batch"):
        sensor.execute({})
