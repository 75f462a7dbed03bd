"""Procedures that wait until batches have finished."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Final, TypeVar

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.delivery.codes import CANCELLED_BY_USER, FINAL, INTERMEDIATE
from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.delivery.progress import Progress, Schedule, State, counts_of, has_finished
from sinch_provider.sms.errors import SinchError, SinchNotFoundError
from sinch_provider.sms.fields.recipients import is_group_id
from sinch_provider.sms.fields.times import wire_time
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.runtime import current, utcnow
from sinch_provider.sms.wire.call import Call, Pause, Together

T = TypeVar("T")

log = logging.getLogger(__name__)

#: If a batch to groups has no messages this long after it left, its groups are empty.
EMPTY_AFTER: Final = timedelta(minutes=15)
#: Number of looks that may fail for passing reasons while nothing is known about a batch.
BLIND_LOOKS: Final = 30
#: The shortest pause in seconds, if the poll interval is not even shorter.
SHORTEST_PAUSE: Final = 1.0
#: A pause between looks is shorter than planned by up to this share.
_JITTER: Final = 0.2
#: The longest pause in seconds, even if a batch leaves much later.
LONGEST_PAUSE: Final = timedelta(days=1).total_seconds()


async def wait(progress: Sequence[Progress], poll_interval: float) -> Summary:
    """
    Look at batches again and again until every one is over.

    :param progress: One entry per batch. At the beginning this is ``Progress(batch_id)``.
    :param poll_interval: The most seconds between two looks at a batch that has left.
    """
    began = utcnow()
    while True:
        # Thousands may wait in one process, so nothing else is kept during the pause.
        progress = await look_at_all(progress)
        if all(entry.over for entry in progress):
            return Summary.of(progress)
        await Pause(pause_for(progress, poll_interval, began))


async def look_at_all(before: Iterable[Progress], until: pendulum.DateTime | None = None) -> list[Progress]:
    """
    Look once at every batch that is not over, at several at once, and log what has changed.

    If a look fails for a passing reason (network, trouble at Sinch), the round ends, because looks at other
    batches would fail too. The progress of the batch stays as it was, and its schedule limits the wait. While
    no schedule is known, too many such rounds in a row are raised.

    :param before: What is known about the batches.
    :param until: When the round ends. The first look is made in any case.
    """
    known = list(before)
    entries = list(known)
    # Batches with the fewest looks come first, so that rounds that end early still reach every batch.
    due = sorted((at for at, entry in enumerate(entries) if not entry.over), key=lambda at: entries[at].looks)
    looks = _Looks(until)
    # The first look goes alone: it shows whether Sinch answers, and gets the token that all need.
    found = [await looks.at(entries[at], first=True) for at in due[:1]]
    found += await Together([looks.at(entries[at]) for at in due[1:]])
    failures = 0
    for at, result in zip(due, found, strict=True):
        if isinstance(result, Progress):
            entries[at] = result
        elif result is not None:
            failures += 1
            entries[at] = _after_failure(entries, at, result, first=failures == 1)
    if not failures and (late := found.count(None)):
        log.warning("There is no time left to check %d of %d batches.", late, len(due))
    _log_changes(known, entries)
    return entries


class _Looks:
    """
    The looks of one round.

    :param until: When the round ends.
    """

    def __init__(self, until: pendulum.DateTime | None) -> None:
        self._until = until
        self._failed = False

    async def at(self, before: Progress, first: bool = False) -> Progress | SinchError | None:
        """
        Look at one batch, unless the round is over; return what is known now, or why the look failed.

        :param first: Whether the look is made even if it is too late.
        :raises SinchError: The look failed, and another one would fail too.
        """
        late = self._until is not None and not first and utcnow() > self._until
        if late or self._failed:
            return None
        try:
            return await look(replace(before, looks=before.looks + 1))
        except SinchError as error:
            self._failed = True
            if not error.transient:
                raise
            return error


def _after_failure(entries: Sequence[Progress], at: int, error: SinchError, first: bool) -> Progress:
    """
    Return the progress of a batch after its look failed for a passing reason.

    :param first: Whether this is the first failure in its round. Others have the same cause.
    :raises SinchError: Nothing is known about the batch, and too many rounds have failed.
    """
    entry = replace(entries[at], looks=entries[at].looks + 1, failures=entries[at].failures + first)
    if first:
        blind = entry.failures + sum(
            each.failures for other, each in enumerate(entries) if other != at and each.schedule is None
        )
        if entry.schedule is None and blind >= BLIND_LOOKS:
            raise error
        log.warning("The status of batch %s could not be read; trying again: %s", entry.batch_id, error)
    if entry.schedule is not None and utcnow() > entry.schedule.ends:
        return replace(entry, state=State.OVERDUE)
    return entry


async def look(before: Progress) -> Progress:
    """
    Find out how far a batch is, with as few calls as possible.

    Before the batch leaves, no call is made. The batch itself is read at the first look. It is read again
    when its report is empty or its time is over, because it may have been cancelled, postponed or prolonged.

    :param before: The result of the last look, or ``Progress(batch_id)``.
    """
    batch: Batch | None = None
    schedule = before.schedule
    if schedule is not None and _leaves_later(schedule):
        return replace(before, state=State.SCHEDULED)
    if schedule is None:
        batch = await _lagging(endpoints.get(before.batch_id))
        schedule = Schedule.of(batch, utcnow())
        before = replace(before, canceled=batch.canceled)
        if not batch.canceled and _leaves_later(schedule):
            return replace(before, state=State.SCHEDULED, schedule=schedule)

    try:
        report = await _summary_of(before.batch_id)
    except SinchNotFoundError:
        # The batch exists, but its report may come later.
        state = State.OVERDUE if utcnow() > schedule.ends else State.RUNNING
        return replace(before, schedule=schedule, state=state, failures=0)
    counts = counts_of(report)
    progress = replace(before, schedule=schedule, state=State.RUNNING, failures=0, counts=counts)
    if has_finished(counts, report.total_message_count):
        return replace(progress, state=State.FINISHED)

    empty = counts.total() == 0
    if batch is None and (empty or utcnow() > schedule.ends):
        batch = await _lagging(endpoints.get(before.batch_id))
        schedule = Schedule.of(batch, utcnow())
        progress = replace(progress, schedule=schedule)
    if batch is not None:
        progress = replace(progress, canceled=batch.canceled)
        if batch.canceled and empty:
            # A batch that was cancelled before it left has no report. All its recipients count as cancelled.
            planned = report.total_message_count or len(batch.to) or 1
            counted = Counter({("Cancelled", CANCELLED_BY_USER): planned})
            return replace(progress, state=State.FINISHED, counts=counted)
        if empty and report.total_message_count == 0 and _has_empty_groups(batch, utcnow()):
            log.warning("Batch %s has no messages: its groups are empty.", before.batch_id)
            return replace(progress, state=State.FINISHED)
    if _leaves_later(schedule):
        return replace(progress, state=State.SCHEDULED)
    if utcnow() > schedule.ends:
        return replace(progress, state=State.OVERDUE)
    return progress


def pause_for(entries: Iterable[Progress], poll_interval: float, began: pendulum.DateTime) -> float:
    """
    Return the seconds until the next look is useful.

    A batch that has left is looked at again after as long as it has been under way, because most messages are
    delivered within seconds: after a second at least, and after the poll interval at most. Of several batches
    the youngest counts. Before all have left, the wait cannot end, so there is no hurry.

    The pause is a little random, so that the looks of waits that began together do not come all at once.

    :param entries: What is known about the batches.
    :param poll_interval: The longest pause in seconds, except before a batch leaves.
    :param began: When the wait began.
    """
    now = utcnow()
    pending = [entry for entry in entries if not entry.over]
    uniform = current().uniform
    if (seconds := until_departure(pending, now)) > 0:
        return min(seconds + uniform(0, min(SHORTEST_PAUSE, poll_interval)), LONGEST_PAUSE)
    left = [began if entry.schedule is None else _left(entry.schedule, began) for entry in pending]
    youngest = max(left, default=began)
    age = (now - youngest).total_seconds()
    seconds = poll_interval if youngest > now else min(max(age, SHORTEST_PAUSE), poll_interval)
    return seconds - uniform(0, _JITTER * seconds)


def until_departure(entries: Iterable[Progress], now: pendulum.DateTime) -> float:
    """Return the seconds until the first of the pending batches leaves; 0 if one has left."""
    waits = [
        (entry.schedule.starts - now).total_seconds()
        if entry.state is State.SCHEDULED and entry.schedule and entry.schedule.starts
        else 0.0
        for entry in entries
        if not entry.over
    ]
    # If the look at a batch fails when it leaves, its state is still "scheduled".
    return min(max(min(waits, default=0.0), 0.0), LONGEST_PAUSE)


def _left(schedule: Schedule, began: pendulum.DateTime) -> pendulum.DateTime:
    # Sinch's clock may be ahead of ours, but a batch that is waited for has been created.
    return schedule.starts or min(schedule.created or began, began)


def _leaves_later(schedule: Schedule) -> bool:
    return schedule.starts is not None and utcnow() < schedule.starts


def _has_empty_groups(batch: Batch, now: pendulum.DateTime) -> bool:
    # A batch that also goes to phone numbers has messages, even if their report is late.
    left = batch.send_at or batch.created_at
    only_groups = bool(batch.to) and all(map(is_group_id, batch.to))
    return only_groups and left is not None and now > left + EMPTY_AFTER


# Mostly thousands of batches are looked at in turn, and each again and again.
@lru_cache(maxsize=16_384)
def _summary_of(batch_id: str) -> Call[BatchDeliveryReport]:
    return endpoints.get_delivery_report(batch_id)


def _lagging(call: Call[T]) -> Call[T]:
    # For a moment after Sinch accepted a batch, it may not be found. Its parameters are most of the answer.
    return replace(call, may_lag=True, unread=frozenset({"parameters"}))


def _log_changes(before: Sequence[Progress], after: Sequence[Progress]) -> None:
    """Log what is new in this round, once for all batches."""
    for status in sorted(_statuses(after) - _statuses(before) - FINAL - INTERMEDIATE):
        log.warning("Unknown delivery status %r; treating it as not final.", status)
    if [(each.state, each.counts) for each in before] == [(each.state, each.counts) for each in after]:
        return
    summary = Summary.of(after)
    starts = [each.schedule.starts for each in after if each.schedule and each.state is State.SCHEDULED]
    news = [summary.line()] if summary.counts else []
    if leaving := [each for each in starts if each is not None]:
        news.append(f"leaves at {wire_time(min(leaving))}; no status is requested before that")
    if len(summary.batch_ids) > 1 and summary.pending:
        news.append(f"{len(summary.pending)} are still pending")
    if news:
        log.info("%s: %s.", summary.names, "; ".join(news))


def _statuses(entries: Iterable[Progress]) -> set[str]:
    return {status for entry in entries for status, _ in entry.counts}
