"""Guards in front of the application: who may call it, and how much they may send."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable
from email.utils import format_datetime
from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sinch_sandbox.core.limits import BODIES_IN_FLIGHT, STREAMED_BODY, Budget, largest_body
from sinch_sandbox.core.times import to_datetime

STREAMED = frozenset({("/sandbox/ledger", "application/x-ndjson")})
"""Paths and types of bodies that are streamed and so need no memory."""
CALLBACK_AGENT = "sinch-sandbox/"
"""The beginning of the user agent of a sandbox's callbacks; a callback must not control a sandbox."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?")
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_DECIDING = (b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"content-type")
"""Headers that decide about a call; each may be sent only once."""
_PROTECTION = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin"))


def is_host_name(text: str) -> bool:
    return _HOST_NAME.fullmatch(text.lower()) is not None


@lru_cache(maxsize=256)
def is_answered(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header is an address, a loopback name or one of ``names``.

    A page that uses its own name for the sandbox (DNS rebinding) sends that name, never an address.
    """
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return False
    name = match[1] or match[2]
    if match[2] and (name == "localhost" or name in names):
        return True
    try:
        return (ipaddress.ip_address(name).version == 6) is (match[1] is not None)
    except ValueError:
        return False


def content_type(header: str) -> str:
    """The media type alone, without parameters such as the character set."""
    return header.partition(";")[0].strip().lower()


def is_streamed(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return (scope["path"], content_type(headers.get(b"content-type", b"").decode("latin-1"))) in STREAMED


def is_foreign(scope: Scope) -> bool:
    """Whether a browser says that a page of another origin makes this call. Other clients send no origin."""
    headers = dict(scope["headers"])
    if headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
        return True
    origin = headers.get(b"origin")
    return origin is not None and origin.lower().partition(b"://")[2] != headers.get(b"host", b"").lower()


def _follows_a_link(headers: dict[bytes, bytes]) -> bool:
    """A person follows a link. The page with the link cannot read the answer."""
    return (headers.get(b"sec-fetch-mode"), headers.get(b"sec-fetch-dest")) == (b"navigate", b"document")


class _HeadAnsweredError(Exception):
    """The head of the answer has been sent, and its body is not needed."""


class Guards:
    """Refuses foreign Host headers (DNS rebinding), calls of foreign web pages, callbacks that would control
    the sandbox, and oversized bodies; dates replies by its own clock.

    :param names: names of hosts to answer to, besides addresses and loopback names.
    """

    def __init__(self, app: ASGIApp, now: Callable[[], int], names: Collection[str] = ()) -> None:
        self._app = app
        self._now = now
        self._names = frozenset(name.lower() for name in names)
        self._bodies = Budget(BODIES_IN_FLIGHT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, self._dated(send))
        elif scope["method"] == "HEAD":
            await self._head(scope, receive, send)
        else:
            await self._pass(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        given = [name for name, _ in scope["headers"]]
        headers = dict(scope["headers"])
        if any(given.count(name) > 1 for name in _DECIDING if name in headers):
            return _refused(400, f"Each of {_spelt(_DECIDING)} may be sent only once.")
        if b"transfer-encoding" in headers and b"content-length" in headers:
            # A request with both may hide a second request in its body (request smuggling).
            return _refused(
                400, "A body has either a Content-Length or a Transfer-Encoding.", {"connection": "close"}
            )
        if not is_answered(headers.get(b"host", b"").decode("latin-1"), self._names):
            return _refused(
                421, "This sandbox answers to addresses, localhost, and names given with --allow-host."
            )
        is_control = scope["path"].startswith("/sandbox/")
        if scope["method"] not in _READING:
            if is_foreign(scope):
                return _refused(403, "A web page of another origin cannot change anything here.")
            if is_control and headers.get(b"user-agent", b"").startswith(CALLBACK_AGENT.encode()):
                return _refused(403, "A callback cannot control a sandbox.")
        elif is_control and is_foreign(scope) and not _follows_a_link(headers):
            return _refused(403, "A web page of another origin cannot read anything here.")
        return None

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HEAD like GET; the server omits the body, and the rest of it is not produced."""

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            if message.get("more_body"):
                raise _HeadAnsweredError

        try:
            await self._pass({**scope, "method": "GET"}, receive, send_head)
        except _HeadAnsweredError:
            return

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_streamed(scope):
            await self._app(scope, _limited(scope, receive, STREAMED_BODY), self._dated(send))
            return
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if not self._bodies.take(size):
                raise HTTPException(503, "the bodies of other calls take up all room; call again later")
            held += size

        try:
            await self._app(
                scope, _limited(scope, receive, largest_body(scope["path"]), hold), self._dated(send)
            )
        finally:
            self._bodies.give_back(held)

    def _dated(self, send: Send) -> Send:
        async def dated_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(to_datetime(self._now()), usegmt=True).encode()
                message = {**message, "headers": [*message["headers"], *_PROTECTION, (b"date", date)]}
            await send(message)

        return dated_send


def _refused(status: int, sentence: str, headers: dict[str, str] | None = None) -> PlainTextResponse:
    return PlainTextResponse(f"{sentence}\n", status, headers)


def _spelt(names: Iterable[bytes]) -> str:
    return ", ".join(name.decode().title() for name in names)


def _limited(
    scope: Scope, receive: Receive, limit: int, hold: Callable[[int], None] = lambda size: None
) -> Receive:
    received = 0
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    is_too_large = announced.isdigit() and int(announced) > limit

    async def limited() -> Message:
        nonlocal received
        if is_too_large:
            raise HTTPException(413, f"the body may have at most {limit} bytes")
        message = await receive()
        size = len(message.get("body", b""))
        received += size
        if received > limit:
            raise HTTPException(413, f"the body may have at most {limit} bytes")
        hold(size)
        return message

    return limited
