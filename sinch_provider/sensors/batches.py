"""``SinchBatchSensor``: wait until batches have been delivered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseSensorOperator, PokeReturnValue, conf

from sinch_provider.failures import airflow_failures, checked_policy, conclude
from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.delivery import Progress, Summary, look_at_all, pause_for
from sinch_provider.sms.times import utcnow
from sinch_provider.sms.validation import checked_batch_ids
from sinch_provider.templates import is_template
from sinch_provider.triggers.batches import SinchBatchTrigger, summary_of_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class SinchBatchSensor(BaseSensorOperator):
    """
    Wait until every message of one or several batches has a final status; return the counts per status.

    Not before ``send_at`` is anything asked. After ``expire_at`` and an hour for late reports the task fails
    as timed out. In mode ``reschedule`` a batch that leaves later is looked at again when it does.

    :param batch_id: A batch id, or a list of them. (templated)
    :param max_failed: Fail when the share of failed messages (Aborted, Rejected, Failed, Expired, Deleted,
        Cancelled) reaches this; 1.0: only if all failed; 0: as soon as one did.
    :param min_delivered: Fail when the share of delivered messages is below this.
    :param deferrable: Wait in the triggerer.
    :param sinch_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("batch_id", "sinch_conn_id")
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
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.max_failed = max_failed
        self.min_delivered = min_delivered
        self.deferrable = deferrable
        self.sinch_conn_id = sinch_conn_id
        checked_policy(max_failed, min_delivered)
        if not is_template(batch_id):
            checked_batch_ids(batch_id)
        self._progress: list[Progress] = []

    def execute(self, context: Context) -> Any:
        """Wait in the mode asked for."""
        if not self.deferrable:
            return super().execute(context)
        with airflow_failures():
            batch_ids = checked_batch_ids(self.batch_id)
        return self.defer(
            trigger=SinchBatchTrigger(
                batch_ids=batch_ids, sinch_conn_id=self.sinch_conn_id, poll_interval=self.poke_interval
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """Look at every batch that is not over yet."""
        with airflow_failures():
            entries = self._progress or [Progress(id_) for id_ in checked_batch_ids(self.batch_id)]
            with SinchHook(self.sinch_conn_id).get_conn() as client:
                self._progress = client.follow(look_at_all(entries))
        summary = Summary.of(self._progress)
        if not summary.pending:
            return PokeReturnValue(is_done=True, xcom_value=self._concluded(summary))
        self.log.info(
            "Waiting for %s: %s", ", ".join(summary.pending), summary.by_status or "nothing has left yet"
        )
        return PokeReturnValue(is_done=False)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, int]:
        """Conclude from the trigger's event."""
        return self._concluded(summary_of_event(event))

    def _concluded(self, summary: Summary) -> dict[str, int]:
        conclude(summary, checked_policy(self.max_failed, self.min_delivered))
        return summary.by_status

    def _get_next_poke_interval(
        self, started_at: Any, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        # Nothing can be told before a batch leaves, but the sensor's own timeout counts all the same.
        interval: float = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        left = max(self.timeout - run_duration(), 0.0)
        return max(interval, min(pause_for(self._progress, interval, utcnow()), left))
