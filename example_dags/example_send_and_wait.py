"""Text people by name, and wait until the texts have arrived."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag, task

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sensors.batches import SinchBatchSensor

GUESTS = {"+447700900222": "Maria", "+447700900333": "Johan", "+447700900444": None}


@dag(
    schedule=None,
    # schedule="@daily",  # Instead of the line above, to run every day.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_send_and_wait() -> None:
    """
    ### Reminders with a name in them

    1. `audience` returns the numbers to text, `names` the names. Replace them with queries of your own.
    2. `send` sends one batch. Sinch fills in `${name}` and `${time}` for each recipient.
    3. `delivered` waits without holding a worker until every text has a final status. It fails if fewer than
       95 % arrived.

    Uses the connection `sinch_default`. The numbers belong to nobody: Ofcom reserves +44 7700 900000 to
    900999 for drama.
    """

    # [START audience]
    # Otherwise Airflow would log the numbers.
    @task(show_return_value_in_logs=False)
    def audience() -> list[str]:
        return list(GUESTS)

    @task(show_return_value_in_logs=False)
    def names() -> dict[str, dict[str, str]]:
        known = {number: name for number, name in GUESTS.items() if name}
        return {"name": {**known, "default": "there"}, "time": {"default": "19:30"}}

    # [END audience]

    # [START send]
    send = SinchSendBatchOperator(
        task_id="send",
        to=audience(),
        body="Hi ${name}, see you tomorrow at ${time}.",
        parameters=names(),
        # Counted from the start of the run, it is the same for every attempt.
        expire_at="{{ (dag_run.start_date + macros.timedelta(hours=8)).isoformat() }}",
    )
    # [END send]

    # [START wait]
    SinchBatchSensor(
        task_id="delivered",
        batch_id=send.output,
        min_delivered=0.95,
        deferrable=True,
        poke_interval=5,
        timeout=timedelta(hours=9),
    )
    # [END wait]


example = example_send_and_wait()

if __name__ == "__main__":
    example.test()
