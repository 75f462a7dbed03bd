"""
Sockets that obey the time limit of the whole exchange.

The time limit of a plain socket begins again with every read and write. A server that sends one byte at a
time could block a worker for as long as it wants.
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
    """Make the sockets of this thread obey the time limit of an exchange."""
    token = _exchange.set(exchange)
    try:
        yield
    finally:
        _exchange.reset(token)


def current_exchange() -> Exchange | None:
    """Return the exchange that this thread works on."""
    return _exchange.get()


class _Timed(socket.socket):
    """A socket whose operations end when the time of the exchange is over."""

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
    """A timed socket under TLS. The handshake uses the time limit that was set last."""


def dial(host: str, port: int, options: Any) -> socket.socket:
    """
    Connect to the first address of a host that can be reached.

    :param options: Arguments for ``setsockopt``.
    :raises OSError: No address can be reached.
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

    :param proxy: The proxy as urllib3 describes it in ``_socks_options``.
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
    # PySocks comes with the extra [socks].
    import socks

    class TimedSocksSocket(_Timed, socks.socksocket):  # type: ignore[misc]
        """A timed socket that PySocks connects through the proxy."""

    return TimedSocksSocket


def _set_options(connection: socket.socket, options: Any) -> None:
    for option in options or ():
        connection.setsockopt(*option)
