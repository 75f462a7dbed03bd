"""Text people when a task fails, and when all is well."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag, task

from sinch_provider.notifications.sms import SinchSmsNotifier

ON_CALL = "+447700900222"
OWNER = "+447700900333"


@dag(
    schedule=None,
    # schedule="@daily",  # Instead of the line above, to run every day.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        # One text an hour, however many tasks fail.
        "on_failure_callback": SinchSmsNotifier(to=ON_CALL, throttle=timedelta(hours=1)),
    },
    tags=["sinch", "example"],
)
def example_alerts() -> None:
    """
    ### Alerts

    1. If `load` has failed in all its attempts, the person on call gets a text: which task of which Dag and
       run, in one SMS part.
    2. Further failures within an hour send no text.
    3. When `report` has succeeded, the owner gets a text that the Dag's author has written.

    Uses the connection `sinch_default`. The numbers belong to nobody: Ofcom reserves +44 7700 900000 to
    900999 for drama.
    """

    @task
    def load() -> int:
        return 1250

    @task(
        on_success_callback=SinchSmsNotifier(
            to=OWNER, body="{{ ti.xcom_pull('load') }} rows for {{ dag_run.start_date.date() }} are there."
        )
    )
    def report() -> None:
        """Stands for the rest of the Dag."""

    load() >> report()


example = example_alerts()

if __name__ == "__main__":
    example.test()
