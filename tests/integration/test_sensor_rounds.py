"""One poke of the sensor over many batches: what it asks for, how long it may take, what it remembers."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowSensorTimeout

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_provider.sms.runtime import Runtime, using
from tests.integration.conftest import instance_of, result_of
from tests.versions import AirflowRescheduleException, first_poke_known, needs_task_state

MARIA, ANNA = "+447700900222", "+447700900333"
NEVER_A_RECEIPT = "+447700900401"
BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


@pytest.fixture
def send(sinch_default):
    def send(*to, **fields):
        return SinchHook().batches.send(to=to, body="Hi", **fields).id

    return send


class Instance:
    """A task instance whose sensor was first poked a while ago."""

    def __init__(self, ago=timedelta(0), try_number=1):
        self.started = pendulum.now("UTC") - ago
        self.try_number = try_number

    def get_first_reschedule_date(self, context):
        return self.started


class Store:
    """Airflow's task state; takes what JSON can hold."""

    def __init__(self):
        self.kept = {}

    def get(self, key, default=None):
        return json.loads(self.kept[key]) if key in self.kept else default

    def set(self, key, value, *, retention=None):
        self.kept[key] = json.dumps(value)


class Lost(Store):
    def get(self, key, default=None):
        raise RuntimeError("API is down")

    def set(self, key, value, *, retention=None):
        raise RuntimeError("API is down")


@pytest.fixture
def pauses():
    """Pauses that move the clock instead of taking time."""
    made: list[float] = []
    with using(Runtime(now=lambda: pendulum.now("UTC").add(seconds=sum(made)), sleep=made.append)):
        yield made


def poke(batch_id, context, **arguments):
    """One poke of a rescheduled sensor, in a new process, as Airflow runs it."""
    sensor = SinchBatchSensor(task_id="wait", batch_id=batch_id, mode="reschedule", **arguments)
    try:
        return sensor.execute(context)
    except AirflowRescheduleException:
        return None


class TestOutage:
    @first_poke_known
    def test_a_poke_asks_once_however_many_batches_there_are(self, sinch_default, no_pauses):
        sinch_default.fault("server_error", "get", count=None)
        ids = [f"{BATCH_ID[:-3]}{index:03}" for index in range(1000)]
        assert poke(ids, {"ti": Instance()}) is None
        # The client's own attempts at one call.
        assert sinch_default.calls() == {"get": 5}

    @first_poke_known
    def test_a_poke_does_not_outlast_the_sensors_timeout(self, send, sinch_default, pauses):
        batch_id = send(MARIA)
        sinch_default.fault("rate_limited", "get", count=None, retry_after=30)
        assert poke([batch_id], {"ti": Instance(timedelta(minutes=58))}, timeout=3600 - 10) is None
        assert len(pauses) == 3
        assert sum(pauses) < 110

    @first_poke_known
    def test_a_poke_that_comes_late_still_looks(self, send, sinch_default):
        batch_ids = [send(MARIA), send(ANNA)]
        sinch_default.advance(60)
        found = poke(batch_ids, {"ti": Instance(timedelta(hours=2))}, timeout=3600)
        assert found == {"Delivered": 2}

    @first_poke_known
    def test_nothing_is_repeated_when_the_time_is_up(self, send, sinch_default, pauses):
        batch_ids = [send(MARIA), send(ANNA)]
        sinch_default.fault("rate_limited", "get", count=None, retry_after=30)
        with pytest.raises(AirflowSensorTimeout):
            poke(batch_ids, {"ti": Instance(timedelta(seconds=20))}, timeout=10)
        assert pauses == []
        assert sinch_default.calls()["get"] == 1

    def test_mode_poke_is_bounded_too(self, send, sinch_default, pauses):
        sensor = SinchBatchSensor(task_id="wait", batch_id=send(MARIA), timeout=0)
        sinch_default.fault("rate_limited", "get", count=None, retry_after=30)
        with pytest.raises(AirflowSensorTimeout):
            sensor.execute({})
        assert pauses == []


@needs_task_state
class TestMemory:
    def test_finished_batches_are_not_asked_for_again(self, send, sinch_default):
        done = [send(MARIA), send(MARIA, ANNA)]
        sinch_default.advance(60)
        waiting = send(NEVER_A_RECEIPT)
        context: Any = {"ti": Instance(), "task_state_store": Store()}
        ids = [done[0], waiting, done[1]]
        assert poke(ids, context) is None
        before = sinch_default.calls()
        assert poke(ids, context) is None
        assert poke(ids, context) is None
        after = sinch_default.calls()
        assert after["delivery_report"] - before["delivery_report"] == 2
        [kept] = context["task_state_store"].kept.values()
        assert "4477" not in kept

    @pytest.mark.usefixtures("moving_clock")
    def test_airflow_remembers_and_what_it_does_counts_in_the_end(
        self, run_dag, send, sinch_default, monkeypatch
    ):
        done = send(MARIA)
        sinch_default.advance(60)
        kept = []
        poke = SinchBatchSensor.poke

        def noted(sensor, context):
            kept.append(context["task_state_store"].get("sinch_wait"))
            return poke(sensor, context)

        monkeypatch.setattr(SinchBatchSensor, "poke", noted)
        with DAG("remembered") as dag:
            SinchBatchSensor(
                task_id="wait",
                batch_id=[done, send(ANNA), send(MARIA)],
                mode="reschedule",
                poke_interval=0.05,
            )
        run = run_dag(dag)
        assert str(instance_of(run, "wait").state) == "success"
        assert result_of(run, "wait") == {"Delivered": 3}
        assert kept[0] is None
        assert kept[1]["finished"][done] == [["Delivered", 0, 1]]

    @pytest.mark.parametrize(
        "kept",
        [
            "text",
            [],
            {"try_number": 1},
            {"try_number": 1, "finished": []},
            {"try_number": 1, "finished": {"ID": "Delivered"}},
            {"try_number": 1, "finished": {"ID": [["Delivered", 0, -1]]}},
            {"try_number": 1, "finished": {"ID": [["Queued", 400, 1]]}},
            {"try_number": 1, "finished": {"ID": []}},
            # Of another attempt: somebody may have cleared the task so that Sinch is asked again.
            {"try_number": 2, "finished": {"ID": [["Failed", 0, 1]]}},
        ],
    )
    def test_only_what_makes_sense_is_believed(self, send, sinch_default, kept):
        batch_id = send(MARIA)
        sinch_default.advance(60)
        store = Store()
        store.set("sinch_wait", json.loads(json.dumps(kept).replace("ID", batch_id)))
        assert poke(batch_id, {"ti": Instance(), "task_state_store": store}) == {"Delivered": 1}

    @pytest.mark.parametrize("context", [{}, {"task_state_store": Lost()}])
    def test_without_a_store_sinch_is_asked_again(self, send, sinch_default, context):
        ids = [send(MARIA), send(NEVER_A_RECEIPT)]
        sinch_default.advance(60)
        for _ in range(2):
            assert poke(ids, {"ti": Instance(), **context}) is None
        assert sinch_default.calls()["delivery_report"] == 4


def test_a_killed_sensor_says_that_the_batch_goes_on(shown):
    SinchBatchSensor(task_id="wait", batch_id=BATCH_ID).on_kill()
    assert f"{BATCH_ID} was sent. Delivery continues" in shown()


def test_changes_are_logged(send, sinch_default, caplog, capfd):
    caplog.set_level("INFO")
    sensor = SinchBatchSensor(task_id="wait", batch_id=send(MARIA, NEVER_A_RECEIPT))
    sensor.poke({})
    sensor.poke({})
    sinch_default.advance(60)
    sensor.poke({})
    sensor.poke({})
    # Where lines go depends on what Airflow has set up by then: to either, or to both.
    places = [caplog.text, "".join(capfd.readouterr())]
    counts = [text.count("Queued 2") + text.count("Dispatched 2") for text in places]
    assert set(counts) <= {0, 1}
    assert any(counts)
    assert [text.count("Delivered 1") for text in places] == counts
