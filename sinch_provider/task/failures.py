"""What a task does with errors and outcomes: which of them Airflow may retry, and which end it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
)

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.delivery.outcome import OutcomePolicy, Summary, named
from sinch_provider.sms.errors import Fault, SinchError, SinchValidationError
from sinch_provider.sms.fields.rules import shown_value
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.sending.hold import MAX_HOLD, MIN_HOLD
from sinch_provider.sms.sending.send_once import OnClear
from sinch_provider.task.identity import callback_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

#: A key that nobody has ever written.
_PROBE: Final = "sinch_probe"


class SinchTaskFailed(AirflowFailException):
    """The task failed for a reason that a retry cannot heal."""

    #: The error behind it, if there is one. Not chained: its text is this one's, and would be shown twice.
    error: Exception | None = None


class SinchWaitInterrupted(AirflowException):
    """Waiting broke off for a passing reason; waiting again can succeed."""

    #: As of :class:`SinchTaskFailed`.
    error: Exception | None = None


class SinchDeliveryFailed(SinchTaskFailed):
    """A batch finished, and its outcome is below what the task demands."""


class SinchWaitTimeout(SinchTaskFailed):
    """A batch has expired, the time for late reports is over, and messages still have no final status."""


T = TypeVar("T", bound="SinchTaskFailed | SinchWaitInterrupted")


@contextmanager
def airflow_failures(
    context: Context | None = None,
    conn_id: str | None = None,
    consequence: str = "Nothing was sent by this try.",
) -> Iterator[None]:
    """
    Turn errors that cannot heal into failures that Airflow does not retry.

    Passing trouble (network, rate limit, Sinch's own faults) goes through as it is, so that Airflow's retries
    apply. So does a connection that is not found while Airflow itself cannot be reached.

    :param context: The task's; left out, that of the task that runs.
    :param conn_id: The connection, to look for it once more when it is not found.
    :param consequence: What it means that the connection is missing.
    """
    try:
        yield
    except SinchError as error:
        if error.transient:
            raise
        raise _with(SinchTaskFailed(str(error)), error) from None
    except AirflowNotFoundException as error:
        if not _airflow_answers(context) or _found(conn_id):
            raise
        raise _with(SinchTaskFailed(missing_connection(error, consequence)), error) from None


@contextmanager
def waiting_for(batch_id: str) -> Iterator[None]:
    """Say of errors after a batch was accepted that it was; a retry goes on waiting for it."""
    try:
        yield
    except SinchError as error:
        kind = SinchWaitInterrupted if error.transient else SinchTaskFailed
        failure = kind(
            f"Batch {batch_id} was sent, but waiting for it failed: {error} "
            "Another try goes on waiting for it; it does not send again."
        )
        raise _with(failure, error) from None


def _with(failure: T, error: Exception) -> T:
    failure.error = error
    return failure


def missing_connection(error: AirflowNotFoundException, consequence: str) -> str:
    """
    Say what to do about a connection that Airflow does not find.

    :param error: Airflow's own; one of a class of its own says it already.
    :param consequence: What it means.
    """
    if type(error) is not AirflowNotFoundException:
        return f"{error} {consequence}"
    return (
        f"{mask_text(str(error))}. Make it in Airflow's UI (Admin, Connections, type Sinch SMS), with "
        f"`airflow connections add`, or as the environment variable AIRFLOW_CONN_<ID>. {consequence}"
    )


def _airflow_answers(context: Context | None) -> bool:
    """Whether Airflow can be reached: while it cannot, it finds no connection either."""
    from airflow.providers.common.compat.sdk import get_current_context

    try:
        context = get_current_context() if context is None else context
    except (RuntimeError, AirflowException):
        return True  # Not in a task.
    if callback_of(context) is not None:
        # A callback's task state may never answer.
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
    """Whether a connection is there after all: Airflow may have come back between two questions."""
    if conn_id is None:
        return False
    try:
        SinchHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return False
    return True


def goes_on(batch_ids: Sequence[str]) -> str:
    """Say what becomes of batches that nobody waits for any more."""
    verbs = "was sent and goes on" if len(batch_ids) == 1 else "were sent and go on"
    return f"{named(batch_ids)} {verbs} to be delivered, although this task waits no longer."


def conclude(summary: Summary, policy: OutcomePolicy) -> None:
    """
    Log what became of finished batches, and fail if that is not good enough.

    :raises SinchDeliveryFailed: The policy is not met.
    :raises SinchWaitTimeout: Some batch's time is over although messages have no final status.
    """
    log.info("Delivery of %s:\n%s", summary.names, summary.table())
    if summary.overdue and not summary.counts.total():
        raise SinchWaitTimeout(
            f"Timed out: {named(summary.overdue)} expired, and Sinch has reported no message. "
            "Sinch's dashboard may tell what became of it."
        )
    if summary.overdue:
        raise SinchWaitTimeout(
            f"Timed out: {named(summary.overdue)} expired with messages that have no final status "
            f"({summary.line()}). Their receipts may never come; the delivery report tells which they are."
        )
    if reason := policy.verdict(summary):
        raise SinchDeliveryFailed(
            f"Delivery of {summary.names} is not good enough: {reason} ({summary.line()})."
        )


def policy_faults(max_failed: Any, min_delivered: Any) -> list[Fault]:
    """Tell what is wrong with the outcome policy of a task."""
    shares = {"max_failed": max_failed, "min_delivered": min_delivered}
    return [
        Fault(name, "must be a share from 0 to 1", shown_value(value))
        for name, value in shares.items()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1
    ]


def checked_policy(max_failed: float, min_delivered: float) -> OutcomePolicy:
    """
    Check the outcome policy of a task when its Dag is parsed.

    :raises SinchValidationError: A share is not between 0 and 1.
    """
    refuse(policy_faults(max_failed, min_delivered))
    return OutcomePolicy(float(max_failed), float(min_delivered))


def interval_faults(name: str, seconds: Any) -> list[Fault]:
    """Tell what is wrong with a poll interval: seconds, or a timedelta."""
    value = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        return [Fault(name, "must be a number of seconds above 0", shown_value(seconds))]
    return []


def checked_interval(name: str, seconds: float | timedelta) -> float:
    """
    Check a poll interval when its Dag is parsed, and return its seconds.

    :raises SinchValidationError: It is not a number of seconds above 0.
    """
    refuse(interval_faults(name, seconds))
    return seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)


def sending_faults(on_clear: Any, hold: Any) -> list[Fault]:
    """Tell what is wrong with how to send once."""
    faults = []
    choices = [each.value for each in OnClear]
    if on_clear not in choices:
        faults.append(Fault("on_clear", f"must be one of {', '.join(choices)}", shown_value(on_clear)))
    if hold is not None and not (isinstance(hold, timedelta) and MIN_HOLD <= hold <= MAX_HOLD):
        rule = f"must be a timedelta from {MIN_HOLD} to {MAX_HOLD}"
        faults.append(Fault("hold", rule, shown_value(hold)))
    return faults


def checked_sending(on_clear: str, hold: timedelta | None) -> None:
    """
    Check how to send once when a Dag is parsed.

    :raises SinchValidationError: Names what cannot be right.
    """
    refuse(sending_faults(on_clear, hold))


def refuse(faults: Sequence[Fault], operation: str = "") -> None:
    """
    Refuse arguments that have faults.

    :raises SinchValidationError: There are some; names them all.
    """
    if faults:
        raise SinchValidationError(faults, operation)
