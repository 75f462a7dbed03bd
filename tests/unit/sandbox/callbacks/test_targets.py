"""Where callbacks go, and how receivers can check that they are genuine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests

from sinch_sandbox.callbacks.posting import signature_headers
from sinch_sandbox.client import SandboxClient
from sinch_sandbox.server import Options, RunningSandbox
from tests.unit.sandbox.receiver import Receiver, states
from tests.unit.sandbox.wire import Api

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
    api.sent(to=["+447700900000"], delivery_report="summary", callback_url=receiver.url)
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
