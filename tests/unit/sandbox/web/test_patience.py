"""Callers that do nothing: how long the server waits for them, and how many of them it stands."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.server import Options, RunningSandbox
from sinch_sandbox.web.patience import Patience
from tests.unit.sandbox.wire import ROOT, TO, Api

resource = pytest.importorskip("resource")

NEVER = 3600.0
POST = b"POST /sandbox/ledger HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=30)


def is_closed(connection: socket.socket) -> bool:
    """Waits until the server closes the connection."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def running(**limits: float) -> RunningSandbox:
    """A server that loses its patience in one respect only."""
    patience = Patience(**{"head": NEVER, "piece": NEVER, "body": NEVER, "answer": NEVER, **limits})  # type: ignore[arg-type]
    return RunningSandbox(Options(clock="manual"), patience=patience)


@pytest.mark.parametrize("said", [b"", b"G", b"GET /sandbox/health HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_call_that_does_not_begin_is_not_waited_for(said: bytes) -> None:
    with running(head=0.2) as client, connect(client.url) as connection:
        connection.sendall(said)
        assert is_closed(connection)
        assert client.health()["status"] == "ok"


def test_nor_is_the_second_one_of_a_connection() -> None:
    with running(head=0.2) as client, connect(client.url) as connection:
        call = b"GET /sandbox/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(call)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(call[:20])
        assert is_closed(connection)


@pytest.mark.parametrize("limit", ["piece", "body"])
@pytest.mark.parametrize(
    "length", [b"Content-Length: 1000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\n"]
)
def test_a_body_that_does_not_end_is_not_waited_for(limit: str, length: bytes) -> None:
    with running(**{limit: 0.2}) as client, connect(client.url) as connection:
        connection.sendall(POST + length + b"{")
        assert is_closed(connection)


def test_a_body_that_trickles_ends_by_its_total() -> None:
    with running(body=0.5) as client, connect(client.url) as connection:
        connection.sendall(POST + b"Content-Length: 1000000\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(900_000):
                connection.sendall(b" ")
        assert is_closed(connection)


def test_the_body_of_a_refused_call_is_not_waited_for_either() -> None:
    with running(piece=0.2) as client, connect(client.url) as connection:
        connection.sendall(
            b"POST /xms/v1/sandbox-plan/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n"
        )
        assert is_closed(connection)


def test_who_takes_nothing_of_an_answer_is_not_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    with running(answer=0.2) as client:
        for _ in range(4):
            Api(client.url).sent(to=[f"+999{index:08}" for index in range(1000)], body="x" * 2000)
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            address = urlsplit(client.url)
            connection.connect((address.hostname, address.port))
            connection.settimeout(30)
            connection.sendall(b"GET /sandbox/export.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            threading.Event().wait(1)
            assert is_closed(connection)
        assert client.health()["status"] == "ok"


def test_a_call_that_the_sandbox_holds_is_not_cut_short() -> None:
    """Slow replies and waiting searches are the server's own doing."""
    with running(head=0.1, piece=0.1, body=0.1, answer=0.1) as client:
        client.fault("latency", "send", seconds=1)
        assert Api(client.url).send().status_code == 201
        answer = requests.get(f"{client.url}/sandbox/messages?wait=2&timeout=1", timeout=20)
        assert answer.json()["count"] == 1


# Many of them


@contextlib.contextmanager
def limited_process(descriptors: int) -> Iterator[tuple[SandboxClient, subprocess.Popen[bytes]]]:
    """The command, which can open only so many files."""
    command = [sys.executable, "-m", "sinch_sandbox", "--port", "0"]
    shell = f"ulimit -n {descriptors}; exec " + " ".join(command)
    with subprocess.Popen(
        ["sh", "-c", shell], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield SandboxClient(process.stdout.readline().decode().strip()), process
        finally:
            process.kill()


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("this process may open too few files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: ", POST + b"Content-Length: 9\r\n\r\n"])
def test_silent_connections_beyond_the_limit_make_room(said: bytes) -> None:
    with limited_process(400) as (client, process), contextlib.ExitStack() as stack:
        for _ in range(600):
            connection = stack.enter_context(connect(client.url))
            connection.sendall(said)
        for _ in range(20):
            assert client.health()["status"] == "ok"
            assert Api(client.url).send(to=[TO]).status_code == 201
        process.terminate()
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.usefixtures("many_files")
def test_a_lack_of_descriptors_is_logged_once_and_passes() -> None:
    with limited_process(400) as (client, process):
        assert client.health()["status"] == "ok"
        used = len(os.listdir(f"/proc/{process.pid}/fd"))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + 5, 400))
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(connect(client.url)) for _ in range(50)]
            for connection in connections:
                connection.sendall(b"GET /sandbox/health HTTP/1.1\r\nHost: localhost\r\n")
            for connection in connections[:3]:
                connection.sendall(b"\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 200")
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (400, 400))
        assert client.health()["status"] == "ok"
        process.terminate()
        assert process.stderr is not None
        said = process.stderr.read().decode()
        assert said.count("Cannot accept new connections") == 1
        assert len(said) < 1000
