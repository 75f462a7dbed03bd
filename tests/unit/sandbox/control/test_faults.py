"""Switching one fault on and off."""

from __future__ import annotations

from typing import Any

import requests

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import Api, accepted


def switch(sandbox: SandboxClient, number: int, **body: Any) -> requests.Response:
    return requests.patch(f"{sandbox.url}/sandbox/faults/{number}", json=body, timeout=10)


def test_a_fault_that_is_off_hits_nothing_and_keeps_its_count(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "send", count=None)
    sinch_sandbox.fault("rate_limited", "list", count=None)
    first, second = (each["id"] for each in sinch_sandbox.faults())
    assert api.send().status_code == 500
    assert accepted(switch(sinch_sandbox, first, on=False))["faults"][0]["on"] is False
    assert api.send().status_code == 201
    assert api.call("GET", "/batches").status_code == 429
    switch(sinch_sandbox, first, on=True)
    assert api.send().status_code == 500
    assert [(each["id"], each["struck"]) for each in sinch_sandbox.faults()] == [(first, 2), (second, 1)]


def test_a_spent_fault_that_is_switched_on_begins_again(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "send", skip=1)
    (fault,) = sinch_sandbox.faults()
    codes = [api.send().status_code for _ in range(3)]
    assert codes == [201, 500, 201]
    switch(sinch_sandbox, fault["id"], on=True)
    assert sinch_sandbox.faults()[0]["struck"] == 0
    assert [api.send().status_code for _ in range(3)] == codes


def test_it_can_be_armed_without_being_on(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "send", on=False)
    assert api.send().status_code == 201


def test_switches_that_make_no_sense(sinch_sandbox: SandboxClient) -> None:
    assert switch(sinch_sandbox, 1, on=True).status_code == 404
    for body in ({}, {"on": "perhaps"}, {"on": True, "kind": "late"}):
        assert switch(sinch_sandbox, 1, **body).status_code == 422
