"""The server's open connections, for answers that are cut or never given."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope


class Connection(Protocol):
    """What the server knows about one connection."""

    transport: asyncio.Transport
    heard_at: float
    """When its caller last sent anything."""

    def waits_for_its_caller(self) -> bool:
        """Whether the server waits for the caller, to begin a call or to finish one."""


class Connections:
    """Connections by their caller's address, as in the ASGI scope; and whether the server is ending.

    After its body, a call receives only one more message: that its caller has gone.
    """

    def __init__(self, most: int = 1_000) -> None:
        """
        :param most: if there are more, the one whose caller has been silent the longest is closed.
        """
        self._most = most
        self._open: dict[tuple[str, int], Connection] = {}
        self._ending = asyncio.Event()

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open.values()))

    def opened(self, connection: Connection) -> None:
        self._open[_peer(connection.transport)] = connection
        if len(self._open) > self._most:
            self._make_room(connection)

    def closed(self, connection: Connection) -> None:
        peer = _peer(connection.transport)
        if self._open.get(peer) is connection:
            del self._open[peer]

    def _make_room(self, newest: Connection) -> None:
        silent = [each for each in self._open.values() if each is not newest and each.waits_for_its_caller()]
        leaving = min(silent, key=lambda each: each.heard_at, default=newest)
        self.closed(leaving)
        leaving.transport.abort()

    def end(self) -> None:
        """Release every call that is held."""
        self._ending.set()

    async def pause(self, seconds: float) -> bool:
        """Wait, in real time. False when the server ends meanwhile."""
        try:
            await asyncio.wait_for(self._ending.wait(), seconds)
        except TimeoutError:
            return True
        return False

    @property
    def ending(self) -> bool:
        return self._ending.is_set()

    async def gone(self, receive: Receive) -> None:
        """Return when the caller has gone. The rest of the body is not needed."""
        while (await receive())["type"] != "http.disconnect":
            pass

    async def first_of(self, tasks: Iterable[asyncio.Future[Any]], seconds: float | None = None) -> None:
        """Wait, in real time, for one of the tasks, the time, or the server's end; end all tasks."""
        waiting = [*tasks, asyncio.ensure_future(self._ending.wait())]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def until(self, event: asyncio.Event, seconds: float | None = None) -> bool:
        """Wait for something, in real time. False when the time is up or the server ends before."""
        await self.first_of([asyncio.ensure_future(event.wait())], seconds)
        return event.is_set() and not self.ending

    async def hold(self, receive: Receive) -> None:
        """Keep a caller waiting until it disconnects or the server ends."""
        await self.first_of([asyncio.ensure_future(self.gone(receive))])

    async def cut(self, scope: Scope, receive: Receive, *, reset: bool) -> None:
        """End the TCP connection under a call: with a plain end of stream, or with a reset."""
        found = self._open.get(tuple(scope["client"]))
        if found is None:
            return
        transport = found.transport
        if reset:
            # With a zero linger time the kernel sends RST instead of FIN.
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.close()
        await receive()


def _peer(transport: asyncio.Transport) -> tuple[str, int]:
    # A caller that disconnected before it was accepted has no address.
    host, port = (transport.get_extra_info("peername") or ("", id(transport)))[:2]
    return host, port


class Seats:
    """A limited number of waiting callers; further callers are asked to call again later."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._taken = 0

    def check(self) -> None:
        if self._taken >= self._number:
            raise HTTPException(503, f"{self._number} callers are waiting already; call again later")

    @contextmanager
    def one(self) -> Iterator[None]:
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
