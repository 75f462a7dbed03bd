"""Reads the JSON of a batch as Sinch does: normalises valid fields and names the first problem."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sinch_sandbox.core import phone
from sinch_sandbox.core.settings import Settings
from sinch_sandbox.core.store.batches import Fields
from sinch_sandbox.core.times import parse_time
from sinch_sandbox.sinch.errors import Problems

TEXT, BINARY, MEDIA = "mt_text", "mt_binary", "mt_media"
DELIVERY_REPORTS = ("none", "summary", "full", "per_recipient", "per_recipient_final")
MAX_RECIPIENTS = 1000
MAX_CHANGED_RECIPIENTS = 100
MAX_BINARY_BYTES = 140
MAX_URL = 2048
MAX_PARAMETER_VALUE = 160
MAX_PARAMETER_VALUES = 100_000
"""Of all parameters together. Sinch names no limit; this allows ten for each of 10,000 group members."""

_NUMBER_OR_GROUP = "a valid MSISDN or group ID"
_PARAMETER_KEY = re.compile(r"[A-Za-z0-9_.\-]{1,16}")
_HEX = re.compile(r"([0-9a-fA-F]{2})*")

_COMMON = {
    "from", "to", "to_add", "to_remove", "body", "delivery_report", "send_at", "expire_at", "callback_url",
    "client_reference", "feedback_enabled",
}  # fmt: skip
_SMS = {"flash_message", "truncate_concat", "max_number_of_message_parts", "from_ton", "from_npi"}
FIELDS_OF_TYPE = {
    TEXT: _COMMON | _SMS | {"parameters"},
    BINARY: _COMMON | _SMS | {"udh"},
    MEDIA: _COMMON | {"parameters", "strict_validation"},
}
"""A field of another type is treated like an unknown field: accepted and dropped."""


def read_type(data: Mapping[str, Any], problems: Problems, default: str = TEXT) -> str:
    value = data.get("type")
    if value is None:
        return default
    if not isinstance(value, str) or value not in FIELDS_OF_TYPE:
        problems.bad_format("type", value, "a valid batch type")
        return default
    return value


def read_fields(data: Mapping[str, Any], type_: str, settings: Settings, problems: Problems) -> Fields:
    """Check each given field by itself. A null counts as absent."""
    reader = _Reader(type_, settings, problems)
    fields: Fields = {}
    for name, read in reader.readers().items():
        value = data.get(name)
        if value is None or name not in FIELDS_OF_TYPE[type_]:
            continue
        result = read(name, value)
        if result is not None:
            fields[name] = result
    return fields


def check_whole(
    fields: Fields, given: Mapping[str, Any], type_: str, settings: Settings, problems: Problems
) -> None:
    """Check rules over several fields.

    :param given: the fields as sent, to distinguish a missing field from one that has a problem.
    """
    for name in ("to", "body", *(["udh"] if type_ == BINARY else [])):
        if name not in fields and given.get(name) is None:
            problems.constraint(name, "may not be empty")
    if "from" not in fields and given.get("from") is None and settings.default_originator is None:
        problems.constraint("from", "may not be empty")
    if ("from_ton" in fields) != ("from_npi" in fields):
        problems.constraint("from_ton", "and 'from_npi' must be given together")
    if type_ == BINARY and "body" in fields and "udh" in fields:
        size = len(base64.b64decode(fields["body"])) + len(fields["udh"]) // 2
        if size > MAX_BINARY_BYTES:
            problems.constraint("body", f"and 'udh' may not exceed {MAX_BINARY_BYTES} bytes together")


def read_numbers(
    name: str, value: object, problems: Problems, *, limit: int, groups: bool = False
) -> list[str] | None:
    """A list of phone numbers, digits only; group ids are kept if they are allowed.

    :param limit: how many items to read; the caller decides whether more are allowed.
    """
    if not isinstance(value, list):
        problems.bad_format(name, value, "an array")
        return None
    numbers = []
    for index, item in enumerate(value[:limit]):
        number = phone.normalise_number(item) if isinstance(item, str) else None
        if number is None and groups and isinstance(item, str) and phone.is_group_id(item):
            number = item
        if number is None:
            problems.bad_format(f"{name}[{index}]", item, _NUMBER_OR_GROUP if groups else "a valid MSISDN")
            break
        numbers.append(number)
    return numbers


class _Reader:
    """One method per kind of field; each returns the normalised value, or None after naming the problem."""

    def __init__(self, type_: str, settings: Settings, problems: Problems) -> None:
        self._type = type_
        self._settings = settings
        self._problems = problems

    def readers(self) -> dict[str, Callable[[str, Any], Any]]:
        body = {TEXT: self.text_body, BINARY: self.binary_body, MEDIA: self.media_body}[self._type]
        return {
            "from": self.sender,
            "to": self.recipients(MAX_RECIPIENTS),
            "to_add": self.recipients(MAX_CHANGED_RECIPIENTS),
            "to_remove": self.recipients(MAX_CHANGED_RECIPIENTS),
            "body": body,
            "udh": self.udh,
            "parameters": self.parameters,
            "delivery_report": self.delivery_report,
            "send_at": self.time,
            "expire_at": self.time,
            "callback_url": self.url,
            "client_reference": self.client_reference,
            "feedback_enabled": self.boolean,
            "flash_message": self.boolean,
            "truncate_concat": self.boolean,
            "strict_validation": self.boolean,
            "max_number_of_message_parts": self.integer(1, None),
            "from_ton": self.integer(0, 6),
            "from_npi": self.integer(0, 18),
        }

    def string(self, name: str, value: object) -> str | None:
        if isinstance(value, str):
            return value
        self._problems.bad_format(name, value, "a string")
        return None

    def limited(self, name: str, value: object, limit: int) -> str | None:
        text = self.string(name, value)
        if text is not None and len(text) > limit:
            self._problems.constraint(name, f"may not be longer than {limit} characters")
            return None
        return text

    def sender(self, name: str, value: object) -> str | None:
        text = self.string(name, value)
        if text is None:
            return None
        if not text:
            self._problems.constraint(name, "may not be empty")
            return None
        sender = phone.normalise_sender(text)
        if sender is None:
            self._problems.bad_format(name, text, "a valid MSISDN, short code or alphanumeric sender")
        elif phone.is_sender_too_long(sender):
            self._problems.constraint(
                name,
                f"may not be longer than {phone.MAX_ALPHANUMERIC_SENDER} characters"
                f" or {phone.MAX_NUMERIC_SENDER} digits",
            )
        else:
            return sender
        return None

    def recipients(self, limit: int) -> Callable[[str, object], list[str] | None]:
        def read(name: str, value: object) -> list[str] | None:
            numbers = read_numbers(name, value, self._problems, limit=limit, groups=True)
            if numbers and self._settings.refused_number:
                refused = self._settings.refused_number.removeprefix("+")
                index = next((i for i, each in enumerate(numbers) if each.startswith(refused)), None)
                if index is not None:
                    self._problems.bad_format(f"{name}[{index}]", numbers[index], _NUMBER_OR_GROUP)
            if isinstance(value, list) and not 1 <= len(value) <= limit:
                self._problems.constraint(name, f"must have between 1 and {limit} items")
            return numbers

        return read

    def text_body(self, name: str, value: object) -> str | None:
        text = self.string(name, value)
        limit = self._settings.text_limit
        if text is None:
            return None
        utf16 = self._settings.text_limit_unit == "utf16"
        length = len(text.encode("utf-16-le")) // 2 if utf16 else len(text)
        if length > limit:
            self._problems.constraint(name, f"may not be longer than {limit} characters")
            return None
        return text.strip() if self._settings.trim_bodies else text

    def binary_body(self, name: str, value: object) -> str | None:
        text = self.string(name, value)
        if text is None:
            return None
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self._problems.bad_format(name, text, "valid Base64")
            return None
        return text

    def media_body(self, name: str, value: object) -> dict[str, str] | None:
        if not isinstance(value, dict):
            self._problems.bad_format(name, value, "an object")
            return None
        body = {}
        for key in ("subject", "message"):
            if value.get(key) is not None:
                body[key] = self.string(f"{name}.{key}", value[key])
        if value.get("url") is None:
            self._problems.constraint(f"{name}.url", "may not be empty")
        else:
            body["url"] = self.url(f"{name}.url", value["url"])
        return {key: text for key, text in body.items() if text is not None}

    def udh(self, name: str, value: object) -> str | None:
        text = self.string(name, value)
        if text is not None and not _HEX.fullmatch(text):
            self._problems.bad_format(name, text, "an even number of hexadecimal digits")
            return None
        return text

    def parameters(self, name: str, value: object) -> dict[str, dict[str, str]] | None:
        if not isinstance(value, dict):
            self._problems.bad_format(name, value, "an object")
            return None
        values_given = sum(len(each) for each in value.values() if isinstance(each, dict))
        if len(value) + values_given > MAX_PARAMETER_VALUES:
            self._problems.constraint(name, f"may not have more than {MAX_PARAMETER_VALUES} keys and values")
            return None
        for key, values in value.items():
            if not _PARAMETER_KEY.fullmatch(key):
                self._problems.constraint(
                    f"{name}.{key[:20]}", "must have 1 to 16 characters of A-Z a-z 0-9 _ . -"
                )
            if not isinstance(values, dict):
                self._problems.bad_format(f"{name}.{key[:20]}", values, "an object")
                continue
            for recipient, text in values.items():
                if not isinstance(text, str) or len(text) > MAX_PARAMETER_VALUE:
                    self.limited(f"{name}.{key[:20]}.{recipient[:40]}", text, MAX_PARAMETER_VALUE)
        return value

    def delivery_report(self, name: str, value: object) -> str | None:
        if isinstance(value, str) and value in DELIVERY_REPORTS:
            return value
        self._problems.bad_format(name, value, "a valid delivery report setting")
        return None

    def time(self, name: str, value: object) -> int | None:
        moment = parse_time(value) if isinstance(value, str) else None
        if moment is None:
            self._problems.bad_format(name, value, "a valid ISO-8601 date and time")
        return moment

    def url(self, name: str, value: object) -> str | None:
        text = self.limited(name, value, MAX_URL)
        if text is not None and not _is_web_address(text):
            self._problems.bad_format(name, text, "a valid URL")
            return None
        return text

    def client_reference(self, name: str, value: object) -> str | None:
        return self.limited(name, value, self._settings.client_reference_limit)

    def boolean(self, name: str, value: object) -> bool | None:
        if isinstance(value, bool):
            return value
        self._problems.bad_format(name, value, "a boolean")
        return None

    def integer(self, low: int, high: int | None) -> Callable[[str, object], int | None]:
        def read(name: str, value: object) -> int | None:
            if isinstance(value, bool) or not isinstance(value, int):
                self._problems.bad_format(name, value, "an integer")
                return None
            if value < low or (high is not None and value > high):
                upper = "" if high is None else f" and at most {high}"
                self._problems.constraint(name, f"must be at least {low}{upper}")
                return None
            return value

        return read


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
    except ValueError:
        return False
