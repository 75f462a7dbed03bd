"""
Sockets that keep to the time limit of the whole exchange.

A socket's own time limit starts anew with every read and write, so an answer that comes byte by byte would
hold a worker for as long as the server likes.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from urllib3.util.connection import allowed_gai_family

from sinch_provider.sms.wire.exchange import Exchange

_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def serving(exchange: Exchange) -> Iterator[None]:
    """Have the sockets of this thread serve an exchange."""
    token = _exchange.set(exchange)
    try:
        yield
    finally:
        _exchange.reset(token)


def current_exchange() -> Exchange | None:
    """Tell which exchange this thread is busy with."""
    return _exchange.get()


class _Timed(socket.socket):
    """Waits no longer than the exchange has left, however often it is asked."""

    def _limit(self) -> None:
        if exchange := _exchange.get():
            self.settimeout(exchange.patience())

    def connect(self, *args: Any) -> None:
        self._limit()
        super().connect(*args)

    def recv(self, *args: Any) -> bytes:
        self._limit()
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        self._limit()
        return super().recv_into(*args)

    def send(self, *args: Any) -> int:
        self._limit()
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        self._limit()
        super().sendall(*args)


class TimedTlsSocket(_Timed, ssl.SSLSocket):
    """What TLS makes of a timed socket; its handshake takes what time limit that had last."""


def dial(host: str, port: int, options: Any) -> socket.socket:
    """
    Connect to a host, trying all of its addresses.

    :param options: Arguments for ``setsockopt``.
    :raises OSError: None of them can be reached.
    """
    failure: OSError = OSError("the host has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host.strip("[]"), port, allowed_gai_family(), socket.SOCK_STREAM
    ):
        connection = _Timed(family, kind, protocol)
        try:
            _set_options(connection, options)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def dial_through_socks(host: str, port: int, options: Any, proxy: dict[str, Any]) -> socket.socket:
    """
    Connect to a host through a SOCKS proxy.

    :param proxy: What urllib3 calls ``_socks_options``.
    :raises OSError: The proxy or the host cannot be reached.
    """
    connection: Any = _timed_socks_socket()()
    try:
        connection.set_proxy(
            proxy["socks_version"],
            proxy["proxy_host"],
            proxy["proxy_port"],
            proxy["rdns"],
            proxy["username"],
            proxy["password"],
        )
        _set_options(connection, options)
        connection.connect((host.strip("[]"), port))
    except BaseException:
        connection.close()
        raise
    made: socket.socket = connection
    return made


@cache
def _timed_socks_socket() -> type[Any]:
    # PySocks comes with the extra, so it may not be there.
    import socks

    class TimedSocksSocket(_Timed, socks.socksocket):  # type: ignore[misc]
        """A socket that PySocks leads through the proxy."""

    return TimedSocksSocket


def _set_options(connection: socket.socket, options: Any) -> None:
    for option in options or ():
        connection.setsockopt(*option)
