"""Airflow asks the operators' own retry policy when Sinch has asked them to wait."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG

from sinch_provider.operators.batches import SinchSendBatchOperator
from tests.integration.conftest import state_of
from tests.versions import needs


@needs(3, 3, what="retry policies")
def test_a_rate_limit_that_lasts_is_left_to_the_policy(run_dag, sinch_default, shown):
    # A longer pause than the client makes by itself. Without retries, the task ends here.
    sinch_default.fault("rate_limited", "send", retry_after=61)
    with DAG("limited", default_args={"retries": 0}) as dag:
        SinchSendBatchOperator(task_id="send", to=["+447700900222"], body="Hi")
    assert state_of(run_dag(dag), "send") == ("failed", 1)
    said = shown()
    assert "Retry policy decision" in said
    assert "Sinch asked to wait 61 seconds." in said
    assert sinch_default.calls() == {"send": 1}
