"""Which errors Airflow may retry, which end the task, and what the task says."""

from __future__ import annotations

import copy
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
)
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.context import set_current_context

from sinch_provider.hooks.sinch import SinchConnectionMissing
from sinch_provider.sms import errors
from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.errors import Fault, SinchError, SinchValidationError
from sinch_provider.task.arguments import policy_faults
from sinch_provider.task.failures import (
    SinchDeliveryFailed,
    SinchTaskFailed,
    SinchWaitInterrupted,
    SinchWaitTimeout,
    airflow_failures,
    conclude,
    goes_on,
    waiting_for,
)
from tests.unit.task.contexts import Supervisor, context_of, dag_context, processor_context, send

BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
NOT_DEFINED = "The conn_id `nowhere` isn't defined"
TEMPORARY = [
    errors.SinchRateLimitError,
    errors.SinchServerError,
    errors.SinchConnectionError,
    errors.SinchUnexpectedAnswerError,
    errors.SinchUnsettledError,
    errors.SinchNotSentError,
    errors.SinchCampaignInterruptedError,
]
PERMANENT = [
    errors.SinchAuthError,
    errors.SinchBadRequestError,
    errors.SinchForbiddenError,
    errors.SinchNotFoundError,
    errors.SinchAlreadyDispatchedError,
    errors.SinchUncertainError,
    errors.SinchPayloadChangedError,
    errors.SinchBatchCanceledError,
    errors.SinchSentTwiceError,
    errors.SinchAccountChangedError,
    errors.SinchCampaignError,
]
Block = Callable[[], AbstractContextManager[None]]


def failure_of(error: Exception, block: Block = airflow_failures) -> Any:
    """The error with which a task ends."""
    with pytest.raises(Exception) as caught, block():  # noqa: PT011
        raise error
    return caught.value


def shown(failure: BaseException) -> str:
    return "".join(traceback.format_exception(failure))


# Errors of the API


def test_every_error_is_either_temporary_or_permanent():
    kinds = {
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, SinchError)
    }
    assert kinds == {SinchError, SinchValidationError, *TEMPORARY, *PERMANENT}


@pytest.mark.parametrize("kind", TEMPORARY)
def test_a_temporary_error_passes_so_that_airflow_retries(kind):
    error = kind("it failed", operation="send")
    assert failure_of(error) is error
    assert not isinstance(error, AirflowFailException)


@pytest.mark.parametrize("kind", PERMANENT)
def test_a_permanent_error_ends_the_task(kind):
    error = kind("it failed", operation="send")
    failure = failure_of(error)
    assert type(failure) is SinchTaskFailed
    assert isinstance(failure, AirflowFailException)
    assert (str(failure), failure.error) == (str(error), error)


def test_a_broken_rule_ends_the_task_and_is_shown_once():
    error = SinchValidationError(
        [Fault("to[0]", "must start with a country code"), Fault("body", "is empty")]
    )
    failure = failure_of(error)
    assert type(failure) is SinchTaskFailed
    assert shown(failure).count("Traceback") == 1
    assert shown(failure).count("must start with a country code") == 1


def test_other_errors_pass():
    error = AirflowException("a macro of the user's")
    assert failure_of(error) is error


def test_a_copy_keeps_the_cause():
    failure = failure_of(errors.SinchNotFoundError("get: not found"))
    assert copy.copy(failure).error is failure.error
    assert SinchTaskFailed("without").error is None


# While waiting


@pytest.mark.parametrize("kind", TEMPORARY)
def test_waiting_can_be_retried_after_a_temporary_error(kind):
    failure = failure_of(kind("get: it failed"), lambda: waiting_for(BATCH_ID))
    assert type(failure) is SinchWaitInterrupted
    assert not isinstance(failure, AirflowFailException)
    assert f"Batch {BATCH_ID} was sent" in str(failure)
    assert "does not send again" in str(failure)


@pytest.mark.parametrize("kind", PERMANENT)
def test_waiting_ends_with_a_permanent_error(kind):
    failure = failure_of(kind("get: it failed"), lambda: waiting_for(BATCH_ID))
    assert type(failure) is SinchTaskFailed
    assert f"Batch {BATCH_ID} was sent" in str(failure)
    assert shown(failure).count("get: it failed") == 1
    assert shown(failure).count("Traceback") == 1


def test_batches_that_nobody_waits_for():
    assert goes_on([BATCH_ID]).startswith(f"Batch {BATCH_ID} was sent. Delivery continues")
    assert goes_on(["A", "B"]).startswith("2 batches (A, B) were sent. Delivery continues")


# A connection that is missing


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    supervisor = Supervisor()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    return supervisor


def test_a_missing_connection_ends_the_task_and_says_what_to_do():
    failure = failure_of(AirflowNotFoundException(NOT_DEFINED))
    assert type(failure) is SinchTaskFailed
    assert "nowhere" in str(failure)
    assert "airflow connections add" in str(failure)
    assert str(failure).endswith("Nothing was sent by this attempt.")


def test_the_hooks_own_error_about_it_is_kept():
    failure = failure_of(SinchConnectionMissing("nowhere"), lambda: airflow_failures(consequence="No wait."))
    assert str(failure) == f"{SinchConnectionMissing('nowhere')} No wait."


def test_while_airflow_cannot_be_reached_a_missing_connection_is_temporary(supervisor):
    """Airflow says of every connection that it isn't defined while its API does not answer."""
    error = AirflowNotFoundException(NOT_DEFINED)
    context = context_of(send())
    supervisor.down = True
    assert failure_of(error, lambda: airflow_failures(context)) is error
    with set_current_context(context):
        assert failure_of(error) is error
    supervisor.down = False
    assert type(failure_of(error, lambda: airflow_failures(context))) is SinchTaskFailed


def test_a_connection_that_is_there_after_all_is_a_temporary_error(supervisor, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LATE", '{"conn_type": "sinch"}')
    error = AirflowNotFoundException(NOT_DEFINED)
    context = context_of(send())
    assert failure_of(error, lambda: airflow_failures(context, "late")) is error


@pytest.mark.parametrize(
    "callback", [lambda: processor_context(send()), lambda: dag_context(send(), reason="task_failure")]
)
def test_a_callback_is_not_asked_for_its_task_state(supervisor, callback):
    """It has none that answers."""
    supervisor.down = True
    context = callback()
    failure = failure_of(AirflowNotFoundException(NOT_DEFINED), lambda: airflow_failures(context))
    assert type(failure) is SinchTaskFailed


# Outcomes


def summary(counts: dict[tuple[str, int], int], *, overdue: tuple[str, ...] = ()) -> Summary:
    return Summary((BATCH_ID,), Counter(counts), overdue=overdue)


def test_a_good_outcome_is_logged_and_passes(caplog):
    caplog.set_level("INFO")
    conclude(summary({("Delivered", 0): 2}), 1.0, 0.0)
    assert f"Delivery of batch {BATCH_ID}".lower() in caplog.text.lower()


def test_an_outcome_below_the_policy_ends_the_task():
    with pytest.raises(SinchDeliveryFailed, match="not good enough") as caught:
        conclude(summary({("Delivered", 0): 1, ("Failed", 406): 1}), 0.5, 0.0)
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("counts", [{}, {("Dispatched", 400): 1}], ids=["no reports", "no final status"])
def test_an_expired_batch_without_final_statuses_ends_the_task(counts):
    with pytest.raises(SinchWaitTimeout, match="Timed out") as caught:
        conclude(summary(counts, overdue=(BATCH_ID,)), 1.0, 0.0)
    assert isinstance(caught.value, AirflowFailException)


def test_an_outcome_is_judged_by_shares_only():
    with pytest.raises(SinchValidationError) as caught:
        conclude(summary({("Delivered", 0): 2}), "half", 95)  # type: ignore[arg-type]
    assert list(caught.value.faults) == policy_faults("half", 95)
