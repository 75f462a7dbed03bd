"""A campaign that a person approves: exactly what was checked is sent."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import ObjectStoragePath, dag, task

from sinch_provider.operators.campaign import SinchCampaignOperator

DATA = Path(__file__).parent / "data"
# With several workers, a folder that all of them reach, such as "s3://conn_id@bucket/plans".
PLANS = tempfile.gettempdir()


@dag(
    schedule=None,
    # schedule="@weekly",  # Instead of the line above, to run every week.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_campaign_approval() -> None:
    """
    ### A campaign that a person approves

    1. `check` reads the file, counts people, SMS parts and cost, and keeps all of it in a plan. It texts
       nobody.
    2. `approve` shows the counts and waits for a person, under *Required Actions*.
    3. `send` texts exactly the people and the texts of the plan, whatever the file says by then. At the end
       it removes the plan, which holds numbers and texts.
    4. `forget` removes the plan if the person has rejected it.

    Needs Airflow 3.1 or later. Uses the connection `sinch_default`. The numbers belong to nobody: Ofcom
    reserves +44 7700 900000 to 900999 for drama, and PTS reserves the Swedish 070-174 06 05 to 06 99 for
    fiction.
    """
    # [START approval]
    check = SinchCampaignOperator(
        task_id="check",
        path=f"file://{DATA / 'guests.csv'}",
        number_column="phone",
        body="Hi ${name}! The doors open at 19:30.",
        default_country="SE",
        max_invalid=0.2,
        prices={"SE": 0.05, "GB": 0.04},
        dry_run=True,
        plan_path=PLANS,
    )
    approve = ApprovalOperator(
        task_id="approve",
        subject="Text the guests?",
        body="{% set found = ti.xcom_pull('check') %}"
        "{{ found.people }} people, {{ found.parts }} SMS parts, cost {{ found.cost }}. "
        "{{ found.invalid }} rows are wrong, {{ found.duplicates }} are there twice.",
    )
    send = SinchCampaignOperator(
        task_id="send",
        plan=check.output,
        exclude=f"file://{DATA / 'opt_outs.csv'}",
    )

    @task(trigger_rule="all_skipped")
    def forget(path: str) -> None:
        """Remove the plan that nobody wants."""
        ObjectStoragePath(path).unlink()

    check >> approve >> send >> forget("{{ ti.xcom_pull('check')['plan']['path'] }}")
    # [END approval]


example = example_campaign_approval()

if __name__ == "__main__":
    example.test()
