"""The HTTP request of an API call on one account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from sinch_provider.sms.account import Account
from sinch_provider.sms.fields.only_to import refuse_others
from sinch_provider.sms.wire.call import Call, Kind
from sinch_provider.sms.wire.encoding import encode
from sinch_provider.sms.wire.http import Request


def request_for(account: Account, call: Call[Any]) -> Request:
    """
    Make the HTTP request of a call.

    :raises SinchValidationError: A recipient is not allowed by the account's ``only_to``.
    """
    if call.kind is not Kind.SAFE:
        refuse_others(account.only_to, call.operation, call.body or {})
    url = account.api_root + call.path
    if call.query:
        url = f"{url}?{'&'.join(f'{name}={_quoted(value)}' for name, value in call.query.items())}"
    if call.body is None:
        return Request(call.method, url, {}, None)
    body = call.body
    if call.default_sender and account.sender and "from" not in body:
        body = {**body, "from": account.sender}
    return Request(call.method, url, {"Content-Type": "application/json"}, encode(body))


def _quoted(value: str) -> str:
    # Most values are numbers or words.
    return value if value.isascii() and value.isalnum() else quote_plus(value)


def read_before(account: Account, call: Call[Any]) -> Call[Any] | None:
    """
    Return the call that must be made before another one, or None.

    An update also texts the recipients that the batch already has. ``only_to`` applies to them too, so the
    batch is read first.

    :raises SinchValidationError: The update adds a recipient that ``only_to`` does not allow.
    """
    if not account.only_to or call.operation != "update":
        return None
    refuse_others(account.only_to, call.operation, call.body or {})
    return replace(call, operation="get", method="GET", body=None, kind=Kind.SAFE, permit=None, observe=None)
