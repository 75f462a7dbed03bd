"""A server that answers as a script says, also with lies and broken connections."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True, strict_parsing=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """
    Bytes to send back.

    :param reset: Whether the connection then breaks, instead of being closed in order.
    :param hang: Whether nothing more comes, until the caller gives up.
    """

    raw: bytes = b""
    reset: bool = False
    hang: bool = False


def reply(status: int = 200, body: Any = b"", **headers: str) -> Reply:
    """An answer in order; a body that is not bytes goes as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Length": str(len(raw)), "Content-Type": "application/json"}
    named.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return Reply(f"HTTP/1.1 {status} Scripted\r\n{head}Connection: close\r\n\r\n".encode() + raw)


def half(body: Any) -> Reply:
    """An answer that breaks off in the middle of its body."""
    raw = reply(200, body).raw
    return Reply(raw[: -len(json.dumps(body)) // 2])


def token(value: str, expires_in: int = 3600) -> Reply:
    return reply(200, {"access_token": value, "expires_in": expires_in, "scope": "", "token_type": "bearer"})


EXPIRED = reply(401, **{"WWW-Authenticate": 'Bearer error="expired"'})
UNKNOWN_TOKEN = reply(401, **{"WWW-Authenticate": 'Bearer error="invalid_token"'})
#: The request arrives, the answer does not.
CLOSED = Reply()
RESET = Reply(reset=True)
HANGING = Reply(hang=True)
NO_HTTP = Reply(b"220 mail.example.test ESMTP\r\n")

Script = Callable[[Received], Reply]


@dataclass
class ScriptedServer:
    """
    Answers with the replies of ``script``, one after the other, and then not at all; or, given a function,
    with what that says.

    The port is taken from the beginning, but connections are refused until :meth:`start`.
    """

    script: list[Reply] | Script = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.arrived = threading.Event()
        #: TLS has been agreed on.
        self.shaken = threading.Event()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> Self:
        if not self._thread.is_alive():
            self._socket.listen(64)
            self._thread.start()
        return self

    def paths(self) -> list[str]:
        """What was asked for, without the account's part of the path."""
        return [
            f"{received.method} {received.path.removeprefix('/xms/v1/plan').removeprefix('/xms/v1/project')}"
            for received in self.received
        ]

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            # Closing does not wake up a thread that waits in accept; a connection does.
            with socket.create_connection(("127.0.0.1", self.port)):
                self._thread.join(10)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._stopped.is_set():
                connection.close()
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        connection = accepted
        with accepted:
            connection.settimeout(10)
            if self.tls is not None:
                try:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                except OSError:
                    return  # The caller does not like the certificate.
                self.shaken.set()
            received = _read(connection)
            if received is None:
                return
            with self._lock:
                self.received.append(received)
                script = self.script
                answer = script.pop(0) if isinstance(script, list) and script else CLOSED
            self.arrived.set()
            if callable(script):
                answer = script(received)
            with contextlib.suppress(ConnectionError):
                # The caller may have read enough.
                connection.sendall(answer.raw)
            if answer.hang:
                self._stopped.wait(10)
            if answer.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Received(method, target, headers, body)
