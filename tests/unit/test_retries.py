"""The retry policy: Retry-After decides when, and nothing else changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryDecision

from sinch_provider.operators.batches import SinchCancelBatchOperator, SinchSendBatchOperator
from sinch_provider.retries import SinchRetryPolicy
from sinch_provider.sms.errors import (
    SinchConnectionError,
    SinchRateLimitError,
    SinchServerError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.task.failures import SinchWaitInterrupted

ANN = "+447700900222"


def decide(error: BaseException) -> RetryDecision:
    return SinchRetryPolicy().evaluate(error, 1, 3)


@pytest.mark.parametrize("kind", [SinchRateLimitError, SinchServerError])
def test_the_next_attempt_comes_when_sinch_asks_for_it(kind: Any) -> None:
    decision = decide(kind("Too many requests", retry_after=90.0))
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=90))
    assert decision.reason == "Sinch asked to wait 90 seconds."


def test_an_interrupted_wait_has_the_error_of_its_request() -> None:
    error = SinchWaitInterrupted("Batch 1 was sent")
    error.error = SinchRateLimitError("Too many requests", retry_after=90.0)
    assert decide(error).retry_delay == timedelta(seconds=90)


@pytest.mark.parametrize(
    "error",
    [
        SinchRateLimitError("Too many requests"),
        SinchRateLimitError("Too many requests", retry_after=0.0),
        SinchRateLimitError("Too many requests", retry_after=10.0**9),
        SinchConnectionError("No connection"),
        SinchUncertainError("Lost", retry_after=90.0),
        SinchUnsettledError("Lost", retry_after=90.0),
        ValueError("Nobody's"),
    ],
)
def test_everything_else_is_left_to_the_task(error: BaseException) -> None:
    assert decide(error) == RetryDecision.default()


def test_it_is_the_default_of_the_operators() -> None:
    for operator in (
        SinchSendBatchOperator(task_id="send", to=[ANN], body="Hi"),
        SinchCancelBatchOperator(task_id="cancel", batch_id="a"),
    ):
        assert isinstance(operator.retry_policy, SinchRetryPolicy)


def test_a_policy_of_the_user_stays() -> None:
    own = ExceptionRetryPolicy(rules=[])
    given = SinchSendBatchOperator(task_id="send", to=[ANN], body="Hi", retry_policy=own)
    with DAG("dag", schedule=None, default_args={"retry_policy": own}):
        by_default = SinchSendBatchOperator(task_id="send", to=[ANN], body="Hi")
    assert given.retry_policy is by_default.retry_policy is own


def test_it_can_be_stored() -> None:
    policy = SinchRetryPolicy()
    assert isinstance(SinchRetryPolicy.deserialize(policy.serialize()), SinchRetryPolicy)
