"""Send what a function returns: one text for everybody, and one for each shop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import dag, task

MANAGERS = {"Harbour": "+447700900222", "Station": "+447700900333"}
OWNER = "+447700900444"


@dag(
    schedule=None,
    # schedule="@daily",  # Instead of the line above, to run every day.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_decorator() -> None:
    """
    ### Texts written in Python

    1. `takings` returns the day's takings of each shop. Replace it with a query of your own.
    2. `tell_owner` returns a text. The recipient is an argument of the decorator.
    3. `tell_manager` is mapped over the shops. It returns the arguments of each send: recipient and text.

    The functions run again in each attempt, but a text is sent once. Uses the connection `sinch_default`. The
    numbers belong to nobody: Ofcom reserves +44 7700 900000 to 900999 for drama.
    """

    @task
    def takings() -> dict[str, int]:
        return {"Harbour": 1250, "Station": 980}

    @task.sinch_sms(to=OWNER)
    def tell_owner(takings: dict[str, int]) -> str:
        return f"Takings today: {sum(takings.values())} pounds in {len(takings)} shops."

    @task.sinch_sms
    def tell_manager(shop: str, takings: dict[str, int]) -> dict[str, Any]:
        return {"to": MANAGERS[shop], "body": f"{shop} took {takings[shop]} pounds today."}

    found: Any = takings()
    tell_owner(found)
    tell_manager.partial(takings=found).expand(shop=list(MANAGERS))


example = example_decorator()

if __name__ == "__main__":
    example.test()
