"""
Has a batch finished, and how?

The decision when a batch is over, the procedures that wait for it, and what its outcome is worth.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from typing import Any, Final, TypeVar

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.codes import CANCELLED_BY_USER, FAILED, FINAL, INTERMEDIATE, canonical_status, meaning
from sinch_provider.sms.errors import SinchError, SinchNotFoundError
from sinch_provider.sms.http import Call
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.steps import Pause, Step
from sinch_provider.sms.times import utcnow

T = TypeVar("T")

log = logging.getLogger(__name__)

#: How long after a batch has expired reports may still come in.
GRACE: Final = timedelta(hours=1)
#: Batches expire this long after sending, unless they say otherwise.
DEFAULT_VALIDITY: Final = timedelta(days=3)

_NEVER: Final = pendulum.datetime(9999, 12, 31)

#: How long after its time a batch may still have no messages before its groups count as empty.
EMPTY_AFTER: Final = timedelta(minutes=15)
#: Looks that may fail for passing reasons before anything is known of a batch.
BLIND_LOOKS: Final = 30
#: No pause is longer, however far off a batch's time is.
LONGEST_PAUSE: Final = timedelta(days=1).total_seconds()


class State(Enum):
    """Where a batch is, as far as waiting for it goes."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    FINISHED = "finished"
    OVERDUE = "overdue"


Counts = Counter[tuple[str, int]]


def counts_of(report: BatchDeliveryReport) -> Counts:
    """
    Count the messages of a report by status and code.

    Code 407 counts as Cancelled even where it comes as Aborted, as older descriptions of the API have it.
    """
    counts: Counts = Counter()
    for entry in report.statuses:
        status = "Cancelled" if entry.code == CANCELLED_BY_USER else canonical_status(entry.status)
        if status not in FINAL | INTERMEDIATE:
            log.warning("Delivery status %r is not known; waiting on as if it were not final.", status[:40])
        counts[status, entry.code] += entry.count
    return counts


def has_finished(report: BatchDeliveryReport) -> bool:
    """Whether every message of a batch has reached a final status; never for an empty report."""
    final = sum(count for (status, _), count in counts_of(report).items() if status in FINAL)
    return report.total_message_count > 0 and final == report.total_message_count


@dataclass(frozen=True)
class Schedule:
    """
    When a batch leaves and when waiting for it makes no sense any more.

    :param starts: Not before; None if it left when it was created.
    :param ends: When it has expired and the time for late reports is over.
    """

    starts: pendulum.DateTime | None
    ends: pendulum.DateTime

    @classmethod
    def of(cls, batch: Batch, now: pendulum.DateTime) -> Schedule:
        """Read the schedule of a batch."""
        base = batch.send_at or batch.created_at or now
        try:
            ends = (batch.expire_at or base + DEFAULT_VALIDITY) + GRACE
        except OverflowError:
            ends = _NEVER
        return cls(batch.send_at, ends)


@dataclass(frozen=True)
class Progress:
    """
    What is known of a batch after a look at it.

    :param counts: Messages per status and code.
    :param canceled: Whether the batch was cancelled, as far as known.
    :param schedule: None until the batch itself has been read.
    :param failures: Looks that failed for a passing reason since the last that did not.
    """

    batch_id: str
    state: State = State.RUNNING
    counts: Counts = field(default_factory=Counter)
    canceled: bool = False
    schedule: Schedule | None = None
    failures: int = 0

    @property
    def over(self) -> bool:
        """Whether looking again would change nothing."""
        return self.state in {State.FINISHED, State.OVERDUE}


def look(before: Progress, clock: Callable[[], pendulum.DateTime] = utcnow) -> Generator[Step, Any, Progress]:
    """
    Look how far a batch is, with as few calls as that takes.

    Nothing is asked before the batch's time to leave. The batch itself is read on the first look, and again
    when its report is empty or its time is over: it may have been cancelled, postponed or prolonged since.

    :param before: What the last look found, or ``Progress(batch_id)``.
    """
    batch: Batch | None = None
    schedule = before.schedule
    if schedule is not None and schedule.starts is not None and clock() < schedule.starts:
        return replace(before, state=State.SCHEDULED)
    if schedule is None:
        batch = yield _lagging(endpoints.get(before.batch_id))
        schedule = Schedule.of(batch, clock())
        before = replace(before, canceled=batch.canceled)
        if not batch.canceled and schedule.starts is not None and clock() < schedule.starts:
            return replace(before, state=State.SCHEDULED, schedule=schedule)

    before = replace(before, schedule=schedule, state=State.RUNNING, failures=0)
    try:
        report: BatchDeliveryReport = yield endpoints.get_delivery_report(before.batch_id)
    except SinchNotFoundError:
        # The batch is there; its report may take a while.
        return replace(before, state=State.OVERDUE) if clock() > schedule.ends else before
    counts = counts_of(report)
    progress = replace(before, counts=counts)
    if has_finished(report):
        return replace(progress, state=State.FINISHED)

    empty = not counts or report.total_message_count == 0
    if batch is None and (empty or clock() > schedule.ends):
        batch = yield _lagging(endpoints.get(before.batch_id))
        progress = replace(progress, schedule=Schedule.of(batch, clock()))
    if batch is not None:
        progress = replace(progress, canceled=batch.canceled)
        if batch.canceled and empty:
            # A batch cancelled before its time has no report. Everybody it was for counts as cancelled.
            planned = report.total_message_count or len(batch.to)
            counted = Counter({("Cancelled", CANCELLED_BY_USER): planned})
            return replace(progress, state=State.FINISHED, counts=counted)
        left = batch.send_at or batch.created_at
        if report.total_message_count == 0 and left is not None and clock() > left + EMPTY_AFTER:
            log.warning("Batch %s has no messages: the groups it was sent to are empty.", before.batch_id)
            return replace(progress, state=State.FINISHED)
    assert progress.schedule is not None
    if progress.schedule.starts is not None and clock() < progress.schedule.starts:
        return replace(progress, state=State.SCHEDULED)
    if clock() > progress.schedule.ends:
        return replace(progress, state=State.OVERDUE)
    return progress


def _lagging(call: Call[T]) -> Call[T]:
    # A batch may take a moment to be found after it was accepted.
    return replace(call, may_lag=True)


@dataclass(frozen=True)
class Summary:
    """
    Where all batches that are waited for stand together.

    :param counts: Messages per status and code, over all batches.
    :param pending: Batches that are not over.
    :param overdue: Batches whose time is over although messages have no final status.
    """

    batch_ids: tuple[str, ...]
    counts: Counts
    pending: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()

    @classmethod
    def of(cls, progress: Iterable[Progress]) -> Summary:
        """Add up several batches."""
        entries = tuple(progress)
        return cls(
            tuple(entry.batch_id for entry in entries),
            sum((entry.counts for entry in entries), Counter()),
            tuple(entry.batch_id for entry in entries if not entry.over),
            tuple(entry.batch_id for entry in entries if entry.state is State.OVERDUE),
        )

    @property
    def by_status(self) -> dict[str, int]:
        """Messages per status."""
        totals: Counter[str] = Counter()
        for (status, _), count in self.counts.items():
            totals[status] += count
        return dict(sorted(totals.items()))

    def to_dict(self) -> dict[str, Any]:
        """Write as JSON; holds ids and counts only."""
        return {
            "batch_ids": list(self.batch_ids),
            "counts": [[status, code, count] for (status, code), count in sorted(self.counts.items())],
            "pending": list(self.pending),
            "overdue": list(self.overdue),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Summary:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            tuple(data["batch_ids"]),
            Counter({(str(status), int(code)): int(count) for status, code, count in data["counts"]}),
            tuple(data["pending"]),
            tuple(data["overdue"]),
        )

    def table(self) -> str:
        """Draw the counts as a small table: status, code, meaning, count."""
        rows = [("status", "code", "meaning", "count")]
        rows += [(s, str(code), meaning(code), str(n)) for (s, code), n in sorted(self.counts.items())]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]:>{widths[3]}}"
            for row in rows
        )


@dataclass(frozen=True)
class OutcomePolicy:
    """
    When a finished batch counts as failed.

    :param max_failed: Fail when the share of failed messages reaches this; 1.0: only if every message failed;
        0: as soon as one did.
    :param min_delivered: Fail when the share of delivered messages is below this.
    """

    max_failed: float = 1.0
    min_delivered: float = 0.0

    def verdict(self, summary: Summary) -> str | None:
        """Say why the outcome is a failure, or None if it is not."""
        total = sum(summary.counts.values())
        by_status = summary.by_status
        failed = sum(count for status, count in by_status.items() if status in FAILED)
        delivered = by_status.get("Delivered", 0)
        if failed and failed / total >= self.max_failed:
            return f"{failed} of {total} messages failed, which reaches max_failed={self.max_failed:g}"
        if total and delivered / total < self.min_delivered:
            return (
                f"{delivered} of {total} messages were delivered, below min_delivered={self.min_delivered:g}"
            )
        return None


def look_at_all(
    before: Iterable[Progress], clock: Callable[[], pendulum.DateTime] = utcnow
) -> Generator[Step, Any, list[Progress]]:
    """
    Look at every batch that is not over.

    A look that fails for a passing reason (network, Sinch's own trouble) leaves its batch as it was: the
    batch goes on without us, and its schedule bounds the waiting. Before the schedule is known, a number of
    such failures in a row is raised.
    """
    after = []
    for entry in before:
        found = entry
        if not entry.over:
            try:
                found = yield from look(entry, clock)
            except SinchError as error:
                found = replace(entry, failures=entry.failures + 1)
                if not error.transient or (entry.schedule is None and found.failures >= BLIND_LOOKS):
                    raise
                log.warning("Batch %s could not be looked at, will look again: %s", entry.batch_id, error)
                if entry.schedule is not None and clock() > entry.schedule.ends:
                    found = replace(found, state=State.OVERDUE)
        after.append(found)
    return after


def wait(
    progress: Sequence[Progress],
    poll_interval: float,
    clock: Callable[[], pendulum.DateTime] = utcnow,
) -> Generator[Step, Any, Summary]:
    """
    Look again and again until every batch is over.

    :param progress: One entry per batch, as far as known: ``Progress(batch_id)`` for a start.
    :param poll_interval: Seconds between looks at a batch that is under way.
    """
    entries = list(progress)
    while True:
        entries = yield from look_at_all(entries, clock)
        summary = Summary.of(entries)
        if not summary.pending:
            return summary
        yield Pause(pause_for(entries, poll_interval, clock()))


def pause_for(entries: Iterable[Progress], poll_interval: float, now: pendulum.DateTime) -> float:
    """Seconds until a look is worth it: the poll interval, or more if every pending batch leaves later."""
    waits = [
        (entry.schedule.starts - now).total_seconds()
        if entry.state is State.SCHEDULED and entry.schedule and entry.schedule.starts
        else 0.0
        for entry in entries
        if not entry.over
    ]
    # A batch whose time has come and which could not be looked at is still called scheduled.
    soonest = min(waits, default=0.0)
    return min(soonest, LONGEST_PAUSE) if soonest > 0 else poll_interval


def progress_of(batch: Batch, clock: Callable[[], pendulum.DateTime] = utcnow) -> Progress:
    """Begin with a batch that was just sent, which saves reading it."""
    return Progress(batch.id, State.RUNNING, schedule=Schedule.of(batch, clock()))
