"""Testing a connection: in a few seconds it says what is right, or which field of the form is wrong."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sinch_provider.hooks.sinch import SinchHook
from tests.integration.trials import PLAN, PROJECT, Test, tester
from tests.unit.sms.certificates import Authority
from tests.unit.sms.scripted import UNKNOWN_TOKEN, Received, Reply, ScriptedServer, reply, token

PAGE = b"<html><body>Please log in</body></html>"
EMPTY = {"count": 0, "page": 0, "batches": [], "page_size": 1}
HOSTS = [
    f"{prefix}{region}.sms.api.sinch.com"
    for prefix in ("", "zt.")
    for region in ["us", "eu", "au", "br", "ca"]
]


@pytest.fixture
def test(monkeypatch: pytest.MonkeyPatch) -> Test:
    return tester(monkeypatch)


@pytest.fixture
def sinch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedServer]:
    """A server for every name of Sinch's."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    found = socket.getaddrinfo
    server = ScriptedServer(tls=authority.server(*HOSTS, "auth.sinch.com"))

    def look_up(host: str, port: int, *rest: Any) -> Any:
        return (
            found("127.0.0.1", server.port, *rest) if host.endswith("sinch.com") else found(host, port, *rest)
        )

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    with server:
        yield server


def test_success_says_account_region_host_and_sender(test: Test, sinch: ScriptedServer) -> None:
    sinch.script = lambda _: reply(200, EMPTY)
    assert test(PLAN, region="eu", **{"from": "Bistro"}) == (
        True,
        "Sinch accepts the API token of service plan plan. Region: eu. Host: eu.sms.api.sinch.com. "
        "Default sender: Bistro.",
    )
    assert len(sinch.received) == 1


def test_success_of_a_project_shows_no_number(test: Test, sinch: ScriptedServer) -> None:
    sinch.script = [token("fetched-token"), reply(200, EMPTY)]
    works, said = test(PROJECT, **{"from": "+447700900222"})
    assert works
    assert said.startswith("Sinch accepts the access key of project project. Region: us. ")
    assert said.endswith("Default sender: +4477***0222.")
    assert "fetched-token" not in said


@pytest.mark.parametrize("which", ["connection", "project_connection"])
def test_the_sandbox_is_named_as_the_host_it_is(test: Test, sinch_sandbox: Any, which: str) -> None:
    host = sinch_sandbox.url.removeprefix("http://")
    works, said = test(getattr(sinch_sandbox, which))
    assert works
    assert said.startswith(f"{host} accepts the ")
    assert f"Region: that of the host, because Host or base_url is set. Host: {host}. " in said


def test_a_path_that_is_clear_is_taken(test: Test, sinch_sandbox: Any) -> None:
    url = sinch_sandbox.url
    plan = sinch_sandbox.connection["login"]
    assert test(sinch_sandbox.connection, base_url=f"{url}/xms/v1/{plan}/batches")[0]
    assert test(sinch_sandbox.project_connection, base_url=f"{url}/xms/v1", auth_url=f"{url}/oauth2/token")[0]


def test_every_kind_of_mistake_is_told_apart(test: Test, sinch_sandbox: Any) -> None:
    plan, project = sinch_sandbox.connection, sinch_sandbox.project_connection
    host = sinch_sandbox.url.removeprefix("http://")
    for connection, changes, words in [
        (plan, {"password": "wrong"}, f"{host} does not accept the credentials (HTTP 401). Correct login"),
        (plan, {"login": "other"}, "Correct login (service plan id) or password (API token): "),
        (
            plan,
            {"login": "3b1f8e5a-0d5c-4b7e-9a57-1c2d3e4f5a6b"},
            "If the login is the key id of an access key, fill in Project id.",
        ),
        (project, {"password": "wrong"}, f"{host} does not accept the access key (HTTP 401, invalid_client"),
        (project, {"login": "wrong"}, "Correct login (key id) or password (key secret)"),
        (project, {"project_id": "other"}, f"{host} accepts the access key, but not the project"),
        (project, {"project_id": "other"}, "Correct Project id: "),
        (plan, {"base_url": "http://127.0.0.1:9"}, "127.0.0.1:9: no connection to Sinch (ConnectionRefused"),
        (plan, {"base_url": "http://127.0.0.1:9"}, "Correct Host or base_url, or check the network"),
        (project, {"auth_url": "http://127.0.0.1:9"}, "127.0.0.1:9: no connection"),
        (project, {"auth_url": "http://127.0.0.1:9"}, "Correct Token URL, or check the network"),
        (plan, {"base_url": None, "region": "mars"}, "region: must be one of us, eu, au, br, ca"),
        (plan, {"base_url": "https://eu.sms.api.sinch.com/v1"}, "base_url: must end after the host"),
    ]:
        works, said = test(connection, **changes)
        assert not works
        assert words in said


@pytest.mark.parametrize(
    ("there", "connection", "said"),
    [
        ("eu.", PLAN, "Sinch accepts these credentials in region eu, not in us. Set Region to eu."),
        ("zt.eu.", PROJECT, "Sinch accepts these credentials in region eu, not in us. Set Region to eu."),
        (
            "none",
            PLAN,
            "Sinch does not accept the credentials in any region (HTTP 401). Correct login (service plan id) "
            "or password (API token): dashboard.sinch.com, SMS, APIs.",
        ),
        (
            "none",
            PROJECT,
            "Sinch accepts the access key, but not the project in any region (HTTP 401). "
            "Correct Project id: dashboard.sinch.com, Settings, Access keys.",
        ),
    ],
)
def test_a_wrong_region_is_told_from_wrong_credentials(
    test: Test, sinch: ScriptedServer, there: str, connection: dict[str, Any], said: str
) -> None:
    def answer(received: Received) -> Reply:
        if received.path == "/oauth2/token":
            return token("fetched-token")
        return reply(200, EMPTY) if received.headers["host"].startswith(there) else UNKNOWN_TOKEN

    sinch.script = answer
    assert test(connection) == (False, said)
    asked = [received.headers["host"] for received in sinch.received]
    assert len(asked) == len(set(asked))


def test_a_region_that_does_not_answer_leaves_a_doubt(test: Test, sinch: ScriptedServer) -> None:
    sinch.script = [UNKNOWN_TOKEN]
    works, said = test(PLAN)
    assert not works
    assert "Correct login (service plan id) or password (API token), or Region: " in said


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, PAGE, Content_Type="text/html"),
        reply(200, {"status": "ok"}),
        reply(302, b"", Location="https://login.example.test/"),
        reply(404, PAGE, Content_Type="text/html"),
        reply(404, {"detail": "Not Found"}),
        reply(403, b""),
        reply(401, PAGE, Content_Type="text/html"),
        reply(401, b"", **{"WWW-Authenticate": 'Basic realm="router"'}),
    ],
    ids=["page", "other JSON", "redirect", "no page", "other API", "empty", "log-in page", "router"],
)
def test_another_host_is_not_sinch(test: Test, answer: Reply) -> None:
    with ScriptedServer([answer]) as server:
        works, said = test(PLAN, base_url=server.url)
        host = server.url.removeprefix("http://")
    assert not works
    assert f"{host} is not Sinch (HTTP " in said
    assert "Correct Host or base_url" in said
    assert "Please log in" not in said


@pytest.mark.parametrize("status", [200, 302, 401, 404])
def test_another_host_is_not_the_token_endpoint(test: Test, status: int) -> None:
    with ScriptedServer([reply(status, PAGE, Content_Type="text/html")]) as server:
        works, said = test(PROJECT, auth_url=server.url)
        host = server.url.removeprefix("http://")
    assert not works
    assert said == (
        f"{host} is not Sinch's token endpoint (HTTP {status}). "
        "Correct Token URL, or check the network and the proxy of the Airflow server."
    )


def test_a_page_of_a_proxy_is_not_sinch_either(test: Test, sinch: ScriptedServer) -> None:
    sinch.script = [reply(403, PAGE, Content_Type="text/html")]
    assert test(PLAN) == (
        False,
        "us.sms.api.sinch.com is not Sinch (HTTP 403). "
        "Check the network, and the proxy of the Airflow server.",
    )


def test_what_sinch_refuses_for_another_reason_is_quoted(test: Test, sinch: ScriptedServer) -> None:
    sinch.script = lambda _: reply(403, {"code": "blocked", "text": "Account of +447700900222 blocked"})
    works, said = test(PLAN)
    assert not works
    assert "(HTTP 403, blocked, Account of +4477***0222 blocked)" in said


# A stored connection can be tested with extras that anybody names.


@pytest.fixture
def anywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A server that answers under every name."""
    found = socket.getaddrinfo
    server = ScriptedServer(lambda _: reply(200, EMPTY))
    monkeypatch.setattr("socket.getaddrinfo", lambda _, *rest: found("127.0.0.1", *rest))
    with server:
        yield server


@pytest.mark.parametrize(
    ("connection", "extra", "host"),
    [
        (PLAN, {"base_url": "http://gateway.example.test:{port}"}, None),
        (PLAN, {"base_url": "http://gateway.example.test:{port}"}, "http://gateway.example.test:1"),
        (PLAN, {"base_url": "http://gateway.example.test:{port}"}, "https://gateway.example.test:{port}"),
        (PLAN, {"base_url": "http://gateway.example.test:{port}"}, "http://other.example.test:{port}"),
        (PLAN, {"base_url": "http://gateway.example.test:{port}"}, "gateway.example.test:{port}"),
        (PLAN, {"base_url": "http://sinch.com:{port}"}, None),
        (PLAN, {"base_url": "http://eu.sms.api.sinch.com:{port}"}, None),
        (PLAN, {"base_url": "http://sinch.com.example.test:{port}"}, None),
        (PLAN, {"base_url": "http://notsinch.com:{port}"}, None),
        (PLAN, {"base_url": "http://localhost.example.test:{port}"}, None),
        (PLAN, {"base_url": "https://gateway.example.test\\.sinch.com"}, None),
        (PLAN, {"base_url": "https://gateway.example.test\t.sinch.com"}, None),
        (PROJECT, {"auth_url": "http://gateway.example.test:{port}"}, None),
        (PROJECT, {"auth_url": "http://gateway.example.test:{port}"}, "http://other.example.test:{port}"),
        (PROJECT, {"base_url": "http://gateway.example.test:{port}"}, "http://other.example.test:{port}"),
    ],
)
def test_credentials_do_not_go_to_a_host_that_an_extra_names(
    test: Test,
    anywhere: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    connection: dict[str, Any],
    extra: dict[str, str],
    host: str | None,
) -> None:
    looked_for: list[str] = []
    found = socket.getaddrinfo

    def look_up(name: str, *rest: Any) -> Any:
        looked_for.append(name)
        return found(name, *rest)

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    extra = {name: url.format(port=anywhere.port) for name, url in extra.items()}
    works, said = test(
        connection, allow_insecure=True, host=host and host.format(port=anywhere.port), **extra
    )
    assert not works
    assert said.startswith("Nothing was tested. The test sends credentials only to Sinch, to this machine, ")
    assert said.endswith(
        f"{'Token URL' if 'auth_url' in extra else 'base_url'} leads elsewhere: put its URL into Host."
    )
    assert not looked_for
    assert not anywhere.received


@pytest.mark.parametrize(
    ("host", "port", "extra"),
    [
        ("http://gateway.example.test:{port}", None, {}),
        ("http://gateway.example.test:{port}/", None, {}),
        ("http://gateway.example.test", "{port}", {}),
        ("http://Gateway.example.test:{port}", None, {"base_url": "http://gateway.example.test:{port}/sms"}),
        ("http://other.example.test", None, {"base_url": "http://127.0.0.1:{port}"}),
    ],
)
def test_credentials_go_to_the_host_of_the_connection(
    test: Test, anywhere: ScriptedServer, host: str, port: str | None, extra: dict[str, str]
) -> None:
    extra = {name: url.format(port=anywhere.port) for name, url in extra.items()}
    works, said = test(
        PLAN,
        host=host.format(port=anywhere.port),
        port=anywhere.port if port else None,
        allow_insecure=True,
        **extra,
    )
    assert works, said
    assert len(anywhere.received) == 1


def test_a_token_may_be_fetched_from_the_host_of_the_connection(test: Test, anywhere: ScriptedServer) -> None:
    anywhere.script = [token("fetched-token"), reply(200, EMPTY)]
    url = f"http://gateway.example.test:{anywhere.port}"
    works, said = test(PROJECT, host=url, auth_url=url, allow_insecure=True)
    assert works, said


def test_what_is_only_tested_elsewhere_still_works_elsewhere(
    monkeypatch: pytest.MonkeyPatch, anywhere: ScriptedServer
) -> None:
    extra = {"base_url": f"http://gateway.example.test:{anywhere.port}", "allow_insecure": True}
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps({**PLAN, "extra": extra}))
    with SinchHook().new_client() as client:
        assert list(client.batches.list()) == []


@pytest.mark.parametrize("status", [201, 203, 206, 299])
def test_only_the_status_of_the_operation_is_success(test: Test, sinch: ScriptedServer, status: int) -> None:
    with ScriptedServer([reply(status, EMPTY)]) as server:
        works, said = test(PLAN, base_url=server.url)
    assert not works
    assert f"is not Sinch (HTTP {status})" in said
    sinch.script = lambda received: (
        UNKNOWN_TOKEN if received.headers["host"].startswith("us.") else reply(status, EMPTY)
    )
    works, said = test(PLAN)
    assert not works
    assert "accepts these credentials in region" not in said


SECRET = "token-of-the-plan"
SPELLINGS = [
    SECRET.encode().hex(),
    base64.b32encode(SECRET.encode()).decode(),
    SECRET[::-1],
    ".".join(SECRET),
    "".join(f"_{each}" for each in SECRET if each.isalpha()),
]


@pytest.mark.parametrize("spelt", SPELLINGS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 429, 500, 503])
def test_another_host_cannot_spell_the_token_into_the_message(test: Test, status: int, spelt: str) -> None:
    bodies = [
        {"code": spelt, "text": spelt},
        {"error": {"code": status, "status": spelt, "message": spelt}},
        {"type": spelt, "title": spelt, "detail": spelt},
        {"error": spelt, "error_description": spelt},
    ]
    for body in bodies:
        answer = reply(status, body, Content_Type="application/problem+json", X_Token=spelt)
        with ScriptedServer([answer, answer]) as server:
            for connection in (PLAN, PROJECT):
                works, said = test(connection, base_url=server.url)
                assert not works
                assert spelt.casefold() not in said.casefold()
                assert f"HTTP {status}" in said


def test_of_another_host_a_known_code_is_told(test: Test) -> None:
    body = {"code": "syntax_constraint_violation", "text": "Account blocked"}
    with ScriptedServer([reply(400, body)]) as server:
        works, said = test(PLAN, base_url=server.url)
    assert not works
    assert "answers with an error (HTTP 400, syntax_constraint_violation). " in said
    assert "blocked" not in said


@pytest.mark.parametrize("answer", [reply(429, b"", Retry_After="7"), reply(503, b"")])
def test_nothing_is_repeated(test: Test, answer: Reply) -> None:
    with ScriptedServer([answer, answer]) as server:
        assert not test(PLAN, base_url=server.url)[0]
        assert len(server.received) == 1


def test_a_key_that_was_revoked_does_not_work_because_it_did(test: Test, sinch_sandbox: Any) -> None:
    assert test(sinch_sandbox.project_connection)[0]
    before = sinch_sandbox.calls()["token"]
    assert test(sinch_sandbox.project_connection)[0]
    assert sinch_sandbox.calls()["token"] == before + 1


def test_unknown_extras_are_named_whether_it_works_or_not(test: Test, sinch_sandbox: Any) -> None:
    for password in (sinch_sandbox.connection["password"], "wrong", ""):
        _, said = test(sinch_sandbox.connection, password=password, **{"only-to": "+44", "447700900222": "x"})
        assert "unknown extras, which are ignored: one with 12 characters, only-to." in said


def test_extras_that_the_button_of_airflow_2_sends_twice_are_known(test: Test, sinch_sandbox: Any) -> None:
    extra = {"region": "us", "extra__sinch__region": "us", "extra__sinch__from": "Bistro"}
    works, said = test(sinch_sandbox.connection, **extra)
    assert works
    assert said.endswith("unknown extras, which are ignored: extra__sinch__from.")
