"""How callbacks are tried until they arrive: retries, clocks, restarts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.server import Options, RunningSandbox
from tests.unit.sandbox.receiver import Receiver, hang_up, respond, states, told, until
from tests.unit.sandbox.wire import TO, Api, accepted, in_

PHONE = "447700900222"
ROOT = Path(__file__).parents[4]


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
        api.sent(to=["+447700900000"], delivery_report="summary", callback_url=receiver.url)
        until(lambda: len(receiver.received) == 1)
        api.sent(to=["+447700900000"], delivery_report="summary", callback_url=receiver.url)
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
    monkeypatch.setattr("sinch_sandbox.callbacks.dispatcher._PATIENCE", 0.1)
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
            sys.executable, "-m", "sinch_sandbox", "--port", "0", "--clock", "manual",
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
        # A restarted clock is no earlier than the real time, which must not have caught up by then.
        sandbox.advance(3600)
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
