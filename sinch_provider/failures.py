"""What a task does with errors and outcomes: which of them Airflow may retry, and which end it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from sinch_provider.sms.delivery import OutcomePolicy, Summary
from sinch_provider.sms.errors import Fault, SinchError, SinchValidationError
from sinch_provider.sms.sending.hold import MAX_HOLD, MIN_HOLD
from sinch_provider.sms.sending.send_once import OnClear

log = logging.getLogger(__name__)


class SinchTaskFailed(AirflowFailException):
    """The task failed for a reason that a retry cannot heal."""


class SinchWaitInterrupted(AirflowException):
    """Waiting in the triggerer broke off for a passing reason; waiting again can succeed."""


class SinchDeliveryFailed(SinchTaskFailed):
    """A batch finished, and its outcome is below what the task demands."""


class SinchWaitTimeout(SinchTaskFailed):
    """A batch has expired, the time for late reports is over, and messages still have no final status."""


@contextmanager
def airflow_failures() -> Iterator[None]:
    """
    Turn errors that cannot heal into failures that Airflow does not retry.

    Passing trouble (network, rate limit, Sinch's own faults) goes through as it is, so that Airflow's retries
    apply.
    """
    try:
        yield
    except SinchError as error:
        if error.transient:
            raise
        raise SinchTaskFailed(str(error)) from error


@contextmanager
def waiting_for(batch_id: str) -> Iterator[None]:
    """Say of errors after a batch was accepted that it was; a retry goes on waiting for it."""
    try:
        yield
    except SinchError as error:
        kind = SinchWaitInterrupted if error.transient else SinchTaskFailed
        raise kind(
            f"Batch {batch_id} was sent, but waiting for it failed: {error} "
            "Another try goes on waiting for it; it does not send again."
        ) from error


def conclude(summary: Summary, policy: OutcomePolicy) -> None:
    """
    Log what became of finished batches, and fail if that is not good enough.

    :raises SinchDeliveryFailed: The policy is not met.
    :raises SinchWaitTimeout: Some batch's time is over although messages have no final status.
    """
    names = ", ".join(summary.batch_ids)
    log.info("Delivery of %s:\n%s", names, summary.table())
    if summary.overdue:
        raise SinchWaitTimeout(
            f"Timed out: {', '.join(summary.overdue)} expired with messages that have no final status "
            f"({_told(summary)}). Their receipts may never come; the delivery report tells which they are."
        )
    if reason := policy.verdict(summary):
        raise SinchDeliveryFailed(f"Delivery of {names} is not good enough: {reason} ({_told(summary)}).")


def _told(summary: Summary) -> str:
    return ", ".join(f"{status} {count}" for status, count in summary.by_status.items()) or "no messages"


def checked_policy(max_failed: float, min_delivered: float) -> OutcomePolicy:
    """
    Check the outcome policy of a task when its Dag is parsed.

    :raises SinchValidationError: A share is not between 0 and 1.
    """
    shares = {"max_failed": max_failed, "min_delivered": min_delivered}
    faults = [
        Fault(name, "must be a share from 0 to 1", repr(value)[:40])
        for name, value in shares.items()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1
    ]
    if faults:
        raise SinchValidationError(faults)
    return OutcomePolicy(float(max_failed), float(min_delivered))


def checked_interval(name: str, seconds: float) -> float:
    """
    Check a poll interval when its Dag is parsed.

    :raises SinchValidationError: It is not a number of seconds above 0.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < float("inf"):
        raise SinchValidationError([Fault(name, "must be a number of seconds above 0", repr(seconds)[:40])])
    return float(seconds)


def checked_sending(on_clear: str, hold: timedelta | None) -> None:
    """
    Check how to send once when a Dag is parsed.

    :raises SinchValidationError: Names what cannot be right.
    """
    faults = []
    choices = [each.value for each in OnClear]
    if on_clear not in choices:
        faults.append(Fault("on_clear", f"must be one of {', '.join(choices)}", repr(on_clear)[:40]))
    if hold is not None and not (isinstance(hold, timedelta) and MIN_HOLD <= hold <= MAX_HOLD):
        rule = f"must be a timedelta from {MIN_HOLD} to {MAX_HOLD}"
        faults.append(Fault("hold", rule, repr(hold)[:40]))
    if faults:
        raise SinchValidationError(faults)
