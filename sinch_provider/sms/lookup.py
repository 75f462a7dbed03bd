"""Looking for batches that may have been accepted, in Sinch's listing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchNotFoundError, SinchUncertainError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.steps import Pause, Step
from sinch_provider.sms.times import utcnow

log = logging.getLogger(__name__)

#: Pauses before the looks for a batch that may be there: it may take Sinch a while to list what it has
#: accepted.
LOOKS: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0)
#: How long a batch may take to be listed.
SETTLE_SECONDS: Final = sum(LOOKS)
#: How far the clocks of workers and of Sinch may be apart.
CLOCK_MARGIN: Final = timedelta(minutes=10)
#: Sinch lists two weeks; what may have been sent before cannot be looked up.
LISTED: Final = timedelta(days=13)
_PAGE_SIZE: Final = 100
_MOST_PAGES: Final = 100
_ADVICE: Final = (
    "Look for the batch in Sinch's dashboard. To send anyway, clear the task with on_clear='resend'."
)

Batches = Generator[Step, Any, list[Batch]]


def settled_look(
    reference: str,
    since: pendulum.DateTime,
    wanted: Callable[[Batch], bool] = lambda _: True,
) -> Batches:
    """
    Look for batches by reference until one is there, or would be there if it had been accepted.

    :param reference: Their client reference.
    :param since: When the first of them may have been sent, by the clock of whoever sent it.
    :param wanted: Which of those found count.
    """
    for pause in LOOKS:
        if pause:
            yield Pause(pause)
        listed = yield from list_since(since, reference)
        if found := [each for each in listed if wanted(each)]:
            return found
    log.info("It is not listed after %g s, so it was not accepted.", sum(LOOKS))
    return []


def clamped(since: pendulum.DateTime) -> pendulum.DateTime:
    """Begin no earlier than Sinch lists, where nothing says that something was sent before."""
    return max(since, utcnow() - LISTED + CLOCK_MARGIN)


def list_since(since: pendulum.DateTime, reference: str | None = None) -> Batches:
    """
    List the batches of the account since then, with this reference or all.

    :raises SinchUncertainError: That is longer ago than Sinch lists batches, or they are too many.
    """
    if since < utcnow() - LISTED:
        raise SinchUncertainError(
            f"An earlier try of {since.to_date_string()} may have sent this, too long ago for Sinch to tell",
            operation="send",
            advice=_ADVICE,
        )
    start = since - CLOCK_MARGIN
    found: dict[str, Batch] = {}
    passed = 0
    for number in range(_MOST_PAGES):
        page = yield endpoints.list_batches(
            page=number, page_size=_PAGE_SIZE, start_date=start, client_reference=reference
        )
        passed += len(page.items)
        found |= {each.id: each for each in page.items}
        if not page.items or passed >= page.count:
            # Should the filter be ignored, what has another reference is none of ours.
            return [each for each in found.values() if reference in {None, each.client_reference}]
    raise SinchUncertainError(
        f"More than {_MOST_PAGES * _PAGE_SIZE} batches are listed, too many to look for one among them",
        operation="send",
        advice=_ADVICE,
    )


def read(batch_id: str) -> Generator[Step, Any, Batch | None]:
    """Read a batch; None if Sinch does not show it any more."""
    try:
        batch: Batch = yield replace(endpoints.get(batch_id), may_lag=True)
    except SinchNotFoundError:
        return None
    return batch
