"""Answers that arrive at the wrong time, over connections that are kept: nobody takes them for another's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import SinchError, SinchUnexpectedAnswerError
from tests.unit.sms.calls import BATCH, ID
from tests.unit.sms.certificates import Authority
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.proxying import RawServer, read_head

OTHER = "01OTHER"


def answer(value: Any) -> bytes:
    body = json.dumps(value).encode()
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


EMPTY = answer({"batches": [], "count": 0, "page": 0, "page_size": 30})
STRAY = answer({"batches": [{**BATCH, "id": OTHER}], "count": 1, "page": 0, "page_size": 30})


def ids(page: Any) -> list[str]:
    return [each.id for each in page.items]


@pytest.mark.parametrize("first", ["103 Early Hints", "102 Processing", "204 No Content", "304 Not Modified"])
def test_what_follows_an_answer_without_a_body_is_not_the_next_answer(first: str) -> None:
    # For http.client such an answer is over. aiohttp waits for the rest of it.
    def serve(connection: socket.socket) -> None:
        read_head(connection)
        if server.connections == 1:
            connection.sendall(f"HTTP/1.1 {first}\r\n\r\n".encode())
            read_head(connection)
            connection.sendall(STRAY)
        connection.sendall(EMPTY)

    with RawServer(serve) as server, SinchClient(plan_account(server.url)) as client:
        with contextlib.suppress(SinchError):
            client.call(endpoints.list_batches())
        assert ids(client.call(endpoints.list_batches())) == []


@pytest.mark.parametrize("client", ["sync", "async"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_arrives_before_a_request_is_not_its_answer(
    scheme: str, client: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(connection: socket.socket) -> None:
        while read_head(connection):
            connection.sendall(EMPTY)
            if not sent.is_set():
                assert answered.wait(10)
                connection.sendall(STRAY)
                sent.set()

    def ask() -> Any:
        with SinchClient(plan_account(server.url)) as caller:
            caller.call(endpoints.list_batches())
            answered.set()
            assert sent.wait(10)
            return caller.call(endpoints.list_batches())

    async def ask_async() -> Any:
        async with AsyncSinchClient(plan_account(server.url)) as caller:
            await caller.call(endpoints.list_batches())
            answered.set()
            await asyncio.to_thread(sent.wait, 10)
            # Now the event loop has seen the bytes.
            await asyncio.sleep(0)
            return await caller.call(endpoints.list_batches())

    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    tls = authority.server("127.0.0.1") if scheme == "https" else None
    answered, sent = threading.Event(), threading.Event()
    with RawServer(serve, tls) as server:
        assert ids(ask() if client == "sync" else asyncio.run(ask_async())) == []
    assert server.connections == 2


def test_nor_what_arrives_in_one_piece_with_the_answer_before(
    do: Player, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(connection: socket.socket) -> None:
        while read_head(connection):
            if sent.is_set():
                connection.sendall(EMPTY)
            else:
                sent.set()
                # The client reads as many bytes at once, and the rest of the record stays within TLS.
                connection.sendall(EMPTY.replace(b"\r\n", b"\r\nX: " + filling + b"\r\n", 1) + STRAY)

    def steps() -> Any:
        yield endpoints.list_batches()
        return (yield endpoints.list_batches())

    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    sent = threading.Event()
    filling = b"x" * (8192 - len(EMPTY) - len("X: \r\n"))
    with RawServer(serve, authority.server("127.0.0.1")) as server:
        assert ids(do.follow(plan_account(server.url), steps())) == []


def test_a_report_about_another_batch_is_refused(do: Player) -> None:
    report = {"batch_id": OTHER, "total_message_count": 1, "statuses": [], "type": "delivery_report_sms"}

    def serve(connection: socket.socket) -> None:
        while read_head(connection):
            connection.sendall(answer(report))

    def steps() -> Any:
        yield endpoints.get_delivery_report(ID)

    with RawServer(serve) as server, pytest.raises(SinchUnexpectedAnswerError, match="another batch"):
        do.follow(plan_account(server.url), steps())
