"""Listing the batches with a reference, and reading one by its id."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import MalformedAnswerError, SinchNotFoundError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.runtime import current, utcnow
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.http import Answer

log = logging.getLogger(__name__)

#: How long Sinch may take to list a batch that it has accepted. Sinch documents no limit.
LISTING_LAG: Final = timedelta(seconds=45)
#: How far the clocks of workers and of Sinch may be apart.
CLOCK_MARGIN: Final = timedelta(minutes=10)
#: Sinch lists batches of the last two weeks. A batch that may be older cannot be looked up.
LISTED_FOR: Final = timedelta(days=13)
# Small enough to read a page of batches that all have 1,000 recipients and parameters for each.
_PAGE_SIZE: Final = 30
_MOST_PAGES: Final = 1000


@dataclass(frozen=True)
class Listing:
    """
    The batches that Sinch lists under a reference.

    :param batches: Those with the reference, and those without any reference, which may belong to it too. If
        each was read as it came, there are none.
    :param complete: Whether no batch can be missing. One can if Sinch ignored the filter, if an entry is
        unreadable, or if there are fewer entries than Sinch counts.
    :param skew: How far Sinch's clock is ahead of ours; None if unknown.
    """

    batches: tuple[Batch, ...]
    complete: bool
    skew: timedelta | None = None


@dataclass(frozen=True)
class _Page:
    count: int
    entries: tuple[Any, ...]


async def list_by_reference(
    reference: str,
    since: pendulum.DateTime,
    *,
    seconds: float = math.inf,
    read: Callable[[Batch], object] | None = None,
) -> Listing:
    """
    List the batches with a reference, all pages.

    :param since: When the first of them may have been sent, by the clock of the worker that sent it.
    :param seconds: After as many, no further page is asked for.
    :param read: Called with each batch, which is then forgotten: thousands of them take a lot of memory.
    """
    start = max(since - CLOCK_MARGIN, utcnow() - LISTED_FOR)
    clock = SinchClock()
    found: dict[str, Batch | None] = {}
    passed = 0
    complete = False
    until = current().monotonic() + seconds
    foreign = unreadable = 0
    for number in range(_MOST_PAGES):
        call = endpoints.list_batches(
            page=number, page_size=_PAGE_SIZE, start_date=start, client_reference=reference
        )
        # Not parsed as elsewhere: an unreadable entry must not hide the others.
        reading: Call[Any] = replace(call, observe=clock.observe)
        page: _Page = await replace(reading, parse=_read_page)
        passed += len(page.entries)
        for entry in page.entries:
            label = entry.get("client_reference") if isinstance(entry, Mapping) else None
            if label and label != reference:
                foreign += 1
            elif (batch := _read_batch(entry)) is None:
                unreadable += 1
            elif read is None:
                found[batch.id] = batch
            elif batch.id not in found:
                # An entry may be on two pages, if a batch was sent meanwhile.
                found[batch.id] = None
                read(batch)
        if not page.entries or passed >= page.count:
            complete = passed >= page.count
            break
        if current().monotonic() >= until:
            break
    if foreign or unreadable or not complete:
        log.warning(
            "Sinch's listing is not reliable: %d batches with another reference, %d unreadable entries, %s.",
            foreign,
            unreadable,
            "all pages read" if complete else "pages missing",
        )
    batches = tuple(each for each in found.values() if each is not None)
    return Listing(batches, complete and not (foreign or unreadable), clock.skew)


def _read_page(data: Any) -> _Page:
    entries = data.get("batches") if isinstance(data, Mapping) else None
    count = data.get("count") if isinstance(data, Mapping) else None
    if isinstance(count, str) and count.isdecimal():
        count = int(count)
    if not isinstance(entries, list) or not isinstance(count, int) or isinstance(count, bool):
        raise MalformedAnswerError("it is not a page of batches")
    return _Page(count, tuple(entries))


def _read_batch(entry: Any) -> Batch | None:
    try:
        return Batch.from_json(entry)
    except MalformedAnswerError:
        return None


class SinchClock:
    """Measures by the ``Date`` header of an answer how far Sinch's clock is ahead of ours."""

    def __init__(self) -> None:
        self.skew: timedelta | None = None

    def observe(self, answer: Answer) -> None:
        """Read the header of an answer."""
        if date := date_of(answer):
            # The difference of pendulum's times takes as long as the rest of reading an answer.
            self.skew = timedelta(seconds=date.timestamp() - utcnow().timestamp())


def date_of(answer: Answer) -> datetime | None:
    """Return the time at which Sinch answered, by its own clock; None if it does not say."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else None


async def read_batch(batch_id: str) -> Batch | None:
    """Read a batch; None if Sinch does not show it any more."""
    try:
        return await replace(endpoints.get(batch_id), may_lag=True)
    except SinchNotFoundError:
        return None
