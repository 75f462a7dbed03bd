"""Report to Sinch who really got their text, such as everybody who typed in its code."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag, task

from sinch_provider.operators.batches import SinchDeliveryFeedbackOperator, SinchSendBatchOperator


@dag(
    schedule=None,
    # schedule="@daily",  # Instead of the line above, to run every day.
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["sinch", "example"],
)
def example_delivery_feedback() -> None:
    """
    ### Delivery feedback

    Some networks report deliveries that did not happen. If you know better, for instance because people
    answered, you can report it to Sinch, which then picks better routes. The batch must be sent with
    `feedback_enabled=True`.

    1. `send` asks everybody to confirm.
    2. `confirmed` finds those who did. Replace it with a query of your own.
    3. `feedback` reports them to Sinch.

    Uses the connection `sinch_default`. The numbers belong to nobody: Ofcom reserves +44 7700 900000 to
    900999 for drama.
    """
    # [START send]
    send = SinchSendBatchOperator(
        task_id="send",
        to=["+447700900222", "+447700900333", "+447700900444"],
        body="Please confirm tomorrow's delivery in your account.",
        feedback_enabled=True,
    )
    # [END send]

    # [START feedback]
    # Otherwise Airflow would log the numbers.
    @task(show_return_value_in_logs=False)
    def confirmed() -> list[str]:
        return ["+447700900222", "+447700900444"]

    who = confirmed()
    feedback = SinchDeliveryFeedbackOperator(
        task_id="feedback",
        batch_id=send.output,
        recipients=who,
    )
    # [END feedback]

    send >> who >> feedback


example = example_delivery_feedback()

if __name__ == "__main__":
    example.test()
