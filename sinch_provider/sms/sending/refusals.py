"""Why an attempt does not send: what earlier ones have done, whom they reached, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

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

_NAMED = 5


def refusal(found: Found, batches: Sequence[Batch], ours: frozenset[str]) -> SinchError:
    """Say why what was found keeps an attempt from sending."""
    names = ", ".join(each.id for each in batches[:_NAMED]) + (", ..." if len(batches) > _NAMED else "")
    if found is Found.CANCELLED:
        return SinchBatchCanceledError(f"Batch {names} of this task was cancelled", operation="send")
    if found is Found.OTHER_TEXT:
        return SinchPayloadChangedError(
            f"Batch {names} of this task has all {len(ours)} recipients and another text. "
            "It may or may not be this send",
            operation="send",
            advice="If it is, mark the task as success. To send the new text too, use a new send_key.",
        )
    theirs = frozenset[str]().union(*(Payload.of_batch(each).people for each in batches))
    reached = len(ours & theirs)
    if not reached:
        return SinchPayloadChangedError(
            f"An earlier attempt sent batch {names} to {len(theirs)} recipients. "
            f"None of the {len(ours)} recipients of this one is among them",
            operation="send",
            advice="To send to these recipients as well, use a new send_key.",
        )
    return SinchPayloadChangedError(
        f"An earlier attempt sent batch {names} to {len(theirs)} recipients. "
        f"Of the {len(ours)} recipients of this one, {reached} are among them",
        operation="send",
        advice=f"To reach the other {len(ours) - reached}, send to them in a task of their own. "
        "A new send_key sends to all.",
    )


def sent_to_others(entry: Entry) -> SinchError:
    """The journal names a batch that Sinch does not show any more."""
    return SinchPayloadChangedError(
        f"An earlier attempt sent batch {entry.batch_id} to other recipients",
        operation="send",
        advice="To send to these recipients as well, use a new send_key.",
    )


def unexplained(batch: Batch) -> SinchError:
    """A batch with the user's own label may be this send's or another's."""
    return SinchUncertainError(
        f"Batch {batch.id} has the same client_reference and some of these recipients. It may or may not be "
        "this send",
        operation="send",
        advice="If it is, mark the task as success. If not, give this send a client_reference of its own. "
        "Without one, the operator can tell by itself.",
    )


def too_old(since: pendulum.DateTime) -> SinchError:
    """What may have been sent before Sinch's listing begins cannot be looked up."""
    return SinchUncertainError(
        f"An attempt of {since.to_date_string()} may have sent this; Sinch lists nothing that old",
        operation="send",
        advice="Look for the batch in Sinch's dashboard. If it is there, mark the task as success. "
        "If not, clear the task with on_clear='resend'.",
    )


def cancelled_late(batch: Batch) -> SinchError:
    """A cancelled batch may have reached some."""
    return SinchBatchCanceledError(
        f"Batch {batch.id} was cancelled when some of its messages may have left",
        operation="send",
        advice="Its delivery report tells whom it reached. To send to all again, use a new send_key.",
    )


def cancelled_while_held(batch: Batch) -> SinchError:
    """Somebody stopped a batch before it left."""
    return SinchBatchCanceledError(f"Batch {batch.id} was cancelled while it was held", operation="send")


def other_account(entry: Entry) -> SinchError:
    """The connection leads to another account than the one an earlier attempt used."""
    sent = f"Batch {entry.batch_id} was sent" if entry.batch_id else "A batch may have been sent"
    return SinchAccountChangedError(
        f"{sent} with another account than the one that the connection has now", operation="send"
    )


def no_journal_to_tell() -> SinchError:
    """``on_clear="resend"`` needs to know whether the task was cleared since it sent."""
    return SinchUncertainError(
        "The journal cannot be read, so on_clear='resend' cannot tell a retry from a clear",
        operation="send",
        advice="For a new send, use a new send_key.",
    )


def one_of_several_changed() -> SinchError:
    """Say that a send of several in a task may be one whose people have changed, or one that is new."""
    return SinchUncertainError(
        "Earlier attempts of this task have sent to other people, and it cannot be told whether this send is "
        "one of theirs",
        operation="send",
        advice="Give each send in the task a send_key.",
    )


def cycle_unclear() -> SinchError:
    """A clear and fewer ``retries`` can look like a retry."""
    return SinchUncertainError(
        "The task's retries have changed, so it cannot be told whether it was cleared since it sent",
        operation="send",
        advice="To send again, clear the task once more, or use a new send_key.",
    )
