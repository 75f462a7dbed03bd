"""Both clients on the way to Sinch: tokens, proxies, certificates, and what errors say about it."""

from __future__ import annotations

import contextlib
import logging
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import (
    Effect,
    SinchAuthError,
    SinchBadRequestError,
    SinchConnectionError,
    SinchError,
    SinchUncertainError,
    SinchUnexpectedAnswerError,
)
from sinch_provider.sms.wire.retry import ATTEMPTS
from tests.unit.sms.calls import (
    BATCH,
    CANCEL,
    GET,
    GOOD,
    ID,
    NUMBER,
    REPORT,
    SEND,
    TEXT,
    TOKEN,
    UPDATE,
    by_operation,
    told,
)
from tests.unit.sms.conftest import Player, plan_account, project_account
from tests.unit.sms.scripted import (
    CLOSED,
    EXPIRED,
    HANGING,
    NO_HTTP,
    RESET,
    UNKNOWN_TOKEN,
    Reply,
    ScriptedServer,
    half,
    reply,
    token,
)

# --- tokens


def test_a_token_is_fetched_once_per_key_and_kept_over_clients(do: Player, server: ScriptedServer) -> None:
    server.script = [token("t1"), *[GOOD["batches.get"]] * 3]
    account = project_account(server.url)
    for _ in range(3):
        do(account, *GET)
    assert server.paths() == ["POST /oauth2/token", *[f"GET /batches/{ID}"] * 3]
    asked, *calls = server.received
    assert asked.body == b"grant_type=client_credentials"
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.headers["authorization"].startswith("Basic ")
    assert {call.headers["authorization"] for call in calls} == {"Bearer t1"}


def test_another_key_has_another_token(do: Player, server: ScriptedServer) -> None:
    server.script = [token("t1"), GOOD["batches.get"], token("t2"), GOOD["batches.get"]]
    do(project_account(server.url), *GET)
    do(project_account(server.url), *GET)
    assert server.received[3].headers["authorization"] == "Bearer t2"


def test_a_token_about_to_expire_is_not_used_again(do: Player, server: ScriptedServer) -> None:
    server.script = [token("t1", expires_in=59), GOOD["batches.get"], token("t2"), GOOD["batches.get"]]
    account = project_account(server.url)
    do(account, *GET)
    do(account, *GET)
    assert server.received[3].headers["authorization"] == "Bearer t2"


@pytest.mark.parametrize("call", [SEND, UPDATE, GET, CANCEL], ids=by_operation)
def test_an_expired_token_is_renewed_once_and_the_call_made_again(
    do: Player, server: ScriptedServer, call: tuple[Any, ...]
) -> None:
    server.script = [token("t1"), EXPIRED, token("t2"), GOOD[call[0]]]
    do(project_account(server.url), *call)
    assert [received.headers["authorization"] for received in server.received[1::2]] == [
        "Bearer t1",
        "Bearer t2",
    ]
    assert do.pauses == []


def test_a_second_expired_token_is_an_error(do: Player, server: ScriptedServer) -> None:
    server.script = [token("t1"), EXPIRED, token("t2"), EXPIRED, token("t3")]
    with pytest.raises(SinchAuthError):
        do(project_account(server.url), *SEND)
    assert len(server.received) == 4


@pytest.mark.parametrize("refusal", [UNKNOWN_TOKEN, reply(401)], ids=["unknown", "bare"])
def test_a_token_that_is_not_accepted_is_not_renewed(
    do: Player, server: ScriptedServer, refusal: Reply
) -> None:
    server.script = [token("t1"), refusal, token("t2")]
    with pytest.raises(SinchAuthError, match="does not accept the credentials"):
        do(project_account(server.url), *GET)
    assert len(server.received) == 2


def test_a_static_token_cannot_be_renewed(do: Player, server: ScriptedServer) -> None:
    server.script = [EXPIRED, GOOD["batches.get"]]
    with pytest.raises(SinchAuthError):
        do(plan_account(server.url), *GET)
    assert len(server.received) == 1


@pytest.mark.parametrize("value", ["t1\r\nX-Header: of-somebody", "t1\n\tfolded", "t1\x00", " t1", "t\u20ac"])
@pytest.mark.parametrize("call", [SEND, GET], ids=by_operation)
def test_a_token_that_no_header_can_carry_is_not_sent(
    do: Player, server: ScriptedServer, call: tuple[Any, ...], value: str
) -> None:
    server.script = [token(value), GOOD[call[0]]]
    with pytest.raises(SinchUnexpectedAnswerError, match="access_token has characters") as caught:
        do(project_account(server.url), *call)
    assert caught.value.effect is Effect.NONE
    assert server.paths() == ["POST /oauth2/token"]


@pytest.mark.parametrize(
    "trouble", [CLOSED, RESET, reply(429), reply(503)], ids=["closed", "reset", "429", "503"]
)
def test_trouble_with_the_token_endpoint_is_waited_out_even_for_a_send(
    do: Player, server: ScriptedServer, trouble: Reply
) -> None:
    server.script = [trouble, token("t1"), GOOD["batches.send"]]
    do(project_account(server.url), *SEND)
    assert server.paths() == ["POST /oauth2/token", "POST /oauth2/token", "POST /batches"]
    assert len(do.pauses) == 1


def test_a_failing_token_endpoint_sends_nothing(do: Player, server: ScriptedServer) -> None:
    server.script = [CLOSED] * ATTEMPTS
    with pytest.raises(SinchConnectionError, match=r"Nothing was sent\.") as caught:
        do(project_account(server.url), *SEND)
    assert caught.value.effect is Effect.NONE
    assert server.paths() == ["POST /oauth2/token"] * ATTEMPTS


def test_a_wrong_key_does_not_show(do: Player, server: ScriptedServer) -> None:
    body = {"error": "invalid_client", "error_description": "Unknown key."}
    server.script = [reply(401, body)]
    with pytest.raises(SinchAuthError, match="key id and key secret") as caught:
        do(project_account(server.url), *GET)
    assert "key-secret" not in told(caught.value)
    assert len(server.received) == 1


# --- proxies


@pytest.fixture
def proxied(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setenv("http_proxy", server.url)
    return plan_account("http://sinch.test", allow_insecure=True)


def test_a_proxy_of_the_environment_is_used(do: Player, server: ScriptedServer, proxied: Account) -> None:
    server.script = [GOOD["batches.get"]]
    do(proxied, *GET)
    assert server.received[0].target == f"http://sinch.test/xms/v1/plan/batches/{ID}"
    assert server.received[0].headers["authorization"] == "Bearer plan-token"


@pytest.mark.parametrize(
    "trouble", [CLOSED, RESET, half(BATCH), NO_HTTP], ids=["closed", "reset", "half", "no-http"]
)
def test_an_answer_lost_behind_a_proxy_is_lost_all_the_same(
    do: Player, server: ScriptedServer, proxied: Account, trouble: Reply
) -> None:
    # The libraries call this a failure of the proxy, as they call it when the proxy cannot be reached.
    server.script = [trouble, GOOD["batches.send"]]
    with pytest.raises(SinchUncertainError):
        do(proxied, *SEND)
    assert len(server.received) == 1


def test_a_proxy_that_cannot_be_reached_is_no_connection(do: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = ScriptedServer([GOOD["batches.send"]])
    monkeypatch.setenv("http_proxy", proxy.url)
    do.on_pause = proxy.start
    try:
        do(plan_account("http://sinch.test", allow_insecure=True), *SEND)
    finally:
        proxy.stop()
    assert len(do.pauses) == 1


def test_a_proxy_that_refuses_the_tunnel_is_no_connection(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", server.url)
    server.script = [reply(403)] * ATTEMPTS
    with pytest.raises(SinchConnectionError, match=r"Nothing was sent\."):
        do(plan_account("https://sinch.test"), *SEND)
    assert {received.method for received in server.received} == {"CONNECT"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_told_the_credentials_of_its_url(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", server.url.replace("//", "//somebody:pass@"))
    server.script = [GOOD["batches.get"]] if scheme == "http" else [reply(403)] * ATTEMPTS
    with contextlib.suppress(SinchConnectionError):
        do(plan_account(f"{scheme}://sinch.test", allow_insecure=True), *GET)
    assert server.received[0].headers["proxy-authorization"] == "Basic c29tZWJvZHk6cGFzcw=="
    tunnel = server.received[0].headers.get("authorization")
    assert tunnel == ("Bearer plan-token" if scheme == "http" else None)


@pytest.mark.parametrize("exception", ["127.0.0.1", "*"])
def test_hosts_excepted_from_the_proxy_are_asked_directly(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, exception: str
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", exception)
    server.script = [GOOD["batches.get"]]
    do(plan_account(server.url), *GET)
    assert server.received[0].target.startswith("/xms/")


def test_a_proxy_without_a_scheme_is_an_http_proxy(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")
    server.script = [GOOD["batches.get"]]
    do(plan_account("http://sinch.test", allow_insecure=True), *GET)
    assert server.received[0].target.startswith("http://sinch.test/")


# --- certificates


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_host_whose_certificate_is_not_trusted_gets_nothing(do: Player, stranger: ssl.SSLContext) -> None:
    with (
        ScriptedServer([GOOD["batches.send"]] * ATTEMPTS, tls=stranger) as server,
        pytest.raises(SinchConnectionError, match=r"no connection .*Nothing was sent\.") as caught,
    ):
        do(plan_account(server.url), *SEND)
    assert server.received == []
    assert caught.value.effect is Effect.NONE


# --- what errors say


@pytest.mark.parametrize(
    "trouble",
    [
        CLOSED,
        RESET,
        half(REPORT),
        HANGING,
        NO_HTTP,
        reply(404, b"No /delivery_report/447700900222 here"),
        reply(302),
    ],
)
def test_a_number_in_a_url_does_not_show_in_what_is_raised(
    do: Player, server: ScriptedServer, trouble: Reply
) -> None:
    server.script = [trouble] * ATTEMPTS
    with pytest.raises(SinchError) as caught:
        do(plan_account(server.url, timeout=0.2), "delivery_reports.get_for_number", ID, NUMBER)
    assert NUMBER[1:] not in told(caught.value)
    server.script = [trouble] * ATTEMPTS
    with pytest.raises(SinchError) as caught:
        do(plan_account(server.url, timeout=0.2), "batches.list", from_=NUMBER)
    assert NUMBER[1:] not in told(caught.value)


def test_a_number_in_a_url_does_not_show_when_there_is_no_connection(do: Player) -> None:
    server = ScriptedServer()
    with contextlib.closing(server._socket), pytest.raises(SinchConnectionError) as caught:
        do(plan_account(server.url), "delivery_reports.get_for_number", ID, NUMBER)
    assert NUMBER[1:] not in told(caught.value)
    assert TOKEN not in told(caught.value)


@pytest.mark.parametrize("trouble", [reply(200, REPORT), CLOSED, half(REPORT), reply(500)])
def test_a_number_in_a_url_does_not_show_in_any_log(
    do: Player, server: ScriptedServer, caplog: pytest.LogCaptureFixture, trouble: Reply
) -> None:
    server.script = [trouble] * ATTEMPTS + [GOOD["batches.list"]] * 2
    with caplog.at_level(logging.DEBUG):
        with contextlib.suppress(SinchError):
            do(plan_account(server.url), "delivery_reports.get_for_number", ID, NUMBER)
        server.script = [GOOD["batches.list"]]
        do(plan_account(server.url), "batches.list", from_=NUMBER)
    assert NUMBER[1:] not in caplog.text
    assert TOKEN not in caplog.text


def test_neither_texts_nor_tokens_show_in_what_is_raised(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(400, {"code": "x", "text": f"'{TEXT}' to {NUMBER} is bad"})]
    with pytest.raises(SinchBadRequestError) as caught:
        do(plan_account(server.url), *SEND)
    assert "'***' to +4477***0222 is bad" in str(caught.value)
    for secret in (TEXT, NUMBER[1:], TOKEN):
        assert secret not in told(caught.value)
