"""Who reaches the sandbox under which name, and what its callbacks reach."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.server import Options, RunningSandbox
from tests.unit.sandbox.receiver import Receiver, states
from tests.unit.sandbox.wire import Api, process

JSON = ("Content-Type", "application/json")
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}


@pytest.fixture(scope="module")
def reachable() -> Iterator[SandboxClient]:
    """Listens on all addresses, as it must in a container."""
    options = Options(
        clock="manual", allow_remote=True, allow_hosts=("sandbox.corp", "Box"), allow_remote_callbacks=True
    )
    with RunningSandbox(options, host="0.0.0.0") as client:
        yield SandboxClient(client.url.replace("0.0.0.0", "127.0.0.1"))


def status(url: str, *headers: tuple[str, str], method: str = "GET", path: str = "/sandbox/health") -> int:
    """The status of a call with just these headers, repeated ones included."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    found = connection.getresponse().status
    connection.close()
    return found


# Names


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("sandbox.corp", True),
        ("SANDBOX.corp:8026", True),
        ("box:1", True),
        ("localhost", True),
        ("192.0.2.7:8026", True),
        ("[2001:db8::1]:8026", True),
        ("evil.example", False),
        ("sandbox.corp.evil.example", False),
        ("evil-sandbox.corp", False),
        ("192.0.2.7.evil.example", False),
    ],
)
def test_where_others_reach_it_names_have_to_be_given(
    reachable: SandboxClient, host: str, answered: bool
) -> None:
    for path in ("/", "/sandbox/messages", "/sandbox/inbox", "/xms/v1/sandbox-plan/batches"):
        assert (status(reachable.url, ("Host", host), path=path) != 421) is answered
    move = status(reachable.url, ("Host", host), method="POST", path="/sandbox/reset")
    assert (move == 200) is answered


def test_a_page_that_has_taken_over_a_name_learns_nothing(reachable: SandboxClient) -> None:
    """DNS rebinding: the name of the page leads here, so to the browser it is all one origin."""
    headers = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
    for path in ("/sandbox/messages", "/sandbox/inbox"):
        answer = requests.get(f"{reachable.url}{path}", headers=headers, timeout=10)
        assert answer.status_code == 421
        assert "sandbox-token" not in answer.text
    assert requests.post(f"{reachable.url}/sandbox/reset", headers=headers, timeout=10).status_code == 421


def test_the_name_it_listens_under_is_answered() -> None:
    with RunningSandbox(host="localhost") as client:
        assert client.health()["status"] == "ok"


def test_names_on_the_command_line() -> None:
    with process("--allow-host", "sandbox.corp", "--allow-host", "box") as (client, _):
        for host, expected in (("sandbox.corp", 200), ("box", 200), ("other", 421)):
            assert status(client.url, ("Host", host)) == expected


@pytest.mark.parametrize(
    "host",
    [
        "[::1].evil",
        "localhost:1:2",
        "localhost:",
        "[::1",
        "127.0.0.1]",
        "[127.0.0.1]",
        "::1",
        "a b",
        "x\"'<b>",
        "[]",
    ],
)  # fmt: skip
def test_what_is_no_host_is_not_answered(sinch_sandbox: SandboxClient, host: str) -> None:
    assert status(sinch_sandbox.url, ("Host", host)) == 421


@pytest.mark.parametrize(
    "name", ["Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Content-Type"]
)
def test_a_header_that_decides_comes_once(sinch_sandbox: SandboxClient, name: str) -> None:
    good = sinch_sandbox.url if name == "Origin" else "same-origin"
    for values in (("https://evil.example", good), (good, "https://evil.example"), (good, good)):
        given = [("Host", "localhost"), *((name, value) for value in values)]
        assert status(sinch_sandbox.url, *given, method="POST", path="/sandbox/reset") == 400


def test_a_body_has_one_length(sinch_sandbox: SandboxClient) -> None:
    given = (("Host", "localhost"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked"))
    assert status(sinch_sandbox.url, *given, method="POST", path="/sandbox/reset") == 400


# Pages of others


@pytest.mark.parametrize(
    "path",
    [
        "/sandbox/messages", "/sandbox/messages?wait=9&q=x", "/sandbox/events", "/sandbox/export.csv",
        "/sandbox/metrics", "/sandbox/openapi.json", "/sandbox/docs", "/sandbox/inbox/search?q=x",
    ],
)  # fmt: skip
def test_a_foreign_page_cannot_have_anything_read(sinch_sandbox: SandboxClient, path: str) -> None:
    for method in ("GET", "HEAD"):
        for site in ("cross-site", "same-site"):
            answer = requests.request(
                method,
                f"{sinch_sandbox.url}{path}",
                headers={**CROSS_SITE, "Sec-Fetch-Site": site},
                timeout=10,
            )
            assert answer.status_code == 403
    answer = requests.get(
        f"{sinch_sandbox.url}{path}", headers={"Origin": "https://evil.example"}, timeout=10
    )
    assert answer.status_code == 403


def test_a_foreign_page_may_link_but_not_frame_or_wait(sinch_sandbox: SandboxClient) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    frame = {**link, "Sec-Fetch-Dest": "iframe"}

    def opened(path: str, headers: dict[str, str]) -> int:
        return requests.get(f"{sinch_sandbox.url}{path}", headers=headers, timeout=10).status_code

    assert [opened(path, link) for path in ("/", "/sandbox/docs", "/sandbox/messages")] == [200] * 3
    assert opened("/sandbox/docs", frame) == 403
    assert opened("/sandbox/messages?wait=1", link) == 403


def test_its_own_page_reads_and_waits(sinch_sandbox: SandboxClient, api: Api) -> None:
    api.sent()
    for site in ("same-origin", "none"):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
        answer = requests.get(f"{sinch_sandbox.url}/sandbox/messages?wait=1", headers=headers, timeout=10)
        assert answer.json()["count"] == 1


def test_every_answer_says_that_it_is_what_it_says_and_for_this_origin_only(
    sinch_sandbox: SandboxClient, api: Api
) -> None:
    answers = [
        requests.get(f"{sinch_sandbox.url}{path}", timeout=10)
        for path in (
            "/", "/inbox/app.js", "/sandbox/messages", "/sandbox/metrics", "/sandbox/openapi.json",
            "/sandbox/docs", "/sandbox/export.csv", "/sandbox/nothing", "/nothing",
            "/xms/v1/sandbox-plan/batches",
        )
    ]  # fmt: skip
    answers += [api.send(), api.send(to=[]), requests.get(sinch_sandbox.url, headers=CROSS_SITE, timeout=10)]
    answers += [requests.get(sinch_sandbox.url, headers={"Host": "evil.example"}, timeout=10)]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


# Callbacks


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.9", "localhost", "[::1]", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"]
)
def test_who_reaches_it_does_not_reach_the_loopback_of_its_machine(
    reachable: SandboxClient, receiver: Receiver, host: str
) -> None:
    reachable.reset()
    url = f"http://{host}:{receiver.port}/"
    Api(reachable.url).sent(delivery_report="summary", callback_url=url)
    reachable.configure(inbound_callback_url=url)
    reachable.inbound("+447700900222", "Hello", to="+447700900100")
    reachable.advance(3)
    assert states(reachable) == ["refused", "refused"]
    assert "loopback" in reachable.callbacks()[0]["attempts"][0]["error"]
    assert receiver.received == []


@pytest.mark.parametrize("how", ["callback_url", "default_callback_url", "inbound_callback_url"])
def test_no_callback_controls_the_sandbox(sinch_sandbox: SandboxClient, api: Api, how: str) -> None:
    url = f"{sinch_sandbox.url}/sandbox/reset"
    if how == "callback_url":
        api.sent(delivery_report="summary", callback_url=url)
    else:
        sinch_sandbox.configure(**{how: url})
        api.sent(**({} if how == "inbound_callback_url" else {"delivery_report": "summary"}))
        sinch_sandbox.inbound("+447700900222", "Hello", to="+447700900100")
    sinch_sandbox.advance(3)
    assert len(sinch_sandbox.messages()) == 1
    assert {each["attempts"][0]["status"] for each in sinch_sandbox.callbacks()} == {403}


def test_a_receiver_s_words_are_cut_and_passwords_are_not_shown(
    sinch_sandbox: SandboxClient, api: Api, receiver: Receiver
) -> None:
    def babble(handler: object) -> None:
        handler.wfile.write(b"HTTP/1.1 " + b"x" * 30_000 + b"\r\n\r\n")  # type: ignore[attr-defined]
        handler.close_connection = True  # type: ignore[attr-defined]

    receiver.always = babble
    url = f"http://user:pass-word@127.0.0.1:{receiver.port}/sms"
    sent = api.sent(delivery_report="summary", callback_url=url)
    sinch_sandbox.configure(default_callback_url=url, inbound_callback_url="x://me:pass-word@y")
    sinch_sandbox.inbound("+447700900222", "Hello", to="+447700900100")
    sinch_sandbox.advance(3)
    (attempt,) = sinch_sandbox.callbacks()[1]["attempts"]
    assert 0 < len(attempt["error"]) <= 300
    assert sinch_sandbox.callbacks()[1]["url"] == url.replace("pass-word", "***")
    for path in ("callbacks", "settings", "batches", "inbox/settings", f"inbox/batches/{sent['id']}"):
        shown = requests.get(f"{sinch_sandbox.url}/sandbox/{path}", timeout=10).text
        assert "pass-word" not in shown
        assert "***@" in shown
    assert api.get(sent["id"])["callback_url"] == url
