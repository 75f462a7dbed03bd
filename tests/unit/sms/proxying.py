"""Servers beneath HTTP: one that does with a connection what a test says, and a proxy of every kind."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class RawServer:
    """
    Hands every connection to a function, in a new thread.

    :param serve: Does with the connection what it likes; it ends when the caller hangs up.
    :param window: How many bytes the system takes in unread; by default as many as it likes.
    """

    def __init__(
        self,
        serve: Callable[[socket.socket], None],
        tls: ssl.SSLContext | None = None,
        window: int | None = None,
    ) -> None:
        self._serve = serve
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        if window is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.port: int = self._socket.getsockname()[1]
        #: How many connections there were.
        self.connections = 0
        self.met = threading.Event()
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            self._thread.join(10)
        self._socket.close()

    def _run(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self.stopped.is_set():
                connection.close()
                return
            self.connections += 1
            self.met.set()
            threading.Thread(target=self._serve_safely, args=(connection,), daemon=True).start()

    def _serve_safely(self, accepted: socket.socket) -> None:
        accepted.settimeout(10)
        with contextlib.suppress(OSError), accepted:
            if self._tls is None:
                self._serve(accepted)
            else:
                with self._tls.wrap_socket(accepted, server_side=True) as connection:
                    self._serve(connection)


def read_head(connection: socket.socket) -> bytes:
    """Read up to the empty line that ends a head."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("the caller hung up")
        head += byte
    return head


class KeepingServer(RawServer):
    """
    Keeps connections, and answers every request on them alike.

    :param answer: The whole answer; or what makes one of the head of a request.
    """

    def __init__(self, answer: bytes | Callable[[bytes], bytes], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._keep, tls)
        self._answer = answer
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        #: The heads of all requests.
        self.heads: list[bytes] = []
        #: The most connections that were open at the same time.
        self.most_open = 0

    def still_open(self) -> int:
        """Count the connections that the callers have not closed."""
        with self._lock:
            return sum(not _is_hung_up(each) for each in self._open)

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            self._open = [each for each in self._open if not _is_hung_up(each)] + [connection]
            self.most_open = max(self.most_open, len(self._open))
        while True:
            head = read_head(connection)
            self.heads.append(head)
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            _exactly(connection, int(length or 0))
            connection.sendall(self._answer if isinstance(self._answer, bytes) else self._answer(head))


def _is_hung_up(connection: socket.socket) -> bool:
    # Looking for bytes instead could block: the thread that serves the connection takes them meanwhile.
    ends = select.poll()
    try:
        ends.register(connection, select.POLLRDHUP)
    except ValueError:
        # This side has closed it already.
        return True
    return bool(ends.poll(0))


class Proxy(RawServer):
    """
    A proxy that takes HTTP, CONNECT, SOCKS 4, 4a and 5, and leads all of it to one port of this machine.

    :param port: Where it leads.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._lead, tls)
        self._target = port
        #: What it was asked for: the way, and the host as it was given.
        self.asked: list[tuple[str, str]] = []

    def _lead(self, connection: socket.socket) -> None:
        first = connection.recv(1)
        if first == b"\x05":
            self._socks5(connection)
        elif first == b"\x04":
            self._socks4(connection)
        elif first:
            head = first + read_head(connection)
            method, target = head.split(b" ")[:2]
            if method == b"CONNECT":
                self.asked.append(("connect", target.decode().rpartition(":")[0]))
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                head = b""
            else:
                self.asked.append(("forward", target.decode()))
            self._relay(connection, head)

    def _socks5(self, connection: socket.socket) -> None:
        methods = _exactly(connection, _exactly(connection, 1)[0])
        if b"\x02"[0] in methods:
            connection.sendall(b"\x05\x02")
            _exactly(connection, 1)
            name, password = (_exactly(connection, _exactly(connection, 1)[0]).decode() for _ in range(2))
            self.asked.append(("login", f"{name}:{password}"))
            connection.sendall(b"\x01\x00")
        else:
            connection.sendall(b"\x05\x00")
        kind = _exactly(connection, 4)[3]
        if kind == 3:
            host = _exactly(connection, _exactly(connection, 1)[0]).decode()
        else:
            host = socket.inet_ntoa(_exactly(connection, 4))
        _exactly(connection, 2)
        self.asked.append(("socks5", host))
        connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        self._relay(connection)

    def _socks4(self, connection: socket.socket) -> None:
        _exactly(connection, 3)
        address = _exactly(connection, 4)
        _until_zero(connection)
        named = address[:3] == b"\x00\x00\x00"
        host = _until_zero(connection).decode() if named else socket.inet_ntoa(address)
        self.asked.append(("socks4", host))
        connection.sendall(struct.pack(">BBHI", 0, 0x5A, 0, 0))
        self._relay(connection)

    def _relay(self, connection: socket.socket, first: bytes = b"") -> None:
        # In one thread: a TLS connection that two threads use at once mixes up its records.
        with socket.create_connection(("127.0.0.1", self._target), 10) as target:
            # A piece at a time would otherwise wait for the acknowledgement of the one before.
            for each in (connection, target):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            target.sendall(first)
            ways = {connection: target, target: connection}
            while ready := _readable(list(ways)):
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    ways[source].sendall(data)


def _readable(connections: list[socket.socket]) -> list[socket.socket]:
    """Wait until some can be read; what TLS has decrypted already does not show at the socket."""
    decrypted: list[socket.socket] = [
        each for each in connections if isinstance(each, ssl.SSLSocket) and each.pending()
    ]
    return decrypted or select.select(connections, [], [], 10)[0]


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ConnectionError("the caller hung up")
        data += piece
    return data


def _until_zero(connection: socket.socket) -> bytes:
    data = b""
    while (byte := _exactly(connection, 1)) != b"\x00":
        data += byte
    return data
