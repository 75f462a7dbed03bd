"""A real web server on loopback that takes callbacks and gives the answers that the test sets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from sinch_sandbox.client import SandboxClient

Answer = int | Callable[[BaseHTTPRequestHandler], None]
"""A status, or what to do instead of answering with one."""


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.raw)
        return body


class Receiver:
    """Requests it got are in ``received``; the next ones are answered as ``answers`` say, then with 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[Answer] = []
        self.always: Answer = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(Received(self.path, dict(self.headers), raw))
                answer = receiver.answers.pop(0) if receiver.answers else receiver.always
                if callable(answer):
                    answer(self)
                else:
                    respond(self, answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/sms"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [each.body for each in self.received]

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def respond(handler: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """End the connection without an answer."""
    handler.close_connection = True


def states(sandbox: SandboxClient) -> list[str]:
    return [each["state"] for each in sandbox.callbacks()]


def until(holds: Callable[[], bool]) -> None:
    """For what no clock of ours decides: another thread's doing."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """Recipient and status of each report per recipient."""
    return [(each["recipient"], each["status"]) for each in receiver.bodies]
