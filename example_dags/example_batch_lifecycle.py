"""All that can be done with a batch before it leaves. Ends with a cancellation, so nobody is texted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

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
    # schedule="@weekly",  # In the place of the line above: by itself, every week.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_batch_lifecycle() -> None:
    """
    ### The life of a scheduled batch

    `dry_run` → `within_budget` → `send` (in six hours) → `update` → `replace` → `cancel`

    A dry run costs nothing and tells how many SMS parts a text comes to, which is what is billed. Until its
    time comes, a batch can be changed in parts, replaced as a whole, or cancelled. Its id stays the same all
    along. This Dag cancels it in the end.

    Uses the connection `sinch_default`. The numbers are nobody's: Ofcom reserves +44 7700 900000 to 900999
    for drama.
    """
    dry_run = SinchDryRunBatchOperator(task_id="dry_run", to=GUESTS, body=TEXT, per_recipient=True)

    @task
    def within_budget(found: dict[str, Any]) -> None:
        parts = found["number_of_messages"]
        if parts > PARTS_BUDGET:
            # Another try would find the same.
            raise AirflowFailException(f"The text comes to {parts} parts; the budget is {PARTS_BUDGET}.")

    send = SinchSendBatchOperator(task_id="send", to=GUESTS, body=TEXT, send_at=IN_SIX_HOURS)

    update = SinchUpdateBatchOperator(
        task_id="update",
        batch_id=send.output,
        to_add=["+447700900555"],
        to_remove=["+447700900444"],
    )

    # A replacement forgets what it does not name: without send_at it would leave at once.
    replace = SinchReplaceBatchOperator(
        task_id="replace",
        batch_id=update.output,
        to=GUESTS,
        body="The museum stays closed tomorrow. We refund your tickets.",
        send_at=IN_SIX_HOURS,
    )

    cancel = SinchCancelBatchOperator(task_id="cancel", batch_id=replace.output, fail_if_dispatched=True)

    within_budget(dry_run.output) >> send >> update >> replace >> cancel


example = example_batch_lifecycle()

if __name__ == "__main__":
    example.test()
