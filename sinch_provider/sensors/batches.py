"""``SinchBatchSensor``: wait until batches have been delivered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import BaseSensorOperator, PokeReturnValue, conf

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.validation import check_batch_ids
from sinch_provider.task.arguments import (
    as_rendered,
    interval_faults,
    is_template,
    policy_faults,
    refuse,
)
from sinch_provider.task.rendering import GuardedFields

if TYPE_CHECKING:
    from typing import Unpack

    from airflow.providers.common.compat.sdk import Context
    from pendulum import DateTime

    from sinch_provider.sms.delivery.progress import Progress
    from sinch_provider.task.typing import BaseSensorArguments, TemplatedBatchIds, TemplatedText

_UNTOUCHED: Final = "Delivery of the batches continues."


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
        sinch_conn_id: TemplatedText = DEFAULT_CONN_ID,
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
        from sinch_provider.sensors import running

        with running.skipping(self.soft_fail, self.never_fail):
            if not self.deferrable:
                started = running.started(context, self.reschedule)
                self._deadline = started + timedelta(seconds=self.timeout)
                return super().execute(context)
            with running.airflow_failures(context, self.sinch_conn_id, _UNTOUCHED):
                batch_ids = check_batch_ids(self.batch_id)
                # The triggerer could not distinguish a missing connection from an unreachable Airflow.
                running.SinchHook.get_connection(self.sinch_conn_id)
            return self.defer(
                trigger=running.SinchBatchTrigger(
                    batch_ids=batch_ids, sinch_conn_id=self.sinch_conn_id, poll_interval=self.poke_interval
                ),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Continue after the trigger."""
        from sinch_provider.sensors import running

        with running.skipping(self.soft_fail, self.never_fail), running.never_failing(self.never_fail):
            running.check_time(next_method, next_kwargs)
            return super().resume_execution(next_method, next_kwargs, context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once at every batch that has not finished."""
        from sinch_provider.sensors import running

        finished = running.FinishedBatches(context) if self.reschedule else None
        with running.airflow_failures(context, self.sinch_conn_id, _UNTOUCHED):
            if not self._progress:
                batch_ids = check_batch_ids(self.batch_id)
                new = map(running.Progress, batch_ids)
                self._progress = finished.start(batch_ids) if finished else list(new)
            self._progress = running.looked(self._progress, self.sinch_conn_id, self._deadline, self.timeout)
        summary = running.Summary.of(self._progress)
        if not summary.pending:
            running.conclude(summary, self.max_failed, self.min_delivered)
            return PokeReturnValue(is_done=True, xcom_value=summary.by_status)
        if finished:
            finished.keep(self._progress)
        return PokeReturnValue(is_done=False)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, int]:
        """Finish with the trigger's event."""
        from sinch_provider.sensors import running

        summary = running.summary_of_event(event)
        running.conclude(summary, self.max_failed, self.min_delivered)
        return summary.by_status

    def on_kill(self) -> None:
        """Log that delivery continues without this task."""
        from sinch_provider.sensors import running

        batch_ids = [entry.batch_id for entry in self._progress] or check_batch_ids(self.batch_id)
        self.log.info("%s", running.goes_on(batch_ids))

    def _get_next_poke_interval(
        self, started_at: Any, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        from sinch_provider.sensors import running

        # There is nothing to see before a batch leaves, but the sensor's own timeout still applies.
        interval: float = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        left = max(self.timeout - run_duration(), 0.0)
        return max(interval, min(running.until_departure(self._progress, running.utcnow()), left))


def _batch_id_faults(batch_id: Any) -> list[Fault]:
    try:
        check_batch_ids(batch_id)
    except SinchValidationError as error:
        return list(error.faults)
    return []
