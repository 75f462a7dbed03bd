"""Holding a batch back for a while, so that a duplicate can still be cancelled."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sinch_provider.sms.errors import SinchError, SinchNotSentError, SinchUnsettledError
from sinch_provider.sms.fields.times import parse_time, wire_time
from sinch_provider.sms.models import Batch
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.duplicates import cancel_duplicates
from sinch_provider.sms.sending.listing import LISTING_LAG, list_by_reference
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.matching import Matcher
from sinch_provider.sms.sending.record import Record
from sinch_provider.sms.sending.refusals import cancelled_while_held
from sinch_provider.sms.sending.sent import Sent

log = logging.getLogger(__name__)

#: The listing that finds duplicates is read this long before the batch leaves.
_MARGIN: Final = timedelta(seconds=15)


class HoldPassedError(SinchNotSentError):
    """A held request waited too long: less than half of the hold is left."""


class Hold:
    """
    Delays the batch of a send, and cancels its duplicates just before it leaves.

    :param delay: How long the batch is held back.
    """

    def __init__(self, delay: timedelta) -> None:
        self._delay = delay
        self._leaves = utcnow()

    def delay_request(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of a request that leaves now, with the time at which its batch leaves."""
        self._leaves = utcnow() + self._delay
        wanted = parse_time(body["send_at"]) if "send_at" in body else self._leaves
        return {**body, "send_at": wire_time(max(wanted, self._leaves))}

    def check_time(self) -> None:
        """
        Check that the request is still in time: it may have waited, after a rate limit for example.

        :raises HoldPassedError: Less than half of the hold is left.
        """
        if self._leaves - utcnow() < self._delay / 2:
            raise HoldPassedError(
                "The request waited too long, so less than half of the hold is left", operation="send"
            )

    async def release(self, batch: Batch, record: Record, settling: Settling) -> Sent:
        """
        Wait until just before the batch leaves, and cancel all but the oldest batch of the send.

        :param batch: The batch that was accepted or found.
        :raises SinchBatchCanceledError: Somebody has cancelled the batch meanwhile.
        :raises SinchSentTwiceError: It is too late to cancel a duplicate.
        :raises SinchUnsettledError: It is unknown whether there are duplicates.
        """
        if (wait := self._seconds_to_wait(batch)) is None:
            return Sent(batch.id, batch)
        await settling.pause(wait)
        began = record.entry.began if record.entry else utcnow()
        try:
            listing = await list_by_reference(record.reference, began)
        except SinchError as error:
            raise SinchUnsettledError(
                f"Sinch accepted batch {batch.id}, but its duplicates could not be looked up: {error.what}",
                operation="send",
            ) from None
        matcher = Matcher(record.payload, record.secret, record.scope)
        candidates = matcher.match(listing, record.other_batches)
        live = [each for each in candidates.live if each.client_reference is not None]
        gone = any(each.id == batch.id and each.canceled for each in listing.batches)
        if not record.owns_reference or not live:
            if gone:
                raise cancelled_while_held(batch)
            return Sent(batch.id, batch)
        kept = live[0]
        await cancel_duplicates(live[1:], kept)
        if kept.id != batch.id:
            record.note_sent(kept.id)
        return Sent(kept.id, kept, adopted=kept.id != batch.id)

    def _seconds_to_wait(self, batch: Batch) -> float | None:
        """Return how long to wait before looking for duplicates; None if the batch has left."""
        remaining = batch.send_at - utcnow() if batch.send_at else timedelta()
        if remaining <= timedelta():
            log.warning("Batch %s has left already. A duplicate of it cannot be cancelled.", batch.id)
            return None
        if remaining < LISTING_LAG:
            log.warning(
                "Batch %s leaves in %.0f s. Sinch may list a duplicate too late to cancel it.",
                batch.id,
                remaining.total_seconds(),
            )
        wait = max((min(remaining, self._delay) - _MARGIN).total_seconds(), 0.0)
        log.info("Batch %s is held. Looking for duplicates in %.0f s.", batch.id, wait)
        return wait
