"""The connection's extra ``only_to``: which numbers an account may text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.recipients import is_group_id
from sinch_provider.sms.masking import mask_number

_TEXTED: Final = ("to", "to_add")


def refuse_others(only_to: Sequence[str], operation: str, body: Mapping[str, Any]) -> None:
    """
    Refuse a request that would text numbers that ``only_to`` does not allow.

    :param only_to: Digits that numbers must begin with; empty: no limit.
    :param body: The request as it would leave.
    :raises SinchValidationError: Names every recipient that is not allowed, masked.
    """
    if not only_to:
        return
    allowed = tuple(only_to)
    faults = [
        _fault(f"{name}[{index}]", recipient)
        for name in _TEXTED
        for index, recipient in enumerate(body.get(name, ()))
        if is_group_id(recipient) or not recipient.removeprefix("+").startswith(allowed)
    ]
    if faults:
        raise SinchValidationError(faults, operation)


def refuse_change(only_to: Sequence[str], body: Mapping[str, Any], recipients: Sequence[str]) -> None:
    """
    Refuse an update whose batch goes to numbers that ``only_to`` does not allow.

    :param body: The update. The recipients it removes are not texted.
    :param recipients: The batch's recipients, as Sinch lists them.
    :raises SinchValidationError: Names every recipient that is not allowed, masked.
    """
    if not recipients:
        rule = "is unknown for this batch, so the connection's extra only_to forbids the update"
        raise SinchValidationError([Fault("to", rule)], "update")
    removed = {recipient.removeprefix("+") for recipient in body.get("to_remove", ())}
    stay = [each for each in recipients if each.removeprefix("+") not in removed]
    refuse_others(only_to, "update", {"to": stay})


def _fault(field: str, recipient: str) -> Fault:
    if is_group_id(recipient):
        rule = "is a group, whose members cannot be checked, so the connection's extra only_to forbids it"
        return Fault(field, rule, recipient)
    return Fault(field, "is not allowed by the connection's extra only_to", mask_number(recipient))
