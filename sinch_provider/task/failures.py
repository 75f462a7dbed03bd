"""How a task fails: which errors and outcomes Airflow may retry, and which end the task."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
)

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.delivery.outcome import OutcomePolicy, Summary, named
from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.masking import mask_text
from sinch_provider.task.arguments import policy_faults, refuse
from sinch_provider.task.identity import callback_of
from sinch_provider.task.metrics import count_error, count_outcome

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

#: A key that is never written. Reading it shows whether Airflow answers.
_PROBE: Final = "sinch_probe"


class SinchTaskFailed(AirflowFailException):
    """The task failed, and a retry would fail too."""

    #: The cause, if there is one. It is not chained: this error has its text, which would be shown twice.
    error: Exception | None = None


class SinchWaitInterrupted(AirflowException):
    """Waiting for a batch failed for a temporary reason. A retry can succeed."""

    #: As in :class:`SinchTaskFailed`.
    error: Exception | None = None


class SinchDeliveryFailed(SinchTaskFailed):
    """A batch has finished, and its outcome is worse than the task accepts."""


class SinchWaitTimeout(SinchTaskFailed):
    """A batch has expired, the time for late reports is over, and some messages have no final status."""


T = TypeVar("T", bound="SinchTaskFailed | SinchWaitInterrupted")


@contextmanager
def airflow_failures(
    context: Context | None = None,
    conn_id: str | None = None,
    consequence: str = "Nothing was sent by this attempt.",
) -> Iterator[None]:
    """
    Turn permanent errors into failures that Airflow does not retry.

    Temporary errors (network, rate limit, 5xx) pass unchanged, so Airflow retries the task. So does a missing
    connection if Airflow itself cannot be reached, because then it finds no connection at all.

    :param context: The context of the task; by default, of the running task.
    :param conn_id: The connection, which is searched for once more if it was not found.
    :param consequence: One sentence for the error about a missing connection: what it means for this task.
    :raises SinchTaskFailed: The error is permanent.
    """
    try:
        yield
    except SinchError as error:
        count_error(error)
        if error.transient:
            raise
        raise _with(SinchTaskFailed(str(error)), error) from None
    except AirflowNotFoundException as error:
        if not _airflow_answers(context) or _found(conn_id):
            raise
        raise _with(SinchTaskFailed(missing_connection(error, consequence)), error) from None


@contextmanager
def waiting_for(batch_id: str) -> Iterator[None]:
    """
    Add to errors while waiting that the batch was sent.

    :raises SinchWaitInterrupted: The error is temporary; a retry continues to wait.
    :raises SinchTaskFailed: The error is permanent.
    """
    try:
        yield
    except SinchError as error:
        kind = SinchWaitInterrupted if error.transient else SinchTaskFailed
        failure = kind(
            f"Batch {batch_id} was sent, but waiting for it failed: {error} "
            "A retry continues to wait for it, and does not send again."
        )
        raise _with(failure, error) from None


def _with(failure: T, error: Exception) -> T:
    failure.error = error
    return failure


def missing_connection(error: AirflowNotFoundException, consequence: str) -> str:
    """
    Return the text about a connection that Airflow does not find, with what to do.

    :param error: Airflow's error. Our hook's error already says what to do.
    :param consequence: What it means for the task.
    """
    if type(error) is not AirflowNotFoundException:
        return f"{error} {consequence}"
    return (
        f"{mask_text(str(error))}. Create it in Airflow's UI (Admin, Connections, type Sinch SMS), with "
        f"`airflow connections add`, or as the environment variable AIRFLOW_CONN_<ID>. {consequence}"
    )


def _airflow_answers(context: Context | None) -> bool:
    """Whether Airflow can be reached. If it cannot, it finds no connection either."""
    from airflow.providers.common.compat.sdk import get_current_context

    try:
        context = get_current_context() if context is None else context
    except (RuntimeError, AirflowException):
        return True  # Outside a task.
    if callback_of(context) is not None:
        # A callback has no task state that answers.
        return True
    store: Any = context.get("task_state_store")
    ti: Any = context.get("ti")
    try:
        if store is not None:
            store.get(_PROBE)
        elif ti is not None:
            ti.xcom_pull(task_ids=ti.task_id, key=_PROBE)
    except Exception:
        return False
    return True


def _found(conn_id: str | None) -> bool:
    """Whether a connection exists after all. Airflow may have come back in the meantime."""
    if conn_id is None:
        return False
    try:
        SinchHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return False
    return True


def goes_on(batch_ids: Sequence[str]) -> str:
    """Return the text about batches for which the task does not wait any more."""
    verb = "was" if len(batch_ids) == 1 else "were"
    return f"{named(batch_ids)} {verb} sent. Delivery continues, but this task no longer waits for it."


def conclude(summary: Summary, max_failed: float, min_delivered: float) -> None:
    """
    Log the outcome of batches, and fail if it is worse than the task accepts.

    :param max_failed: The task fails when the share of failed messages reaches this.
    :param min_delivered: The task fails when the share of delivered messages is below this.
    :raises SinchValidationError: A share is not between 0 and 1.
    :raises SinchDeliveryFailed: The outcome is not within these shares.
    :raises SinchWaitTimeout: A batch has expired, and some of its messages have no final status.
    """
    refuse(policy_faults(max_failed, min_delivered))
    policy = OutcomePolicy(float(max_failed), float(min_delivered))
    log.info("Delivery of %s:\n%s", summary.names, summary.table())
    count_outcome(summary)
    if summary.overdue and not summary.counts.total():
        raise SinchWaitTimeout(
            f"Timed out: {named(summary.overdue)} expired, and Sinch has reported no message. "
            "Look it up in Sinch's dashboard."
        )
    if summary.overdue:
        raise SinchWaitTimeout(
            f"Timed out: {named(summary.overdue)} expired with messages that have no final status "
            f"({summary.line()}). Their receipts may never arrive. The delivery report shows which they are."
        )
    if reason := policy.verdict(summary):
        raise SinchDeliveryFailed(
            f"Delivery of {summary.names} is not good enough: {reason} ({summary.line()})."
        )
