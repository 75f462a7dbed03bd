"""A call of the page that the browser repeats by itself takes effect once."""

from __future__ import annotations

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import Api


def send(api: Api, once: str) -> requests.Response:
    body = {"to": ["+447700900222"], "from": "+447700900111", "body": "Hello"}
    return api.call("POST", "/batches", json=body, headers={"X-Sandbox-Once": once})


def test_a_repeated_call_has_no_effect_and_no_answer(api: Api, sinch_sandbox: SandboxClient) -> None:
    assert send(api, "first").status_code == 201
    with pytest.raises(requests.ConnectionError):
        send(api, "first")
    assert send(api, "second").status_code == 201
    assert len(sinch_sandbox.messages()) == 2
    assert sinch_sandbox.calls() == {"send": 2}


def test_clients_may_repeat_what_they_like(api: Api, sinch_sandbox: SandboxClient) -> None:
    for _ in range(2):
        api.sent()
    assert len(sinch_sandbox.messages()) == 2


def test_only_the_latest_names_are_kept(api: Api, sinch_sandbox: SandboxClient) -> None:
    send(api, "old")
    for index in range(1000):
        api.call("GET", "/batches/x", headers={"X-Sandbox-Once": f"name-{index}"})
    assert send(api, "old").status_code == 201
