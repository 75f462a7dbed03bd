"""The server's open connections, for replies that cut their own or never come."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.types import Receive, Scope


class Connections:
    """Connections by their caller's address, as in the ASGI scope; and whether the server is ending.

    A call whose body has been read receives one thing more: that its caller has gone.
    """

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}
        self._ending = asyncio.Event()

    def opened(self, transport: asyncio.Transport) -> None:
        self._transports[_peer(transport)] = transport

    def closed(self, transport: asyncio.Transport) -> None:
        self._transports.pop(_peer(transport), None)

    def end(self) -> None:
        """Let go of every call that is held."""
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

    async def until(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for something, in real time. False when the time is up or the server ends before."""
        waiting = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._ending.wait())]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        return event.is_set() and not self.ending

    async def hold(self, receive: Receive) -> None:
        """Keep a caller waiting until it gives up or the server ends."""
        waiting = [asyncio.ensure_future(receive()), asyncio.ensure_future(self._ending.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()

    async def cut(self, scope: Scope, receive: Receive, *, reset: bool) -> None:
        """End the TCP connection under a call: with a plain end of stream, or with a reset."""
        transport = self._transports.get(tuple(scope["client"]))
        if transport is None:
            return
        if reset:
            # With a zero linger time the kernel sends RST instead of FIN.
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.close()
        await receive()


def _peer(transport: asyncio.Transport) -> tuple[str, int]:
    host, port = transport.get_extra_info("peername")[:2]
    return host, port
