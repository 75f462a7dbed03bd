"""Finding messages, and waiting for them."""

from __future__ import annotations

import threading

import pytest
import requests

from sinch_sandbox.client import SandboxClient, SandboxError
from sinch_sandbox.server import Options, RunningSandbox
from tests.unit.sandbox.wire import TO, Api, in_

OTHER = "447700900333"


def test_filters_by_sender_account_and_time(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    start = sinch_sandbox.now()
    first = api.sent()["id"]
    later = sinch_sandbox.advance(60)
    second = project.sent(from_="Bistro")["id"]
    third = api.sent(from_=...)["id"]

    def found(**filters: str) -> list[str]:
        return [each["batch_id"] for each in sinch_sandbox.messages(**filters)]

    assert found(from_="+44 7700-900 111") == [first]
    assert found(from_="Bistro") == [second]
    assert found(from_="+447700900100") == [third]
    assert found(account="sandbox-project") == [second]
    assert found(account="sandbox-plan") == [first, third]
    assert found(since=start) == [first, second, third]
    assert found(since=later) == [second, third]
    assert found(until=later) == [first]
    assert found(since=start, until=start) == []
    assert found(since="2020-01-01", until="2020-01-02") == []


def test_filters_by_what_a_message_is_by_now(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[TO, "+447700900150"])

    def found(*statuses: str) -> list[str]:
        return [each["to"] for each in sinch_sandbox.messages(status=list(statuses))]

    assert found("Queued") == ["447700900222", "447700900150"]
    assert found("Delivered") == []
    sinch_sandbox.advance(3)
    assert found("Queued", "Dispatched") == []
    assert found("delivered") == ["447700900222"]
    assert found("Delivered", "Failed") == ["447700900222", "447700900150"]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"status": "Sent"}, "status.*not one of Queued, Dispatched"),
        ({"since": "yesterday"}, "since.*ISO-8601"),
        ({"until": "25:00"}, "until.*ISO-8601"),
        ({"reference": "a"}, "reference"),
    ],
)
def test_filters_that_make_no_sense_are_refused(
    sinch_sandbox: SandboxClient, filters: dict[str, str], words: str
) -> None:
    with pytest.raises(SandboxError, match=f"(?s)422.*{words}"):
        sinch_sandbox.messages(**filters)


def test_the_latest_message(api: Api, sinch_sandbox: SandboxClient) -> None:
    assert sinch_sandbox.latest() is None
    api.sent(to=[TO, OTHER], client_reference="a")
    last = api.sent(to=[TO])
    assert sinch_sandbox.latest() == sinch_sandbox.messages()[-1]
    assert sinch_sandbox.latest(client_reference="a") == sinch_sandbox.messages(to=OTHER)[0]
    assert sinch_sandbox.latest(to=TO, status="Queued") == sinch_sandbox.messages(batch_id=last["id"])[0]
    assert sinch_sandbox.latest(status="Delivered") is None
    missing = requests.get(f"{sinch_sandbox.url}/sandbox/messages/latest?to=1", timeout=10)
    assert (missing.status_code, missing.json()) == (404, {"detail": "there is no such message"})


@pytest.mark.parametrize(
    "q",
    [
        "+447700900222", "447700900222", "+44 7700 900222", "+44 7700 900 222",
        "0044 7700 900222", "00447700900222", "+44 7700-900-222", "(+44) 7700 900222",
        "+44\u00a07700\u00a0900222", "900222", "900 222", "+44770", "0 222", "07700 900222", "07700900222",
        "(07700) 900-222", "+44 (0)7700 900222", "07700 9002",
    ],
)  # fmt: skip
def test_a_number_is_found_however_it_is_written(api: Api, sinch_sandbox: SandboxClient, q: str) -> None:
    api.sent(to=[TO, "+447700900911"], body="x")
    expected = {"0 222": [TO[1:]], "+44770": [TO[1:], "447700900911"]}.get(q, [TO[1:]])
    assert [each["to"] for each in sinch_sandbox.messages(q=q)] == expected
    assert sinch_sandbox.verdict([TO], q=q).ok == {TO[1:]}
    assert sinch_sandbox.wait_for(1, q=q)
    for path in ("inbox/search", "messages", "export.json"):
        answer = requests.get(f"{sinch_sandbox.url}/sandbox/{path}", params={"q": q}, timeout=10).json()
        found = answer if path == "export.json" else answer["messages"]
        assert {each["to"] for each in found} == set(expected)


@pytest.mark.parametrize(
    "q", [" ", "+", "()", "nobody", "0044 7700 900223", "07700 900223", "0770", "222a", "٢٢٢"]
)
def test_what_is_no_part_of_it_does_not_find_it(api: Api, sinch_sandbox: SandboxClient, q: str) -> None:
    api.sent(body="x")
    assert sinch_sandbox.messages(q=q) == []
    search = requests.get(f"{sinch_sandbox.url}/sandbox/inbox/search", params={"q": q}, timeout=10).json()
    assert search["messages"] == []


class Waiting(threading.Thread):
    """A caller that waits for messages; ``answer`` once it has one."""

    def __init__(self, url: str, query: str) -> None:
        super().__init__()
        self._url = f"{url}/sandbox/messages?{query}"
        self.answer: dict[str, object] | None = None
        self.start()

    def run(self) -> None:
        self.answer = requests.get(self._url, timeout=60).json()


def test_a_wait_ends_with_the_message_that_was_missing(api: Api, sinch_sandbox: SandboxClient) -> None:
    waiting = Waiting(sinch_sandbox.url, "wait=2&timeout=60&client_reference=a")
    api.sent(client_reference="a")
    api.sent(client_reference="b")
    assert waiting.answer is None
    api.sent(client_reference="a")
    waiting.join(20)
    assert waiting.answer is not None
    assert waiting.answer["count"] == 2


def test_a_wait_for_a_status_ends_when_the_clock_brings_it(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    waiting = Waiting(sinch_sandbox.url, "wait=1&timeout=60&status=Delivered")
    sinch_sandbox.advance(3)
    waiting.join(20)
    assert waiting.answer is not None
    assert waiting.answer["count"] == 1


def test_a_real_clock_needs_no_change_to_bring_a_status() -> None:
    with RunningSandbox(Options(speed=3)) as client:
        Api(client.url).sent()
        # The caller gives up before the server would, so only an answer in time will do.
        url = f"{client.url}/sandbox/messages?wait=1&timeout=60&status=Delivered"
        assert requests.get(url, timeout=30).json()["messages"][0]["received"]


def test_a_wait_in_vain_ends_with_what_there_is(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    answer = requests.get(f"{sinch_sandbox.url}/sandbox/messages?wait=2&timeout=0.01", timeout=10).json()
    assert answer["count"] == 1
    for query in ("wait=-1", "wait=1&timeout=61", "wait=1&timeout=nan", "wait=x"):
        assert requests.get(f"{sinch_sandbox.url}/sandbox/messages?{query}", timeout=10).status_code == 422


def test_waiting_longer_than_one_call_may_last(
    api: Api, sinch_sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinch_sandbox.client._LONGEST_WAIT", 0.01)
    sender = threading.Timer(0.1, api.sent)
    sender.start()
    assert len(sinch_sandbox.wait_for(1, timeout=20)) == 1
    sender.join()


def test_a_wait_does_not_hold_up_the_end() -> None:
    running = RunningSandbox(Options(clock="manual"))
    client = running.start()
    waiting = Waiting(client.url, "wait=1&timeout=60")
    assert client.health()["status"] == "ok"
    running.stop()
    waiting.join(20)
    assert waiting.answer == {"count": 0, "messages": []}


def test_times_are_those_of_the_sandbox(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    assert sinch_sandbox.latest(since=in_(sinch_sandbox, seconds=-1)) is not None
    assert sinch_sandbox.latest(since=in_(sinch_sandbox, seconds=1)) is None
