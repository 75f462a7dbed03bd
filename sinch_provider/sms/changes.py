"""Change a batch so that a lost answer or a second try does no harm: the batch tells what has been done."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from typing import Any, Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import (
    SinchAlreadyDispatchedError,
    SinchError,
    SinchNotFoundError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.sms.http import Call
from sinch_provider.sms.models import Batch
from sinch_provider.sms.payload import Match, Payload, normal_parameters
from sinch_provider.sms.steps import Step
from sinch_provider.sms.times import parse_time, utcnow

log = logging.getLogger(__name__)

_CHANGES: Final = 3
_TIMES: Final = ("send_at", "expire_at")
_RECIPIENTS: Final = ("to", "to_add", "to_remove")


def change_once(batch_id: str, call: Call[Batch], *, first: bool) -> Generator[Step, Any, Batch]:
    """
    Update, replace or cancel a batch; where the outcome is unknown, read the batch before changing it again.

    :param call: The change, as ``endpoints`` describes it.
    :param first: Whether no earlier try can have made it.
    :raises SinchUnsettledError: It is unknown whether the change was made; a later try finds out.
    """
    made = f"{call.operation} of batch {batch_id} was made by an earlier request; not making it again."
    if not first:
        batch: Batch = yield endpoints.get(batch_id)
        if is_made(call, batch):
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
            try:
                batch = yield endpoints.get(batch_id)
            except SinchNotFoundError:
                # Nothing is there to be changed.
                raise
            except SinchError as unreadable:
                raise SinchUnsettledError(
                    f"{error.what}, and the batch cannot be read: {unreadable.what}",
                    operation=call.operation,
                    advice="A retry of this task reads the batch first.",
                ) from None
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
    if "to" in wanted and Payload.of_request(wanted).compare(Payload.of_batch(batch)) is not Match.SAME:
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
