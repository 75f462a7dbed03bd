"""The Dag of the tutorial."""

import pendulum
from airflow.sdk import Param, dag

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sensors.batches import SinchBatchSensor


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={"to": Param(type="string", title="Your number")},
)
def first_text():
    send = SinchSendBatchOperator(task_id="send", to="{{ params.to }}", body="Hello from Airflow.")
    SinchBatchSensor(task_id="delivered", batch_id=send.output, deferrable=True, poke_interval=5)


first_text()
