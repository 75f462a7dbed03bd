"""Callbacks, taken by a real web server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests

from sinch_provider.sandbox.callbacks.posting import signature_headers
from sinch_provider.sandbox.client import SandboxClient
from sinch_provider.sandbox.server import RunningSandbox
from sinch_provider.sandbox.state import Options

from .receiver import Receiver, hang_up, respond
from .wire import TO, Api, accepted, in_

PHONE, OTHER, NUMBER = "46700000222", "46700000333", "46700000111"
ROOT = Path(__file__).parents[3]


def states(sandbox: SandboxClient) -> list[str]:
    return [each["state"] for each in sandbox.callbacks()]


def until(holds: Callable[[], bool]) -> None:
    """For what no clock of ours decides: another thread's doing."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """Recipient and status of each report per recipient."""
    return [(each["recipient"], each["status"]) for each in receiver.bodies]


# What is reported, and when


@pytest.mark.parametrize("mode", ["summary", "full"])
def test_one_report_once_all_is_final(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, mode: str
) -> None:
    slow = "+15550109010"
    batch = api.sent(to=[TO, slow], delivery_report=mode, callback_url=receiver.url, client_reference="a")
    sinch_sandbox.advance(60)
    assert receiver.received == []
    sinch_sandbox.advance(1)
    assert receiver.bodies == [api.report(batch["id"], type=mode)]
    assert receiver.bodies[0]["type"] == "delivery_report_sms"
    assert receiver.bodies[0]["statuses"][0]["count"] == 2
    assert receiver.received[0].path == "/sms"
    assert receiver.received[0].headers["Content-Type"] == "application/json"
    sinch_sandbox.advance(86_400)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("mode", ["summary", "full"])
def test_no_report_while_one_message_is_not_final(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, mode: str
) -> None:
    api.sent(to=[TO, "+15550109401"], delivery_report=mode, callback_url=receiver.url)
    sinch_sandbox.advance(10 * 86_400)
    assert receiver.received == []


def test_a_report_per_recipient_and_change(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    batch = api.sent(to=[TO, "+15550109402"], delivery_report="per_recipient", callback_url=receiver.url)
    sinch_sandbox.advance(0.999)
    assert receiver.received == []
    sinch_sandbox.advance(0.001)
    assert sorted(told(receiver)) == [("15550109402", "Aborted"), (PHONE, "Dispatched")]
    sinch_sandbox.advance(2)
    assert told(receiver)[2:] == [(PHONE, "Delivered")]
    assert receiver.bodies[2] == api.recipient(batch["id"], PHONE)


def test_changes_that_the_clock_jumps_over_are_reported_in_order(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    sinch_sandbox.configure(report_queued=True)
    started = datetime.fromisoformat(sinch_sandbox.now()) + timedelta(hours=1)
    api.sent(delivery_report="per_recipient", callback_url=receiver.url, send_at=in_(sinch_sandbox, hours=1))
    sinch_sandbox.advance(7200)
    assert told(receiver) == [(PHONE, "Queued"), (PHONE, "Dispatched"), (PHONE, "Delivered")]
    seconds = [(datetime.fromisoformat(each["at"]) - started).total_seconds() for each in receiver.bodies]
    assert seconds == [0, 1, 3]
    assert "operator_status_at" not in receiver.bodies[1]


def test_final_reports_per_recipient(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    api.sent(to=[TO, OTHER, "+15550109401"], delivery_report="per_recipient_final", callback_url=receiver.url)
    sinch_sandbox.advance(1)
    assert receiver.received == []
    sinch_sandbox.advance(4 * 86_400)
    assert sorted(told(receiver)) == [(PHONE, "Delivered"), (OTHER, "Delivered")]


def test_at_once_means_at_once(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    api.sent(to=["+15550109000"], delivery_report="per_recipient", callback_url=receiver.url)
    sinch_sandbox.advance(0)
    assert [status for _, status in told(receiver)] == ["Dispatched", "Delivered"]


def test_who_wants_no_report_gets_none(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.configure(default_callback_url=receiver.url)
    api.sent(callback_url=receiver.url)
    api.sent(delivery_report="none")
    sinch_sandbox.advance(10)
    assert receiver.received == []
    assert sinch_sandbox.callbacks() == []


def test_the_url_of_the_plan(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.configure(default_callback_url=f"{receiver.url}/plan")
    api.sent(delivery_report="summary")
    api.sent(delivery_report="summary", callback_url=f"{receiver.url}/batch")
    sinch_sandbox.advance(3)
    assert sorted(each.path for each in receiver.received) == ["/sms/batch", "/sms/plan"]


def test_a_batch_changed_before_it_starts(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    later = in_(sinch_sandbox, hours=1)
    wanted = api.sent(send_at=later)
    api.update(wanted["id"], delivery_report="summary", callback_url=receiver.url)
    unwanted = api.sent(send_at=later, delivery_report="summary", callback_url=receiver.url)
    api.replace(unwanted["id"], send_at=later)
    moved = api.sent(send_at=later, delivery_report="summary", callback_url=receiver.url)
    api.update(moved["id"], send_at=in_(sinch_sandbox, hours=2))
    sinch_sandbox.advance(3603)
    assert [each["batch_id"] for each in receiver.bodies] == [wanted["id"]]
    sinch_sandbox.advance(3600)
    assert [each["batch_id"] for each in receiver.bodies] == [wanted["id"], moved["id"]]


def test_cancelling_reports_what_it_stopped_and_nothing_twice(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    waiting = "+15550109012"
    reported = {"delivery_report": "per_recipient", "callback_url": receiver.url}
    batch = api.sent(to=[TO, waiting], **reported)
    sinch_sandbox.advance(1)
    assert told(receiver) == [(PHONE, "Dispatched")]
    api.cancel(batch["id"])
    sinch_sandbox.advance(0)
    assert told(receiver)[1:] == [("15550109012", "Cancelled")]
    sinch_sandbox.advance(2)
    assert told(receiver)[2:] == [(PHONE, "Delivered")]


def test_a_batch_cancelled_before_its_time_has_nothing_to_report(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    for mode in ("summary", "per_recipient"):
        batch = api.sent(delivery_report=mode, callback_url=receiver.url, send_at=in_(sinch_sandbox, hours=1))
        api.cancel(batch["id"])
    sinch_sandbox.advance(7200)
    assert receiver.received == []


def test_a_summary_after_cancelling(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    batch = api.sent(to=[TO, "+15550109012"], delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(1)
    api.cancel(batch["id"])
    sinch_sandbox.advance(2)
    assert {each["status"] for each in receiver.bodies[0]["statuses"]} == {"Delivered", "Cancelled"}


def test_a_batch_to_a_group_reports_on_its_members(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    group = accepted(api.call("POST", "/groups", json={"members": [TO]}), 201)["id"]
    later = in_(sinch_sandbox, hours=1)
    for mode in ("per_recipient_final", "summary"):
        api.sent(to=[group], delivery_report=mode, callback_url=receiver.url, send_at=later)
    accepted(api.call("POST", f"/groups/{group}", json={"add": [OTHER], "remove": [TO]}))
    sinch_sandbox.advance(3603)
    reports = {each["type"]: each for each in receiver.bodies}
    assert len(receiver.received) == len(reports) == 2
    assert reports["recipient_delivery_report_sms"]["recipient"] == OTHER
    assert reports["delivery_report_sms"]["total_message_count"] == 1


def test_batches_that_move_up_in_the_queue_are_reported_on_once_and_in_time(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    sinch_sandbox.configure(plan_rate=1, report_queued=True, dispatch_delay=0, delivery_delay=0)
    ahead = api.sent(to=[f"+46700000{number}" for number in range(400, 500)])
    api.sent(to=[TO, OTHER], delivery_report="per_recipient", callback_url=receiver.url)
    sinch_sandbox.advance(9.5)
    assert sorted(told(receiver)) == [(PHONE, "Queued"), (OTHER, "Queued")]
    api.cancel(ahead["id"])
    sinch_sandbox.advance(0.5)
    assert told(receiver)[2:] == [(PHONE, "Dispatched"), (PHONE, "Delivered")]
    sinch_sandbox.advance(1)
    assert told(receiver)[4:] == [(OTHER, "Dispatched"), (OTHER, "Delivered")]
    sinch_sandbox.advance(86_400)
    assert len(receiver.received) == 6


def test_media_and_both_accounts(
    api: Api, project: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    media = {"type": "mt_media", "body": {"url": "https://media.example.test/cat.jpg"}}
    project.sent(**media, delivery_report="summary", callback_url=receiver.url)
    api.sent(**media, delivery_report="per_recipient_final", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    assert sorted(each["type"] for each in receiver.bodies) == [
        "delivery_report_mms",
        "recipient_delivery_report_mms",
    ]


def test_inbound_messages(sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.inbound(TO, "to nobody", NUMBER)
    sinch_sandbox.configure(default_callback_url=f"{receiver.url}/plan")
    first = sinch_sandbox.inbound(TO, "Yes, Å", NUMBER)
    sinch_sandbox.advance(0)
    assert receiver.received[0].path == "/sms/plan"
    assert {"account": "sandbox-plan", **receiver.bodies[0]} == first
    sinch_sandbox.configure(inbound_callback_url=f"{receiver.url}/inbound")
    sinch_sandbox.inbound(TO, "No", NUMBER)
    sinch_sandbox.advance(0)
    assert [each.path for each in receiver.received] == ["/sms/plan", "/sms/inbound"]


# When it goes wrong


def test_retries_double_up_to_a_last_one(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.always = 503
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    for wait, attempts in ((4.999, 1), (0.001, 2), (4.999, 2), (0.001, 3), (10, 4), (20, 5)):
        sinch_sandbox.advance(wait)
        assert len(receiver.received) == attempts
    assert states(sinch_sandbox) == ["waiting"]
    sinch_sandbox.advance(81_920)
    (callback,) = sinch_sandbox.callbacks()
    assert (callback["state"], callback["due_at"]) == ("given_up", None)
    first, *others = [datetime.fromisoformat(each["at"]) for each in callback["attempts"]]
    assert [(each - first).total_seconds() for each in others] == [5 * 2**n for n in range(15)]
    assert len(receiver.received) == 16
    assert {each.raw for each in receiver.received} == {receiver.received[0].raw}
    sinch_sandbox.advance(10 * 86_400)
    assert len(receiver.received) == 16


@pytest.mark.parametrize("trouble", [500, 503, 599, 429, hang_up])
def test_what_is_tried_again(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, trouble: Any
) -> None:
    receiver.answers = [trouble]
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    (waiting,) = sinch_sandbox.callbacks(state="waiting")
    assert waiting["due_at"] == in_(sinch_sandbox, seconds=5)
    sinch_sandbox.advance(5)
    (callback,) = sinch_sandbox.callbacks()
    assert callback["state"] == "delivered"
    failed, succeeded = callback["attempts"]
    assert failed["status"] == (None if trouble is hang_up else trouble)
    assert bool(failed["error"]) == (trouble is hang_up)
    assert (succeeded["status"], succeeded["error"]) == (200, None)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302])
def test_what_is_dropped(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, status: int) -> None:
    receiver.answers = [lambda handler: respond(handler, status, Location=receiver.url)]
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(86_400)
    assert states(sinch_sandbox) == ["dropped"]
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_what_is_success(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(86_400)
    assert (states(sinch_sandbox), len(receiver.received)) == (["delivered"], 1)


def test_nobody_listens(api: Api, sinch_sandbox: SandboxClient) -> None:
    with Receiver() as gone:
        pass
    api.sent(delivery_report="summary", callback_url=gone.url)
    sinch_sandbox.advance(3)
    (callback,) = sinch_sandbox.callbacks()
    assert (callback["state"], callback["attempts"][0]["status"]) == ("waiting", None)
    assert "Connect" in callback["attempts"][0]["error"]


def test_a_failing_receiver_holds_up_nobody_else(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    leave = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        leave.wait(30)

    try:
        receiver.answers = [hang]
        api.sent(to=["+15550109000"], delivery_report="summary", callback_url=receiver.url)
        until(lambda: len(receiver.received) == 1)
        api.sent(to=["+15550109000"], delivery_report="summary", callback_url=receiver.url)
        until(lambda: states(sinch_sandbox) == ["waiting", "delivered"])
    finally:
        leave.set()


# Clocks


def test_a_real_clock_wakes_at_the_next_due_time(receiver: Receiver) -> None:
    receiver.answers = [503]
    with RunningSandbox(Options(speed=100)) as sandbox:
        Api(sandbox.url).sent(delivery_report="summary", callback_url=receiver.url)
        until(lambda: states(sandbox) == ["delivered"])
        first, second = (datetime.fromisoformat(each["at"]) for each in sandbox.callbacks()[0]["attempts"])
    assert second - first >= timedelta(seconds=5)


def test_a_real_clock_looks_into_groups_when_it_is_time(receiver: Receiver) -> None:
    with RunningSandbox(Options(speed=1000)) as sandbox:
        api = Api(sandbox.url)
        group = accepted(api.call("POST", "/groups", json={"members": [TO]}), 201)["id"]
        in_a_while = in_(sandbox, minutes=10)
        api.sent(to=[group], delivery_report="per_recipient", callback_url=receiver.url, send_at=in_a_while)
        until(lambda: len(receiver.received) == 2)
    assert told(receiver) == [(PHONE, "Dispatched"), (PHONE, "Delivered")]


def test_a_receiver_may_call_the_sandbox(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    def send_on(handler: BaseHTTPRequestHandler) -> None:
        Api(sinch_sandbox.url).sent(client_reference="answer")
        sinch_sandbox.advance(0.5, wait=False)
        respond(handler, 200)

    receiver.answers = [send_on]
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    assert len(sinch_sandbox.messages(client_reference="answer")) == 1
    assert states(sinch_sandbox) == ["delivered"]


def test_a_receiver_that_waits_for_its_own_answer_is_not_waited_for_without_end(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinch_provider.sandbox.callbacks.dispatcher._PATIENCE", 0.1)
    inner: list[dict[str, Any]] = []
    url = f"{sinch_sandbox.url}/sandbox/clock"

    def advance(handler: BaseHTTPRequestHandler) -> None:
        inner.append(requests.post(url, json={"advance": 1}, timeout=10).json())
        respond(handler, 200)

    receiver.answers = [advance]
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    until(lambda: states(sinch_sandbox) == ["delivered"])
    assert [each["settled"] for each in inner] == [False]
    assert requests.post(url, json={"advance": 1}, timeout=10).json()["settled"] is True


# Durability


@contextmanager
def command(path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], SandboxClient]]:
    """``sinch-sandbox`` as a process of its own, with a database."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "sinch_provider.sandbox", "--port", "0", "--clock", "manual",
            "--db", str(path / "sms.db"), *options,
        ],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    with process:
        try:
            assert process.stdout is not None
            yield process, SandboxClient(process.stdout.readline().strip())
        finally:
            process.kill()


def test_what_waits_outlives_kill_9(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [503]
    with command(tmp_path) as (process, sandbox):
        api = Api(sandbox.url)
        api.sent(delivery_report="per_recipient_final", callback_url=receiver.url)
        sandbox.advance(3)
        api.sent(delivery_report="summary", callback_url=receiver.url)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    assert len(receiver.received) == 1
    with command(tmp_path) as (_, sandbox):
        assert states(sandbox) == ["waiting"]
        sandbox.advance(5)
        assert states(sandbox) == ["delivered", "delivered"]
        assert [len(each["attempts"]) for each in sandbox.callbacks()] == [2, 1]
    assert [each["type"] for each in receiver.bodies].count("delivery_report_sms") == 1


def test_the_command_can_allow_strangers(tmp_path: Path, receiver: Receiver) -> None:
    for options, state in (([], "refused"), (["--allow-remote-callbacks"], "delivered")):
        with command(tmp_path, *options) as (_, sandbox):
            Api(sandbox.url).sent(delivery_report="summary", callback_url=f"http://0.0.0.0:{receiver.port}/")
            sandbox.advance(3)
            assert states(sandbox)[-1] == state


# Signature


def test_the_signature_of_the_reference() -> None:
    body = (
        b'{"type":"delivery_report_sms","batch_id":"01J8ZC4M7T2Q9KX5RVBW3NHYDP","total_message_count":1,'
        b'"statuses":[{"code":0,"status":"Delivered","count":1}]}'
    )
    assert signature_headers(body, "stand-in-secret", "4f1c2a90b7", 1731406512) == {
        "x-sinch-webhook-signature": "52vLxgtB+Y58PJtN2NOAZT8fxB/7ozA8BSE/jX4UDTg=",
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
        "x-sinch-webhook-signature-nonce": "4f1c2a90b7",
        "x-sinch-webhook-signature-timestamp": "1731406512",
    }


def test_callbacks_are_signed_if_there_is_a_secret(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    api.sent(to=["+15550109000"], delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(0)
    assert not [name for name in receiver.received[0].headers if name.lower().startswith("x-sinch")]
    sinch_sandbox.configure(callback_secret="s3crét")
    receiver.answers = [503]
    api.sent(body="Å", delivery_report="summary", callback_url=receiver.url, client_reference="Å")
    sinch_sandbox.advance(8)
    nonces = set()
    for request in receiver.received[1:]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        nonce = headers["x-sinch-webhook-signature-nonce"]
        timestamp = headers["x-sinch-webhook-signature-timestamp"]
        signed = request.raw + f".{nonce}.{timestamp}".encode()
        expected = base64.b64encode(hmac.new("s3crét".encode(), signed, hashlib.sha256).digest()).decode()
        assert headers["x-sinch-webhook-signature"] == expected
        assert int(timestamp) == int(datetime.fromisoformat(sinch_sandbox.now()).timestamp())
        nonces.add(nonce)
    assert len(nonces) == 2


def test_the_secret_is_not_shown(sinch_sandbox: SandboxClient) -> None:
    url = f"{sinch_sandbox.url}/sandbox/settings"
    changed = requests.patch(url, json={"callback_secret": "s3cret-word"}, timeout=10)
    refused = requests.patch(url, json={"callback_secret": 12345}, timeout=10)
    assert (changed.status_code, refused.status_code) == (200, 422)
    for answer in (changed, refused, requests.get(url, timeout=10)):
        assert "s3cret-word" not in answer.text
        assert "12345" not in answer.text
    assert requests.get(url, timeout=10).json()["callback_secret"] == "********"


# Whom it calls


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.test/sms",
        "http://192.0.2.1/sms",
        "http://[2001:db8::1]/sms",
        "http://[::ffff:192.0.2.1]/sms",
        "http://0.0.0.0/sms",
        "http://3221225985/sms",
        "http://localhost.example.test/sms",
        "http://127.0.0.1.example.test/sms",
        "http://user@192.0.2.1/sms",
        "http://127.0.0.1:99999/sms",
    ],
)
def test_strangers_are_not_called(api: Api, sinch_sandbox: SandboxClient, url: str) -> None:
    api.sent(delivery_report="summary", callback_url=url)
    sinch_sandbox.advance(86_400)
    (callback,) = sinch_sandbox.callbacks()
    assert (callback["state"], callback["url"]) == ("refused", url)
    (attempt,) = callback["attempts"]
    assert attempt["status"] is None
    assert "not a" in attempt["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "user:word@127.0.0.1"])
def test_names_of_this_machine(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, host: str) -> None:
    url = f"http://{host}:{receiver.port}/a%2Fb?c=d%20e"
    api.sent(delivery_report="summary", callback_url=url)
    sinch_sandbox.advance(3)
    (request,) = receiver.received
    assert request.path == "/a%2Fb?c=d%20e"
    assert request.headers["Host"] == f"{host.rpartition('@')[2]}:{receiver.port}"


def test_a_name_is_resolved_once_and_the_address_checked(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that gives another answer the second time gets nowhere."""
    import socket

    answers = ["127.0.0.1", "192.0.2.1"]
    asked: list[str] = []
    really = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **details: Any) -> Any:
        if host == "localhost":
            asked.append(host)
            host = answers[len(asked) - 1]
        return really(host, *arguments, **details)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    url = f"http://localhost:{receiver.port}/"
    for _ in range(2):
        api.sent(delivery_report="summary", callback_url=url)
        sinch_sandbox.advance(3)
    assert states(sinch_sandbox) == ["delivered", "refused"]
    assert (len(receiver.received), len(asked)) == (1, 2)


def test_strangers_are_called_if_that_is_allowed(receiver: Receiver) -> None:
    """A port of this machine that is nobody's stands for a stranger."""
    with RunningSandbox(Options(clock="manual", allow_remote_callbacks=True)) as sandbox:
        Api(sandbox.url).sent(delivery_report="summary", callback_url=f"http://0.0.0.0:{receiver.port}/")
        sandbox.advance(3)
        assert states(sandbox) == ["delivered"]


def test_no_proxy_is_asked(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    assert len(receiver.received) == 1


def test_an_endless_answer_is_not_read_to_its_end(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    ended = threading.Event()

    def talk(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            ended.set()

    receiver.answers = [talk]
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    assert states(sinch_sandbox) == ["delivered"]
    assert ended.wait(10)


def test_a_url_that_is_gone_when_it_is_needed(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    sinch_sandbox.configure(default_callback_url=receiver.url)
    api.sent(delivery_report="summary")
    sinch_sandbox.configure(default_callback_url=None)
    sinch_sandbox.advance(3)
    (callback,) = sinch_sandbox.callbacks()
    assert (callback["state"], callback["attempts"][0]["error"]) == ("refused", "there is no callback URL")


# The list


def test_callbacks_as_the_sandbox_shows_them(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    batch = api.sent(delivery_report="per_recipient_final", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    (callback,) = sinch_sandbox.callbacks()
    assert callback.pop("id") > 0
    assert callback == {
        "type": "recipient_delivery_report_sms",
        "url": receiver.url,
        "batch_id": batch["id"],
        "recipient": PHONE,
        "state": "delivered",
        "created_at": sinch_sandbox.now(),
        "due_at": None,
        "attempts": [{"at": sinch_sandbox.now(), "status": 200, "error": None}],
        "body": receiver.bodies[0],
    }


def test_filtering_and_forgetting(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.answers = [404]
    first = api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    second = api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    assert [each["batch_id"] for each in sinch_sandbox.callbacks()] == [first["id"], second["id"]]
    assert [each["batch_id"] for each in sinch_sandbox.callbacks(state="dropped")] == [first["id"]]
    assert [each["state"] for each in sinch_sandbox.callbacks(batch_id=second["id"])] == ["delivered"]
    sinch_sandbox.clear_callbacks()
    assert sinch_sandbox.callbacks() == []
    assert len(sinch_sandbox.batches()) == 2


@pytest.mark.parametrize("forget", [SandboxClient.clear, SandboxClient.reset, SandboxClient.clear_callbacks])
def test_what_is_forgotten_is_not_sent(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, forget: Any
) -> None:
    receiver.answers = [503]
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    forget(sinch_sandbox)
    sinch_sandbox.advance(86_400)
    assert (len(receiver.received), sinch_sandbox.callbacks()) == (1, [])
