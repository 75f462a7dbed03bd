"""Carries requests over aiohttp: asks the permit before a request leaves, limits the answer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiohttp

from sinch_provider.sms.wire.environment import Way, Ways, origin_of, tls_context_from_loop
from sinch_provider.sms.wire.exchange import Exchange
from sinch_provider.sms.wire.http import COMMON_HEADERS, Answer, Request
from sinch_provider.sms.wire.unpacking import Body

_SOCKS_PORT: Final = 1080
#: The most connections of a client that sets no limit of its own.
MOST_AT_ONCE: Final = 100


class AsyncTransport:
    """
    Carries requests and answers. It belongs to one event loop, and several clients may share it.

    :param at_once: The most requests under way at the same time, and the most connections.
    """

    def __init__(self, at_once: int | None = None) -> None:
        self._at_once = at_once or MOST_AT_ONCE
        self._turns = asyncio.Semaphore(self._at_once)
        self._ways = Ways()
        self._lanes: set[_Lane] = set()
        self._free: list[_Lane] = []

    async def carry(self, exchange: Exchange, request: Request, headers: Mapping[str, str]) -> Answer:
        """
        Make a request and read the answer. It may have to wait for its turn, which no time limit counts.

        :raises Exception: Any error of the library. ``exchange.failure`` explains it.
        """
        if self._turns.locked():
            async with asyncio.timeout(exchange.longest_wait()):
                await self._turns.acquire()
            exchange.begin()
        else:
            await self._turns.acquire()
        try:
            origin = origin_of(request.url)
            way = self._ways.to(origin)
            context = await tls_context_from_loop() if way.encrypted else True
            lane = self._lane(origin)
            try:
                session = await lane.session_to(origin, way, unused=exchange.unused_connection)
                return await _carry(session, exchange, request, headers, way, context)
            finally:
                self._free.append(lane)
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Close the connections."""
        # If one cannot be closed, the others still are.
        for failure in await asyncio.gather(*(lane.close() for lane in self._lanes), return_exceptions=True):
            if failure is not None:
                raise failure

    def _lane(self, origin: str) -> _Lane:
        """Take the free lane that was used last, if possible one that leads to the host already."""
        for place in reversed(range(len(self._free))):
            if self._free[place].origin == origin:
                return self._free.pop(place)
        if len(self._lanes) >= self._at_once:
            return self._free.pop(0)
        lane = _Lane()
        self._lanes.add(lane)
        return lane


class _Lane:
    """A session with at most one connection."""

    def __init__(self) -> None:
        self.origin = ""
        self._session: aiohttp.ClientSession | None = None

    async def session_to(self, origin: str, way: Way, *, unused: bool) -> aiohttp.ClientSession:
        """
        Return a session that has at most a connection to this host.

        :param unused: Whether it must have none at all.
        """
        if unused or origin != self.origin:
            await self.close()
        if self._session is None:
            self.origin = origin
            self._session = _session(way)
        return self._session

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()


#: The exchange that this task works on; and if it asks for a permission, the limit of its time.
_current: ContextVar[tuple[Exchange, asyncio.Timeout | None]] = ContextVar("current")


class _Leaving(aiohttp.ClientRequest):
    """A request that asks its exchange when its connection is ready, right before its headers are written."""

    # CONNECT to a proxy is not one of these.
    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        exchange, limit = _current.get()
        if conn.protocol is None or conn.protocol.should_close:
            # What arrives before a request cannot be its answer. aiohttp takes another connection.
            raise aiohttp.ServerDisconnectedError
        # The time limit is for the network only.
        if limit is not None:
            limit.reschedule(None)
        await exchange.leave_from_loop()
        if limit is not None:
            limit.reschedule(asyncio.get_running_loop().time() + exchange.remaining())
        return await super().send(conn)


def _session(way: Way) -> aiohttp.ClientSession:
    # aiohttp takes a SOCKS proxy from the connector, and other proxies from the request.
    return aiohttp.ClientSession(
        connector=_through(way.proxy or "") if way.socks else aiohttp.TCPConnector(limit=1),
        headers=COMMON_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_Leaving,
        auto_decompress=False,
    )


def _through(socks: str) -> aiohttp.BaseConnector:
    # The package comes with the extra [socks].
    from aiohttp_socks import ProxyConnector, ProxyType

    proxy = urlsplit(socks)
    connector: aiohttp.BaseConnector = ProxyConnector(
        host=proxy.hostname or "",
        port=proxy.port or _SOCKS_PORT,
        proxy_type=ProxyType.SOCKS4 if proxy.scheme.startswith("socks4") else ProxyType.SOCKS5,
        username=unquote(proxy.username) if proxy.username else None,
        password=unquote(proxy.password) if proxy.password else None,
        rdns=proxy.scheme in {"socks4a", "socks5h"},
        limit=1,
    )
    return connector


async def _carry(
    session: aiohttp.ClientSession,
    exchange: Exchange,
    request: Request,
    headers: Mapping[str, str],
    way: Way,
    context: Any,
) -> Answer:
    exchange.patience()
    if not exchange.asks:
        return await _carry_in_time(session, exchange, request, headers, way, context, None)
    # The limit of aiohttp costs less, but would count the wait for the permit.
    async with asyncio.timeout(exchange.remaining()) as limit:
        return await _carry_in_time(session, exchange, request, headers, way, context, limit)


async def _carry_in_time(
    session: aiohttp.ClientSession,
    exchange: Exchange,
    request: Request,
    headers: Mapping[str, str],
    way: Way,
    context: Any,
    limit: asyncio.Timeout | None,
) -> Answer:
    serving = _current.set((exchange, limit))
    try:
        async with session.request(
            request.method,
            request.url,
            data=request.body,
            headers=headers,
            proxy=None if way.socks else way.proxy,
            ssl=context,
            allow_redirects=False,
            timeout=_limits(exchange.timeout, None if limit else exchange.whole),
        ) as response:
            names = {name.lower(): value for name, value in response.headers.items()}
            body = Body(names.get("content-encoding", ""), exchange.largest)
            while piece := await response.content.readany():
                if not body.take(piece):
                    response.close()
                    break
            return Answer(response.status, names, body.content(), body.complete, exchange.largest)
    finally:
        _current.reset(serving)


@lru_cache
def _limits(seconds: float, whole: float | None) -> aiohttp.ClientTimeout:
    # By default aiohttp rounds long times up to whole seconds.
    return aiohttp.ClientTimeout(
        total=whole, sock_connect=seconds, sock_read=seconds, ceil_threshold=math.inf
    )
