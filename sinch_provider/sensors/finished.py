"""``FinishedBatches``: what a rescheduled sensor remembers from poke to poke; each poke is a new process."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sinch_provider.sms.delivery.codes import FINAL
from sinch_provider.sms.delivery.progress import Counts, Progress, State, read_counts, write_counts

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

_KEY: Final = "sinch_wait"


class FinishedBatches:
    """
    Ids and counts of finished batches, kept in Airflow's task state (Airflow >= 3.3) if there is one.

    They are valid for one attempt. After a retry or a clear, or if they are lost, Sinch is asked again.

    :param context: The context of the sensor.
    """

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        self._try_number: Any = getattr(context.get("ti"), "try_number", None)
        self._kept: Mapping[str, Counts] = {}

    def start(self, batch_ids: Iterable[str]) -> list[Progress]:
        """Return the progress of batches: finished ones as remembered, others from the beginning."""
        self._kept = self._read()
        return [
            Progress(id_, State.FINISHED, self._kept[id_]) if id_ in self._kept else Progress(id_)
            for id_ in batch_ids
        ]

    def keep(self, progress: Iterable[Progress]) -> None:
        """Remember which batches have finished."""
        finished = {
            entry.batch_id: entry.counts
            for entry in progress
            if entry.state is State.FINISHED and _final(entry.counts)
        }
        if self._store is None or finished == self._kept:
            return
        counts = {id_: write_counts(found) for id_, found in finished.items()}
        try:
            self._store.set(_KEY, {"try_number": self._try_number, "finished": counts})
        except Exception as error:
            log.debug("Could not remember the finished batches: %s", type(error).__name__)

    def _read(self) -> dict[str, Counts]:
        # Users can edit the task state.
        try:
            kept = None if self._store is None else self._store.get(_KEY)
        except Exception as error:
            log.debug("Could not read the remembered batches: %s", type(error).__name__)
            return {}
        if not isinstance(kept, Mapping) or kept.get("try_number") != self._try_number:
            return {}
        finished = kept.get("finished")
        try:
            found = {id_: read_counts(counts) for id_, counts in dict(finished or {}).items()}
        except (TypeError, ValueError):
            return {}
        return {id_: counts for id_, counts in found.items() if _final(counts)}


def _final(counts: Counts) -> bool:
    return counts.total() > 0 and all(status in FINAL for status, _ in counts)
