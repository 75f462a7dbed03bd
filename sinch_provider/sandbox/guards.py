"""What stands in front of the application: who may reach it, and how much they may send."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import format_datetime

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sinch_provider.sandbox.times import to_datetime

MAX_BODY = 10 * 1024 * 1024
MAX_STREAMED = 256 * 1024 * 1024
STREAMED = frozenset({("/sandbox/ledger", "application/x-ndjson")})
"""Paths and types of bodies that are read as they come in, so that they need no memory."""
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def host_name(host: str) -> str:
    """The name in a Host header, without the port."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]


def content_type(header: str) -> str:
    """The media type alone, without parameters such as the character set."""
    return header.partition(";")[0].strip().lower()


def is_streamed(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return (scope["path"], content_type(headers.get(b"content-type", b"").decode("latin-1"))) in STREAMED


def is_foreign(headers: dict[bytes, bytes]) -> bool:
    """Whether a browser says that a page of another origin makes this call. Other clients say nothing."""
    if headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
        return True
    origin = headers.get(b"origin")
    return origin is not None and origin.lower().partition(b"://")[2] != headers.get(b"host", b"").lower()


class Guards:
    """Refuses foreign Host headers (DNS rebinding), changes asked for by foreign web pages, and oversized
    bodies; dates replies by its own clock.
    """

    def __init__(self, app: ASGIApp, now: Callable[[], int], allow_remote: bool) -> None:
        self._app = app
        self._now = now
        self._allow_remote = allow_remote

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])

        async def dated_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(to_datetime(self._now()), usegmt=True).encode()
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            await send(message)

        name = host_name(headers.get(b"host", b"").decode("latin-1").lower())
        if not self._allow_remote and name not in LOOPBACK_NAMES:
            reply = PlainTextResponse("This sandbox answers to loopback names only.\n", 421)
            await reply(scope, receive, dated_send)
            return
        if scope["method"] not in _SAFE_METHODS and is_foreign(headers):
            reply = PlainTextResponse("A web page of another origin cannot change anything here.\n", 403)
            await reply(scope, receive, dated_send)
            return
        limit = MAX_STREAMED if is_streamed(scope) else MAX_BODY
        await self._app(scope, _limited(receive, headers, limit), dated_send)


def _limited(receive: Receive, headers: dict[bytes, bytes], limit: int) -> Receive:
    received = 0

    async def limited() -> Message:
        nonlocal received
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            raise HTTPException(413)
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413)
        return message

    return limited
