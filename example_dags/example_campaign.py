"""One text to each person of a file, in their language and at their time of day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import dag

from sinch_provider.operators.campaign import SendWindow, SinchCampaignOperator

DATA = Path(__file__).parent / "data"


@dag(
    schedule=None,
    # schedule="@weekly",  # Instead of the line above, to run every week.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_campaign() -> None:
    """
    ### A campaign from a file

    1. `invite` reads and checks the whole file: eight rows, of which one is a duplicate, one has no real
       number, and one person has opted out.
    2. It texts the others: each once, in their language, between 9 and 20 o'clock where they are. Until then
       it waits without a worker.

    If the task fails half-way, or somebody clears it, it texts those who were not reached yet.

    Uses the connection `sinch_default`. The numbers belong to nobody: Ofcom reserves +44 7700 900000 to
    900999 for drama, and PTS reserves the Swedish 070-174 06 05 to 06 99 for fiction.
    """
    # [START campaign]
    SinchCampaignOperator(
        task_id="invite",
        path=f"file://{DATA / 'guests.csv'}",
        number_column="phone",
        id_column="id",
        time_zone_column="zone",
        language_column="language",
        bodies={
            "en": "Hi ${name}! The doors open at ${time}.",
            "sv": "Hej ${name}! Dörrarna öppnas ${time}.",
            "default": "Hello ${name}! The doors open at ${time}.",
        },
        parameters={"time": "19:30"},
        default_country="SE",
        max_invalid=0.2,
        exclude=f"file://{DATA / 'opt_outs.csv'}",
        window=SendWindow("09:00", "20:00", unknown="Europe/Stockholm"),
        max_recipients=10_000,
        prices={"SE": 0.05, "GB": 0.04},
        max_cost=500,
    )
    # [END campaign]


example = example_campaign()

if __name__ == "__main__":
    example.test()
