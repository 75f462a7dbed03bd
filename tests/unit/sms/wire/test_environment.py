"""Certificates: read once, again when they have changed, and never in the way of an event loop."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from pathlib import Path

import pytest

from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.wire.environment import origin_of, tls_context, tls_context_from_loop
from tests.unit.sms.calls import GOOD, ID
from tests.unit.sms.certificates import Authority
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.scripted import ScriptedServer

CALLS = 10


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.bundle))
    return made


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that have read certificates."""
    threads: list[threading.Thread] = []
    create = ssl.create_default_context

    def noting(**where: str) -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return create(**where)  # type: ignore[arg-type]

    monkeypatch.setattr(ssl, "create_default_context", noting)
    return threads


def test_the_event_loop_does_not_wait_for_certificates(
    authority: Authority, readers: list[threading.Thread]
) -> None:
    async def ask() -> None:
        async with AsyncSinchClient(plan_account(server.url)) as client:
            await asyncio.gather(*(client.batches.get(ID) for _ in range(CALLS)))

    with ScriptedServer([GOOD["batches.get"]] * CALLS, tls=authority.server("127.0.0.1")) as server:
        asyncio.run(ask())
    assert len(readers) == 1
    assert readers[0] is not threading.main_thread()


def test_certificates_are_read_once_for_all_clients(
    do: Player, authority: Authority, readers: list[threading.Thread]
) -> None:
    with ScriptedServer([GOOD["batches.get"]] * 2, tls=authority.server("127.0.0.1")) as server:
        for _ in range(2):
            do(plan_account(server.url), "batches.get", ID)
    assert len(readers) == 1
    assert asyncio.run(tls_context_from_loop()) is tls_context()


def test_a_file_that_has_changed_is_read_again(authority: Authority) -> None:
    before = tls_context()
    os.utime(authority.bundle, ns=(1, 1))
    assert tls_context() is not before
    assert asyncio.run(tls_context_from_loop()) is tls_context()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://eu.sms.api.sinch.com/xms/v1/plan/batches?page=0", "https://eu.sms.api.sinch.com"),
        ("http://localhost:8080/gate/xms", "http://localhost:8080"),
        ("http://[::1]:8080/xms?x=http://h/", "http://[::1]:8080"),
        ("http://h/", "http://h"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
