"""Carries requests over aiohttp: asks the permit before a request leaves, limits the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp

from sinch_provider.sms.wire.environment import SOCKS, proxy_for, tls_context
from sinch_provider.sms.wire.exchange import Exchange
from sinch_provider.sms.wire.http import Answer, Request
from sinch_provider.sms.wire.unpacking import PIECE, Body

_SOCKS_PORT: Final = 1080


class AsyncTransport:
    """
    Carries requests and answers. It belongs to one event loop.

    :param at_once: The most requests under way at the same time. None: no limit.
    """

    def __init__(self, at_once: int | None = None) -> None:
        self._turns = asyncio.Semaphore(at_once) if at_once else contextlib.nullcontext()
        self._sessions: dict[str | None, aiohttp.ClientSession] = {}

    async def carry(self, exchange: Exchange, request: Request, headers: Mapping[str, str]) -> Answer:
        """
        Make a request and read the answer.

        :raises Exception: Any error of the library. ``exchange.failure`` explains it.
        """
        async with self._turns:
            exchange.begin()
            return await self._carry(exchange, request, headers)

    async def _carry(self, exchange: Exchange, request: Request, headers: Mapping[str, str]) -> Answer:
        proxy = proxy_for(request.url)
        # aiohttp takes a SOCKS proxy from the connector, and other proxies from the request.
        socks = proxy if proxy and urlsplit(proxy).scheme in SOCKS else None
        proxy = None if socks else proxy
        if exchange.unused_connection:
            async with _session(socks) as session:
                return await _carry(session, exchange, request, headers, proxy)
        if socks not in self._sessions:
            self._sessions[socks] = _session(socks)
        return await _carry(self._sessions[socks], exchange, request, headers, proxy)

    async def close(self) -> None:
        """Close the connections."""
        while self._sessions:
            await self._sessions.popitem()[1].close()


def _session(socks: str | None) -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    # aiohttp awaits this right before the headers go to the socket, but not for CONNECT to a proxy.
    trace.on_request_headers_sent.append(_before_headers)
    return aiohttp.ClientSession(
        connector=_through(socks) if socks else None,
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
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
    )
    return connector


async def _before_headers(
    session: aiohttp.ClientSession, context: SimpleNamespace, details: aiohttp.TraceRequestHeadersSentParams
) -> None:
    exchange, limit = context.trace_request_ctx
    # The time limit is for the network only.
    limit.reschedule(None)
    await exchange.leave_from_loop()
    limit.reschedule(asyncio.get_running_loop().time() + exchange.remaining())


async def _carry(
    session: aiohttp.ClientSession,
    exchange: Exchange,
    request: Request,
    headers: Mapping[str, str],
    proxy: str | None,
) -> Answer:
    encrypted = "https" in {urlsplit(request.url).scheme, urlsplit(proxy or "").scheme}
    async with (
        asyncio.timeout(exchange.remaining()) as limit,
        session.request(
            request.method,
            request.url,
            data=request.body,
            headers=headers,
            proxy=proxy,
            ssl=tls_context() if encrypted else True,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=exchange.timeout, sock_read=exchange.timeout
            ),
            trace_request_ctx=(exchange, limit),
        ) as response,
    ):
        names = {name.lower(): value for name, value in response.headers.items()}
        body = Body(names.get("content-encoding", ""), exchange.largest)
        async for piece in response.content.iter_chunked(PIECE):
            if not body.take(piece):
                response.close()
                break
        return Answer(response.status, names, body.content(), body.complete, exchange.largest)
