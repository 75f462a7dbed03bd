"""Dags that tell by SMS: a task has failed, a deadline has passed, somebody has to decide."""

import time
from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import dag, task
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from sinch_provider.notifications.sms import SinchSmsNotifier

START = pendulum.datetime(2026, 1, 1, tz="UTC")


@dag(schedule=None, start_date=START, default_args={"on_failure_callback": SinchSmsNotifier()})
def nightly_load():
    @task
    def load():
        raise RuntimeError("The table is missing.")

    load()


@dag(
    schedule=None,
    start_date=START,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(seconds=5),
        callback=AsyncCallback(SinchSmsNotifier),
    ),
)
def month_end():
    @task
    def close_books():
        time.sleep(20)

    close_books()


@dag(schedule=None, start_date=START)
def refunds():
    ask = ApprovalOperator(
        task_id="approve",
        subject="Refund order 4711?",
        notifiers=[SinchSmsNotifier()],
    )

    @task
    def refund():
        """Stands for the payment."""

    ask >> refund()


nightly_load()
month_end()
refunds()
