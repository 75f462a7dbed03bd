"""Loopback stand-ins for the services that take texts: they count, lose replies and refuse, all alike."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Protocol
from urllib.parse import parse_qs

from sinch_sandbox.client import SandboxClient

How = Literal["close", "reset"]
"""What the caller sees instead of the reply: an orderly end of the connection, or a TCP reset."""


class Gateway(Protocol):
    """A service that takes texts."""

    def reset(self) -> None:
        """Forget everything, disturb nothing."""

    def lose(self, how: How, count: int | None) -> None:
        """Take the next ``count`` texts (None: all) and let their replies get lost."""

    def refuse(self) -> None:
        """Answer to every send as to wrong credentials."""

    def posts(self) -> int:
        """How many sends were called."""

    def texts(self) -> Counter[str]:
        """How many texts each phone got."""


class Sinch:
    """The sandbox."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self._sandbox = sandbox

    def reset(self) -> None:
        self._sandbox.reset()

    def lose(self, how: How, count: int | None) -> None:
        self._sandbox.fault("lost_reply", "send", how=how, count=count)

    def refuse(self) -> None:
        self._sandbox.fault("unknown_token", "send", count=None)

    def posts(self) -> int:
        return self._sandbox.calls().get("send", 0)

    def texts(self) -> Counter[str]:
        return Counter(message["to"] for message in self._sandbox.messages())


Reply = tuple[int, str, str]
"""Status, content type and body."""


class Counting:
    """An HTTP server that takes texts as forms, one recipient each.

    :param recipient: the form's field with the number.
    :param accepted: the reply to a text.
    :param refused: the reply to wrong credentials.
    """

    def __init__(
        self, recipient: str, accepted: Reply, refused: Reply, tls: ssl.SSLContext | None = None
    ) -> None:
        self._recipient = recipient
        self._accepted = accepted
        self._refused = refused
        self._lock = threading.Lock()
        self.reset()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._post))
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        self._posts = 0
        self._texts: Counter[str] = Counter()
        self._refusing = False
        self._how: How = "close"
        self._to_lose: float = 0

    def lose(self, how: How, count: int | None) -> None:
        self._how, self._to_lose = how, float("inf") if count is None else count

    def refuse(self) -> None:
        self._refusing = True

    def posts(self) -> int:
        return self._posts

    def texts(self) -> Counter[str]:
        return self._texts.copy()

    def _post(self, form: dict[str, list[str]]) -> Reply | How:
        with self._lock:
            self._posts += 1
            if self._refusing:
                return self._refused
            self._texts[form[self._recipient][0]] += 1
            if self._to_lose > 0:
                self._to_lose -= 1
                return self._how
            return self._accepted


def _handler(post: Callable[[dict[str, list[str]]], Reply | How]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            reply = post(parse_qs(body.decode()))
            if isinstance(reply, str):
                self._lose(reply)
                return
            status, content_type, text = reply
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def _lose(self, how: How) -> None:
            self.close_connection = True
            if how == "reset":
                # With a zero linger time the kernel sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Before the server's own shutdown, which would send FIN first.
                self.rfile.close()
                self.wfile.close()
                self.connection.close()
            elif isinstance(self.connection, ssl.SSLSocket):
                # TLS says goodbye as well when a server ends a connection in order; it need not be answered.
                self.connection.settimeout(0)
                with contextlib.suppress(OSError):
                    self.connection.unwrap()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Handler


def sns() -> Counting:
    """Amazon SNS, as far as ``publish`` to a phone number goes."""
    namespace = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'
    result = "<PublishResult><MessageId>1</MessageId></PublishResult>"
    error = "<Error><Code>InvalidClientTokenId</Code><Message>The token is invalid.</Message></Error>"
    return Counting(
        "PhoneNumber",
        (200, "text/xml", f"<PublishResponse {namespace}>{result}</PublishResponse>"),
        # AWS has no 401 here.
        (403, "text/xml", f"<ErrorResponse {namespace}>{error}</ErrorResponse>"),
    )


def vonage(tls: ssl.SSLContext) -> Counting:
    """Vonage's SMS API; its SDK speaks nothing but HTTPS."""
    message = {"to": "1", "message-id": "1", "status": "0"}
    accepted = {"message-count": "1", "messages": [message]}
    return Counting(
        "to",
        (200, "application/json", json.dumps(accepted)),
        (401, "application/json", json.dumps({"title": "Unauthorized"})),
        tls,
    )
