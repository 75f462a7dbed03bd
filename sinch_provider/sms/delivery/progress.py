"""
Has a batch finished, and how?

The decision when a batch is over, the procedures that wait for it, and what its outcome is worth.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from typing import Any, Final, TypeVar

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.delivery.codes import (
    CANCELLED_BY_USER,
    FAILED,
    FINAL,
    INTERMEDIATE,
    canonical_status,
    meaning,
)
from sinch_provider.sms.errors import SinchError, SinchNotFoundError
from sinch_provider.sms.fields.recipients import is_group_id
from sinch_provider.sms.fields.times import utcnow, wire_time
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.wire.call import Call, Pause, Step

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
#: Of more batches than this a line names only some.
_NAMED: Final = 3
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
        counts[status, entry.code] += entry.count
    return counts


def has_finished(report: BatchDeliveryReport) -> bool:
    """
    Whether every message of a batch has reached a final status; never for an empty report.

    A report that shows more messages than it announces has those that it shows.
    """
    counts = counts_of(report)
    final = sum(count for (status, _), count in counts.items() if status in FINAL)
    return 0 < final == max(report.total_message_count, counts.total())


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
    :param looks: How often it was looked at, or tried to, together with others.
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
        """Whether looking again would change nothing."""
        return self.state in {State.FINISHED, State.OVERDUE}


def look(before: Progress) -> Generator[Step, Any, Progress]:
    """
    Look how far a batch is, with as few calls as that takes.

    Nothing is asked before the batch's time to leave. The batch itself is read on the first look, and again
    when its report is empty or its time is over: it may have been cancelled, postponed or prolonged since.

    :param before: What the last look found, or ``Progress(batch_id)``.
    """
    batch: Batch | None = None
    schedule = before.schedule
    if schedule is not None and schedule.starts is not None and utcnow() < schedule.starts:
        return replace(before, state=State.SCHEDULED)
    if schedule is None:
        batch = yield _lagging(endpoints.get(before.batch_id))
        schedule = Schedule.of(batch, utcnow())
        before = replace(before, canceled=batch.canceled)
        if not batch.canceled and schedule.starts is not None and utcnow() < schedule.starts:
            return replace(before, state=State.SCHEDULED, schedule=schedule)

    before = replace(before, schedule=schedule, state=State.RUNNING, failures=0)
    try:
        report: BatchDeliveryReport = yield endpoints.get_delivery_report(before.batch_id)
    except SinchNotFoundError:
        # The batch is there; its report may take a while.
        return replace(before, state=State.OVERDUE) if utcnow() > schedule.ends else before
    counts = counts_of(report)
    progress = replace(before, counts=counts)
    if has_finished(report):
        return replace(progress, state=State.FINISHED)

    empty = counts.total() == 0
    if batch is None and (empty or utcnow() > schedule.ends):
        batch = yield _lagging(endpoints.get(before.batch_id))
        progress = replace(progress, schedule=Schedule.of(batch, utcnow()))
    if batch is not None:
        progress = replace(progress, canceled=batch.canceled)
        if batch.canceled and empty:
            # A batch cancelled before its time has no report. Everybody it was for counts as cancelled.
            planned = report.total_message_count or len(batch.to) or 1
            counted = Counter({("Cancelled", CANCELLED_BY_USER): planned})
            return replace(progress, state=State.FINISHED, counts=counted)
        if empty and report.total_message_count == 0 and _to_empty_groups(batch, utcnow()):
            log.warning("Batch %s has no messages: the groups it was sent to are empty.", before.batch_id)
            return replace(progress, state=State.FINISHED)
    assert progress.schedule is not None
    if progress.schedule.starts is not None and utcnow() < progress.schedule.starts:
        return replace(progress, state=State.SCHEDULED)
    if utcnow() > progress.schedule.ends:
        return replace(progress, state=State.OVERDUE)
    return progress


def _to_empty_groups(batch: Batch, now: pendulum.DateTime) -> bool:
    # Whoever names a person has a message to come, however late its report is.
    left = batch.send_at or batch.created_at
    only_groups = bool(batch.to) and all(map(is_group_id, batch.to))
    return only_groups and left is not None and now > left + EMPTY_AFTER


def _lagging(call: Call[T]) -> Call[T]:
    # A batch may take a moment to be found after it was accepted.
    return replace(call, may_lag=True)


def write_counts(counts: Counts) -> list[list[Any]]:
    """Write counts as JSON."""
    return [[status, code, count] for (status, code), count in sorted(counts.items())]


def read_counts(data: Any) -> Counts:
    """
    Read what :func:`write_counts` wrote.

    :raises ValueError: It is something else.
    """
    counts: Counts = Counter()
    for entry in data if isinstance(data, (list, tuple)) else [data]:
        match entry:
            # Neither of them a boolean, which would pass for a number.
            case [str(status), code, count] if type(code) is type(count) is int and min(code, count) >= 0:
                counts[status, code] += count
            case _:
                raise ValueError("counts are no list of status, code and count")
    return counts


def _ids(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = data.get(name)
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} is no list of ids")
    return tuple(value)


def named(batch_ids: Sequence[str]) -> str:
    """Name batches, a few of them where they are many."""
    if len(batch_ids) == 1:
        return f"Batch {batch_ids[0]}"
    rest = " ..." if len(batch_ids) > _NAMED else ""
    return f"{len(batch_ids)} batches ({', '.join(batch_ids[:_NAMED])}{rest})"


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
            "counts": write_counts(self.counts),
            "pending": list(self.pending),
            "overdue": list(self.overdue),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Summary:
        """
        Read what :meth:`to_dict` wrote.

        :raises ValueError: It is something else.
        """
        if not isinstance(data, Mapping):
            raise ValueError("a summary is an object")
        batch_ids, pending, overdue = (_ids(data, name) for name in ("batch_ids", "pending", "overdue"))
        return cls(batch_ids, read_counts(data.get("counts")), pending, overdue)

    @property
    def names(self) -> str:
        """Name the batches, a few of them where they are many."""
        return named(self.batch_ids)

    def told(self) -> str:
        """Tell the messages per status in a line."""
        return ", ".join(f"{status} {count}" for status, count in self.by_status.items()) or "no messages"

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
        if not total and self.min_delivered > 0:
            return f"there was no message to deliver, which is below min_delivered={self.min_delivered:g}"
        if total and delivered / total < self.min_delivered:
            return (
                f"{delivered} of {total} messages were delivered, below min_delivered={self.min_delivered:g}"
            )
        return None


def look_at_all(
    before: Iterable[Progress], until: pendulum.DateTime | None = None
) -> Generator[Step, Any, list[Progress]]:
    """
    Look at every batch that is not over, and log what has changed.

    A look that fails for a passing reason (network, Sinch's own trouble) ends the round, because the others
    would fare alike, and leaves its batch as it was: the batch goes on without us, and its schedule bounds
    the waiting. Before the schedule is known, a number of such failures in a row is raised.

    :param before: What is known of the batches.
    :param until: When to end the round, but for its first look.
    """
    known = list(before)
    entries = list(known)
    # Those looked at least come first, so that rounds that end early come round to every batch.
    due = sorted((at for at, entry in enumerate(entries) if not entry.over), key=lambda at: entries[at].looks)
    for place, at in enumerate(due):
        if place and until is not None and utcnow() > until:
            log.warning("%d of %d batches were not looked at: no time is left.", len(due) - place, len(due))
            break
        entry = replace(entries[at], looks=entries[at].looks + 1)
        try:
            entries[at] = yield from look(entry)
        except SinchError as error:
            entries[at] = replace(entry, failures=entry.failures + 1)
            blind = sum(each.failures for each in entries if each.schedule is None)
            if not error.transient or (entry.schedule is None and blind >= BLIND_LOOKS):
                raise
            log.warning("Batch %s could not be looked at, will look again: %s", entry.batch_id, error)
            if entry.schedule is not None and utcnow() > entry.schedule.ends:
                entries[at] = replace(entries[at], state=State.OVERDUE)
            break
    _log_changes(known, entries)
    return entries


def _log_changes(before: Sequence[Progress], after: Sequence[Progress]) -> None:
    """Say what is new; nothing is said of batches that are as they were."""
    for status in sorted(_statuses(after) - _statuses(before) - FINAL - INTERMEDIATE):
        log.warning("Delivery status %r is not known; waiting on as if it were not final.", status)
    if [(each.state, each.counts) for each in before] == [(each.state, each.counts) for each in after]:
        return
    summary = Summary.of(after)
    starts = [each.schedule.starts for each in after if each.schedule and each.state is State.SCHEDULED]
    told = [summary.told()] if summary.counts else []
    if leaving := [each for each in starts if each is not None]:
        told.append(f"leaves at {wire_time(min(leaving))}; nothing is asked before")
    if len(summary.batch_ids) > 1 and summary.pending:
        told.append(f"{len(summary.pending)} are not over yet")
    if told:
        log.info("%s: %s.", summary.names, "; ".join(told))


def _statuses(entries: Iterable[Progress]) -> set[str]:
    return {status for entry in entries for status, _ in entry.counts}


def wait(progress: Sequence[Progress], poll_interval: float) -> Generator[Step, Any, Summary]:
    """
    Look again and again until every batch is over.

    :param progress: One entry per batch, as far as known: ``Progress(batch_id)`` for a start.
    :param poll_interval: Seconds between looks at a batch that is under way.
    """
    entries = list(progress)
    while True:
        entries = yield from look_at_all(entries)
        summary = Summary.of(entries)
        if not summary.pending:
            return summary
        yield Pause(pause_for(entries, poll_interval, utcnow()))


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


def progress_of(batch: Batch) -> Progress:
    """Begin with a batch that was just sent, which saves reading it."""
    return Progress(batch.id, State.RUNNING, schedule=Schedule.of(batch, utcnow()))
