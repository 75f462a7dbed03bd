"""Carries requests over requests and urllib3: asks the permit before a request leaves, limits the answer."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from sinch_provider.sms.wire.environment import SOCKS, proxy_for, tls_context
from sinch_provider.sms.wire.exchange import Exchange
from sinch_provider.sms.wire.http import Answer, Request
from sinch_provider.sms.wire.log_masking import mask_library_logs
from sinch_provider.sms.wire.sockets import (
    TimedTlsSocket,
    current_exchange,
    dial,
    dial_through_socks,
    serving,
)
from sinch_provider.sms.wire.unpacking import PIECE, Body


class Transport:
    """
    Carries requests and answers, one exchange at a time in each thread.

    It does not use the sessions of requests: they keep cookies, read ``.netrc``, and follow redirects.
    """

    def __init__(self) -> None:
        mask_library_logs()
        self._kept = _Adapter()

    def carry(self, exchange: Exchange, request: Request, headers: Mapping[str, str]) -> Answer:
        """
        Make a request and read the answer.

        :raises Exception: Any error of the libraries. ``exchange.failure`` explains it.
        """
        proxy = proxy_for(request.url)
        prepared = requests.Request(
            request.method, request.url, data=request.body, headers=dict(headers)
        ).prepare()
        adapter = _Adapter() if exchange.unused_connection else self._kept
        try:
            with (
                serving(exchange),
                adapter.send(
                    prepared,
                    stream=True,
                    timeout=exchange.patience(),
                    proxies={urlsplit(request.url).scheme: proxy} if proxy else None,
                ) as response,
            ):
                names = {name.lower(): value for name, value in response.headers.items()}
                body = Body(names.get("content-encoding", ""), exchange.largest)
                while (piece := response.raw.read(PIECE, decode_content=False)) and body.take(piece):
                    pass
                return Answer(response.status_code, names, body.content(), body.complete, exchange.largest)
        finally:
            if adapter is not self._kept:
                adapter.close()

    def close(self) -> None:
        """Close the connections."""
        self._kept.close()


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


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
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

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": Pool, "https": TlsPool}


class _Adapter(HTTPAdapter):
    """Makes connections that call the exchange, and that use the certificates of the environment."""

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
        if "https" in {host["scheme"], urlsplit(proxy_for(request.url) or "").scheme}:
            details = {**details, "ssl_context": _context()}
        return host, details

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        # requests would add its own certificates to the context.
        pass


def _context() -> Any:
    context = tls_context()
    context.sslsocket_class = TimedTlsSocket
    return context
