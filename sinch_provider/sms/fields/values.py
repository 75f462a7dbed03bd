"""Checks of single values: each returns the value for the API, or raises the fault."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.recipients import as_text, normalize_number, normalize_recipients
from sinch_provider.sms.fields.rules import (
    MAX_INTEGER,
    BrokenRuleError,
    Check,
    broken,
    encodable,
    is_file_name,
    rendered,
    shown_value,
    text,
    whole_number,
)
from sinch_provider.sms.fields.times import to_time, wire_time
from sinch_provider.sms.masking import mask_number

TEXT, BINARY, MEDIA = "mt_text", "mt_binary", "mt_media"
TYPES: Final = (TEXT, BINARY, MEDIA)

MAX_TEXT: Final = 2000
MAX_BINARY_BYTES: Final = 140
MAX_URL: Final = 2048
MAX_CLIENT_REFERENCE: Final = 2048
MAX_SEND_KEY: Final = 128
MAX_ALPHANUMERIC_SENDER: Final = 11
MAX_NUMERIC_SENDER: Final = 18

_ID: Final = r"[A-Za-z0-9_-]{1,64}"
_HEX: Final = r"([0-9A-Fa-f]{2})+"
_LIKE_TIME: Final = r"(?a)\d{4}-\d\d-\d\d.{0,26}|[A-Za-z_]{0,24}"
_SENDER_FILLING: Final = r"[\s()+.-]"


def recipients(low: int, high: int | None) -> Check:
    """
    Make the check of a field of recipients.

    :param low: The fewest that it may name.
    :param high: The most; None: any number.
    """

    def check(field: str, value: Any) -> list[str]:
        recipients, faults = normalize_recipients(value, field)
        # If no recipient means everybody, only an empty list counts, not a template that rendered blank.
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


def sender(field: str, value: Any) -> str:
    """Check a sender: a number, a short code or a name."""
    value = text(field, value)
    if not isinstance(value, str) or not value.strip():
        raise broken(field, "must be a number, a short code or a name, as text")
    sender = value.strip()
    digits = re.sub(_SENDER_FILLING, "", sender)
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
        raise broken(field, "must not be blank", f"{len(value)} characters")
    if len(value) > MAX_TEXT:
        raise broken(field, f"must have at most {MAX_TEXT} characters", f"{len(value)} characters")
    if is_file_name(value):
        raise broken(field, "must be the text itself, not the name of a file with the text")
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
        # Sinch ignores unknown names, so a misspelt "message" would be lost without an error.
        faults.append(Fault(field, "must have no other names than url, subject and message"))
    checks: dict[str, Check] = {"url": url, "subject": _caption, "message": _caption}
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


#: Checks of a body, by message type.
BODIES: Final[Mapping[str, Check]] = {TEXT: _text_body, BINARY: _binary_body, MEDIA: _media_body}


def any_body(field: str, value: Any) -> Any:
    """Check a body whose message type is not known."""
    if isinstance(value, Mapping):
        return _media_body(field, value)
    return _text_body(field, value)


def url(field: str, value: Any) -> str:
    """Check a URL."""
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


def udh(field: str, value: Any) -> str:
    """Check a user data header."""
    if not isinstance(value, str) or not re.fullmatch(_HEX, value):
        raise broken(field, "must be an even number of hexadecimal digits")
    return value


def time(field: str, value: Any) -> str:
    """Check a point in time and write it in the wire's format."""
    try:
        return wire_time(to_time(value))
    except ValueError as error:
        shown = f"{len(value)} characters" if isinstance(value, str) else ""
        if isinstance(value, datetime) or (isinstance(value, str) and re.fullmatch(_LIKE_TIME, value)):
            shown = repr(str(value))
        raise broken(field, str(error), shown) from None


def client_reference(field: str, value: Any) -> str:
    """Check a label of the user's own."""
    return _label(field, value, MAX_CLIENT_REFERENCE)


def send_key(field: str, value: Any) -> str:
    """Check an idempotency key."""
    return _label(field, value, MAX_SEND_KEY)


def _label(field: str, value: Any, longest: int) -> str:
    value = text(field, value)
    fits = isinstance(value, str) and value.strip() and len(value) <= longest and encodable(value)
    if not isinstance(value, str) or not fits:
        raise broken(field, f"must be text of 1 to {longest} characters, not only blanks")
    return value


def batch_id(field: str, value: Any) -> str:
    """Check the id of a batch."""
    # A template that finds nothing renders as the text "None".
    if isinstance(value, str) and value != "None" and re.fullmatch(_ID, value.strip()):
        return value.strip()
    raise broken(field, "must be the id of a batch, as send returns it", shown_value(value))


def number(field: str, value: Any) -> str:
    """Check one phone number and write it as digits."""
    try:
        return normalize_number(as_text(value))
    except ValueError as error:
        raise broken(field, str(error), mask_number(value) if isinstance(value, str) else "") from None


def _several(field: str, value: Any, rule: str, valid: Callable[[Any], bool]) -> str:
    """Write one value, several, or text with commas as a filter of the API."""
    values = value.split(",") if isinstance(value, str) else [value]
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, Mapping)):
        values = list(value)
    cleaned = [item.strip() if isinstance(item, str) else item for item in values]
    # An empty filter would be no filter, and return more than was asked for.
    if not cleaned or not all(map(valid, cleaned)):
        raise broken(field, rule)
    return ",".join(map(str, cleaned))


def statuses(field: str, value: Any) -> str:
    """Check a filter of statuses."""
    return _several(field, value, "must be a status or a list of statuses", _is_word)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isalpha()


def codes(field: str, value: Any) -> str:
    """Check a filter of codes."""
    return _several(field, value, "must be a code or a list of codes", _is_code)


def _is_code(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch("[0-9]{1,9}", value) is not None
    number = whole_number(value)
    return number is not None and 0 <= number <= MAX_INTEGER


def senders(field: str, value: Any) -> str:
    """Check a filter of senders."""
    return _several(field, value, "must be a number or short code, or a list of them", _is_sender)


def _is_sender(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and encodable(value)
