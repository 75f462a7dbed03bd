"""The errors of an attempt that refuses to send: what happened before, and what to do now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pendulum

from sinch_provider.sms.errors import (
    SinchAccountChangedError,
    SinchBatchCanceledError,
    SinchError,
    SinchPayloadChangedError,
    SinchUncertainError,
)
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import Found
from sinch_provider.sms.sending.journal import Entry
from sinch_provider.sms.sending.payload import Payload

#: An error names at most this many batches.
_MOST_NAMED: Final = 5
_SEND_TO_THESE_TOO: Final = "To send to these recipients as well, use a new send_key."


def refusal(found: Found, batches: Sequence[Batch], recipients: frozenset[str]) -> SinchError:
    """
    Return the error for what was found.

    :param batches: The batches that ``found`` is about.
    :param recipients: The recipients of this send.
    """
    names = ", ".join(each.id for each in batches[:_MOST_NAMED])
    if len(batches) > _MOST_NAMED:
        names += ", ..."
    if found is Found.CANCELLED:
        return SinchBatchCanceledError(f"Batch {names} of this task was cancelled", operation="send")
    if found is Found.OTHER_TEXT:
        return SinchPayloadChangedError(
            f"Batch {names} of this task has all {len(recipients)} recipients, but another text. "
            "It may or may not be this send",
            operation="send",
            advice="If it is, mark the task as success. To send the new text too, use a new send_key.",
        )
    theirs = frozenset[str]().union(*(Payload.of_batch(each).recipients for each in batches))
    reached = len(recipients & theirs)
    if reached:
        advice = (
            f"To reach the other {len(recipients) - reached}, send to them in another task. "
            "A new send_key sends to all of them again."
        )
    else:
        advice = _SEND_TO_THESE_TOO
    return SinchPayloadChangedError(
        f"An earlier attempt sent batch {names} to {len(theirs)} recipients. "
        f"That includes {reached or 'none'} of the {len(recipients)} recipients of this send",
        operation="send",
        advice=advice,
    )


def sent_to_others(entry: Entry) -> SinchError:
    """Return the error for a journalled batch to other recipients, which Sinch does not show any more."""
    return SinchPayloadChangedError(
        f"An earlier attempt sent batch {entry.batch_id} to other recipients",
        operation="send",
        advice=_SEND_TO_THESE_TOO,
    )


def unexplained(batch: Batch) -> SinchError:
    """Return the error for a batch with the user's ``client_reference`` that may be another send's."""
    return SinchUncertainError(
        f"Batch {batch.id} has the same client_reference and some of these recipients. "
        "It may or may not be this send",
        operation="send",
        advice="If it is, mark the task as success. If not, give this send another client_reference. "
        "Without a client_reference, the operator can recognise its batches itself.",
    )


def too_old(since: pendulum.DateTime) -> SinchError:
    """Return the error for a request that may have left before Sinch's listing begins."""
    return SinchUncertainError(
        f"An attempt on {since.to_date_string()} may have sent this batch. "
        "Sinch does not list batches that old",
        operation="send",
        advice="Look for the batch in Sinch's dashboard. If it is there, mark the task as success. "
        "If not, set on_clear='resend' and clear the task.",
    )


def cancelled_late(batch: Batch) -> SinchError:
    """Return the error for a cancelled batch that may have reached some recipients."""
    return SinchBatchCanceledError(
        f"Batch {batch.id} was cancelled, but some of its messages may have left before",
        operation="send",
        advice="Its delivery report says whom it reached. To send to all of them again, use a new send_key.",
    )


def cancelled_while_held(batch: Batch) -> SinchError:
    """Return the error for a batch that somebody cancelled before it left."""
    return SinchBatchCanceledError(f"Batch {batch.id} was cancelled while it was held", operation="send")


def other_account(entry: Entry) -> SinchError:
    """Return the error for a connection that leads to another account than before."""
    sent = f"sent batch {entry.batch_id}" if entry.batch_id else "may have sent a batch"
    return SinchAccountChangedError(
        f"An earlier attempt {sent} with another account than the connection has now", operation="send"
    )


def no_journal_to_compare() -> SinchError:
    """Return the error for ``on_clear="resend"`` with an unreadable journal."""
    return SinchUncertainError(
        "The journal is unreadable, so on_clear='resend' cannot distinguish a retry from a clear",
        operation="send",
        advice="Look for the batch in Sinch's dashboard. To send again, use a new send_key.",
    )


def one_of_several_changed() -> SinchError:
    """Return the error for one of several sends in a task that is new, or whose recipients have changed."""
    return SinchUncertainError(
        "Earlier attempts of this task have sent to other recipients. "
        "This send may be new, or one of theirs with changed recipients",
        operation="send",
        advice="Give each send in the task a send_key.",
    )


def cycle_unclear() -> SinchError:
    """Return the error for changed ``retries``, with which a clear can look like a retry."""
    return SinchUncertainError(
        "The task's retries have changed, so this attempt may be a retry or the first one after a clear",
        operation="send",
        advice="To send again, clear the task once more, or use a new send_key.",
    )
