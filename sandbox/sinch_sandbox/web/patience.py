"""Time limits for callers, so that an idle caller cannot keep the server busy."""

from __future__ import annotations

import asyncio
import errno
import logging
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sinch_sandbox.web.connections import Connections

_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RESERVED = 128
"""Descriptors for files, callbacks, and connections accepted in one round beyond the limit."""
_FEWEST, _MOST = 16, 4_000


@dataclass(frozen=True)
class Patience:
    """Real seconds after which a connection is closed."""

    head: float = 10
    """From the beginning of a connection, or of a call, to the end of its headers."""
    piece: float = 30
    """Between two pieces of a body."""
    body: float = 600
    """From the headers to the end of the body."""
    answer: float = 60
    """Without reading anything of an answer."""
    idle: int = 5
    """Between two calls."""


def most_connections() -> int:
    """How many connections the process may have open, by its limit of file descriptors."""
    try:
        import resource
    except ImportError:  # there is no such limit on Windows
        return _MOST
    return max(_FEWEST, min(_MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED))


def raise_descriptor_limit() -> None:
    """Raise the limit of file descriptors as far as the connections need it and the system allows."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _RESERVED if hard == resource.RLIM_INFINITY else min(hard, _MOST + _RESERVED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def protocol(connections: Connections) -> type[PatientProtocol]:
    class Protocol(PatientProtocol):
        noted_in = connections

    return Protocol


class PatientProtocol(H11Protocol):
    """HTTP protocol that records which connections are open, and since when each waits for its caller."""

    noted_in: Connections
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.heard_at = self._head_since = self.loop.time()
        self._is_in_head = True
        self._stalled_since: float | None = None
        self._unsent = 0
        self.noted_in.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.noted_in.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        if not self._is_in_head and self.conn.their_state is h11.IDLE:
            self._head_since = self.heard_at
            self._is_in_head = True
        super().data_received(data)

    def on_response_complete(self) -> None:
        self._is_in_head = False
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_since = None
        super().resume_writing()

    def waits_for_its_caller(self) -> bool:
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def is_overdue(self, now: float, patience: Patience) -> bool:
        if self.transport.is_closing() and self._stalled_since is None:
            # The caller still has to read what was written.
            self._stalled_since = now
        if self._stalled_since is not None:
            before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
            if self._unsent != before:
                self._stalled_since = now
            return now - self._stalled_since > patience.answer
        if self.conn.their_state is h11.SEND_BODY:
            if self.flow.read_paused:
                # The server is slow, not the caller.
                self.heard_at = now
            return now - self.heard_at > patience.piece or now - self._head_since > patience.body
        return (
            self._is_in_head and self.conn.their_state is h11.IDLE and now - self._head_since > patience.head
        )


def close_overdue(connections: Connections, patience: Patience) -> None:
    now = asyncio.get_running_loop().time()
    for each in connections:
        if isinstance(each, PatientProtocol) and each.is_overdue(now, patience):
            each.transport.abort()


class AcceptErrors:
    """Handles errors of the event loop: a lack of file descriptors is logged only once."""

    def __init__(self) -> None:
        self._logged = False

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
            loop.default_exception_handler(context)
        elif not self._logged:
            self._logged = True
            logging.getLogger("uvicorn.error").error(
                "Cannot accept new connections for now (%s). This is logged only once.", error.strerror
            )
