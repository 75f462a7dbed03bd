"""Testing a connection ends within seconds, whatever the host does."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from tests.integration.trials import PLAN, PROJECT, Test, tester
from tests.unit.sms.proxying import RawServer


@pytest.fixture
def test(monkeypatch: pytest.MonkeyPatch) -> Test:
    return tester(monkeypatch)


def test_a_host_that_does_not_exist_is_said_to_be_so(test: Test, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    for connection in (PLAN, PROJECT):
        works, said = test(connection, host="https://sms.example.test", auth_url="https://sms.example.test")
        assert not works
        assert said.startswith("There is no host sms.example.test. Correct ")


# It occupies a server of Airflow's, so a host that hangs may not hold it for minutes.


@pytest.mark.parametrize("connection", [PLAN, PROJECT])
def test_a_host_that_hangs_is_left(
    test: Test, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any]
) -> None:
    monkeypatch.setattr("sinch_provider.hooks.sinch._TEST_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        host = f"127.0.0.1:{hanging.getsockname()[1]}"
        works, said = test(connection, base_url=f"http://{host}")
    assert not works
    assert said.startswith(f"{host} did not answer in time. Correct Host")


def test_a_host_that_sends_a_byte_at_a_time_is_left(test: Test, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(connection: socket.socket) -> None:
        while not server.stopped.wait(0.01):
            connection.sendall(b"H")

    monkeypatch.setattr("sinch_provider.hooks.sinch._TEST_SECONDS", 0.3)
    with RawServer(drip) as server:
        works, said = test(PLAN, base_url=server.url)
    assert not works
    assert f"127.0.0.1:{server.port} did not answer in time." in said


@pytest.mark.parametrize(
    ("connection", "host"), [(PLAN, "us.sms.api.sinch.com"), (PROJECT, "auth.sinch.com")]
)
def test_a_name_look_up_that_hangs_is_left_behind(
    test: Test, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], host: str
) -> None:
    over = threading.Event()
    waited_for: list[bool] = []

    def look_up(*_: Any) -> Any:
        if not over.wait(10):
            waited_for.append(True)
        raise OSError("no such host")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    monkeypatch.setattr("sinch_provider.hooks.sinch._TEST_SECONDS", 0.3)
    works, said = test(connection)
    over.set()
    assert not waited_for
    assert not works
    assert said == f"{host} did not answer in time. Check the network, and the proxy of the Airflow server."
