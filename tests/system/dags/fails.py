"""A Dag that alerts: somebody kills its task, which would take very long."""

import time

from airflow.sdk import DAG, task

from sinch_provider.notifications.sms import SinchSmsNotifier

with DAG("fails", schedule=None, catchup=False):

    @task(on_failure_callback=SinchSmsNotifier(to="+447700900222", body="{{ run_id }} failed"))
    def fails():
        time.sleep(3600)

    fails()
