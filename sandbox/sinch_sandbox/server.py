"""Runs a sandbox: a real HTTP server in its own thread."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from dataclasses import replace
from types import TracebackType

import uvicorn

from sinch_sandbox.app import create_app
from sinch_sandbox.client import SandboxClient
from sinch_sandbox.core.sandbox import Options
from sinch_sandbox.core.settings import Credentials, Settings
from sinch_sandbox.web.connections import Connections
from sinch_sandbox.web.patience import AcceptErrors, Patience, close_overdue, most_connections, protocol

__all__ = ["Credentials", "Options", "RunningSandbox", "Settings"]

_START_TIMEOUT = 30
_STOP_TIMEOUT = 10
_ACCEPTED_AT_ONCE = 32
"""Connections that one round of the event loop accepts before it counts them."""
_QUEUED = 2048
"""Connections that the system queues meanwhile."""


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class RunningSandbox:
    """A sandbox that answers calls from ``start`` to ``stop``; also a context manager.

    The port is bound on creation, so ``url`` is known, and taken, before the first call.

    :param patience: time limits for callers.
    """

    def __init__(
        self,
        options: Options | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        patience: Patience | None = None,
    ) -> None:
        self.options = options or Options()
        if not is_loopback(host) and not self.options.allow_remote:
            raise ValueError(
                f"{host} is not a loopback address; other machines could reach the sandbox."
                " Set allow_remote to allow that"
            )
        # If it listens under a name, callers use that name.
        self.options = replace(self.options, allow_hosts=(*self.options.allow_hosts, host))
        self._patience = patience or Patience()
        self._socket = _bind(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        self.stopped = threading.Event()
        """Set when the server has ended, for any reason."""
        self._thread = threading.Thread(target=self._run, name="sinch-sandbox", daemon=True)
        self._server: uvicorn.Server | None = None
        self._failure: BaseException | None = None
        self._ready = threading.Event()

    def start(self) -> SandboxClient:
        """Begin to serve; returns once calls are answered."""
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT) or self.stopped.is_set():
            raise RuntimeError("the sandbox did not start") from self._failure
        return self.client()

    def client(self) -> SandboxClient:
        return SandboxClient(self.url, self.options.credentials)

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT)
        self._socket.close()

    def __enter__(self) -> SandboxClient:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            connections = Connections(most_connections())
            is_reachable = not is_loopback(self._socket.getsockname()[0])
            self._server = _Server(
                uvicorn.Config(
                    create_app(self.options, connections, is_reachable=is_reachable),
                    http=protocol(connections),
                    loop="asyncio",
                    lifespan="on",
                    # The guards set the Date header, and a caller's address is that of its connection.
                    date_header=False,
                    server_header=False,
                    proxy_headers=False,
                    ws="none",
                    log_level="error",
                    access_log=False,
                    backlog=_ACCEPTED_AT_ONCE,
                    timeout_keep_alive=self._patience.idle,
                    timeout_graceful_shutdown=_STOP_TIMEOUT // 2,
                ),
                connections,
                self._patience,
                self._ready,
            )
            self._server.run(sockets=[self._socket])
        except BaseException as failure:
            self._failure = failure
        finally:
            self._ready.set()
            self.stopped.set()


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, connections: Connections, patience: Patience, ready: threading.Event
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._patience = patience
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(AcceptErrors())
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(_QUEUED)
        self._ready.set()

    async def on_tick(self, counter: int) -> bool:
        close_overdue(self._connections, self._patience)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._connections.end()
        for each in self._connections:
            if each.waits_for_its_caller():
                each.transport.close()
        await super().shutdown(sockets)


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
