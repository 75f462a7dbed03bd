"""Carries requests over requests and urllib3: asks the permit before a request leaves, limits the answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from sinch_provider.sms.wire.environment import SOCKS, Ways, origin_of, tls_context
from sinch_provider.sms.wire.exchange import Exchange
from sinch_provider.sms.wire.http import COMMON_HEADERS, Answer, Request
from sinch_provider.sms.wire.log_masking import mask_library_logs
from sinch_provider.sms.wire.sockets import (
    TimedTlsSocket,
    current_exchange,
    dial,
    dial_through_socks,
    serving,
)
from sinch_provider.sms.wire.unpacking import PIECE, Body

_NEVER: Final = Retry(False, redirect=False)
#: Statuses of answers that end with their headers.
_WITHOUT_BODY: Final = frozenset({204, 304})


class Transport:
    """
    Carries requests and answers, one exchange at a time in each thread.

    It does not use the sessions of requests: they keep cookies, read ``.netrc``, and follow redirects.
    """

    def __init__(self) -> None:
        mask_library_logs()
        self._pools = _Pools()

    def carry(self, exchange: Exchange, request: Request, headers: Mapping[str, str]) -> Answer:
        """
        Make a request and read the answer.

        :raises Exception: Any error of the libraries. ``exchange.failure`` explains it.
        """
        with serving(exchange):
            response: Any = self._begin(exchange, request, headers)
            try:
                if response.status < 200 or response.status in _WITHOUT_BODY:
                    # For http.client the answer is over. A server that lies goes on, and on a connection that
                    # is kept this would count as the next answer.
                    response.connection.close()
                names = {name.lower(): value for name, value in response.headers.items()}
                body = Body(names.get("content-encoding", ""), exchange.largest)
                while (piece := response.read(PIECE, decode_content=False)) and body.take(piece):
                    pass
                return Answer(response.status, names, body.content(), body.complete, exchange.largest)
            finally:
                # A connection whose answer was read to its end is in its pool again, and stays open.
                response.close()
                response.release_conn()

    def _begin(self, exchange: Exchange, request: Request, headers: Mapping[str, str]) -> Any:
        """Make a request, and read the headers of its answer."""
        origin = origin_of(request.url)
        sent = {**COMMON_HEADERS, **headers}
        if request.body is not None or request.method != "GET":
            sent["Content-Length"] = str(len(request.body or b""))
        return self._pools.to(origin).urlopen(
            request.method,
            request.url if self._pools.forwards(origin) else request.url[len(origin) :],
            request.body,
            sent,
            # Only the client decides whether to repeat a request, and none is redirected.
            retries=_NEVER,
            redirect=False,
            assert_same_host=False,
            timeout=exchange.patience(),
            preload_content=False,
            decode_content=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pools.close()


class _Leaving(HTTPConnection):
    """
    A connection that calls its exchange right before the headers of the request go to the socket.

    CONNECT to a proxy does not pass here, so it does not count as the request.
    """

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        if exchange := current_exchange():
            # The name look-up, the proxy and TLS can take long, so they come first.
            if self.sock is None:
                self.connect()
            exchange.leave()
        super().endheaders(*args, **kwargs)


class _Connection(_Leaving):
    def _new_conn(self) -> socket.socket:
        return dial(self._dns_host, self.port, self.socket_options)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Renewing(HTTPConnectionPool):
    """A pool that gives a request a new connection if its exchange needs one."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        exchange = current_exchange()
        if (exchange and exchange.unused_connection) or _holds_bytes(connection.sock):
            # It opens again when it is used.
            connection.close()
        return connection


def _holds_bytes(connection: socket.socket | None) -> bool:
    """Whether TLS has read bytes too early, which urllib3 does not see. It sees those in the socket."""
    return isinstance(connection, ssl.SSLSocket) and connection.pending() > 0


class _Pool(_Renewing):
    ConnectionCls = _Connection


class _TlsPool(_Renewing, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS: Final = {"http": _Pool, "https": _TlsPool}


@cache
def _socks_pools() -> dict[str, type[HTTPConnectionPool]]:
    # urllib3's module can only be imported where PySocks is installed.
    from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection

    class Connection(_Leaving, SOCKSConnection):
        def _new_conn(self) -> socket.socket:
            proxy: Any = self._socks_options
            return dial_through_socks(self._dns_host, self.port, self.socket_options, proxy)

    class TlsConnection(Connection, SOCKSHTTPSConnection):
        pass

    class Pool(_Renewing):
        ConnectionCls = Connection

    class TlsPool(_Renewing, HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": Pool, "https": TlsPool}


class _Pools(HTTPAdapter):
    """
    Finds the pool of connections to a host: directly or through a proxy, as requests does.

    The connections call the exchange, and use the certificates of the environment. How to reach a host is
    found out once.
    """

    def __init__(self) -> None:
        self._ways = Ways()
        self._known: dict[str, Any] = {}
        super().__init__()

    def to(self, origin: str) -> Any:
        """Return the pool for a scheme, host and port."""
        pool = self._known.get(origin)
        if pool is None:
            way = self._ways.to(origin)
            # requests reads and checks the host.
            host = requests.Request("GET", f"{origin}/").prepare()
            proxies = {urlsplit(origin).scheme: way.proxy} if way.proxy else None
            pool = self._known[origin] = self.get_connection_with_tls_context(host, True, proxies)
        return pool

    def forwards(self, origin: str) -> bool:
        """Whether a proxy reads the whole URL, and makes the request itself."""
        way = self._ways.to(origin)
        return way.proxy is not None and not way.socks and origin.startswith("http:")

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        scheme = urlsplit(proxy).scheme
        if scheme == "https":
            kwargs["proxy_ssl_context"] = _context()
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _socks_pools() if scheme in SOCKS else _POOLS
        return manager

    def build_connection_pool_key_attributes(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        host, details = super().build_connection_pool_key_attributes(request, *args, **kwargs)
        # Before 2.8 urllib3 asks this context, not that of the proxy, whether to trust a proxy that forwards.
        if self._ways.to(origin_of(request.url)).encrypted:
            details = {**details, "ssl_context": _context()}
        return host, details

    def close(self) -> None:
        self._known.clear()
        super().close()


def _context() -> Any:
    context = tls_context()
    context.sslsocket_class = TimedTlsSocket
    return context
