"""API calls, and procedures made of them, as plain data. This module does no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sinch_provider.sms.wire.http import LARGEST_ANSWER, TOKEN_PATH, Answer

if TYPE_CHECKING:
    from sinch_provider.sms.wire.encoding import Echo

T = TypeVar("T")

_PRIVATE: Final = ("body", "parameters", "callback_url", "udh", "from")
_NUMBERS: Final = ("to", "to_add", "to_remove", "recipients", "parameters", "from")
_NUMBER: Final = re.compile(r"\+?([0-9]{5,})")

#: Bytes of one batch: its text, a thousand numbers, and four personal values of full length for each, with
#: every character escaped.
_ONE_BATCH: Final = 4 * 1024 * 1024
_ONE_TOKEN: Final = 64 * 1024
_LONG: Final = frozenset({"list", "send_dry_run", "group_members"})


class Kind(Enum):
    """Whether a call may be repeated when its outcome is unknown."""

    SAFE = "changes nothing"
    IDEMPOTENT = "repeating it has the same effect as doing it once"
    NOT_IDEMPOTENT = "repeating it may have the effect twice"


@dataclass(frozen=True)
class Call(Generic[T]):
    """
    One API operation with its arguments, ready for any client.

    :param operation: Name of the operation, which is also the name of the client's method.
    :param method: HTTP method.
    :param path: Path below the account, beginning with a slash.
    :param parse: Turns the JSON of a successful answer into the result.
    :param query: Query parameters.
    :param body: JSON body.
    :param kind: Whether the call may be repeated.
    :param default_sender: Whether the account's sender fills in a missing ``from``.
    :param may_lag: Whether 404 may mean "not there yet", so that the call is repeated.
    :param permit: Asked before every request, at the last moment before it leaves. If it raises, the request
        does not leave.
    :param observe: Given every HTTP answer of the call before it is read.
    :param unread: Names of fields of the answer that nobody needs, so that they are not read.
    :param echoes: Values that other fields probably repeat. Then those are not read either.
    """

    operation: str
    method: str
    path: str = field(repr=False)
    parse: Callable[[Any], T] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    kind: Kind = Kind.SAFE
    default_sender: bool = False
    may_lag: bool = False
    permit: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    observe: Callable[[Answer], None] | None = field(default=None, repr=False, compare=False)
    unread: frozenset[str] = frozenset()
    echoes: Mapping[str, Echo] | None = field(default=None, repr=False, compare=False)

    def __await__(self) -> Generator[Call[T], T, T]:
        """Let the client that follows the procedure make this call; return its result."""
        return (yield self)

    @property
    def repeatable(self) -> bool:
        """Whether the call may be repeated when its outcome is unknown."""
        return self.kind is not Kind.NOT_IDEMPOTENT

    @property
    def largest_answer(self) -> int:
        """The most bytes that an answer of Sinch to this call can have."""
        if self.path == TOKEN_PATH:
            return _ONE_TOKEN
        # Batches to groups can have any number of recipients, and a full report names them all.
        long = self.operation in _LONG or self.query.get("type") == "full"
        return LARGEST_ANSWER if long else _ONE_BATCH

    def private(self) -> list[str]:
        """Return the texts of the request that no error may quote."""
        body = self.body or {}
        return [text for name in _PRIVATE for text in _values(body.get(name))]

    def numbers(self) -> frozenset[str]:
        """Return the digits of every phone number of the request. No error may quote them."""
        body = self.body or {}
        texts = [text for name in _NUMBERS for text in _strings(body.get(name))]
        texts += [*self.path.split("/"), *self.query.get("from", "").split(",")]
        return frozenset(number[1] for number in map(_NUMBER.fullmatch, texts) if number)


@dataclass(frozen=True)
class Pause:
    """
    A wait between two calls of a procedure.

    :param seconds: How long to wait.
    """

    seconds: float

    def __await__(self) -> Generator[Pause, None, None]:
        """Let the client that follows the procedure wait."""
        yield self


@dataclass(frozen=True)
class Together(Generic[T]):
    """
    Procedures that the client may follow at the same time, within its own limit.

    When one of them fails, no more begin, and those under way go on to their end. Then its error is raised.

    :param procedures: They may run in other threads. The result is the list of their results, in this order.
    """

    procedures: Sequence[Procedure[T]]

    def __await__(self) -> Generator[Together[T], list[T], list[T]]:
        """Let the client that follows the procedure follow these; return their results."""
        return (yield self)


Step = Call[Any] | Pause | Together[Any]
#: Several calls with decisions between them, written once for both clients: an ``async def`` that awaits
#: calls, pauses, and other procedures, alone or :class:`Together`. It needs no event loop: a client's
#: ``follow`` makes the calls.
Procedure = Coroutine[Step, Any, T]


def check_step(step: object) -> Step:
    """
    Check what a procedure awaits.

    :raises TypeError: It is something else.
    """
    if not isinstance(step, (Call, Pause, Together)):
        raise TypeError(f"A procedure may await calls and pauses only, not {type(step).__name__}")
    return step


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
