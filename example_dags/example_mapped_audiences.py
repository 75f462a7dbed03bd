"""One batch for each audience of the day, and one wait for all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import dag, task

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sensors.batches import SinchBatchSensor

BATCH_LIMIT = 1000
TEXTS = {
    "sv": "Hej! Tåget kl. 17:10 är inställt. Nästa går 17:40.",
    "en": "Hello! The 17:10 train is cancelled. The next one leaves at 17:40.",
}


@dag(
    schedule=None,
    # schedule="@daily",  # Instead of the line above, to run every day.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_mapped_audiences() -> None:
    """
    ### Several audiences, each with its own text

    1. `audiences` returns whom to text in which language, and splits lists that are too long for one batch.
       Replace it with a query of your own.
    2. `send` is mapped over the audiences: one batch each, at most two at a time.
    3. `delivered` waits for all batches together.

    Uses the connection `sinch_default`. The numbers belong to nobody: Ofcom reserves +44 7700 900000 to
    900999 for drama, and PTS reserves the Swedish 070-174 06 05 to 06 99 for fiction.
    """

    # [START map]
    # Otherwise Airflow would log the numbers.
    @task(show_return_value_in_logs=False)
    def audiences() -> list[dict[str, Any]]:
        travellers = {"sv": ["+46701740605", "+46701740606"], "en": ["+447700900444"]}
        return [
            {
                "to": numbers[start : start + BATCH_LIMIT],
                "body": TEXTS[language],
                "client_reference": f"train-cancelled-{language}-{start // BATCH_LIMIT}",
            }
            for language, numbers in travellers.items()
            for start in range(0, len(numbers), BATCH_LIMIT)
        ]

    send = SinchSendBatchOperator.partial(
        task_id="send",
        expire_at="{{ (dag_run.start_date + macros.timedelta(hours=1)).isoformat() }}",
        max_active_tis_per_dagrun=2,
        # Names the task instances in the UI, where no numbers and texts should appear.
        map_index_template="{{ task.client_reference }}",
    ).expand_kwargs(audiences())
    # [END map]

    # [START wait]
    SinchBatchSensor(
        task_id="delivered",
        batch_id=send.output,
        min_delivered=0.9,
        deferrable=True,
        poke_interval=5,
        timeout=timedelta(hours=3),
    )
    # [END wait]


example = example_mapped_audiences()

if __name__ == "__main__":
    example.test()
