"""The edges of the HTTP surface: bodies, verbs, paths, hosts."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.core.limits import largest_body
from tests.unit.sandbox.wire import Api, accepted, refused

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"body": NaN}',
        b'{"body": "\\ud800"}',
        b'{"body": "x"} trailing',
        b"[" * 100_000,
        b'{"to": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json(api: Api, body: bytes) -> None:
    refused(api.call("POST", "/batches", data=body, headers=JSON), 400, "syntax_invalid_json")


@pytest.mark.parametrize("body", [b"[]", b"5", b'"text"', b"null"])
def test_json_that_is_no_object(api: Api, body: bytes) -> None:
    refused(api.call("POST", "/batches", data=body, headers=JSON), 400, "syntax_invalid_parameter_format")


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_a_body_of_another_type_is_415(api: Api, kind: str | None) -> None:
    batch_id = api.sent()["id"]
    for method, path in (
        ("POST", "/batches"),
        ("POST", "/batches/dry_run"),
        ("POST", f"/batches/{batch_id}"),
        ("PUT", f"/batches/{batch_id}"),
        ("POST", f"/batches/{batch_id}/delivery_feedback"),
    ):
        response = api.call(method, path, data=b"{}", headers={"Content-Type": kind} if kind else {})
        assert (response.status_code, response.content) == (415, b"")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_ways_to_say_json(api: Api, kind: str) -> None:
    body = json.dumps({"to": ["447700900222"], "body": "x"})
    assert api.call("POST", "/batches", data=body, headers={"Content-Type": kind}).status_code == 201


def test_a_content_type_on_a_read_is_tolerated(api: Api) -> None:
    assert api.call("GET", "/batches", headers=JSON).status_code == 200
    assert api.call("DELETE", f"/batches/{api.sent()['id']}", headers=JSON).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/batches/01J8ZC4M7T2Q9KX5RVBW3NHYDP"),
        ("DELETE", "/batches"),
        ("PUT", "/batches/dry_run/delivery_report"),
        ("POST", "/delivery_reports"),
    ],
)
def test_verbs_that_a_path_does_not_know(api: Api, method: str, path: str) -> None:
    response = api.call(method, path, json={})
    assert (response.status_code, response.content) == (405, b"")


@pytest.mark.parametrize(
    "path", ["", "/batches/", "/batches/a/b", "/inbound", "/batches/a/delivery_report/b/c"]
)
def test_paths_that_lead_nowhere(api: Api, path: str) -> None:
    response = api.call("GET", path)
    assert (response.status_code, response.content) == (404, b"")


def test_a_dry_run_is_not_an_update_of_a_batch_of_that_name(api: Api) -> None:
    assert accepted(api.dry_run())["number_of_recipients"] == 1
    assert api.call("GET", "/batches/dry_run").status_code == 404


def test_text_travels_unharmed(api: Api, sinch_sandbox: SandboxClient) -> None:
    text = "Sjövik 😀 \x00 <script>alert(1)</script> \u2028 '; DROP TABLE messages; --"
    assert api.get(api.sent(body=text)["id"])["body"] == text
    assert sinch_sandbox.messages()[0]["body"] == text


def test_the_date_of_a_reply_is_the_sandbox_s(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.advance(86_400)
    shown = parsedate_to_datetime(api.call("GET", "/batches").headers["date"])
    assert shown.strftime("%Y-%m-%dT%H:%M:%S") == sinch_sandbox.now()[:19]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8026", "127.0.0.1:1", "[::1]:8026", "[::2]", "192.0.2.1"]
)
def test_loopback_names_and_addresses_are_answered(sinch_sandbox: SandboxClient, host: str) -> None:
    response = requests.get(f"{sinch_sandbox.url}/sandbox/health", headers={"Host": host}, timeout=10)
    assert response.status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""])
def test_other_names_are_not(sinch_sandbox: SandboxClient, host: str) -> None:
    for path in ("/sandbox/messages", "/xms/v1/sandbox-plan/batches", "/"):
        response = requests.get(f"{sinch_sandbox.url}{path}", headers={"Host": host}, timeout=10)
        assert response.status_code == 421


@pytest.mark.parametrize("path", ["/xms/v1/sandbox-plan/batches", "/sandbox/faults", "/oauth2/token"])
@pytest.mark.parametrize("announced", [True, False])
def test_bodies_that_are_too_large_are_cut_off(
    sinch_sandbox: SandboxClient, path: str, announced: bool
) -> None:
    connection = http.client.HTTPConnection(urlsplit(sinch_sandbox.url).netloc, timeout=10)
    method = "PUT" if path == "/sandbox/faults" else "POST"
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sandbox-token"}
    if announced:
        connection.putrequest(method, path)
        for name, value in {**headers, "Content-Length": str(largest_body(path) + 1)}.items():
            connection.putheader(name, value)
        connection.endheaders()
    else:
        chunks = (b"x" * 1_000_000 for _ in range(11))
        with contextlib.suppress(ConnectionError):
            connection.request(method, path, chunks, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("body", [b"\\ud800", b'{"a": "\\ud800"', b"[" * 100_000 + b'"\\ud800"'])
def test_a_body_that_is_broken_in_every_way_is_refused(sinch_sandbox: SandboxClient, body: bytes) -> None:
    for path in ("clock", "ledger", "faults"):
        response = requests.post(
            f"{sinch_sandbox.url}/sandbox/{path}",
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=10,
        )
        assert 400 <= response.status_code < 500
        assert response.json()["detail"]


def test_a_request_that_is_broken_off_is_no_failure_of_the_server(sinch_sandbox, caplog):
    host, port = sinch_sandbox.url.removeprefix("http://").split(":")
    head = "POST /xms/v1/sandbox-plan/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}{{".encode())
    # The server closes it in turn, once it has seen the end; only then is its log complete.
    assert sinch_sandbox.health()["status"] == "ok"
    assert "Exception in ASGI application" not in caplog.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/inbox/app.js",
        "/sandbox/health",
        "/sandbox/messages",
        "/sandbox/metrics",
        "/sandbox/docs",
        "/sandbox/batches",
    ],
)
def test_head_is_answered_where_get_is(sinch_sandbox: SandboxClient, api: Api, path: str) -> None:
    api.sent()
    got = requests.get(f"{sinch_sandbox.url}{path}", timeout=10)
    head = requests.head(f"{sinch_sandbox.url}{path}", timeout=10)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("path", ["/sandbox/events", "/sandbox/export.csv", "/sandbox/export.json"])
def test_head_of_what_is_streamed_ends(sinch_sandbox: SandboxClient, path: str) -> None:
    with requests.Session() as session:
        for _ in range(3):
            head = session.head(f"{sinch_sandbox.url}{path}", timeout=10)
            assert (head.status_code, head.content) == (200, b"")
    assert sinch_sandbox.health()["status"] == "ok"


def test_head_of_sinch_s_reads(api: Api) -> None:
    batch = api.sent()["id"]
    for path in (
        "/batches",
        f"/batches/{batch}",
        f"/batches/{batch}/delivery_report",
        "/inbounds",
        "/groups",
    ):
        response = api.call("HEAD", path)
        assert (response.status_code, response.content) == (200, b"")
    assert api.call("HEAD", "/batches/nope").status_code == 404
    assert api.call("HEAD", "/batches/dry_run/nope").status_code == 404
    unknown = Api(api.base.partition("/xms")[0], token="wrong")
    assert unknown.call("HEAD", "/batches").status_code == 401


@pytest.mark.parametrize("path", ["/sandbox/clock", "/sandbox/reset", "/oauth2/token"])
def test_head_does_nothing_elsewhere(sinch_sandbox: SandboxClient, path: str) -> None:
    expected = 200 if path == "/sandbox/clock" else 405
    assert requests.head(f"{sinch_sandbox.url}{path}", timeout=10).status_code == expected
