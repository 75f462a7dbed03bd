"""What can be done with a batch before it leaves. It ends with a cancellation: nobody is texted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import dag, task

from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)

GUESTS = ["+447700900222", "+447700900333", "+447700900444"]
TEXT = "The museum opens an hour later tomorrow, at 11:00. Your tickets stay valid."
PARTS_BUDGET = 10
IN_SIX_HOURS = "{{ (dag_run.start_date + macros.timedelta(hours=6)).isoformat() }}"


@dag(
    schedule=None,
    # schedule="@weekly",  # Instead of the line above, to run every week.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_batch_lifecycle() -> None:
    """
    ### The life of a scheduled batch

    `dry_run` → `within_budget` → `send` (in six hours) → `update` → `replace` → `cancel`

    A dry run costs nothing. It counts the SMS parts, which is what is billed. A scheduled batch can be
    updated, replaced or cancelled until it leaves. Its id stays the same. This Dag cancels it in the end.

    Uses the connection `sinch_default`. The numbers belong to nobody: Ofcom reserves +44 7700 900000 to
    900999 for drama.
    """
    # [START dry_run]
    dry_run = SinchDryRunBatchOperator(
        task_id="dry_run",
        to=GUESTS,
        body=TEXT,
        per_recipient=True,
    )

    @task
    def within_budget(found: Any) -> None:
        parts = found["number_of_messages"]
        if parts > PARTS_BUDGET:
            # A retry would find the same.
            raise AirflowFailException(f"{parts} parts are more than {PARTS_BUDGET}.")

    # [END dry_run]

    send = SinchSendBatchOperator(task_id="send", to=GUESTS, body=TEXT, send_at=IN_SIX_HOURS)

    # [START update]
    update = SinchUpdateBatchOperator(
        task_id="update",
        batch_id=send.output,
        to_add=["+447700900555"],
        to_remove=["+447700900444"],
    )
    # [END update]

    # [START replace]
    # Fields that are not given get their defaults: without send_at it would leave at once.
    replace = SinchReplaceBatchOperator(
        task_id="replace",
        batch_id=update.output,
        to=GUESTS,
        body="The museum stays closed tomorrow. We refund your tickets.",
        send_at=IN_SIX_HOURS,
    )
    # [END replace]

    # [START cancel]
    cancel = SinchCancelBatchOperator(
        task_id="cancel",
        batch_id=replace.output,
        fail_if_dispatched=True,
    )
    # [END cancel]

    within_budget(dry_run.output) >> send >> update >> replace >> cancel


example = example_batch_lifecycle()

if __name__ == "__main__":
    example.test()
