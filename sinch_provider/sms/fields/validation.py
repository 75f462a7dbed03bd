"""
The rules a request has to keep before it may leave: one table of fields, and the rules between fields.

Only what is certain is refused here; where Sinch's own documents differ or are silent, the request passes and
the server decides. All faults of a request are reported at once.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.parameters import checked_parameters, placeholder_faults
from sinch_provider.sms.fields.recipients import (
    as_text,
    normalize_number,
    normalize_recipients,
    split_recipients,
)
from sinch_provider.sms.fields.rules import (
    MAX_INTEGER,
    BrokenRuleError,
    Check,
    boolean,
    broken,
    encodable,
    integer,
    is_file_name,
    one_of,
    rendered,
    shown_value,
    text,
    whole_number,
)
from sinch_provider.sms.fields.times import to_time, wire_time
from sinch_provider.sms.masking import mask_number

TEXT, BINARY, MEDIA = "mt_text", "mt_binary", "mt_media"
TYPES: Final = (TEXT, BINARY, MEDIA)
DELIVERY_REPORTS: Final = ("none", "summary", "full", "per_recipient", "per_recipient_final")
REPORT_TYPES: Final = ("summary", "full")

MAX_RECIPIENTS: Final = 1000
MAX_CHANGES: Final = 100
MAX_TEXT: Final = 2000
MAX_BINARY_BYTES: Final = 140
MAX_URL: Final = 2048
MAX_CLIENT_REFERENCE: Final = 2048
MAX_SEND_KEY: Final = 128
MAX_ALPHANUMERIC_SENDER: Final = 11
MAX_NUMERIC_SENDER: Final = 18

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEX: Final = re.compile(r"([0-9A-Fa-f]{2})+")
_LIKE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d.{0,26}|[A-Za-z_]{0,24}", re.ASCII)
_SENDER_FILLING: Final = re.compile(r"[\s()+.-]")
#: Optional fields that a template such as ``{{ x or '' }}`` leaves out when it renders blank.
_BLANK_IS_LEFT_OUT: Final = frozenset(
    {"from_", "delivery_report", "send_at", "expire_at", "callback_url", "client_reference", "udh"}
)


def _recipients(low: int, high: int | None) -> Check:
    def check(field: str, value: Any) -> list[str]:
        recipients, faults = normalize_recipients(value, field)
        # Where no recipient means all of them, an empty list says so, not a template that rendered blank.
        blank = isinstance(value, str) and not recipients and value.strip() != "[]"
        if not faults and (len(recipients) < low or blank):
            faults.append(Fault(field, "must name at least one recipient", "no recipients"))
        if high is not None and len(recipients) > high:
            faults.append(
                Fault(field, f"must name at most {high} different recipients", f"{len(recipients)}")
            )
        if faults:
            raise BrokenRuleError(*faults)
        return recipients

    return check


def _sender(field: str, value: Any) -> str:
    value = text(field, value)
    if not isinstance(value, str) or not value.strip():
        raise broken(field, "must be a number, a short code or a name, as text")
    sender = value.strip()
    digits = _SENDER_FILLING.sub("", sender)
    if digits.isascii() and digits.isdecimal():
        if len(digits) > MAX_NUMERIC_SENDER:
            raise broken(field, f"must have at most {MAX_NUMERIC_SENDER} digits", mask_number(digits))
    elif len(sender) > MAX_ALPHANUMERIC_SENDER:
        raise broken(
            field,
            f"must have at most {MAX_ALPHANUMERIC_SENDER} characters as a name",
            f"{len(sender)} characters",
        )
    return sender


def _text_body(field: str, value: Any) -> str:
    value = text(field, value)
    if not isinstance(value, str):
        raise broken(field, f"must be text for {TEXT}", type(value).__name__)
    if not value.strip():
        raise broken(field, "must have something to read in it", f"{len(value)} characters")
    if len(value) > MAX_TEXT:
        raise broken(field, f"must have at most {MAX_TEXT} characters", f"{len(value)} characters")
    if is_file_name(value):
        raise broken(field, "must be the text itself, not the name of a file that holds it")
    return value


def _binary_body(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise broken(field, f"must be base64 text for {BINARY}", type(value).__name__)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise broken(field, f"must be base64 text for {BINARY}", f"{len(value)} characters") from None
    return value


def _media_body(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise broken(field, f"must be an object with url, subject, message for {MEDIA}", type(value).__name__)
    given = {name: item for name, item in value.items() if item is not None}
    faults: list[Fault] = []
    if given.keys() - {"url", "subject", "message"}:
        # Sinch drops what it does not know, so a misspelt "message" would be lost without a word.
        faults.append(Fault(field, "must hold nothing but url, subject and message"))
    checks: dict[str, Check] = {"url": _url, "subject": _caption, "message": _caption}
    for name, check in checks.items():
        if name in given or name == "url":
            try:
                given[name] = check(f"{field}.{name}", given.get(name))
            except BrokenRuleError as error:
                faults.extend(error.faults)
    if faults:
        raise BrokenRuleError(*faults)
    return given


def _caption(field: str, value: Any) -> str:
    value = text(field, value)
    if not isinstance(value, str):
        raise broken(field, "must be text")
    return value


_BODIES: Final[Mapping[str, Check]] = {TEXT: _text_body, BINARY: _binary_body, MEDIA: _media_body}


def _any_body(field: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _media_body(field, value)
    return _text_body(field, value)


def _url(field: str, value: Any) -> str:
    # A URL can carry a token in its query, so it is never shown.
    if not isinstance(value, str) or len(value) > MAX_URL:
        raise broken(field, f"must be a URL of at most {MAX_URL} characters")
    try:
        parts = urlsplit(value)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid or re.search(r"\s", value):
        raise broken(field, "must be a URL that starts with https:// or http://")
    return rendered(field, value)


def _udh(field: str, value: Any) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise broken(field, "must be an even number of hexadecimal digits")
    return value


def _time(field: str, value: Any) -> str:
    try:
        return wire_time(to_time(value))
    except ValueError as error:
        shown = f"{len(value)} characters" if isinstance(value, str) else ""
        if isinstance(value, datetime) or (isinstance(value, str) and _LIKE_TIME.fullmatch(value)):
            shown = repr(str(value))
        raise broken(field, str(error), shown) from None


def _client_reference(field: str, value: Any) -> str:
    return _label(field, value, MAX_CLIENT_REFERENCE)


def _send_key(field: str, value: Any) -> str:
    return _label(field, value, MAX_SEND_KEY)


def _label(field: str, value: Any, longest: int) -> str:
    value = text(field, value)
    fits = isinstance(value, str) and value.strip() and len(value) <= longest and encodable(value)
    if not isinstance(value, str) or not fits:
        raise broken(field, f"must be text of 1 to {longest} characters, not only blanks")
    return value


def _batch_id(field: str, value: Any) -> str:
    # A template that renders nothing gives the text "None".
    if isinstance(value, str) and value != "None" and _ID.fullmatch(value.strip()):
        return value.strip()
    raise broken(field, "must be the id of a batch, as send returns it", shown_value(value))


def _number(field: str, value: Any) -> str:
    try:
        return normalize_number(as_text(value))
    except ValueError as error:
        raise broken(field, str(error), mask_number(value) if isinstance(value, str) else "") from None


def _several(field: str, value: Any, rule: str, valid: Callable[[Any], bool]) -> str:
    """Write one value, several, or text with commas, as the API's filters take them."""
    values = value.split(",") if isinstance(value, str) else [value]
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, Mapping)):
        values = list(value)
    cleaned = [item.strip() if isinstance(item, str) else item for item in values]
    # An empty filter would be no filter: more than was asked for.
    if not cleaned or not all(map(valid, cleaned)):
        raise broken(field, rule)
    return ",".join(map(str, cleaned))


def _statuses(field: str, value: Any) -> str:
    return _several(field, value, "must be a status or a list of statuses", _is_word)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isalpha()


def _codes(field: str, value: Any) -> str:
    return _several(field, value, "must be a code or a list of codes", _is_code)


def _is_code(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch("[0-9]{1,9}", value) is not None
    number = whole_number(value)
    return number is not None and 0 <= number <= MAX_INTEGER


def _senders(field: str, value: Any) -> str:
    return _several(field, value, "must be a number or short code, or a list of them", _is_sender)


def _is_sender(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and encodable(value)


@dataclass(frozen=True)
class Field:
    """
    What is known of one field of a request.

    :param wire: Its name on the wire.
    :param check: Turns a user's value into the wire's, or raises :class:`BrokenRuleError`.
    :param types: Message types it means something for.
    """

    wire: str
    check: Check
    types: Collection[str] = TYPES


#: Fields that stand in the path. Where a request has them, they are required.
PATH: Final[Mapping[str, Field]] = {
    "batch_id": Field("batch_id", _batch_id),
    "recipient_msisdn": Field("recipient_msisdn", _number),
}

#: Fields of a message, in the order faults are named.
MESSAGE: Final[Mapping[str, Field]] = {
    "to": Field("to", _recipients(1, MAX_RECIPIENTS)),
    "from_": Field("from", _sender),
    "type_": Field("type", one_of(*TYPES)),
    "body": Field("body", _any_body),
    "parameters": Field("parameters", checked_parameters, (TEXT, MEDIA)),
    "udh": Field("udh", _udh, (BINARY,)),
    "delivery_report": Field("delivery_report", one_of(*DELIVERY_REPORTS)),
    "send_at": Field("send_at", _time),
    "expire_at": Field("expire_at", _time),
    "callback_url": Field("callback_url", _url),
    "client_reference": Field("client_reference", _client_reference),
    "feedback_enabled": Field("feedback_enabled", boolean),
    "flash_message": Field("flash_message", boolean, (TEXT, BINARY)),
    "truncate_concat": Field("truncate_concat", boolean, (TEXT, BINARY)),
    "max_number_of_message_parts": Field("max_number_of_message_parts", integer(1), (TEXT, BINARY)),
    "from_ton": Field("from_ton", integer(0, 6), (TEXT, BINARY)),
    "from_npi": Field("from_npi", integer(0, 18), (TEXT, BINARY)),
    "strict_validation": Field("strict_validation", boolean, (MEDIA,)),
}

#: Fields of ``update``: those of a message except ``to``, and the two lists of changes.
UPDATE: Final[Mapping[str, Field]] = {
    "to_add": Field("to_add", _recipients(1, MAX_CHANGES)),
    "to_remove": Field("to_remove", _recipients(1, MAX_CHANGES)),
    **{name: field for name, field in MESSAGE.items() if name != "to"},
}

#: Arguments of a send that never go over the wire.
SENDING: Final[Mapping[str, Field]] = {"send_key": Field("send_key", _send_key)}

FEEDBACK: Final[Mapping[str, Field]] = {"recipients": Field("recipients", _recipients(0, None))}

DRY_RUN_QUERY: Final[Mapping[str, Field]] = {
    "per_recipient": Field("per_recipient", boolean),
    "number_of_recipients": Field("number_of_recipients", integer(0, 1000)),
}

LISTING: Final[Mapping[str, Field]] = {
    "page": Field("page", integer(0)),
    "page_size": Field("page_size", integer(1, 100)),
    "from_": Field("from", _senders),
    "start_date": Field("start_date", _time),
    "end_date": Field("end_date", _time),
    "client_reference": Field("client_reference", _client_reference),
    "status": Field("status", _statuses),
    "code": Field("code", _codes),
}

REPORT: Final[Mapping[str, Field]] = {
    "report_type": Field("type", one_of(*REPORT_TYPES)),
    "status": Field("status", _statuses),
    "code": Field("code", _codes),
}


def checked_message(
    values: Mapping[str, Any], operation: str, unknown: Collection[str] = ()
) -> dict[str, Any]:
    """
    Check the fields of a message and return them as they go over the wire.

    :param values: By parameter name; None means not given.
    :param operation: Name for the error.
    :param unknown: Parameters whose value is not known yet (templates): neither they nor rules between them
        and others are checked.
    :raises SinchValidationError: Names every fault.
    """
    faults: list[Fault] = []
    return _finished(_checked_message(values, faults, unknown), faults, operation)


def checked_dry_run(
    values: Mapping[str, Any], operation: str, unknown: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check a message like :func:`checked_message`, and what is asked about it; return both."""
    faults: list[Fault] = []
    wire = _checked_message(values, faults, unknown)
    query = _checked(values, DRY_RUN_QUERY, faults, unknown)
    return _finished(wire, faults, operation), query


def _checked_message(
    values: Mapping[str, Any], faults: list[Fault], unknown: Collection[str]
) -> dict[str, Any]:
    values = _without_blanks(values)
    wire = _checked(values, MESSAGE, faults, unknown, required=("to", "body"))
    if not {"type_", "body", "udh"} & set(unknown):
        _check_type_rules(values, wire, faults)
    _check_pairs(wire, faults, unknown)
    if wire.get("type", TEXT) != BINARY and "body" in wire:
        # What was refused or is not known yet cannot be compared.
        parameters = wire.get("parameters", {} if values.get("parameters") is None else None)
        if parameters is not None and "parameters" not in unknown:
            faults.extend(placeholder_faults(wire["body"], parameters, wire.get("to")))
    return wire


def checked_update(
    values: Mapping[str, Any], operation: str, unknown: Collection[str] = ()
) -> dict[str, Any]:
    """Check the fields of an update, like :func:`checked_message`; at least one has to be given."""
    faults: list[Fault] = []
    values = _without_blanks(values)
    wire = _checked(values, UPDATE, faults, unknown)
    _check_pairs(wire, faults, unknown)
    if wire.get("type") != BINARY and "body" in wire and "parameters" in wire:
        faults.extend(placeholder_faults(wire["body"], wire["parameters"], None))
    if not wire.keys() - PATH.keys() and not faults and not unknown:
        faults.append(Fault("fields", "must name at least one change"))
    return _finished(wire, faults, operation)


def _without_blanks(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if name in _BLANK_IS_LEFT_OUT and isinstance(value, str) and not value.strip() else value
        for name, value in values.items()
    }


def checked_fields(
    values: Mapping[str, Any],
    fields: Mapping[str, Field],
    operation: str,
    unknown: Collection[str] = (),
    required: Collection[str] = (),
) -> dict[str, Any]:
    """Check independent fields, like :func:`checked_message`, and return them by wire name."""
    faults: list[Fault] = []
    return _finished(_checked(values, fields, faults, unknown, required), faults, operation)


def checked_batch_ids(value: Any) -> list[str]:
    """
    Check one batch id or several, given as a list or as text in the ways lists of recipients are.

    :raises SinchValidationError: There is none, or one cannot be an id; names every one.
    """
    faults: list[Fault] = []
    batch_ids: dict[str, None] = {}
    try:
        parts = split_recipients(value) if value is not None else []
    except ValueError:
        parts = []
    for index, part in enumerate(parts):
        try:
            batch_ids[_batch_id(f"batch_id[{index}]", part)] = None
        except BrokenRuleError as broken:
            faults.extend(broken.faults)
    if not parts:
        faults.append(Fault("batch_id", "must be the id of a batch or a list of ids", "no batches"))
    return list(_finished(dict(batch_ids), faults, "wait"))


def _checked(
    values: Mapping[str, Any],
    fields: Mapping[str, Field],
    faults: list[Fault],
    unknown: Collection[str],
    required: Collection[str] = (),
) -> dict[str, Any]:
    wire = {}
    required = {*required, *(PATH.keys() & values.keys())}
    for name, field in {**PATH, **fields}.items():
        value = values.get(name)
        if name in unknown or (value is None and name not in required):
            continue
        if value is None:
            faults.append(Fault(name, "is required"))
            continue
        check = _body_check(values) if name == "body" and "type_" not in unknown else field.check
        try:
            wire[field.wire] = check(name, value)
        except BrokenRuleError as broken:
            faults.extend(broken.faults)
    return wire


def _body_check(values: Mapping[str, Any]) -> Check:
    type_ = values.get("type_")
    return _BODIES.get(type_, _any_body) if isinstance(type_, str) else _any_body


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


def _finished(wire: dict[str, Any], faults: list[Fault], operation: str) -> dict[str, Any]:
    if faults:
        raise SinchValidationError(faults, operation)
    return wire


def faults_of(check: Callable[..., object], *args: Any, **kwargs: Any) -> list[Fault]:
    """Name what a check refuses, so that several checks can be reported as one."""
    try:
        check(*args, **kwargs)
    except SinchValidationError as error:
        return list(error.faults)
    return []
