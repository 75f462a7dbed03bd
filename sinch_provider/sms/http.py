"""An HTTP exchange as plain data: the request to make, the answer to read. No I/O happens here."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from sinch_provider import __version__
from sinch_provider.sms.account import Account

T = TypeVar("T")

_PRIVATE: Final = ("body", "parameters", "callback_url", "udh", "from")

USER_AGENT: Final = f"airflow-provider-sinch/{__version__} (Python/{platform.python_version()})"


class Kind(Enum):
    """What making a call twice comes to."""

    READ = "changes nothing, however often"
    SET = "twice is the same as once"
    ONCE = "twice may be done twice"


@dataclass(frozen=True)
class Call(Generic[T]):
    """
    One operation of the API, with its arguments, ready to be made by any client.

    :param operation: Name of the operation, as the methods are called.
    :param method: HTTP method.
    :param path: Path below the account, beginning with a slash.
    :param parse: Turns the JSON of a successful answer into the result.
    :param query: Query parameters.
    :param body: JSON body.
    :param kind: What making it twice comes to.
    :param default_sender: Whether the account's sender fills in a missing ``from``.
    :param may_lag: Whether 404 may mean "not there yet" and is worth a few more looks.
    :param permit: Asked before every attempt, at the last moment before the request leaves; what it raises
        keeps the request from leaving.
    """

    operation: str
    method: str
    path: str
    parse: Callable[[Any], T] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    kind: Kind = Kind.READ
    default_sender: bool = False
    may_lag: bool = False
    permit: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    observe: Callable[[Answer], None] | None = field(default=None, repr=False, compare=False)

    @property
    def repeatable(self) -> bool:
        """Whether an attempt with an unknown outcome may be followed by another."""
        return self.kind is not Kind.ONCE

    def private(self) -> list[str]:
        """Texts of the request that no error may quote."""
        body = self.body or {}
        return [text for name in _PRIVATE for text in _strings(body.get(name))]


@dataclass(frozen=True)
class Request:
    """What goes over the wire, but for the credentials."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True)
class Answer:
    """
    What came back.

    :param status: HTTP status.
    :param headers: Header names in lower case.
    :param body: The raw body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """
        Read the body as JSON.

        :raises ValueError: It is not.
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def request_for(account: Account, call: Call[Any]) -> Request:
    """Say how a call is made on an account."""
    url = account.api_root + call.path + (f"?{urlencode(call.query)}" if call.query else "")
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    if call.body is None:
        return Request(call.method, url, headers, None)
    body = dict(call.body)
    if call.default_sender and account.sender:
        body.setdefault("from", account.sender)
    headers["Content-Type"] = "application/json"
    return Request(call.method, url, headers, json.dumps(body).encode())


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _strings(item)]
    return []
