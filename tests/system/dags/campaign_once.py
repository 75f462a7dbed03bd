"""
The Dag of the crash test of campaigns: one text to everybody in a table, who has not opted out.

Its table, and how fast it sends, come from the environment that the test makes.
"""

import os
from datetime import timedelta

from airflow.sdk import DAG

from sinch_provider.operators.campaign import Canary, ResultsTable, SinchCampaignOperator

with DAG("campaign_once", schedule=None, catchup=False):
    SinchCampaignOperator(
        task_id="invite",
        sql="select id, phone, name from audience",
        sql_conn_id="guests",
        number_column="phone",
        id_column="id",
        body="Dear ${name}, your table is waiting.",
        max_invalid=0.05,
        exclude_sql="select phone from opt_outs",
        canary=Canary(people=100, within=timedelta(hours=1)),
        rate=float(os.environ.get("CAMPAIGN_RATE", "100")),
        results=ResultsTable("guests", "sms_results", numbers="plain"),
        retries=99,
        retry_delay=timedelta(seconds=1),
    )
