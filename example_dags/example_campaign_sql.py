"""Every night, one reminder to each customer of a table. A few of them get it first."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from sinch_provider.operators.campaign import Canary, SendWindow, SinchCampaignOperator

WAREHOUSE = "warehouse"


@dag(
    schedule=None,
    # schedule="@daily",  # Instead of the line above, to run every day.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_campaign_sql() -> None:
    """
    ### A reminder from a table, with a canary

    1. `remind` runs a query, and checks all its rows before the first text.
    2. Three people get the text first. If nine tenths of them have it within half an hour, all others get it.
       If not, nothing more is sent, and the task fails.
    3. The opt-outs are read again every minute while the campaign runs.

    Uses the connections `sinch_default` and `warehouse`: any database that Airflow has a provider for, with
    the tables `appointments (customer_id, phone, name, at)` and `opt_outs (phone)`. The numbers belong to
    nobody: Ofcom reserves +44 7700 900000 to 900999 for drama.
    """
    # [START sql]
    SinchCampaignOperator(
        task_id="remind",
        sql="select customer_id, phone, name, at from appointments",
        sql_conn_id=WAREHOUSE,
        number_column="phone",
        id_column="customer_id",
        body="Hi ${name}, we see you tomorrow at ${at}. Reply STOP to opt out.",
        exclude_sql="select phone from opt_outs",
        canary=Canary(3, within=timedelta(minutes=30), min_delivered=0.9),
        window=SendWindow("09:00", "20:00"),
        max_recipients=50_000,
    )
    # [END sql]


example = example_campaign_sql()

if __name__ == "__main__":
    example.test()
