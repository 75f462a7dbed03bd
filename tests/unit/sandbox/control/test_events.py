"""The stream that says when to look again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.control import events
from sinch_sandbox.server import Options, RunningSandbox
from tests.unit.sandbox.wire import Api


class Stream:
    """Reads one stream of events; a read that waits too long fails."""

    def __init__(self, url: str) -> None:
        self.response = requests.get(f"{url}/sandbox/events", stream=True, timeout=10)
        self.lines: Iterator[str] = self.response.iter_lines(decode_unicode=True)

    def next(self) -> int:
        """The count of changes in the next event."""
        for line in self.lines:
            if line.startswith("data: "):
                changes: int = json.loads(line.removeprefix("data: "))["changes"]
                return changes
        raise AssertionError("the stream has ended")


@pytest.fixture
def stream(sinch_sandbox: SandboxClient) -> Iterator[Stream]:
    found = Stream(sinch_sandbox.url)
    yield found
    found.response.close()


def test_it_begins_with_an_event(stream: Stream) -> None:
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    assert stream.response.headers["cache-control"] == "no-store"
    assert stream.next() > 0


CHANGES: dict[str, Callable[[Api, SandboxClient], object]] = {
    "send": lambda api, sandbox: api.sent(),
    "inbound": lambda api, sandbox: sandbox.inbound("+447700900222", "Hi", to="+447700900111"),
    "clock": lambda api, sandbox: sandbox.advance(1),
    "fault": lambda api, sandbox: sandbox.fault("latency"),
    "settings": lambda api, sandbox: sandbox.configure(history_days=1),
    "script": lambda api, sandbox: sandbox.script({"prefix": "4477"}),
    "clear": lambda api, sandbox: sandbox.clear(),
    "reset": lambda api, sandbox: sandbox.reset(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_told(stream: Stream, api: Api, sinch_sandbox: SandboxClient, name: str) -> None:
    before = stream.next()
    CHANGES[name](api, sinch_sandbox)
    assert stream.next() > before


@pytest.mark.parametrize("verb", ["update", "replace", "cancel"])
def test_changes_of_a_batch_are_told(api: Api, sinch_sandbox: SandboxClient, verb: str) -> None:
    batch_id = api.sent(send_at="2100-01-01T00:00:00Z")["id"]
    stream = Stream(sinch_sandbox.url)
    before = stream.next()
    details = {} if verb == "cancel" else {"body": "Other."}
    assert getattr(api, verb)(batch_id, **details).status_code == 200
    assert stream.next() > before
    stream.response.close()


def test_a_fault_that_strikes_is_told(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "list")
    stream = Stream(sinch_sandbox.url)
    before = stream.next()
    assert api.call("GET", "/batches").status_code == 500
    assert stream.next() > before
    stream.response.close()


def test_all_who_watch_are_told(stream: Stream, api: Api, sinch_sandbox: SandboxClient) -> None:
    other = Stream(sinch_sandbox.url)
    counts = stream.next(), other.next()
    api.sent()
    assert (stream.next() > counts[0], other.next() > counts[1]) == (True, True)
    other.response.close()


def test_it_ends_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the pause between two events the stream already waits for the next change.
    monkeypatch.setattr(events, "_PAUSE", 0)
    running = RunningSandbox(Options(clock="manual"))
    stream = Stream(running.start().url)
    stream.next()
    running.stop()
    assert running.stopped.is_set()
    assert "".join(stream.lines) == ""
