from __future__ import annotations

from airflow.sdk import DAG

from sinch_provider.operators.batches import SinchSendBatchOperator


def test_send(run_dag, sinch_default):
    with DAG("d1") as dag:
        SinchSendBatchOperator(task_id="send", to="+46700000222", body="Hi", from_="Test")
    run = run_dag(dag)
    assert run.state == "success"
    assert len(sinch_default.messages()) == 1
