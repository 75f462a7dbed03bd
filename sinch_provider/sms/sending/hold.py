"""Holding a batch back for a while, so that a duplicate can still be cancelled."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from sinch_provider.sms.fields.times import utcnow
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.lookup import LISTING_LAG

log = logging.getLogger(__name__)

#: The last look at a held batch comes so long before it may leave.
MARGIN: Final = timedelta(seconds=15)


def seconds_to_wait(batch: Batch, hold: timedelta) -> float | None:
    """Tell how long to wait before looking for duplicates of a held batch; None if it has left."""
    remaining = batch.send_at - utcnow() if batch.send_at else timedelta()
    if remaining <= timedelta():
        log.warning("Batch %s has left already; no duplicate of it can be stopped.", batch.id)
        return None
    if remaining < LISTING_LAG:
        log.warning(
            "Batch %s leaves in %.0f s, sooner than a duplicate would be listed.",
            batch.id,
            remaining.total_seconds(),
        )
    wait = max((min(remaining, hold) - MARGIN).total_seconds(), 0.0)
    log.info("Batch %s is held; looking for duplicates in %.0f s.", batch.id, wait)
    return wait
