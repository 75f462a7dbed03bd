"""
Who a campaign has reached, from Sinch's own listing of its batches.

Every entry into the task looks anew. So it does not matter what became of the process, of the journal, or of
files: nobody who is in a batch of the campaign gets another one.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.journal import CampaignEntry
from sinch_provider.sms.delivery.progress import Schedule
from sinch_provider.sms.errors import SinchNotSentError, SinchUncertainError, SinchUnsettledError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.listing import LISTED_FOR, list_by_reference
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.payload import Payload

log = logging.getLogger(__name__)

#: Pauses between listings, in seconds; the last one is repeated.
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
_CANCELLED: Final = frozenset({"cancelled", "canceled"})


@dataclass(frozen=True)
class SentBatch:
    """
    A batch of the campaign.

    :param recipients: How many.
    :param canceled: Whether it was cancelled, before or after some of its texts left.
    :param created_at: When Sinch accepted it.
    :param body: Its text, before anything is filled in, without blanks around it: Sinch may remove those.
    :param ends: When it has expired and the time for late reports is over.
    """

    id: str
    recipients: int
    canceled: bool
    created_at: datetime
    body: str = field(repr=False)
    ends: datetime

    @classmethod
    def of(cls, batch: Batch, since: datetime) -> Self:
        """
        Keep what matters of a listed batch.

        :param since: A time before which it cannot have been sent.
        """
        return cls(
            batch.id,
            len(batch.to),
            batch.canceled,
            batch.created_at or since,
            # The batches of a campaign share a few texts.
            sys.intern(batch.body.strip()) if isinstance(batch.body, str) else "",
            Schedule.of(batch, utcnow()).ends,
        )


@dataclass
class Reached:
    """
    What Sinch lists of a campaign.

    :param people: The digits of everybody who got a text, or will get one, as whole numbers: a million of
        them take a third of the memory of texts.
    :param batches: All its batches, also cancelled ones.
    :param requests: The keyed hashes of the recipients of each batch.
    """

    people: set[int] = field(default_factory=set, repr=False)
    batches: list[SentBatch] = field(default_factory=list)
    requests: set[str] = field(default_factory=set, repr=False)


def people_of(numbers: Iterable[str], secret: str) -> str:
    """
    Hash the recipients of a request, keyed with the account's secret, in any order.

    :param numbers: Digits.
    """
    return Payload(list(numbers), {}, {}).fingerprint(secret).recipients


async def reached(
    entry: CampaignEntry | None,
    reference: str,
    since: pendulum.DateTime,
    secret: str,
    settling: Settling,
    *,
    proved_empty: bool = False,
    shared: bool = False,
) -> Reached:
    """
    List the batches of a campaign until none can be missing.

    :param entry: The journal's entry; None if there is none.
    :param reference: The client reference of all its batches.
    :param since: When the first of them may have been sent.
    :param secret: The key of hashes.
    :param settling: Measures how long a batch of an earlier request may still take to be listed.
    :param proved_empty: Whether it is certain that this task instance has sent nothing. Then nothing is
        waited for.
    :param shared: Whether others may have sent batches of it. Otherwise Sinch is not asked, if it is proved
        that this one has not.
    :raises SinchUnsettledError: A batch is missing, or the listing is not complete.
    :raises SinchUncertainError: The first batch was sent longer ago than Sinch lists.
    """
    if proved_empty and not shared:
        return Reached()
    if since < utcnow() - LISTED_FOR:
        raise SinchUncertainError(
            f"The campaign began on {since.to_date_string()}, and Sinch lists only the batches of the last "
            f"{LISTED_FOR.days} days. So it is unknown who was reached",
            operation="send",
            advice="To begin anew, and text everybody, use a new send_key.",
        )
    looks = 0
    while True:
        left = settling.seconds_left(entry)
        found, complete = await _look(reference, since, secret)
        missing = 0 if entry is None else entry.accepted - len(found.batches)
        if complete and (proved_empty or (entry is not None and _explained(entry, found))):
            break
        if left <= 0:
            if not complete or missing > 0:
                lacking = (
                    "Sinch's listing is not complete" if not complete else f"{missing} batches are missing"
                )
                raise SinchUnsettledError(f"{lacking}, so it is unknown who was reached", operation="send")
            break
        if looks == 0:
            log.info("Sinch may take up to %.0f s more to list what it has accepted.", left)
        rest = math.ceil(left)
        # Without an open request a missing batch is unlikely, so one more listing at the end is enough.
        await settling.pause(min(_PAUSES[min(looks, len(_PAUSES) - 1)], rest) if entry else rest)
        looks += 1
    await _add_who_was_reached_before_a_cancel(found)
    return found


async def people_reached(reference: str, batches: int = 0) -> set[int]:
    """
    Return whom another campaign has reached, as digits of numbers.

    :param reference: The client reference of all its batches.
    :param batches: How many it has, at least.
    :raises SinchNotSentError: Sinch does not list all of them.
    """
    found, complete = await _look(reference, utcnow() - LISTED_FOR)
    if not complete or len(found.batches) < batches:
        raise SinchNotSentError(
            f"It is unknown whom to leave out: Sinch lists {len(found.batches)} batches of that campaign, "
            f"and it has {batches} or more",
            operation="send",
            advice=f"Sinch lists batches for {LISTED_FOR.days} days. After that, exclude by a table.",
        )
    await _add_who_was_reached_before_a_cancel(found)
    return found.people


def _explained(entry: CampaignEntry, found: Reached) -> bool:
    """Whether all open requests of the journal have become batches, and none that was accepted is missing."""
    # A batch of an open request is not among the accepted ones. And a batch to the same people may be an
    # older one, which was cancelled.
    return len(found.batches) >= entry.accepted + len(entry.open) and all(
        each.people in found.requests for each in entry.open
    )


async def _look(reference: str, since: pendulum.DateTime, secret: str | None = None) -> tuple[Reached, bool]:
    """
    List all pages. Returns what was found, and whether no entry can be missing.

    :param secret: The key of the hashes of requests; None: nobody needs them.
    """
    found = Reached()
    nameless = 0

    def read(batch: Batch) -> None:
        nonlocal nameless
        if batch.client_reference is None:
            # It may belong to any send.
            nameless += 1
            return
        numbers = [each.removeprefix("+") for each in batch.to]
        found.batches.append(SentBatch.of(batch, since))
        if secret is not None:
            found.requests.add(people_of(numbers, secret))
        if not batch.canceled:
            found.people.update(map(int, numbers))

    listing = await list_by_reference(reference, since, read=read)
    return found, listing.complete and not nameless


async def _add_who_was_reached_before_a_cancel(found: Reached) -> None:
    """Add the people of cancelled batches whose text had left by then."""
    for batch in found.batches:
        if not batch.canceled:
            continue
        report = await endpoints.get_delivery_report(batch.id, report_type="full")
        for status in report.statuses:
            if status.status.lower() in _CANCELLED:
                continue
            if status.count != len(status.recipients):
                raise SinchUnsettledError(
                    f"Sinch's report of the cancelled batch {batch.id} does not name all whom it reached",
                    operation="send",
                )
            found.people.update(int(each.removeprefix("+")) for each in status.recipients)
