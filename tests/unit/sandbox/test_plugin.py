"""The fixture that other tests build on."""

from __future__ import annotations

from sinch_provider.sandbox.client import SandboxClient


def test_every_test_gets_an_empty_sandbox_and_a_server_that_answers(sinch_sandbox: SandboxClient) -> None:
    assert sinch_sandbox.health()["status"] == "ok"
    assert sinch_sandbox.messages() == []
    assert sinch_sandbox.calls() == {}
