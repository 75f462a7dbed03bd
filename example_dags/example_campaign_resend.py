"""A campaign whose results go to a table, and the next morning once more to phones that were off."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from sinch_provider.operators.campaign import ResultsTable, SinchCampaignOperator
from sinch_provider.operators.resend import SinchResendFailedOperator

WAREHOUSE = "warehouse"


@dag(
    schedule=None,
    # schedule="@weekly",  # Instead of the line above, to run every week.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_campaign_resend() -> None:
    """
    ### Results, and a second round

    1. `remind` texts everybody of the table, waits without a worker until each text has a final status, and
       writes what became of each person's text into the table `sms_results`.
    2. `again` texts those once more who failed for a reason that passes, such as a phone that was off.
       Whoever has the text, or may have it, gets no other.

    Uses the connections `sinch_default` and `warehouse`: any database that Airflow has a provider for, with
    the table `appointments (customer_id, phone, name, at)`. The numbers belong to nobody: Ofcom reserves
    +44 7700 900000 to 900999 for drama.
    """
    # [START resend]
    remind = SinchCampaignOperator(
        task_id="remind",
        sql="select customer_id, phone, name, at from appointments",
        sql_conn_id=WAREHOUSE,
        number_column="phone",
        id_column="customer_id",
        body="Hi ${name}, we see you tomorrow at ${at}.",
        results=ResultsTable(WAREHOUSE, "sms_results", numbers="masked"),
    )
    SinchResendFailedOperator(task_id="again", campaign=remind.output)
    # [END resend]


example = example_campaign_resend()

if __name__ == "__main__":
    example.test()
