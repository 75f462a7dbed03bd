"""requests' transport, with a last word before a request leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_permit: ContextVar[Callable[[], None] | None] = ContextVar("permit", default=None)


@contextmanager
def permitted_by(permit: Callable[[], None] | None) -> Iterator[None]:
    """Have requests of this thread ask before they leave: when all is ready, and the connection is made."""
    token = _permit.set(permit)
    try:
        yield
    finally:
        _permit.reset(token)


def _ask(connection: HTTPConnection) -> None:
    if permit := _permit.get():
        # Name look-up, proxies and TLS can take long, so they come first.
        if connection.sock is None:
            connection.connect()
        permit()


class _Connection(HTTPConnection):
    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        _ask(self)
        super().endheaders(*args, **kwargs)


class _TlsConnection(HTTPSConnection):
    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        _ask(self)
        super().endheaders(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS: dict[type[HTTPConnectionPool], type[HTTPConnectionPool]] = {
    HTTPConnectionPool: _Pool,
    HTTPSConnectionPool: _TlsPool,
}


class AskingAdapter(HTTPAdapter):
    """Makes connections that ask."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager with our connections."""
        super().init_poolmanager(*args, **kwargs)
        self._set_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> ProxyManager:
        """Make a proxy's pool manager with our connections."""
        manager: ProxyManager = super().proxy_manager_for(*args, **kwargs)
        self._set_pools(manager)
        return manager

    @staticmethod
    def _set_pools(manager: PoolManager) -> None:
        # SOCKS managers have pools of their own kind, whose connections cannot ask.
        manager.pool_classes_by_scheme = {
            scheme: _POOLS.get(pool, pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }
