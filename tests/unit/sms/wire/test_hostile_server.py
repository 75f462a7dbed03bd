"""Both clients before servers that never end, swell, or contradict themselves."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import (
    SinchConnectionError,
    SinchError,
    SinchUncertainError,
    SinchUnexpectedAnswerError,
)
from sinch_provider.sms.wire.environment import tls_context
from sinch_provider.sms.wire.http import LARGEST_ANSWER
from tests.unit.sms.calls import (
    BATCH,
    CANCEL,
    GET,
    GOOD,
    ID,
    NOT_IDEMPOTENT,
    NUMBER,
    SEND,
    by_operation,
)
from tests.unit.sms.certificates import Authority
from tests.unit.sms.conftest import Player, plan_account, project_account
from tests.unit.sms.proxying import RawServer, read_head
from tests.unit.sms.scripted import Reply, ScriptedServer, reply

#: Of these servers no read takes so long, and all together they take more than three times as long.
TIMEOUT = 0.15
#: A handshake takes a while on a busy machine.
TLS_TIMEOUT = 0.3
DROPS = 60
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_BODY = GOOD["batches.send"].raw.partition(b"\r\n\r\n")[2]
_REST = b"Content-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
_MEGABYTE = b" " * 1024 * 1024
_WINDOW = 16384

Serve = Callable[[socket.socket], None]


def dripping(first: bytes, drop: bytes, last: bytes) -> Serve:
    """Answer in drops. A client that waits for all of them gets a good answer."""

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(first)
        for _ in range(DROPS):
            time.sleep(TIMEOUT / 8)
            connection.sendall(drop)
        connection.sendall(last)
        read_on(connection)

    return serve


def flooding(first: bytes, drop: bytes, last: bytes = b"") -> Serve:
    """Answer with something, and then with so much that it does not end for a long time."""

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(first)
        ends = time.monotonic() + DROPS * TIMEOUT / 8
        while not last or time.monotonic() < ends:
            connection.sendall(drop)
        connection.sendall(last)
        read_on(connection)

    return serve


def read_on(connection: socket.socket) -> None:
    """Let the caller hang up first; closing on unread data would break the connection before its answer."""
    while connection.recv(65536):
        pass


def reading_slowly(connection: socket.socket) -> None:
    head = read_head(connection)
    left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
    for _ in range(DROPS):
        time.sleep(TIMEOUT / 8)
        left -= len(connection.recv(_WINDOW))
    while left > 0:
        left -= len(connection.recv(65536))
    connection.sendall(_HEAD + _REST)


def large_send() -> tuple[tuple[Any, ...], dict[str, dict[str, str]]]:
    """Give a request of seven megabytes, more than the system takes off a sender's hands."""
    values = {"default": "x", **{f"9990000{index:04}": "x" * 160 for index in range(1000)}}
    names = {f"key{index}": values for index in range(40)}
    body = " ".join(f"${{{name}}}" for name in names)
    return ("batches.send", {**SEND[1], "body": body}), names


ENDLESS = {
    "status line": dripping(b"HTTP/1.1 200 O", b"K", b"\r\n" + _REST),
    "headers": dripping(_HEAD, b"X-Drop: drop\r\n", _REST),
    "header": dripping(_HEAD + b"X-Drop: ", b"drop", b"\r\n" + _REST),
    "body": dripping(_HEAD + b"Content-Length: %d\r\n\r\n" % (DROPS + len(_BODY)), b" ", _BODY),
    "chunks": dripping(
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"1\r\n \r\n",
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(_BODY), _BODY),
    ),
    "100 Continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", _HEAD + _REST),
    "flood of 100 Continue": flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n", _HEAD + _REST),
}


@pytest.fixture(params=list(ENDLESS))
def endless(request: pytest.FixtureRequest) -> Iterator[RawServer]:
    with RawServer(ENDLESS[request.param]) as server:
        yield server


def test_an_answer_that_does_not_end_is_a_lost_one(do: Player, endless: RawServer) -> None:
    with pytest.raises(SinchUncertainError, match=r"took too long|broke before the answer|understood"):
        do(plan_account(endless.url, timeout=TIMEOUT), *SEND)
    assert (endless.connections, do.pauses) == (1, [])


def test_nor_one_to_a_request_that_asked_for_permission(do: Player) -> None:
    def steps() -> Any:
        yield replace(endpoints.send(body="Hi", to=[NUMBER]), permit=lambda: None)

    with RawServer(ENDLESS["body"]) as server, pytest.raises(SinchUncertainError, match="took too long"):
        do.follow(plan_account(server.url, timeout=TIMEOUT), steps())
    assert server.connections == 1


def test_a_read_without_an_end_is_made_again_and_then_given_up(do: Player) -> None:
    with RawServer(ENDLESS["body"]) as server, pytest.raises(SinchConnectionError, match="took too long"):
        do(plan_account(server.url, timeout=TIMEOUT), *GET)
    assert len(do.pauses) == 4


def test_a_token_that_does_not_end_sends_nothing(do: Player) -> None:
    with (
        RawServer(ENDLESS["body"]) as server,
        pytest.raises(SinchConnectionError, match=r"took too long.*Nothing was sent\."),
    ):
        do(project_account(server.url, timeout=TIMEOUT), *SEND)


def test_a_server_that_reads_slowly_does_not_hold_a_worker(do: Player) -> None:
    large = large_send()
    with RawServer(reading_slowly, window=_WINDOW) as server, pytest.raises(SinchUncertainError):
        do(plan_account(server.url, timeout=TIMEOUT), *large[0], parameters=large[1])
    assert server.connections == 1


def test_a_reader_over_tls_that_is_slow_does_not_either(
    do: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    large = large_send()
    with (
        RawServer(reading_slowly, authority.server("127.0.0.1"), _WINDOW) as server,
        pytest.raises(SinchUncertainError),
    ):
        do(plan_account(server.url, timeout=TLS_TIMEOUT), *large[0], parameters=large[1])


@pytest.mark.parametrize("name", ["headers", "body", "flood of 100 Continue"])
def test_tls_keeps_to_the_same_limit(
    do: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    begun: list[bytes] = []
    came = threading.Event()

    def serve(connection: socket.socket) -> None:
        # Nothing comes if the client gave up before its request left.
        if first := connection.recv(1):
            begun.append(first)
            came.set()
            ENDLESS[name](connection)

    with RawServer(serve, authority.server("127.0.0.1")) as server:
        with pytest.raises(SinchUncertainError):
            do(plan_account(server.url, timeout=TLS_TIMEOUT), *SEND)
        assert came.wait(10)
    # On a busy machine a handshake may take too long. Nothing has left then, so there is another connection.
    assert begun == [b"P"]


# --- before anything has left


@pytest.mark.parametrize("kind", ["http", "socks5h", "socks4a", "tls"])
def test_what_drips_while_connecting_sends_nothing(
    do: Player, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    drops = {
        "http": b"HTTP/1.1 200 " + b"O" * DROPS,
        "socks5h": b"\x05\x00\x05\x00\x00\x03\xff" + b"x" * DROPS,
        "socks4a": b"\x00\x5a" + b"x" * 6,
        "tls": b"\x16\x03\x03\x40\x00" + b"\x02" * DROPS,
    }[kind]
    waited: list[bool] = []

    def serve(connection: socket.socket) -> None:
        connection.recv(1)
        for drop in drops:
            time.sleep(max(TIMEOUT / 8, DROPS * TIMEOUT / 8 / len(drops)))
            connection.sendall(bytes([drop]))
        waited.append(True)

    # SOCKS 4 has only eight drops, which would each be too late for one read.
    timeout = TIMEOUT * 2 if kind == "socks4a" else TIMEOUT
    with RawServer(serve) as server:
        url = server.url.replace("http:", "https:")
        if kind != "tls":
            monkeypatch.setenv("https_proxy", f"{kind}://127.0.0.1:{server.port}")
            url = "https://sinch.test"
        with pytest.raises(SinchConnectionError, match=r"no connection.*Nothing was sent\."):
            do(plan_account(url, timeout=timeout), *SEND)
    assert waited == []


def test_a_slow_permit_takes_nothing_from_the_time_for_the_network(do: Player) -> None:
    with ScriptedServer([GOOD["batches.send"]]) as server:

        def steps() -> Any:
            permit = lambda: time.sleep(TIMEOUT * 2)  # noqa: E731
            return (yield replace(endpoints.send(body="Hi", to=[NUMBER]), permit=permit))

        assert do.follow(plan_account(server.url, timeout=TIMEOUT / 2), steps()).id == BATCH["id"]


# --- size


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(_MEGABYTE) for _ in range(size // len(_MEGABYTE))]
    return b"".join(parts) + packer.flush()


BOMB = _bomb(256 * 1024 * 1024)
HUGE = {
    "gzip": reply(200, BOMB, **{"Content-Encoding": "gzip"}),
    "gzip in gzip": reply(200, gzip.compress(BOMB), **{"Content-Encoding": "gzip, gzip"}),
    "chunked gzip": Reply(
        _HEAD
        + b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BOMB), BOMB)
    ),
    "plain": reply(200, b" " * (LARGEST_ANSWER + 1)),
}


@pytest.mark.parametrize("name", list(HUGE))
def test_an_answer_is_read_up_to_a_limit_after_decompression(
    do: Player, server: ScriptedServer, name: str
) -> None:
    server.script = [HUGE[name], HUGE[name]]
    tracemalloc.start()
    try:
        with pytest.raises(SinchUnexpectedAnswerError, match=r"longer than any|broke before|not JSON"):
            do(plan_account(server.url), *GET)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 64 * 1024 * 1024
    with pytest.raises(SinchUncertainError):
        do(plan_account(server.url), *SEND)
    assert do.pauses == []


def test_a_body_without_an_end_is_not_read_to_it(do: Player) -> None:
    with RawServer(flooding(_HEAD + b"\r\n", _MEGABYTE)) as server:
        with pytest.raises(SinchUnexpectedAnswerError, match="longer than any answer"):
            do(plan_account(server.url), *GET)
        with pytest.raises(SinchUncertainError, match="longer than any answer"):
            do(plan_account(server.url), *SEND)


@pytest.mark.parametrize("status", [302, 400, 401, 500])
def test_neither_is_that_of_an_error(do: Player, status: int) -> None:
    head = f"HTTP/1.1 {status} No\r\nLocation: http://127.0.0.1:9/\r\n\r\n".encode()
    with RawServer(flooding(head, _MEGABYTE)) as server, pytest.raises(SinchError) as caught:
        do(plan_account(server.url), *SEND)
    assert caught.value.status == status
    assert server.connections == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_understood(do: Player, server: ScriptedServer, encoding: str) -> None:
    plain = GOOD["batches.get"].raw.partition(b"\r\n\r\n")[2]
    packed = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    server.script = [reply(200, packed, **{"Content-Encoding": encoding})]
    assert do(plan_account(server.url), *GET).id == BATCH["id"]
    assert server.received[0].headers["accept-encoding"] == "gzip, deflate"


# --- answers that contradict themselves


CONTRADICTIONS = {
    "two lengths": b"Content-Length: %d\r\nContent-Length: 5\r\n" % len(_BODY),
    "length and chunks": b"Content-Length: x\r\n",
    "unknown encoding": b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(_BODY),
    "broken chunks": b"Transfer-Encoding: chunked\r\n",
    "too many headers": b"X: y\r\n" * 500,
    "a long header": b"X: " + b"y" * 200_000 + b"\r\n",
}


@pytest.mark.parametrize("name", list(CONTRADICTIONS))
@pytest.mark.parametrize("call", NOT_IDEMPOTENT, ids=by_operation)
def test_an_answer_that_the_library_refuses_is_a_lost_one(
    do: Player, server: ScriptedServer, call: tuple[Any, ...], name: str
) -> None:
    # By the class of what requests raises, these headers could be ours, and nothing have left.
    answer = Reply(b"HTTP/1.1 201 Created\r\n" + CONTRADICTIONS[name] + b"Connection: close\r\n\r\n" + _BODY)
    server.script = [answer, GOOD[call[0]]]
    try:
        do(plan_account(server.url), *call)
    except SinchUncertainError:
        pass
    else:
        # Some libraries make sense of some of these.
        assert name in {"length and chunks", "too many headers", "a long header"}
    assert len(server.received) == 1
    assert do.pauses == []


@pytest.mark.parametrize("status", [100, 103, 199, 600, 999])
def test_a_status_that_says_nothing_is_no_refusal(do: Player, server: ScriptedServer, status: int) -> None:
    server.script = [Reply(f"HTTP/1.1 {status} Odd\r\nContent-Length: 0\r\n\r\n".encode())] * 2
    with pytest.raises(SinchUncertainError):
        do(plan_account(server.url), *SEND)
    assert len(server.received) == 1


def test_headers_that_cannot_be_read_are_not_quoted_in_logs(
    do: Player, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    head = f"HTTP/1.1 200 OK\r\nno header {NUMBER} secret words\r\nContent-Length: 0\r\n\r\n".encode()
    server.script = [Reply(head)]
    with caplog.at_level(logging.DEBUG), contextlib.suppress(SinchError):
        do(plan_account(server.url), "delivery_reports.get_for_number", BATCH["id"], NUMBER)
    assert NUMBER[1:] not in caplog.text
    assert "secret words" not in caplog.text


def test_cookies_of_a_server_are_not_kept(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(200, BATCH, Set_Cookie="track=me; Path=/"), GOOD["batches.cancel"]]
    do.play(plan_account(server.url), (GET[0], GET[1:], {}), (CANCEL[0], CANCEL[1:], {}))
    assert "cookie" not in server.received[1].headers


def test_a_whole_client_can_be_given_an_end() -> None:
    began = threading.Event()

    def serve(connection: socket.socket) -> None:
        began.set()
        connection.recv(1)
        time.sleep(5)

    with (
        RawServer(serve) as server,
        SinchClient(project_account(server.url), attempts=1, seconds=0.2) as client,
        pytest.raises(SinchConnectionError, match="took too long"),
    ):
        client.batches.get(ID)
    assert server.connections == 1


def test_the_context_of_this_process_is_shared_by_its_clients() -> None:
    assert tls_context() is tls_context()
    assert tls_context().verify_mode is ssl.CERT_REQUIRED
    assert tls_context().check_hostname
