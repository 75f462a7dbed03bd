"""A sandbox as a running server: starting, ending, and what it keeps."""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.core.store.database import make_private
from sinch_sandbox.server import Options, RunningSandbox, is_loopback

from .wire import TO, Api, access_token, in_, process


def test_two_sandboxes_know_nothing_of_each_other() -> None:
    with RunningSandbox(Options(clock="manual")) as one, RunningSandbox(Options(clock="manual")) as other:
        Api(one.url).sent()
        assert (len(one.messages()), other.messages()) == (1, [])
        assert one.url != other.url


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.0.0.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("x.test", False),
    ],
)
def test_loopback_addresses(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_other_addresses_must_be_allowed() -> None:
    with pytest.raises(ValueError, match="not a loopback address"):
        RunningSandbox(host="0.0.0.0")
    with RunningSandbox(Options(allow_remote=True), host="0.0.0.0") as client:
        assert client.health()["status"] == "ok"


def test_the_other_loopback() -> None:
    try:
        running = RunningSandbox(host="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    with running as client:
        assert client.url.startswith("http://[::1]:")
        assert client.health()["status"] == "ok"


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            RunningSandbox(port=taken.getsockname()[1])


def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    running = RunningSandbox(Options(db=str(tmp_path / "missing" / "sms.db")))
    with pytest.raises(RuntimeError, match="did not start") as caught:
        running.start()
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    running.stop()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_reply", "how": "hang"},
        {"kind": "latency", "seconds": 3600, "when": "after"},
        {"kind": "latency", "seconds": 3600},
    ],
)
def test_a_call_that_is_held_does_not_hold_up_the_end(
    fault: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    running = RunningSandbox(Options(clock="manual"))
    client = running.start()
    client.fault(operation="send", **fault)
    outcomes: list[object] = []

    def call() -> None:
        try:
            outcomes.append(Api(client.url).send().status_code)
        except requests.ConnectionError as error:
            outcomes.append(type(error))

    caller = threading.Thread(target=call)
    caller.start()
    while not client.calls():
        pass
    running.stop()
    caller.join(10)
    assert outcomes == [requests.ConnectionError if fault["kind"] == "lost_reply" else 503]
    assert running.stopped.is_set()
    assert capfd.readouterr().err == ""


# What outlives the process


def test_what_was_accepted_outlives_kill_9(tmp_path: Path) -> None:
    path = str(tmp_path / "sms.db")
    with process("--db", path, "--clock", "manual") as (client, running):
        api = Api(client.url)
        token = access_token(client.url)
        sent = api.sent(body="Hi ${x}", parameters={"x": {"default": "you"}}, send_at=in_(client, hours=1))
        now = client.advance(1800)
        running.kill()
        running.wait()
    with process("--db", path, "--clock", "manual") as (client, _):
        api = Api(client.url)
        assert api.get(sent["id"]) == sent
        assert client.now() >= now
        assert client.messages()[0]["body"] == "Hi you"
        assert api.sent()["id"] > sent["id"]
        assert Api(client.url, "sandbox-project", token).call("GET", "/batches").status_code == 200
        client.advance(1803)
        assert api.statuses(sent["id"]) == [(0, "Delivered", 1)]


def test_every_reply_a_client_saw_is_in_the_ledger_however_the_server_ends(tmp_path: Path) -> None:
    path = str(tmp_path / "sms.db")
    chance = random.Random(1)
    seen: list[str] = []
    for _ in range(3):
        with process("--db", path, "--clock", "manual") as (client, running):
            api = Api(client.url)
            assassin = threading.Timer(chance.uniform(0.05, 0.2), os.kill, (running.pid, signal.SIGKILL))
            assassin.start()
            try:
                while True:
                    seen.append(api.sent(to=[TO, "447700900333"])["id"])
            except requests.RequestException:
                assassin.join()
    with process("--db", path) as (client, _):
        kept = [batch["id"] for batch in client.batches()]
        assert len(kept) == len(set(kept))
        assert set(seen) <= set(kept)
        assert len(client.messages()) == 2 * len(kept)


def test_nothing_is_left_behind_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with process() as (client, running):
        Api(client.url).sent()
        running.kill()
        running.wait()
    assert list(tmp_path.iterdir()) == []


def test_the_database_is_nobody_else_s(tmp_path: Path) -> None:
    path = tmp_path / "sms.db"
    umask = os.umask(0o022)
    try:
        with process("--db", str(path)) as (client, _):
            Api(client.url).sent()
            modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    finally:
        os.umask(umask)
    assert "sms.db" in modes
    assert set(modes.values()) == {0o600}


def test_a_database_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "sms.db"
    with process("--db", str(path)) as (client, running):
        Api(client.url).sent()
        running.kill()
        running.wait()
    for each in tmp_path.iterdir():
        each.chmod(0o644)
    with process("--db", str(path)) as (client, _):
        Api(client.url).sent()
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert "sms.db" in modes
    assert set(modes.values()) == {0o600}


def test_a_link_does_not_lead_to_the_mode_of_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    other.chmod(0o644)
    (tmp_path / "sms.db-wal").symlink_to(other)
    make_private(str(tmp_path / "sms.db"))
    assert other.stat().st_mode & 0o777 == 0o644


def test_a_token_does_not_outlive_its_key(tmp_path: Path) -> None:
    path = str(tmp_path / "sms.db")
    keys: tuple[list[str], ...] = ([], ["--key-id", "other"], ["--key-secret", "other"], [])
    statuses = []
    token = ""
    for options in keys:
        with process("--db", path, *options) as (client, _):
            token = token or access_token(client.url)
            statuses.append(Api(client.url, "sandbox-project", token).call("GET", "/batches").status_code)
    assert statuses == [200, 401, 401, 200]


# The command


def test_secrets_come_from_the_environment_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SERVICE_PLAN_ID", "API_TOKEN", "KEY_SECRET", "CALLBACK_SECRET"):
        monkeypatch.setenv(f"SINCH_SANDBOX_{name}", f"env-{name}")
    with process("--service-plan-id", "option") as (client, running):
        greeting = "".join(lines_of(running, "Ctrl+C"))
        assert '"login": "option", "password": "env-API_TOKEN"' in greeting
        assert '"login": "sandbox-key", "password": "env-KEY_SECRET"' in greeting
        assert Api(client.url, "option", "env-API_TOKEN").send().status_code == 201
        settings = requests.get(f"{client.url}/sandbox/settings", timeout=10).json()
        assert settings["callback_secret"] == "********"
    from sinch_sandbox.__main__ import parser

    assert "env-" not in parser().format_help()


def lines_of(running: subprocess.Popen[str], until: str) -> list[str]:
    assert running.stdout is not None
    lines: list[str] = []
    while not lines or until not in lines[-1]:
        lines.append(running.stdout.readline())
        assert lines[-1], "the command ended early"
    return lines


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_greets_serves_and_ends_cleanly(number: signal.Signals) -> None:
    with process("--set", "delivery_delay=7", "--service-plan-id", "p", "--api-token", "t") as (
        client,
        running,
    ):
        assert client.url.startswith("http://127.0.0.1:")
        greeting = "".join(lines_of(running, "Ctrl+C"))
        assert f'"base_url": "{client.url}"' in greeting
        assert '"login": "p", "password": "t"' in greeting
        assert Api(client.url, "p", "t").send().status_code == 201
        settings = requests.get(f"{client.url}/sandbox/settings", timeout=10).json()
        assert settings["delivery_delay"] == 7
        running.send_signal(number)
        assert running.wait(10) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""


Main = Callable[..., int]


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Main:
    """The command in this process. It ends as if it had got a signal."""
    from sinch_sandbox import __main__ as command

    handlers: dict[int, object] = {}
    monkeypatch.setattr("signal.signal", handlers.__setitem__)
    start = RunningSandbox.start

    def start_and_end(running: RunningSandbox) -> SandboxClient:
        client = start(running)
        assert client.health()["status"] == "ok"
        handler = handlers[signal.SIGTERM]
        assert callable(handler)
        handler(signal.SIGTERM, None)
        return client

    monkeypatch.setattr(RunningSandbox, "start", start_and_end)
    return lambda *arguments: command.main(arguments)


def test_the_first_line_is_the_address(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("--port", "0") == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("http://127.0.0.1:")
    assert any("sandbox-plan" in line for line in others)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "--allow-remote"),
        (("--set", "colour=red"), "there is no setting 'colour'"),
        (("--set", "delivery_delay"), "is not NAME=VALUE"),
        (("--set", "cancel_after_dispatch=403"), "must be one of 200, 409"),
        (("--script", "{"), "script: Invalid JSON"),
        (("--script", '{"shares": {"never": 1}}'), "prefix: Field required"),
        (
            ("--script", '{"prefix": "999", "shares": {"never": 2}}'),
            "shares.never: Input should be less than",
        ),
        (("--allow-host", "http://sandbox.corp"), "is not a host name"),
        (("--allow-host", "*"), "is not a host name"),
        (("--speed", "0"), "more than 0"),
        (("--clock", "broken"), "invalid choice"),
    ],
)
def test_arguments_that_make_no_sense(
    main: Main, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(*arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_faster_clock_on_the_command_line(main: Main) -> None:
    assert main("--port", "0", "--clock", "real", "--speed", "60") == 0


@pytest.mark.parametrize(
    "assignment",
    [
        "delivery_delay=0.5",
        "token_lifetime=60",
        "token_rate_limit=false",
        "default_originator=none",
        "cancelled_status=Aborted",
    ],
)
def test_settings_on_the_command_line(main: Main, assignment: str) -> None:
    assert main("--port", "0", "--set", assignment) == 0


def test_scripts_from_the_start_hold_after_a_reset() -> None:
    scripts = (
        '{"prefix": "+999", "shares": {"never": 1}}',
        '{"prefix": "44", "status": "Failed", "code": 150}',
    )
    with process(*(each for script in scripts for each in ("--script", script))) as (client, _):
        client.script()
        client.reset()
        answer = requests.get(f"{client.url}/sandbox/outcomes", timeout=10).json()
    assert [each["prefix"] for each in answer["scripted"]] == ["999", "44"]
    assert answer["scripted"][0]["shares"]["never"] == 1


def test_help_names_everything(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main("--help")
    text = " ".join(capsys.readouterr().out.split())
    for flag in (
        "--host",
        "--port",
        "--db",
        "--clock",
        "--speed",
        "--set",
        "--script",
        "--api-token",
        "--allow-remote",
        "--allow-host",
        "Everyone who reaches it controls it",
        "SINCH_SANDBOX_API_TOKEN",
        "examples",
    ):
        assert flag in text


def test_an_address_that_is_taken_and_a_database_that_cannot_be(
    main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main("--port", str(taken.getsockname()[1])) == 1
    assert "cannot listen on 127.0.0.1" in capsys.readouterr().err
    assert main("--port", "0", "--db", str(tmp_path)) == 1
    assert "did not start: unable to open database file" in capsys.readouterr().err
