"""A campaign that a few colleagues get first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import dag, task

from sinch_provider.operators.campaign import SinchCampaignOperator
from sinch_provider.transfers.sql_to_sinch_sms import SqlToSinchSmsOperator

COLLEAGUES = [
    {"phone": "+447700900222", "name": "Maria"},
    {"phone": "+447700900600", "name": "Johan"},
]
TEXT = "Hi ${name}, umbrellas are half price until Sunday."


@dag(
    schedule=None,
    # schedule="@weekly",  # Instead of the line above, to run every week.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_campaign_test_group() -> None:
    """
    ### Colleagues first

    1. `colleagues` texts a few people who work here, and waits without a worker until each text has a final
       status.
    2. `arrived` fails if one of them does not have the text. To let a person decide instead, put an
       `ApprovalOperator` in its place (Airflow 3.1 or later).
    3. `customers` texts everybody of the table, but for those who have the text already.

    Uses the connections `sinch_default` and `warehouse`: any database that Airflow has a provider for, with
    the table `appointments (customer_id, phone, name, at)`. The numbers belong to nobody: Ofcom reserves
    +44 7700 900000 to 900999 for drama.
    """
    # [START test_group]
    colleagues = SinchCampaignOperator(
        task_id="colleagues",
        rows=COLLEAGUES,
        number_column="phone",
        body=TEXT,
        wait_for_completion=True,
    )

    @task
    def arrived(sent: Any) -> None:
        if sent["kinds"].get("delivered", 0) < sent["people"]:
            raise AirflowFailException(f"Not all colleagues have the text: {sent['kinds']}")

    customers = SqlToSinchSmsOperator(
        task_id="customers",
        sql="select distinct phone, name from appointments",
        sql_conn_id="warehouse",
        number_column="phone",
        body=TEXT,
        exclude_campaign=colleagues.output,
    )
    arrived(colleagues.output) >> customers
    # [END test_group]


example = example_campaign_test_group()

if __name__ == "__main__":
    example.test()
