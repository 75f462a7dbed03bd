"""
Checks of whole requests: every field by the table, and the rules between fields.

Only what is certainly wrong is refused here. Where Sinch's documents differ or are silent, the request passes
and Sinch decides. All faults of a request are reported at once.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.checked import check_once, snapshot
from sinch_provider.sms.fields.parameters import check_parameters, placeholder_faults
from sinch_provider.sms.fields.recipients import split_recipients
from sinch_provider.sms.fields.rules import BrokenRuleError, Check
from sinch_provider.sms.fields.table import (
    BLANK_IS_LEFT_OUT,
    DRY_RUN_QUERY,
    MESSAGE,
    PATH,
    UPDATE,
    Field,
)
from sinch_provider.sms.fields.times import to_time
from sinch_provider.sms.fields.values import (
    BINARY,
    BODIES,
    MAX_BINARY_BYTES,
    MEDIA,
    TEXT,
    TYPES,
    any_body,
    batch_id,
)


def check_message(
    values: Mapping[str, Any],
    operation: str,
    unknown: Collection[str] = (),
) -> dict[str, Any]:
    """
    Check the fields of a message and return them by their names on the wire.

    :param values: By parameter name; None means not given.
    :param operation: Name for the error.
    :param unknown: Parameters whose value is not known yet (templates). They are not checked, nor are rules
        between them and others.
    :raises SinchValidationError: Names every fault.
    """
    faults: list[Fault] = []
    return _wire_or_faults(_check_message(values, faults, unknown), faults, operation)


def check_dry_run(
    values: Mapping[str, Any], operation: str, unknown: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check a message like :func:`check_message`, and the query of a dry run; return both."""
    faults: list[Fault] = []
    wire = _check_message(values, faults, unknown)
    query = _check_each(values, DRY_RUN_QUERY, faults, unknown)
    return _wire_or_faults(wire, faults, operation), query


def _check_message(
    values: Mapping[str, Any],
    faults: list[Fault],
    unknown: Collection[str],
) -> dict[str, Any]:
    values = _without_blanks(values)
    wire = _check_each(values, MESSAGE, faults, unknown, required=("to", "body"))
    if not {"type_", "body", "udh"} & set(unknown):
        _check_type_rules(values, wire, faults)
    _check_pairs(wire, faults, unknown)
    if wire.get("type", TEXT) != BINARY and "body" in wire:
        # A value that was refused, or is not known yet, cannot be compared.
        parameters = wire.get("parameters", {} if values.get("parameters") is None else None)
        if parameters is not None and "parameters" not in unknown:
            faults.extend(placeholder_faults(wire["body"], parameters, wire.get("to")))
    return wire


def check_update(values: Mapping[str, Any], operation: str, unknown: Collection[str] = ()) -> dict[str, Any]:
    """Check the fields of an update like :func:`check_message`. At least one must be given."""
    faults: list[Fault] = []
    values = _without_blanks(values)
    wire = _check_each(values, UPDATE, faults, unknown)
    _check_pairs(wire, faults, unknown)
    if wire.get("type") != BINARY and "body" in wire and "parameters" in wire:
        faults.extend(placeholder_faults(wire["body"], wire["parameters"], None))
    if not wire.keys() - PATH.keys() and not faults and not unknown:
        faults.append(Fault("fields", "must name at least one change"))
    return _wire_or_faults(wire, faults, operation)


def _without_blanks(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if name in BLANK_IS_LEFT_OUT and isinstance(value, str) and not value.strip() else value
        for name, value in values.items()
    }


def check_fields(
    values: Mapping[str, Any],
    fields: Mapping[str, Field],
    operation: str,
    unknown: Collection[str] = (),
    required: Collection[str] = (),
) -> dict[str, Any]:
    """Check independent fields like :func:`check_message`."""
    faults: list[Fault] = []
    return _wire_or_faults(_check_each(values, fields, faults, unknown, required), faults, operation)


def check_batch_ids(value: Any) -> list[str]:
    """
    Check one batch id or several: a list, or text in any form that lists of recipients may have.

    :raises SinchValidationError: There is none, or some cannot be ids; names all of those.
    """
    faults: list[Fault] = []
    batch_ids: dict[str, None] = {}
    try:
        parts = split_recipients(value) if value is not None else []
    except ValueError:
        parts = []
    for index, part in enumerate(parts):
        try:
            batch_ids[batch_id(f"batch_id[{index}]", part)] = None
        except BrokenRuleError as broken:
            faults.extend(broken.faults)
    if not parts:
        faults.append(Fault("batch_id", "must be the id of a batch or a list of ids", "no batches"))
    return list(_wire_or_faults(dict(batch_ids), faults, "wait"))


def _check_each(
    values: Mapping[str, Any],
    fields: Mapping[str, Field],
    faults: list[Fault],
    unknown: Collection[str],
    required: Collection[str] = (),
) -> dict[str, Any]:
    wire: dict[str, Any] = {}
    to: Any = None
    required = {*required, *(PATH.keys() & values.keys())}
    for name, field in {**PATH, **fields}.items():
        value = values.get(name)
        if name in unknown or (value is None and name not in required):
            continue
        if value is None:
            faults.append(Fault(name, "is required"))
            continue
        check = field.check
        if name == "to":
            # They are compared with the parameters later. Another thread may change them meanwhile.
            value = to = snapshot(value)
        if name == "body" and "type_" not in unknown:
            check = _body_check(values)
        elif name == "parameters":
            check = partial(check_parameters, to=to, recipients=wire.get("to", ()))
        try:
            wire[field.wire] = check_once(name, value, check)
        except BrokenRuleError as broken:
            faults.extend(broken.faults)
    return wire


def _body_check(values: Mapping[str, Any]) -> Check:
    type_ = values.get("type_")
    return BODIES.get(type_, any_body) if isinstance(type_, str) else any_body


def _check_type_rules(values: Mapping[str, Any], wire: Mapping[str, Any], faults: list[Fault]) -> None:
    type_ = values.get("type_") or TEXT
    if type_ not in TYPES:
        return
    for name, field in MESSAGE.items():
        value = values.get(name)
        if type_ not in field.types and value is not None and value is not False:
            faults.append(Fault(name, f"does not apply to {type_}"))
    if type_ == TEXT and isinstance(wire.get("body"), Mapping):
        faults.append(Fault("body", f"must be text for {TEXT}; an object needs type_={MEDIA!r}"))
    if type_ == BINARY and values.get("udh") is None:
        faults.append(Fault("udh", f"is required for {BINARY}"))


def _check_pairs(wire: Mapping[str, Any], faults: list[Fault], unknown: Collection[str]) -> None:
    if wire.get("type") == BINARY and "udh" in wire and "body" in wire:
        size = len(wire["udh"]) // 2 + len(base64.b64decode(wire["body"]))
        if size > MAX_BINARY_BYTES:
            rule = f"must have at most {MAX_BINARY_BYTES} bytes together with udh"
            faults.append(Fault("body", rule, f"{size} bytes"))
    if "send_at" in wire and "expire_at" in wire and to_time(wire["send_at"]) >= to_time(wire["expire_at"]):
        faults.append(Fault("expire_at", "must be later than send_at", repr(wire["expire_at"])))
    if ("from_ton" in wire) != ("from_npi" in wire) and not {"from_ton", "from_npi"} & set(unknown):
        faults.append(Fault("from_ton, from_npi", "must be given together or not at all"))


def _wire_or_faults(wire: dict[str, Any], faults: list[Fault], operation: str) -> dict[str, Any]:
    if faults:
        raise SinchValidationError(faults, operation)
    return wire


def faults_of(check: Callable[..., object], *args: Any, **kwargs: Any) -> list[Fault]:
    """Return the faults that a check finds, to report several checks at once."""
    try:
        check(*args, **kwargs)
    except SinchValidationError as error:
        return list(error.faults)
    return []
