"""Task loops, which Airflow has from 3.4 on: each iteration is a separate send."""

from __future__ import annotations

from typing import Any, cast

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, task, task_group

from sinch_provider.operators.batches import SinchSendBatchOperator
from tests.versions import needs

ANN = "+447700900222"

pytestmark = needs(3, 4, what="task loops")


@pytest.mark.parametrize(
    "fault",
    [{}, {"when": "before", "skip": 1}, {"when": "after", "skip": 1}],
    ids=["undisturbed", "lost before its effect", "lost after its effect"],
)
def test_each_iteration_sends(run_dag, sinch_default, no_pauses, fault):
    if fault:
        sinch_default.fault("lost_reply", "send", **fault)
    with DAG("looped", start_date=pendulum.datetime(2026, 1, 1), schedule=None) as dag:

        @task_group
        def body():
            send = SinchSendBatchOperator(task_id="send", to=[ANN], body="Hi")

            @task
            def done():
                return False

            send >> done()

        # Only Airflow 3.4 and its types know loops.
        cast(Any, body).loop(max_iterations=3, until=lambda: False)
    run_dag(dag)
    assert [each["body"] for each in sinch_default.messages()] == ["Hi"] * 3
    assert len({each["client_reference"] for each in sinch_default.batches()}) == 3
