"""Looking for the batches of a send in Sinch's listing, by their reference."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import MalformedAnswerError, SinchNotFoundError
from sinch_provider.sms.fields.times import utcnow
from sinch_provider.sms.models import Batch
from sinch_provider.sms.wire.call import Call, Step
from sinch_provider.sms.wire.http import Answer

log = logging.getLogger(__name__)

#: How long Sinch may take to list a batch that it has accepted. Sinch documents no limit.
LISTING_LAG: Final = timedelta(seconds=45)
#: How far the clocks of workers and of Sinch may be apart.
CLOCK_MARGIN: Final = timedelta(minutes=10)
#: Sinch lists two weeks; what may have been sent before cannot be looked up.
LISTED: Final = timedelta(days=13)
# A page of personal batches to 1,000 recipients each stays below what the clients read of an answer.
_PAGE_SIZE: Final = 30
_MOST_PAGES: Final = 1000


@dataclass(frozen=True)
class Listing:
    """
    The batches that Sinch lists under a reference.

    :param batches: Those that carry the reference; and those without any, which may.
    :param complete: Whether nothing can be missing. It may be where the filter was ignored, entries cannot be
        read, or there are fewer than Sinch counts.
    :param skew: How far Sinch's clock is ahead of ours; None if it does not tell.
    """

    batches: tuple[Batch, ...]
    complete: bool
    skew: timedelta | None = None


@dataclass(frozen=True)
class _Page:
    count: int
    entries: tuple[Any, ...]


def list_by_reference(reference: str, since: pendulum.DateTime) -> Generator[Step, Any, Listing]:
    """
    List the batches with a reference, all pages.

    :param since: When the first of them may have been sent, by the clock of whoever sent it.
    """
    start = max(since - CLOCK_MARGIN, utcnow() - LISTED)
    clock = SinchClock()
    found: dict[str, Batch] = {}
    passed = 0
    complete = False
    foreign = unreadable = 0
    for number in range(_MOST_PAGES):
        call = endpoints.list_batches(
            page=number, page_size=_PAGE_SIZE, start_date=start, client_reference=reference
        )
        # Read here, and not as elsewhere: one entry that cannot be read must not hide the others.
        listing: Call[Any] = replace(call, observe=clock.observe)
        page: _Page = yield replace(listing, parse=_read_page)
        passed += len(page.entries)
        for entry in page.entries:
            label = entry.get("client_reference") if isinstance(entry, Mapping) else None
            if label and label != reference:
                foreign += 1
            elif (batch := _read_batch(entry)) is None:
                unreadable += 1
            else:
                found[batch.id] = batch
        if not page.entries or passed >= page.count:
            complete = passed >= page.count
            break
    if foreign or unreadable or not complete:
        log.warning(
            "The listing cannot be relied on: %d batches with another reference, %d that cannot be read, %s.",
            foreign,
            unreadable,
            "all pages" if complete else "pages missing",
        )
    return Listing(tuple(found.values()), complete and not (foreign or unreadable), clock.skew)


def _read_page(data: Any) -> _Page:
    entries = data.get("batches") if isinstance(data, Mapping) else None
    count = data.get("count") if isinstance(data, Mapping) else None
    if isinstance(count, str) and count.isdecimal():
        count = int(count)
    if not isinstance(entries, list) or not isinstance(count, int) or isinstance(count, bool):
        raise MalformedAnswerError("it is no page of batches")
    return _Page(count, tuple(entries))


def _read_batch(entry: Any) -> Batch | None:
    try:
        return Batch.from_json(entry)
    except MalformedAnswerError:
        return None


class SinchClock:
    """Learns from the ``Date`` of an answer how far Sinch's clock is ahead of ours."""

    def __init__(self) -> None:
        self.skew: timedelta | None = None

    def observe(self, answer: Answer) -> None:
        """Read the answer's headers."""
        if date := date_of(answer):
            self.skew = date - utcnow()


def date_of(answer: Answer) -> datetime | None:
    """Read when Sinch says that it answered."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else None


def read(batch_id: str) -> Generator[Step, Any, Batch | None]:
    """Read a batch; None if Sinch does not show it any more."""
    try:
        batch: Batch = yield replace(endpoints.get(batch_id), may_lag=True)
    except SinchNotFoundError:
        return None
    return batch
