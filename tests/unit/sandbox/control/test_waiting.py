"""Callers that wait for messages: how many, for how long, and what they cost the others."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.control.waiting import MAX_WAITING
from sinch_sandbox.core.store.filtered import FilteredMessages
from tests.unit.sandbox.wire import TO, Api

from .test_messages import OTHER, Waiting


def waiting(sandbox: SandboxClient, query: str) -> socket.socket:
    """A connection on which somebody waits."""
    address = urlsplit(sandbox.url)
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=20)
    call = f"GET /sandbox/messages?timeout=60&{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection.sendall(call.encode())
    return connection


def status(sandbox: SandboxClient) -> int:
    return requests.get(f"{sandbox.url}/sandbox/messages?wait=9&timeout=0", timeout=20).status_code


def test_so_many_may_wait_and_those_who_leave_make_room(sinch_sandbox: SandboxClient) -> None:
    with contextlib.ExitStack() as stack:
        for index in range(MAX_WAITING):
            stack.enter_context(waiting(sinch_sandbox, f"wait=9&q=x{index}"))
        while status(sinch_sandbox) == 200:
            pass
        assert status(sinch_sandbox) == 503
        assert sinch_sandbox.health()["status"] == "ok"
    # They have hung up; none of them would have been answered within a minute, which is far more than this.
    assert 200 in (status(sinch_sandbox) for _ in range(500))


Looked = Callable[[], list[int]]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looked:
    """From which batch on every search looked."""
    low: list[int] = []
    really = FilteredMessages.count_in

    def count_in(messages: FilteredMessages, start: int, end: int) -> int:
        low.append(start)
        return really(messages, start, end)

    monkeypatch.setattr(FilteredMessages, "count_in", count_in)
    return lambda: low


def test_a_search_looks_at_what_is_new_only(api: Api, sinch_sandbox: SandboxClient, looked: Looked) -> None:
    for _ in range(50):
        api.sent(client_reference="before")
    search = Waiting(sinch_sandbox.url, "wait=3&timeout=60&q=wanted")
    while len(looked()) < 3:
        pass
    for index in range(3):
        api.sent(body=f"wanted {index}")
    search.join(20)
    assert search.answer is not None
    assert search.answer["count"] == 3
    first, *others = looked()
    assert sorted(others) == others
    assert others.count(first) == 0


def test_what_was_counted_and_is_changed_is_counted_anew(api: Api, sinch_sandbox: SandboxClient) -> None:
    first = api.sent(body="wanted", send_at="2100-01-01T00:00:00Z")["id"]
    search = Waiting(sinch_sandbox.url, "wait=2&timeout=60&q=wanted")
    assert api.update(first, body="something else").status_code == 200
    api.sent(body="wanted")
    assert sinch_sandbox.health()["status"] == "ok"
    assert search.answer is None
    assert api.update(first, body="wanted again").status_code == 200
    search.join(20)
    assert search.answer is not None
    assert search.answer["count"] == 2


def test_what_was_counted_and_is_forgotten_does_not_count(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    search = Waiting(sinch_sandbox.url, "wait=2&timeout=60")
    sinch_sandbox.clear()
    api.sent()
    assert sinch_sandbox.health()["status"] == "ok"
    assert search.answer is None
    api.sent(to=[OTHER])
    search.join(20)
    assert search.answer is not None
    assert [each["to"] for each in search.answer["messages"]] == [TO[1:], OTHER]


def test_too_many_listeners_are_sent_away(sinch_sandbox: SandboxClient) -> None:
    with contextlib.ExitStack() as stack:
        answers = [
            stack.enter_context(requests.get(f"{sinch_sandbox.url}/sandbox/events", stream=True, timeout=20))
            for _ in range(101)
        ]
        assert [each.status_code for each in answers] == [200] * 100 + [503]
