"""Parameters: the values that fill ``${name}`` in a body, different for each recipient."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.recipients import (
    MAX_DIGITS,
    as_text,
    is_group_id,
    normalize_each,
    normalize_number,
)
from sinch_provider.sms.fields.rules import BrokenRuleError, broken, rendered, text, written
from sinch_provider.sms.masking import mask_number, mask_text

MAX_VALUE: Final = 160

_KEY: Final = r"[A-Za-z0-9_.-]{1,16}"
# Anything else between "${" and "}" cannot be a key, so it is plain text.
_PLACEHOLDER: Final = r"\$\{([A-Za-z0-9_.-]+)\}"
_DEFAULT: Final = "default"
#: The types of keys and values that need no closer look. No subclasses, which may behave differently.
_USUAL: Final = frozenset({str, int})
#: The most recipients without a value that an error names.
_NAMED: Final = 3


def check_parameters(
    field: str, value: Any, to: Any = None, recipients: Sequence[str] = ()
) -> dict[str, dict[str, str]]:
    """
    Check parameters and write the numbers in their keys as digits.

    :param to: The recipients of the message, as given. Mostly they are the keys too, and are read already.
    :param recipients: The same recipients as they go over the wire.
    """
    if not isinstance(value, Mapping):
        raise broken(field, 'must be an object such as {"name": {"<number>": "Maria", "default": "there"}}')
    faults: list[Fault] = []
    checked: dict[str, dict[str, str]] = {}
    columns = _Columns(to, recipients)
    for key, entries in value.items():
        if not isinstance(key, str) or not re.fullmatch(_KEY, key):
            shown = f"{len(key)} characters" if isinstance(key, str) else type(key).__name__
            faults.append(Fault(f"{field} key", "must be 1 to 16 characters of A-Z a-z 0-9 _ . -", shown))
            continue
        column = columns.read(entries)
        if column is not None:
            checked[key] = column
            continue
        # Parameters nested in the wrong order have numbers here.
        path = f"{field}.{mask_text(key)}"
        if not isinstance(entries, Mapping):
            faults.append(Fault(path, 'must be an object of values by number, and "default"'))
        else:
            checked[key] = _check_entries(path, entries, faults)
    if faults:
        raise BrokenRuleError(*faults)
    return checked


class _Columns:
    """Reads the values of one name after the other. Mostly they have the same keys, which are read once."""

    def __init__(self, to: Any, recipients: Sequence[str]) -> None:
        self._keys: list[Any] = []
        self._names: Sequence[str] = ()
        # If a recipient was there twice, or is a group, they cannot be the keys.
        if (
            type(to) is list
            and len(to) == len(recipients)
            and {str}.issuperset(map(type, to))
            and max(map(len, recipients), default=0) <= MAX_DIGITS
        ):
            self._keys, self._names = to, recipients

    def read(self, entries: Any) -> dict[str, str] | None:
        """
        Read the values of one name at once.

        :returns: None if something is unusual, so that every entry needs a closer look: it may be a fault.
        """
        if type(entries) is not dict or not _USUAL.issuperset(map(type, entries)):
            return None
        texts = list(entries.values())
        if not {str}.issuperset(map(type, texts)):
            texts = list(map(written, texts))
            if not {str}.issuperset(map(type, texts)):
                return None
        if max(map(len, texts), default=0) > MAX_VALUE:
            return None
        try:
            rendered("", "\n".join(texts))
            if _DEFAULT in entries:
                text("", entries[_DEFAULT])
        except BrokenRuleError:
            return None
        names = self._read_keys(list(entries))
        column = dict(zip(names, texts, strict=True)) if names else {}
        # A number that two keys write differently.
        return column if len(column) == len(entries) else None

    def _read_keys(self, keys: list[Any]) -> Sequence[str]:
        """Write the numbers in keys as digits; empty if there is none, or if one has a fault."""
        if keys != self._keys:
            numbers = [key for key in keys if key != _DEFAULT] if _DEFAULT in keys else keys
            names, faults = normalize_each(numbers, groups=False)
            if faults:
                return []
            if numbers is not keys:
                names.insert(keys.index(_DEFAULT), _DEFAULT)
            self._keys, self._names = keys, names
        return self._names


def _check_entries(field: str, entries: Mapping[Any, Any], faults: list[Fault]) -> dict[str, str]:
    checked: dict[str, str] = {}
    for key, value in entries.items():
        # Masking costs more than everything else, so only faulty entries are masked.
        try:
            name = _DEFAULT if key == _DEFAULT else normalize_number(as_text(key))
        except ValueError as error:
            shown = mask_number(key) if isinstance(key, str) else "***"
            faults.append(Fault(f"{field}[{shown}]", f"the key {error}"))
            continue
        try:
            said = _check_value(value, everybody=name == _DEFAULT)
            if checked.setdefault(name, said) != said:
                raise broken("", "has two different values for the same number")
        except BrokenRuleError as error:
            path = f"{field}[{name if name == _DEFAULT else mask_number(name)}]"
            faults.extend(fault._replace(field=path) for fault in error.faults)
    return checked


def _check_value(value: Any, *, everybody: bool) -> str:
    value = written(value)
    if not isinstance(value, str):
        raise broken("", f"must be text, not {type(value).__name__}")
    if len(value) > MAX_VALUE:
        raise broken("", f"must have at most {MAX_VALUE} characters", f"{len(value)} characters")
    # None may be the name of one person, but not of everybody.
    checked: str = text("", value) if everybody else rendered("", value)
    return checked


def placeholder_faults(
    body: str | Mapping[str, str],
    parameters: Mapping[str, Mapping[str, str]],
    recipients: Sequence[str] | None,
) -> list[Fault]:
    """
    Compare a body with its parameters. If they do not match, some or all recipients get no text.

    :param body: The text, or the object of a media message.
    :param parameters: As :func:`check_parameters` returns them.
    :param recipients: As on the wire; None if they are not known.
    """
    field, read, also = "body", body, ""
    if isinstance(body, Mapping):
        field, read, also = "body.message", body.get("message", ""), body.get("subject", "")
    used = dict.fromkeys(re.findall(_PLACEHOLDER, str(read)))
    faults = [
        Fault(field, f"contains ${{{mask_text(name)}}}, which parameters does not define")
        for name in used
        if name not in parameters
    ]
    for name, values in parameters.items():
        if name not in used:
            if f"${{{name}}}" not in also:
                path = f"parameters.{mask_text(name)}"
                faults.append(Fault(path, f"is not used: {field} does not contain ${{{mask_text(name)}}}"))
        elif recipients and _DEFAULT not in values and list(values) != recipients:
            lacking = [number for number in recipients if number not in values]
            if lacking and not any(map(is_group_id, recipients)):
                rule = f"has no default, and no value for {len(lacking)} of {len(recipients)} recipients"
                named = ", ".join(map(mask_number, lacking[:_NAMED]))
                path = f"parameters.{mask_text(name)}"
                faults.append(Fault(path, rule, named + (", ..." if len(lacking) > _NAMED else "")))
    return faults
