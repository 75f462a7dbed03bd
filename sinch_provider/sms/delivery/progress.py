"""What is known about the delivery of one batch: its state, its schedule, and its messages per status."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Final

import pendulum

from sinch_provider.sms.delivery.codes import CANCELLED_BY_USER, FINAL, canonical_status
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.runtime import utcnow

#: How long after the expiry of a batch its last reports may arrive.
GRACE: Final = timedelta(hours=1)
#: A batch without an expiry expires this long after it leaves.
DEFAULT_VALIDITY: Final = timedelta(days=3)

_NEVER: Final = pendulum.datetime(9999, 12, 31)

#: Messages per status and code.
Counts = Counter[tuple[str, int]]


class State(Enum):
    """The state of a batch for somebody who waits for it."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    FINISHED = "finished"
    OVERDUE = "overdue"


@dataclass(frozen=True)
class Schedule:
    """
    When a batch leaves, and when waiting for it ends.

    :param starts: When the batch leaves; None if it left when it was created.
    :param ends: When the batch has expired and the time for late reports is over.
    :param created: When the batch was created, if that is known.
    """

    starts: pendulum.DateTime | None
    ends: pendulum.DateTime
    created: pendulum.DateTime | None = None

    @classmethod
    def of(cls, batch: Batch, now: pendulum.DateTime) -> Schedule:
        """Read the schedule of a batch."""
        base = batch.send_at or batch.created_at or now
        try:
            ends = (batch.expire_at or base + DEFAULT_VALIDITY) + GRACE
        except OverflowError:
            ends = _NEVER
        return cls(batch.send_at, ends, batch.created_at)


@dataclass(frozen=True)
class Progress:
    """
    What is known about a batch after the last look at it.

    :param batch_id: The batch.
    :param state: Its state.
    :param counts: Messages per status and code.
    :param canceled: Whether the batch was cancelled, as far as is known.
    :param schedule: None until the batch itself has been read.
    :param failures: Number of looks in a row that failed for a passing reason.
    :param looks: Number of looks at the batch, including failed ones.
    """

    batch_id: str
    state: State = State.RUNNING
    counts: Counts = field(default_factory=Counter)
    canceled: bool = False
    schedule: Schedule | None = None
    failures: int = 0
    looks: int = 0

    @property
    def over(self) -> bool:
        """Whether waiting for the batch is over."""
        return self.state in {State.FINISHED, State.OVERDUE}


def progress_of(batch: Batch) -> Progress:
    """Return the progress of a batch that was just sent, which saves one call."""
    return Progress(batch.id, State.RUNNING, schedule=Schedule.of(batch, utcnow()))


def counts_of(report: BatchDeliveryReport) -> Counts:
    """
    Count the messages of a report by status and code.

    Code 407 counts as Cancelled even if the status is Aborted, as older descriptions of the API have it.
    """
    counts: Counts = Counter()
    for entry in report.statuses:
        status = "Cancelled" if entry.code == CANCELLED_BY_USER else canonical_status(entry.status)
        counts[status, entry.code] += entry.count
    return counts


def has_finished(counts: Counts, announced: int) -> bool:
    """
    Whether every message of a batch has a final status. A batch without messages has not finished.

    :param counts: The messages in the report.
    :param announced: The total that the report announces. If it shows more messages, those count.
    """
    final = sum(count for (status, _), count in counts.items() if status in FINAL)
    return 0 < final == max(announced, counts.total())


def write_counts(counts: Counts) -> list[list[Any]]:
    """Write counts as JSON: a list of status, code and count."""
    return [[status, code, count] for (status, code), count in sorted(counts.items())]


def read_counts(data: Any) -> Counts:
    """
    Read what :func:`write_counts` wrote.

    :raises ValueError: The data has another shape.
    """
    counts: Counts = Counter()
    for entry in data if isinstance(data, (list, tuple)) else [data]:
        match entry:
            # A boolean is an int too, so the types are compared.
            case [str(status), code, count] if type(code) is type(count) is int and min(code, count) >= 0:
                counts[status, code] += count
            case _:
                raise ValueError("counts must be a list of status, code and count")
    return counts
