"""``SinchBatchSensor``: wait until batches have been delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sensors.finished import FinishedBatches
from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.delivery.progress import Progress
from sinch_provider.sms.delivery.wait import look_at_all, until_departure
from sinch_provider.sms.errors import Fault, SinchError, SinchValidationError
from sinch_provider.sms.fields.times import to_time, utcnow
from sinch_provider.sms.fields.validation import check_batch_ids
from sinch_provider.task.arguments import (
    interval_faults,
    is_template,
    policy_faults,
    policy_of,
    refuse,
)
from sinch_provider.task.failures import (
    SinchDeliveryFailed,
    SinchTaskFailed,
    SinchWaitTimeout,
    airflow_failures,
    conclude,
    goes_on,
)
from sinch_provider.task.rendering import GuardedFields
from sinch_provider.task.typing import as_rendered
from sinch_provider.triggers.batches import SinchBatchTrigger, summary_of_event

if TYPE_CHECKING:
    from typing import Unpack

    from airflow.providers.common.compat.sdk import Context
    from pendulum import DateTime

    from sinch_provider.task.typing import BaseSensorArguments, TemplatedBatchIds, TemplatedText

#: The failures that ``soft_fail`` turns into a skip.
OUTCOMES: Final = (SinchDeliveryFailed, SinchWaitTimeout, AirflowSensorTimeout)
#: Seconds for the last poke, which comes when the sensor's time is up.
_LAST_POKE: Final = 60.0
_UNTOUCHED: Final = "Delivery of the batches continues."


class _TimeIsUpError(SinchError):
    transient = True


class SinchBatchSensor(GuardedFields, BaseSensorOperator):
    """
    Wait until every message of one or several batches has a final status; return the counts per status.

    Before ``send_at`` nothing is requested. An hour after ``expire_at``, which leaves time for late reports,
    the task fails with a timeout. In mode ``reschedule`` the next poke comes when the batch leaves.

    With ``soft_fail`` an outcome skips the task instead of failing it: a poor delivery, an expired batch,
    Airflow's own timeout. Wrong credentials, connections and batch ids still fail the task.

    :param batch_id: One batch id or several: a list, or text with commas between them. (templated)
    :param max_failed: The task fails when the share of failed messages (Aborted, Rejected, Failed, Expired,
        Deleted, Cancelled) reaches this. 1.0: only if all failed; 0: as soon as one failed.
    :param min_delivered: The task fails when the share of delivered messages is below this.
    :param deferrable: Whether to wait in the triggerer rather than in the worker.
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    template_fields: Sequence[str] = ("batch_id", "sinch_conn_id")
    unrendered = _UNTOUCHED
    ui_color = "#fff3c4"

    def __init__(
        self,
        *,
        batch_id: TemplatedBatchIds,
        max_failed: float = 1.0,
        min_delivered: float = 0.0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        sinch_conn_id: TemplatedText = SinchHook.default_conn_name,
        **kwargs: Unpack[BaseSensorArguments],
    ) -> None:
        faults = [] if is_template(batch_id) else _batch_id_faults(batch_id)
        faults += policy_faults(max_failed, min_delivered)
        if "poke_interval" in kwargs:
            faults += interval_faults("poke_interval", kwargs["poke_interval"])
        refuse(faults, type(self).__name__)
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.max_failed = max_failed
        self.min_delivered = min_delivered
        self.deferrable = deferrable
        self.sinch_conn_id = as_rendered(sinch_conn_id)
        self._progress: list[Progress] = []
        self._deadline: DateTime | None = None

    def keeps_rule(self, name: str, value: Any) -> bool:
        """Whether a value fits its field. Here, ``batch_id`` may be several."""
        return not _batch_id_faults(value) if name == "batch_id" else super().keeps_rule(name, value)

    def execute(self, context: Context) -> Any:
        """Wait in the triggerer or in the worker."""
        with self._skipping():
            if not self.deferrable:
                self._deadline = self._started(context) + timedelta(seconds=self.timeout)
                return super().execute(context)
            with airflow_failures(context, self.sinch_conn_id, _UNTOUCHED):
                batch_ids = check_batch_ids(self.batch_id)
                # The triggerer could not distinguish a missing connection from an unreachable Airflow.
                SinchHook.get_connection(self.sinch_conn_id)
            return self.defer(
                trigger=SinchBatchTrigger(
                    batch_ids=batch_ids, sinch_conn_id=self.sinch_conn_id, poll_interval=self.poke_interval
                ),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Continue after the trigger."""
        with self._skipping():
            return super().resume_execution(next_method, next_kwargs, context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once at every batch that has not finished."""
        finished = FinishedBatches(context) if self.reschedule else None
        with airflow_failures(context, self.sinch_conn_id, _UNTOUCHED):
            if not self._progress:
                batch_ids = check_batch_ids(self.batch_id)
                self._progress = finished.start(batch_ids) if finished else list(map(Progress, batch_ids))
            self._progress = self._looked()
        summary = Summary.of(self._progress)
        if not summary.pending:
            return PokeReturnValue(is_done=True, xcom_value=self._concluded(summary))
        if finished:
            finished.keep(self._progress)
        return PokeReturnValue(is_done=False)

    def _looked(self) -> list[Progress]:
        """Look once at every batch, within the sensor's own timeout."""
        until = self._deadline
        if until is not None:
            # The last poke comes when the time is up. It still has to look.
            until = max(until, utcnow() + timedelta(seconds=min(self.timeout, _LAST_POKE)))

        def refuse_late_pause(seconds: float) -> None:
            if until is not None and utcnow() + timedelta(seconds=seconds) > until:
                raise _TimeIsUpError(
                    "The last request failed, and the sensor's timeout leaves no time to repeat it"
                )

        with SinchHook(self.sinch_conn_id).new_client(before_pause=refuse_late_pause) as client:
            return client.follow(look_at_all(self._progress, until=until))

    def _started(self, context: Context) -> DateTime:
        # Only Airflow 3 knows when a sensor was first poked.
        first_poke = getattr(context.get("ti"), "get_first_reschedule_date", None)
        started = first_poke(context) if self.reschedule and first_poke else None
        return utcnow() if started is None else to_time(started)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, int]:
        """Finish with the trigger's event."""
        return self._concluded(summary_of_event(event))

    def on_kill(self) -> None:
        """Log that delivery continues without this task."""
        batch_ids = self._progress or list(map(Progress, check_batch_ids(self.batch_id)))
        self.log.info("%s", goes_on([entry.batch_id for entry in batch_ids]))

    @contextmanager
    def _skipping(self) -> Iterator[None]:
        """
        Apply ``soft_fail`` and ``never_fail`` in the same way in every mode.

        Airflow itself skips some failures in one mode and not in another.
        """
        try:
            yield
            return
        except AirflowSkipException as skip:
            failure = skip.__cause__
            if failure is None or not self.soft_fail or isinstance(failure, OUTCOMES):
                raise
        except (SinchTaskFailed, AirflowSensorTimeout) as error:
            if self.never_fail or (self.soft_fail and isinstance(error, OUTCOMES)):
                raise AirflowSkipException(f"Skipped instead of failed: {error}") from error
            raise
        raise failure

    def _concluded(self, summary: Summary) -> dict[str, int]:
        conclude(summary, policy_of(self.max_failed, self.min_delivered))
        return summary.by_status

    def _get_next_poke_interval(
        self, started_at: Any, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        # There is nothing to see before a batch leaves, but the sensor's own timeout still applies.
        interval: float = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        left = max(self.timeout - run_duration(), 0.0)
        return max(interval, min(until_departure(self._progress, utcnow()), left))


def _batch_id_faults(batch_id: Any) -> list[Fault]:
    try:
        check_batch_ids(batch_id)
    except SinchValidationError as error:
        return list(error.faults)
    return []
