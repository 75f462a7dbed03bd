"""A second batch of the same send: stopped where that is in time."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from typing import Any

from sinch_provider.sms import endpoints
from sinch_provider.sms.delivery.progress import counts_of
from sinch_provider.sms.errors import (
    SinchAlreadyDispatchedError,
    SinchError,
    SinchNotFoundError,
    SinchSentTwiceError,
    SinchUnsettledError,
)
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.sending.payload import Payload
from sinch_provider.sms.wire.call import Step

log = logging.getLogger(__name__)


def stop_twins(twins: Sequence[Batch], kept: Batch) -> Generator[Step, Any, None]:
    """
    Cancel the duplicates of a batch.

    :param twins: Batches of the same send. One with another text is not cancelled: nobody can say which of
        the texts is meant.
    :raises SinchSentTwiceError: It is too late for one of them.
    :raises SinchUnsettledError: One of them could not be cancelled for a passing reason.
    """
    late = []
    for twin in twins:
        harmless = False
        if Payload.of_batch(twin) == Payload.of_batch(kept):
            log.error("Batch %s is a duplicate of %s; cancelling it.", twin.id, kept.id)
            harmless = yield from _stopped(twin, kept)
        if not harmless:
            late.append(twin.id)
    if late:
        raise SinchSentTwiceError(
            f"Batch {kept.id} was sent a second time as {', '.join(late)}", operation="send"
        )


def _stopped(twin: Batch, kept: Batch) -> Generator[Step, Any, bool]:
    try:
        canceled = yield endpoints.cancel(twin.id)
        return (yield from reached_nobody(canceled))
    except SinchAlreadyDispatchedError:
        return False
    except SinchError as error:
        raise SinchUnsettledError(
            f"Batch {twin.id} is a duplicate of {kept.id}, and could not be cancelled: {error.what}",
            operation="send",
        ) from None


def reached_nobody(batch: Batch) -> Generator[Step, Any, bool]:
    """Tell whether a batch was cancelled before anything of it left."""
    if not batch.canceled:
        return False
    if batch.send_at and batch.modified_at and batch.modified_at < batch.send_at:
        return True
    try:
        report: BatchDeliveryReport = yield endpoints.get_delivery_report(batch.id)
    except SinchNotFoundError:
        return False
    counts = counts_of(report)
    # An empty report of a batch whose time has come may just not be written yet.
    return bool(counts) and all(status == "Cancelled" for status, _ in counts)
