"""One campaign for each shop, all in one mapped task."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import dag, task

from sinch_provider.transfers.object_storage_to_sinch_sms import ObjectStorageToSinchSmsOperator

DATA = Path(__file__).parent / "data"
SENDERS = {"harbour": "Harbour", "station": "Station"}


@dag(
    schedule=None,
    # schedule="@daily",  # Instead of the line above, to run every day.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_campaign_tenants() -> None:
    """
    ### A campaign for each shop

    1. `shops` returns one set of arguments for each shop: its file, its sender, and its key. There are no
       numbers among them.
    2. `notify` is mapped over them, and each item is a campaign of its own. If one of them fails, the others
       go on, and a clear of that one texts those of its people who were not reached yet.

    Whoever is in two files gets a text from each shop. A shop with an account of its own names its connection
    too: `"sinch_conn_id": "sinch_harbour"`.

    Uses the connection `sinch_default`. The numbers belong to nobody: Ofcom reserves +44 7700 900000 to
    900999 for drama.
    """

    # [START tenants]
    @task
    def shops() -> list[dict[str, Any]]:
        return [
            {
                "path": f"file://{DATA}/parcels_{shop}.csv",
                "from_": sender,
                # Names the campaign: it stays the same if shops come and go.
                "send_key": shop,
            }
            for shop, sender in SENDERS.items()
        ]

    ObjectStorageToSinchSmsOperator.partial(
        task_id="notify",
        number_column="phone",
        body="Hi ${name}, your parcel is here.",
        max_recipients=5_000,
        max_active_tis_per_dagrun=2,
        map_index_template="{{ task.send_key }}",
    ).expand_kwargs(shops())
    # [END tenants]


example = example_campaign_tenants()

if __name__ == "__main__":
    example.test()
