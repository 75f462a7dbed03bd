"""Calls, requests and answers as plain data. No I/O happens here."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from sinch_provider import __version__
from sinch_provider.sms.account import Account
from sinch_provider.sms.fields.only_to import refuse_others

T = TypeVar("T")

_PRIVATE: Final = ("body", "parameters", "callback_url", "udh", "from")
_NUMBERS: Final = ("to", "to_add", "to_remove", "recipients", "parameters", "from")
_NUMBER: Final = re.compile(r"\+?([0-9]{5,})")

TOKEN_PATH: Final = "/oauth2/token"
#: A page of a hundred batches of a thousand recipients each, what a thousand recipients would get, or every
#: number of a batch to groups; all sizes are measured after decompression.
LARGEST_ANSWER: Final = 16 * 1024 * 1024
#: One batch: its text, a thousand numbers, and four personal values of full length for each, every character
#: escaped.
_ONE_BATCH: Final = 4 * 1024 * 1024
_ONE_TOKEN: Final = 64 * 1024
_LONG: Final = frozenset({"list", "send_dry_run"})
#: On average an entry of Sinch's answers is written in more bytes than half of this. Each becomes an object
#: that takes many times as much memory, so an answer of nothing but brackets is not parsed.
_BYTES_PER_ENTRY: Final = 32

USER_AGENT: Final = f"airflow-provider-sinch/{__version__} (Python/{platform.python_version()})"
COMMON_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": USER_AGENT,
}


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
    :param observe: Told every HTTP answer of the call, before it is judged.
    """

    operation: str
    method: str
    path: str = field(repr=False)
    parse: Callable[[Any], T] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    kind: Kind = Kind.READ
    default_sender: bool = False
    may_lag: bool = False
    permit: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    observe: Callable[[Answer], None] | None = field(default=None, repr=False, compare=False)

    def __await__(self) -> Generator[Call[T], T, T]:
        """Ask whoever follows the procedure to make this call, and give its result."""
        return (yield self)

    @property
    def repeatable(self) -> bool:
        """Whether an attempt with an unknown outcome may be followed by another."""
        return self.kind is not Kind.ONCE

    @property
    def largest_answer(self) -> int:
        """More bytes than any answer of Sinch's has."""
        if self.path == TOKEN_PATH:
            return _ONE_TOKEN
        # Batches to groups can have any number of recipients, and a full report names them all.
        long = self.operation in _LONG or self.query.get("type") == "full"
        return LARGEST_ANSWER if long else _ONE_BATCH

    def private(self) -> list[str]:
        """Texts of the request that no error may quote."""
        body = self.body or {}
        return [text for name in _PRIVATE for text in _values(body.get(name))]

    def numbers(self) -> frozenset[str]:
        """Digits of every phone number of the request, which no error may quote either."""
        body = self.body or {}
        said = [text for name in _NUMBERS for text in _strings(body.get(name))]
        said += [*self.path.split("/"), *self.query.get("from", "").split(",")]
        return frozenset(number[1] for number in map(_NUMBER.fullmatch, said) if number)


@dataclass(frozen=True)
class Pause:
    """Wait before going on."""

    seconds: float

    def __await__(self) -> Generator[Pause, None, None]:
        yield self


Step = Call[Any] | Pause
#: Several calls with decisions between them, written once for both clients: an ``async def`` that awaits
#: calls and pauses, and nothing else. It needs no event loop: a client's ``follow`` makes the calls.
Procedure = Coroutine[Step, Any, T] | Generator[Step, Any, T]


@dataclass(frozen=True)
class Request:
    """What goes over the wire, but for the bearer token."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """
    What came back.

    :param status: HTTP status.
    :param headers: Header names in lower case.
    :param body: The raw body.
    :param complete: Whether that is all of it; nobody reads on without end.
    :param largest: Size that no answer to this call exceeds.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool = True
    largest: int = LARGEST_ANSWER

    def json(self) -> Any:
        """
        Read the body as JSON.

        :raises ValueError: It is not.
        """
        value, fault = self._parsed
        if fault:
            raise ValueError(fault)
        return value

    @cached_property
    def _parsed(self) -> tuple[Any, str]:
        if sum(map(self.body.count, (b"[", b"{", b","))) > self.largest // _BYTES_PER_ENTRY:
            return None, "too many entries"
        try:
            return json.loads(self.body), ""
        except RecursionError:
            return None, "nested too deeply"
        except ValueError:
            return None, "no JSON"


def request_for(account: Account, call: Call[Any]) -> Request:
    """
    Say how a call is made on an account.

    :raises SinchValidationError: It would text somebody whom the account's ``only_to`` does not allow.
    """
    if call.kind is not Kind.READ:
        refuse_others(account.only_to, call.operation, call.body or {})
    url = account.api_root + call.path + (f"?{urlencode(call.query)}" if call.query else "")
    headers = dict(COMMON_HEADERS)
    if call.body is None:
        return Request(call.method, url, headers, None)
    body = dict(call.body)
    if call.default_sender and account.sender:
        body.setdefault("from", account.sender)
    headers["Content-Type"] = "application/json"
    return Request(call.method, url, headers, json.dumps(body).encode())


def look_first(account: Account, call: Call[Any]) -> Call[Any] | None:
    """
    Say how a batch is read before an update, which would text those whom it goes to already; None: no need.

    :raises SinchValidationError: The update itself adds somebody whom ``only_to`` does not allow.
    """
    if not account.only_to or call.operation != "update":
        return None
    refuse_others(account.only_to, call.operation, call.body or {})
    return replace(call, operation="get", method="GET", body=None, kind=Kind.READ, permit=None, observe=None)


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _values(item)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
