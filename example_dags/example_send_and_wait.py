"""Text a list of people by name, and wait until the texts have arrived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import dag, task

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sensors.batches import SinchBatchSensor


@dag(
    schedule=None,
    # schedule="@daily",  # In the place of the line above: by itself, every day.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_send_and_wait() -> None:
    """
    ### Reminders with a name in them

    1. `audience` finds out whom to text. Replace it with a query of your own.
    2. `send` hands one batch to Sinch, which fills in `${name}` and `${time}` for each recipient.
    3. `delivered` waits, without holding a worker, until every text has arrived or cannot arrive any more. It
       fails if fewer than 95 % arrived.

    Uses the connection `sinch_default`. The numbers are nobody's: Ofcom reserves +44 7700 900000 to 900999
    for drama.
    """

    # Without this, Airflow would log the numbers.
    @task(multiple_outputs=True, show_return_value_in_logs=False)
    def audience() -> dict[str, Any]:
        guests = {"+447700900222": "Maria", "+447700900333": "Johan", "+447700900444": None}
        names = {number: name for number, name in guests.items() if name}
        return {
            "to": list(guests),
            "parameters": {"name": {**names, "default": "there"}, "time": {"default": "19:30"}},
        }

    guests = audience()

    send = SinchSendBatchOperator(
        task_id="send",
        to=guests["to"],
        body="Hi ${name}, see you tomorrow at ${time}.",
        parameters=guests["parameters"],
        # Counted from the start of the run, so that it is the same on every try, and never in the past.
        expire_at="{{ (dag_run.start_date + macros.timedelta(hours=8)).isoformat() }}",
    )

    SinchBatchSensor(
        task_id="delivered",
        batch_id=send.output,
        min_delivered=0.95,
        deferrable=True,
        poke_interval=5,
        timeout=timedelta(hours=9),
    )


example = example_send_and_wait()

if __name__ == "__main__":
    example.test()
