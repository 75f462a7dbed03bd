"""What ``SinchBatchSensor`` needs only when its task runs: parsing a Dag does not load it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException, AirflowSensorTimeout, AirflowSkipException

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sensors.finished import FinishedBatches
from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.delivery.progress import Progress
from sinch_provider.sms.delivery.wait import look_at_all, until_departure
from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.fields.times import to_time
from sinch_provider.sms.runtime import utcnow
from sinch_provider.task.failures import (
    SinchDeliveryFailed,
    SinchTaskFailed,
    SinchWaitTimeout,
    airflow_failures,
    conclude,
    goes_on,
)
from sinch_provider.triggers.batches import SinchBatchTrigger, summary_of_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from pendulum import DateTime

#: What Airflow 3 and Airflow 2 say when a deferral has timed out.
_OUT_OF_TIME: Final = frozenset({"Trigger timeout", "Trigger/execution timeout"})

__all__ = [
    "FinishedBatches",
    "Progress",
    "SinchBatchTrigger",
    "SinchHook",
    "Summary",
    "airflow_failures",
    "check_time",
    "conclude",
    "goes_on",
    "looked",
    "never_failing",
    "skipping",
    "started",
    "summary_of_event",
    "until_departure",
    "utcnow",
]

#: The failures that ``soft_fail`` turns into a skip.
OUTCOMES: Final = (SinchDeliveryFailed, SinchWaitTimeout, AirflowSensorTimeout)
#: Seconds for the last poke, which comes when the sensor's time is up.
_LAST_POKE: Final = 60.0


class _TimeIsUpError(SinchError):
    transient = True


def looked(
    before: Sequence[Progress], conn_id: str, deadline: DateTime | None, timeout: float
) -> list[Progress]:
    """
    Look once at every batch, within the sensor's own timeout.

    :param before: What is known about the batches.
    :param conn_id: The connection.
    :param deadline: When the sensor's time is up; None if it does not know.
    :param timeout: The sensor's own timeout in seconds.
    """
    until = deadline
    if until is not None:
        # The last poke comes when the time is up. It still has to look.
        until = max(until, utcnow() + timedelta(seconds=min(timeout, _LAST_POKE)))

    def refuse_late_pause(seconds: float) -> None:
        if until is not None and utcnow() + timedelta(seconds=seconds) > until:
            raise _TimeIsUpError(
                "The last request failed, and the sensor's timeout leaves no time to repeat it"
            )

    with SinchHook(conn_id).new_client(before_pause=refuse_late_pause) as client:
        return client.follow(look_at_all(before, until=until))


def started(context: Context, reschedule: bool) -> DateTime:
    """Return when a sensor was first poked."""
    # Only Airflow 3 knows it.
    first_poke: Any = getattr(context.get("ti"), "get_first_reschedule_date", None)
    known = first_poke(context) if reschedule and first_poke else None
    return utcnow() if known is None else to_time(known)


def check_time(next_method: str, next_kwargs: Mapping[str, Any] | None) -> None:
    """
    Raise the error of a sensor's timeout if the deferral has timed out.

    Airflow 3 would do so itself. Airflow 2 raises another error, which it retries.
    """
    error = (next_kwargs or {}).get("error")
    if next_method == "__fail__" and error in _OUT_OF_TIME:
        raise AirflowSensorTimeout(error)


@contextmanager
def never_failing(never_fail: bool) -> Iterator[None]:
    """Apply ``never_fail`` after a trigger. Airflow does so since 3.1."""
    try:
        yield
    except AirflowSkipException:
        raise
    except AirflowException as error:
        if never_fail:
            raise AirflowSkipException(f"Skipped instead of failed: {error}") from error
        raise


@contextmanager
def skipping(soft_fail: bool, never_fail: bool) -> Iterator[None]:
    """
    Apply ``soft_fail`` and ``never_fail`` in the same way in every mode.

    Airflow itself skips some failures in one mode and not in another.
    """
    try:
        yield
        return
    except AirflowSkipException as skip:
        failure = skip.__cause__
        if failure is None or not soft_fail or isinstance(failure, OUTCOMES):
            raise
    except (SinchTaskFailed, AirflowSensorTimeout) as error:
        if never_fail or (soft_fail and isinstance(error, OUTCOMES)):
            raise AirflowSkipException(f"Skipped instead of failed: {error}") from error
        raise
    raise failure
