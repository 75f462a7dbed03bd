"""Duplicate batches of a send: cancelled where it is not too late."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sinch_provider.sms import endpoints
from sinch_provider.sms.delivery.progress import counts_of
from sinch_provider.sms.errors import (
    SinchAlreadyDispatchedError,
    SinchError,
    SinchNotFoundError,
    SinchSentTwiceError,
    SinchUnsettledError,
)
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.payload import Payload

log = logging.getLogger(__name__)


async def cancel_duplicates(duplicates: Sequence[Batch], kept: Batch) -> None:
    """
    Cancel the duplicates of a batch.

    :param duplicates: Other batches of the same send. One with another text is not cancelled: it is unknown
        which of the two texts the user wants.
    :raises SinchSentTwiceError: It is too late for one of them, or one has another text.
    :raises SinchUnsettledError: One of them could not be cancelled now, but a retry may.
    """
    remaining = []
    for duplicate in duplicates:
        stopped = False
        if Payload.of_batch(duplicate) == Payload.of_batch(kept):
            log.error("Batch %s is a duplicate of batch %s; cancelling it.", duplicate.id, kept.id)
            stopped = await _cancel(duplicate, kept)
        if not stopped:
            remaining.append(duplicate.id)
    if remaining:
        raise SinchSentTwiceError(
            f"Batch {kept.id} was sent a second time as {', '.join(remaining)}", operation="send"
        )


async def _cancel(duplicate: Batch, kept: Batch) -> bool:
    """Cancel a duplicate; return whether it reached nobody."""
    try:
        return await reached_nobody(await endpoints.cancel(duplicate.id))
    except SinchAlreadyDispatchedError:
        return False
    except SinchError as error:
        raise SinchUnsettledError(
            f"Batch {duplicate.id} is a duplicate of batch {kept.id}, and cancelling it failed: {error.what}",
            operation="send",
        ) from None


async def reached_nobody(batch: Batch) -> bool:
    """Whether a batch was cancelled before any of its messages left."""
    if not batch.canceled:
        return False
    if batch.send_at and batch.modified_at and batch.modified_at < batch.send_at:
        return True
    try:
        report = await endpoints.get_delivery_report(batch.id)
    except SinchNotFoundError:
        return False
    counts = counts_of(report)
    # If its time has come, an empty report may just not be written yet.
    return bool(counts) and all(status == "Cancelled" for status, _ in counts)
