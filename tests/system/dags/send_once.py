"""
The Dag of the crash test: every way of sending, and a plain call for comparison.

The configuration of a run lists the recipients of each of its tasks, and the tasks whose text holds the time.
The text of a message names run, task and map index, so that the sandbox's ledger tells which send a message
belongs to.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.operators.batches import SinchSendBatchOperator

TEXT = (
    "{{ run_id }} {{ ti.task_id }} {{ ti.map_index }}"
    "{{ ' at ' ~ macros.datetime.now() if ti.task_id in dag_run.conf['timed'] else '' }}"
)


def recipients(name: str, place: int) -> str:
    return f"{{{{ dag_run.conf['{name}'][{place}] | tojson }}}}"


with DAG(
    "send_once",
    schedule=None,
    catchup=False,
    max_active_runs=100,
    max_active_tasks=100,
    default_args={"retries": 15, "retry_delay": timedelta(seconds=1)},
):
    SinchSendBatchOperator(task_id="plain", to=recipients("plain", 0), body=TEXT)

    SinchSendBatchOperator(
        task_id="deferred",
        to=recipients("deferred", 0),
        body=TEXT,
        wait_for_completion=True,
        deferrable=True,
        poll_interval=2,
    )

    SinchSendBatchOperator(
        task_id="held",
        to=recipients("held", 0),
        body=TEXT,
        wait_for_completion=True,
        poll_interval=2,
    )

    # So few retries that some of these fail: a failure, too, must agree with the ledger.
    SinchSendBatchOperator.partial(task_id="mapped", body=TEXT, retries=1).expand(
        to=[recipients("mapped", 0), recipients("mapped", 1)]
    )

    @task
    def unguarded(dag_run=None, ti=None):
        """Send as a task without the operator would; a retry sends again."""
        text = f"{dag_run.run_id} {ti.task_id} {ti.map_index}"
        return SinchHook().batches.send(body=text, to=dag_run.conf["unguarded"][0]).id

    unguarded()
