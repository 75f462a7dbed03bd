"""Answers that are small on the wire and huge in memory: refused before they are parsed."""

from __future__ import annotations

import asyncio
import gzip
import threading
from typing import Any

import pytest

from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.errors import SinchAuthError, SinchBadRequestError, SinchError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.wire import encoding
from tests.unit.sms.calls import BATCH, GET, ID, LIST, SEND, TEXT
from tests.unit.sms.conftest import Player, plan_account, project_account
from tests.unit.sms.scripted import ScriptedServer, reply, token


def bomb(entry: bytes, size: int, status: int = 200) -> Any:
    body = b'{"code": "x", "text": "y", "a": [' + entry * (size // len(entry)) + b"0]}"
    return reply(status, gzip.compress(body), Content_Encoding="gzip")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what was parsed."""
    sizes: list[int] = []
    decode = encoding.decode

    def counting(text: bytes, *unread: Any) -> Any:
        sizes.append(len(text))
        return decode(text, *unread)

    monkeypatch.setattr(encoding, "decode", counting)
    return sizes


@pytest.mark.parametrize("entry", [b"[],", b"{},", b"0,", b"[[[[],[]]]],"])
@pytest.mark.parametrize(("call", "size"), [(GET, 3 << 20), (LIST, 15 << 20), (SEND, 3 << 20)])
def test_an_answer_of_brackets_is_not_parsed(
    do: Player, server: ScriptedServer, parsed: list[int], entry: bytes, call: Any, size: int
) -> None:
    server.script = [bomb(entry, size) for _ in range(8)]
    with pytest.raises(SinchError):
        do(plan_account(server.url), *call)
    assert parsed == []


@pytest.mark.parametrize("status", [400, 403, 409])
def test_nor_is_an_error(do: Player, server: ScriptedServer, parsed: list[int], status: int) -> None:
    server.script = [bomb(b"[],", 3 << 20, status)]
    with pytest.raises(SinchError, match=f"HTTP {status}"):
        do(plan_account(server.url), *GET)
    assert parsed == []


def test_an_error_is_parsed_once(do: Player, server: ScriptedServer, parsed: list[int]) -> None:
    server.script = [reply(400, {"code": "syntax_invalid", "text": "no"})]
    with pytest.raises(SinchBadRequestError):
        do(plan_account(server.url), *SEND)
    assert len(parsed) == 1


@pytest.mark.parametrize(("call", "size"), [(GET, 4 << 20), (SEND, 4 << 20), (LIST, 16 << 20)])
def test_reading_stops_at_what_the_operation_can_need(
    do: Player, server: ScriptedServer, call: Any, size: int
) -> None:
    server.script = [reply(200, gzip.compress(b" " * (size + 1)), Content_Encoding="gzip") for _ in range(8)]
    with pytest.raises(SinchError, match="the client stopped reading"):
        do(plan_account(server.url), *call)


def test_so_it_does_for_a_token(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(200, {"access_token": "x", "scope": "y" * (1 << 16)}) for _ in range(8)]
    with pytest.raises(SinchError, match="the client stopped reading") as caught:
        do(project_account(server.url), *GET)
    assert not isinstance(caught.value, SinchAuthError)
    assert {received.path for received in server.received} == {"/oauth2/token"}
    server.script = [token("t"), reply(200, BATCH)]
    assert do(project_account(server.url), *GET).id == ID


def test_the_largest_batches_are_read(do: Player, server: ScriptedServer) -> None:
    to = [f"+9990000{index:04}" for index in range(1000)]
    values = {f"name{index}": dict.fromkeys(to, "\u00e5" * 160) for index in range(3)}
    batch = {**BATCH, "to": to, "body": TEXT, "parameters": values}
    server.script = [reply(200, batch)]
    assert len(do(plan_account(server.url), *GET).to) == 1000
    batches = [{**BATCH, "id": f"{ID[:-2]}{index:02}", "to": to} for index in range(100)]
    page = {"count": 100, "page": 0, "page_size": 100, "batches": batches}
    server.script = [reply(200, page), reply(200, {**page, "page": 1, "batches": []})]
    assert len(do.entries(plan_account(server.url), "batches.list")) == 100


def test_a_long_answer_is_read_beside_the_event_loop(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def noting(value: Any) -> Batch:
        threads.append(threading.current_thread())
        return made(value)

    made = Batch.from_json
    monkeypatch.setattr(Batch, "from_json", noting)

    async def read() -> None:
        async with AsyncSinchClient(plan_account(server.url)) as client:
            await client.batches.get(ID)

    for filling in ("", "x" * 100_000):
        server.script = [reply(200, {**BATCH, "filling": filling})]
        asyncio.run(read())
    assert [thread is threading.main_thread() for thread in threads] == [True, False]
