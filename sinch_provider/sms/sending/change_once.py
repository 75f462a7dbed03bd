"""Change a batch once: where an answer was lost, the batch itself tells whether the change was made."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any, Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import (
    SinchAlreadyDispatchedError,
    SinchError,
    SinchNotFoundError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.sms.fields.times import parse_time, utcnow
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import OWN_LABEL
from sinch_provider.sms.sending.payload import Payload, normal_parameters
from sinch_provider.sms.wire.call import Call, Pause, Step

log = logging.getLogger(__name__)

_CHANGES: Final = 3
_TIMES: Final = ("send_at", "expire_at")
_RECIPIENTS: Final = ("to", "to_add", "to_remove")


def change_once(
    batch_id: str, call: Call[Batch], *, first: bool, settle: float = 0.0
) -> Generator[Step, Any, Batch]:
    """
    Update, replace or cancel a batch; where the outcome is unknown, read the batch before changing it again.

    A batch keeps its reference, unless a user gives it another in place of one of their own: without it, a
    later attempt of its send would not find it and send again.

    :param call: The change, as ``endpoints`` describes it.
    :param first: Whether no earlier attempt can have made it.
    :param settle: Seconds after which a request whose answer was lost can take effect no more.
    :raises SinchUnsettledError: It is unknown whether the change was made; a retry finds out.
    """
    made = f"An earlier request has made this {call.operation} of batch {batch_id}; not making it again."
    label = (call.body or {}).get("client_reference")
    if not first or call.operation == "replace" or label is not None:
        batch: Batch = yield endpoints.get(batch_id)
        call = _labelled(call, batch)
        if not first and is_made(call, batch):
            log.info(made)
            return batch
    for _ in range(_CHANGES):
        try:
            changed: Batch = yield call
        except SinchAlreadyDispatchedError:
            # Refused, perhaps because a first request, whose answer was lost, has been granted.
            batch = yield endpoints.get(batch_id)
            if not is_made(call, batch):
                raise
            log.info(made)
            return batch
        except SinchUncertainError as error:
            log.warning("%s; reading the batch to see.", error.what)
            for pause in (0.0, settle):
                if pause:
                    yield Pause(pause)
                batch = yield from _read(batch_id, error, call)
                if is_made(call, batch):
                    log.info(made)
                    return batch
        else:
            return changed
    raise SinchUnsettledError(
        f"{call.operation}: the answer was lost {_CHANGES} times, and batch {batch_id} has not changed",
        operation=call.operation,
        advice="A retry of this task reads the batch first.",
    )


def _read(batch_id: str, lost: SinchError, call: Call[Batch]) -> Generator[Step, Any, Batch]:
    try:
        batch: Batch = yield endpoints.get(batch_id)
    except SinchNotFoundError:
        # Nothing is there to be changed.
        raise
    except SinchError as error:
        raise SinchUnsettledError(
            f"{lost.what}, and the batch cannot be read: {error.what}",
            operation=call.operation,
            advice="A retry of this task reads the batch first.",
        ) from None
    return batch


def _labelled(call: Call[Batch], batch: Batch) -> Call[Batch]:
    label = batch.client_reference or ""
    if call.body is None or not label:
        return call
    if not label.startswith(OWN_LABEL) and call.body.get("client_reference") is not None:
        return call
    if call.body.get("client_reference", label) != label:
        log.warning("Batch %s keeps its client_reference: the operator finds it by that.", batch.id)
    return replace(call, body={**call.body, "client_reference": label})


def is_made(call: Call[Batch], batch: Batch) -> bool:
    """Tell whether a batch is as a change wants it."""
    if call.body is None:
        return batch.canceled
    wanted: Mapping[str, Any] = call.body
    now = {number.removeprefix("+") for number in batch.to}
    if not _digits(wanted.get("to_add", ())) - _digits(wanted.get("to_remove", ())) <= now:
        return False
    if _digits(wanted.get("to_remove", ())) & now:
        return False
    if "to" in wanted and Payload.of_request(wanted) != Payload.of_batch(batch):
        return False
    return all(
        _equal(name, value, batch.raw.get(name)) for name, value in wanted.items() if name not in _RECIPIENTS
    )


def _digits(numbers: Any) -> set[str]:
    return {number.removeprefix("+") for number in numbers}


def _equal(name: str, wanted: Any, actual: Any) -> bool:
    if name in _TIMES:
        try:
            # A time to leave that was past is no longer shown.
            at = parse_time(wanted)
            return at == parse_time(actual) if isinstance(actual, str) else at <= utcnow()
        except ValueError:
            return False
    if name in {"from", "udh"} and isinstance(actual, str):
        return str(wanted).removeprefix("+").lower() == actual.removeprefix("+").lower()
    if name == "parameters":
        return bool(normal_parameters(wanted) == normal_parameters(actual))
    # What is not set is left out.
    return bool(wanted == actual) or (not wanted and not actual)
