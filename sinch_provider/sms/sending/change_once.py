"""Change a batch once. If an answer is lost, the batch itself shows whether the change was made."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
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
from sinch_provider.sms.fields.times import parse_time
from sinch_provider.sms.models import Batch
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.decision import OWN_LABEL
from sinch_provider.sms.sending.payload import Payload, normal_parameters
from sinch_provider.sms.wire.call import Call, Pause

log = logging.getLogger(__name__)

#: The attempt gives up after this many lost answers in a row.
_MOST_LOST: Final = 3
_RETRY_READS: Final = "A retry of this task reads the batch first."
_TIMES: Final = ("send_at", "expire_at")
_RECIPIENTS: Final = ("to", "to_add", "to_remove")


async def change_once(batch_id: str, call: Call[Batch], *, first: bool, settle: float = 0.0) -> Batch:
    """
    Update, replace or cancel a batch. If the outcome is unknown, read the batch before changing it again.

    The batch keeps the operator's reference: without it, a later attempt of its send would not find the batch
    and would send again. A ``client_reference`` that the user chose can be changed.

    :param call: The change, as ``endpoints`` describes it.
    :param first: Whether no earlier attempt can have made the change.
    :param settle: Seconds after which a request with a lost answer cannot take effect any more.
    :raises SinchUnsettledError: It is unknown whether the change was made; a retry finds out.
    """
    label = (call.body or {}).get("client_reference")
    if not first or call.operation == "replace" or label is not None:
        batch = await endpoints.get(batch_id)
        call = _keep_reference(call, batch)
        if not first and is_made(call, batch):
            return _made_before(call, batch)
    for _ in range(_MOST_LOST):
        try:
            return await call
        except SinchAlreadyDispatchedError:
            # An earlier request with a lost answer may have made the change before the batch left.
            batch = await endpoints.get(batch_id)
            if not is_made(call, batch):
                raise
            return _made_before(call, batch)
        except SinchUncertainError as error:
            log.warning("The answer was lost (%s). Reading the batch.", error.what)
            for pause in (0.0, settle):
                if pause:
                    await Pause(pause)
                batch = await _read_after(error, batch_id, call.operation)
                if is_made(call, batch):
                    return _made_before(call, batch)
    raise SinchUnsettledError(
        f"{call.operation}: the answer was lost {_MOST_LOST} times, and batch {batch_id} has not changed",
        operation=call.operation,
        advice=_RETRY_READS,
    )


def _made_before(call: Call[Batch], batch: Batch) -> Batch:
    log.info("Batch %s already has the changes of this %s. Not changing it again.", batch.id, call.operation)
    return batch


async def _read_after(lost: SinchError, batch_id: str, operation: str) -> Batch:
    """
    Read a batch after an answer was lost.

    :raises SinchNotFoundError: There is no such batch.
    :raises SinchUnsettledError: The batch cannot be read now.
    """
    try:
        return await endpoints.get(batch_id)
    except SinchNotFoundError:
        raise
    except SinchError as error:
        raise SinchUnsettledError(
            f"{lost.what}, and the batch cannot be read: {error.what}",
            operation=operation,
            advice=_RETRY_READS,
        ) from None


def _keep_reference(call: Call[Batch], batch: Batch) -> Call[Batch]:
    """Add the operator's reference of a batch to a change of it."""
    label = batch.client_reference or ""
    if call.body is None or not label:
        return call
    if not label.startswith(OWN_LABEL) and call.body.get("client_reference") is not None:
        return call
    if call.body.get("client_reference", label) != label:
        log.warning("Batch %s keeps its client_reference, so that its send finds it.", batch.id)
    return replace(call, body={**call.body, "client_reference": label})


def is_made(call: Call[Batch], batch: Batch) -> bool:
    """Whether a batch is as a change wants it."""
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


def _digits(numbers: Iterable[str]) -> set[str]:
    return {number.removeprefix("+") for number in numbers}


def _equal(name: str, wanted: Any, actual: Any) -> bool:
    if name in _TIMES:
        try:
            # Sinch does not show a send_at that was in the past.
            at = parse_time(wanted)
            return at == parse_time(actual) if isinstance(actual, str) else at <= utcnow()
        except ValueError:
            return False
    if name in {"from", "udh"} and isinstance(actual, str):
        return str(wanted).removeprefix("+").lower() == actual.removeprefix("+").lower()
    if name == "parameters":
        return bool(normal_parameters(wanted) == normal_parameters(actual))
    # Sinch leaves out fields that are not set.
    return bool(wanted == actual) or (not wanted and not actual)
