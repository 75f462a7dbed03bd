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
from sinch_provider.sms.delivery.wait import look_at_all, pause_for
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
from sinch_provider.triggers.batches import SinchBatchTrigger, summary_of_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from pendulum import DateTime

#: What ``soft_fail`` skips.
OUTCOMES: Final = (SinchDeliveryFailed, SinchWaitTimeout, AirflowSensorTimeout)
#: Seconds that the poke has which comes when the sensor's time is up.
_LAST_POKE: Final = 60.0
_UNTOUCHED: Final = "The batches go on all the same."


class _TimeIsUpError(SinchError):
    transient = True


class SinchBatchSensor(GuardedFields, BaseSensorOperator):
    """
    Wait until every message of one or several batches has a final status; return the counts per status.

    Not before ``send_at`` is anything asked. After ``expire_at`` and an hour for late reports the task fails
    as timed out. In mode ``reschedule`` a batch that leaves later is looked at again when it does.

    With ``soft_fail`` an outcome skips the task instead of failing it: a poor delivery, a batch past its
    time, Airflow's own timeout. What could never work (credentials, connection, batch id) fails all the same.

    :param batch_id: A batch id, or a list of them. (templated)
    :param max_failed: Fail when the share of failed messages (Aborted, Rejected, Failed, Expired, Deleted,
        Cancelled) reaches this; 1.0: only if all failed; 0: as soon as one did.
    :param min_delivered: Fail when the share of delivered messages is below this.
    :param deferrable: Wait in the triggerer.
    :param sinch_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("batch_id", "sinch_conn_id")
    unrendered = _UNTOUCHED
    ui_color = "#fff3c4"

    def __init__(
        self,
        *,
        batch_id: str | Sequence[str],
        max_failed: float = 1.0,
        min_delivered: float = 0.0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        sinch_conn_id: str = SinchHook.default_conn_name,
        **kwargs: Any,
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
        self.sinch_conn_id = sinch_conn_id
        self._progress: list[Progress] = []
        self._deadline: DateTime | None = None

    def keeps_rule(self, name: str, value: Any) -> bool:
        """Whether a value is what its field is for; here a batch id can be several."""
        return not _batch_id_faults(value) if name == "batch_id" else super().keeps_rule(name, value)

    def execute(self, context: Context) -> Any:
        """Wait in the mode asked for."""
        with self._skipping():
            if not self.deferrable:
                self._deadline = self._started(context) + timedelta(seconds=self.timeout)
                return super().execute(context)
            with airflow_failures(context, self.sinch_conn_id, _UNTOUCHED):
                batch_ids = check_batch_ids(self.batch_id)
                # In the triggerer nothing could tell whether it is missing or Airflow out of reach.
                SinchHook.get_connection(self.sinch_conn_id)
            return self.defer(
                trigger=SinchBatchTrigger(
                    batch_ids=batch_ids, sinch_conn_id=self.sinch_conn_id, poll_interval=self.poke_interval
                ),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Come back from the trigger."""
        with self._skipping():
            return super().resume_execution(next_method, next_kwargs, context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look at every batch that is not over yet."""
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
        """Look once at every batch, for no longer than the sensor's own timeout allows."""
        from sinch_provider.sms.client import SinchClient

        until = self._deadline
        if until is not None:
            # The last poke comes when the time is up, and has to look all the same.
            until = max(until, utcnow() + timedelta(seconds=min(self.timeout, _LAST_POKE)))

        def refuse_late_pause(seconds: float) -> None:
            if until is not None and utcnow() + timedelta(seconds=seconds) > until:
                raise _TimeIsUpError("Sinch did not answer as it should, and no time is left to ask again")

        account = SinchHook(self.sinch_conn_id).get_conn().account
        with SinchClient(account, before_pause=refuse_late_pause) as client:
            return client.follow(look_at_all(self._progress, until=until))

    def _started(self, context: Context) -> DateTime:
        # Before Airflow 3 a sensor cannot ask when it was first poked.
        first_poke = getattr(context.get("ti"), "get_first_reschedule_date", None)
        started = first_poke(context) if self.reschedule and first_poke else None
        return utcnow() if started is None else to_time(started)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, int]:
        """Conclude from the trigger's event."""
        return self._concluded(summary_of_event(event))

    def on_kill(self) -> None:
        """Say that nobody looks any more."""
        batch_ids = self._progress or list(map(Progress, check_batch_ids(self.batch_id)))
        self.log.info("%s", goes_on([entry.batch_id for entry in batch_ids]))

    @contextmanager
    def _skipping(self) -> Iterator[None]:
        """
        Skip as ``soft_fail`` and ``never_fail`` say, the same in every mode.

        Airflow by itself skips some failures in one mode that it does not in another.
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
                raise AirflowSkipException(f"Skipped, although it failed: {error}") from error
            raise
        raise failure

    def _concluded(self, summary: Summary) -> dict[str, int]:
        conclude(summary, policy_of(self.max_failed, self.min_delivered))
        return summary.by_status

    def _get_next_poke_interval(
        self, started_at: Any, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        # Nothing can be told before a batch leaves, but the sensor's own timeout counts all the same.
        interval: float = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        left = max(self.timeout - run_duration(), 0.0)
        return max(interval, min(pause_for(self._progress, interval, utcnow()), left))


def _batch_id_faults(batch_id: Any) -> list[Fault]:
    try:
        check_batch_ids(batch_id)
    except SinchValidationError as error:
        return list(error.faults)
    return []
