"""Which batches of a campaign are still under way, found out anew at every entry."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.reached import SentBatch
from sinch_provider.sms.delivery.progress import counts_of, has_finished
from sinch_provider.sms.errors import SinchNotFoundError
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.wire.call import Together

#: The most batches that one trigger waits for: a million people.
MOST: Final = 1000
#: How many summaries are read at once.
_AT_ONCE: Final = 10


async def unfinished(batches: Iterable[SentBatch], most: int = MOST) -> list[str]:
    """
    Return the ids of batches that are still under way: one small call for each that may be.

    Wait for these, list the campaign again, and ask again, until there are none. Whatever has expired counts
    as finished, as for the trigger: so this comes to an end.

    :param batches: As the campaign was listed right now.
    :param most: The most ids to return. Once they are found, no further batch is looked at.
    """
    found: list[str] = []
    left = iter(batches)
    while len(found) < most and (wave := list(islice(left, min(_AT_ONCE, most - len(found))))):
        waits = await Together([_waits(batch) for batch in wave])
        found += [batch.id for batch, pending in zip(wave, waits, strict=True) if pending]
    return found


async def _waits(batch: SentBatch) -> bool:
    if utcnow() > batch.ends:
        return False
    try:
        report = await endpoints.get_delivery_report(batch.id)
    except SinchNotFoundError:
        # The batch exists, but its report may come later.
        return True
    counts = counts_of(report)
    if batch.canceled and not counts.total():
        # It was cancelled before it left.
        return False
    return not has_finished(counts, report.total_message_count)
