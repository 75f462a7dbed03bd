"""Trouble on demand, seen from a client's side of the wire."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sinch_sandbox.client import SandboxClient, SandboxError
from tests.unit.sandbox.wire import TO, Api, access_token

HEADERS = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/json"}


def raw_send(sandbox: SandboxClient, timeout: float = 10, reference: str = "raw") -> bytes:
    """Send a batch without a library's retries, and read the reply to its end."""
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=timeout)
    body = json.dumps({"to": [TO], "body": "x", "client_reference": reference})
    try:
        connection.request("POST", "/xms/v1/sandbox-plan/batches", body, HEADERS)
        return connection.getresponse().read()
    finally:
        connection.close()


def struck(sandbox: SandboxClient) -> list[int]:
    return [fault["struck"] for fault in sandbox.faults()]


# Replies that get lost


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("close", http.client.RemoteDisconnected),
        ("reset", ConnectionResetError),
        ("half_body", http.client.IncompleteRead),
    ],
)
@pytest.mark.parametrize("when", ["after", "before"])
def test_a_broken_connection_and_what_took_place_before_it_broke(
    sinch_sandbox: SandboxClient, how: str, error: type[Exception], when: str
) -> None:
    sinch_sandbox.fault("lost_reply", "send", how=how, when=when)
    with pytest.raises(error) as caught:
        raw_send(sinch_sandbox)
    assert type(caught.value) is error
    assert len(sinch_sandbox.messages()) == (1 if when == "after" else 0)
    assert struck(sinch_sandbox) == [1]
    assert b'"id"' in raw_send(sinch_sandbox)


def test_half_a_body_is_the_first_half_of_the_real_one(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("lost_reply", "send", how="half_body")
    with pytest.raises(http.client.IncompleteRead) as caught:
        raw_send(sinch_sandbox)
    assert caught.value.partial.startswith(b'{"id":"01')
    assert abs(len(caught.value.partial) - (caught.value.expected or 0)) <= 1


def test_a_reply_without_a_body_cannot_be_halved_so_it_is_lost(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    path = f"/batches/{api.sent(feedback_enabled=True)['id']}/delivery_feedback"
    sinch_sandbox.fault("lost_reply", "delivery_feedback", how="half_body")
    with pytest.raises(requests.ConnectionError):
        api.call("POST", path, json={"recipients": []})


def test_a_hanging_reply_holds_the_caller_and_nobody_else(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("lost_reply", "send", how="hang")
    with pytest.raises(TimeoutError):
        raw_send(sinch_sandbox, timeout=0.2)
    assert len(sinch_sandbox.messages()) == 1
    assert b'"id"' in raw_send(sinch_sandbox)


def test_the_reply_to_a_refused_call_gets_lost_too(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("lost_reply", "send")
    with pytest.raises(requests.ConnectionError):
        api.send(to=[])
    assert api.send(to=[]).status_code == 400


# Replies that come, but not as hoped


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("when", [None, "before", "after"])
def test_a_server_error_before_or_after_the_effect(
    api: Api, sinch_sandbox: SandboxClient, status: int, when: str | None
) -> None:
    sinch_sandbox.fault("server_error", "send", status=status, when=when)
    response = api.send()
    assert (response.status_code, response.content) == (status, b"")
    assert len(sinch_sandbox.messages()) == (1 if when == "after" else 0)
    assert api.send().status_code == 201


def test_too_many_requests_with_and_without_a_hint(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("rate_limited", "send", count=2)
    sinch_sandbox.fault("rate_limited", "send", retry_after=7)
    replies = [api.send() for _ in range(4)]
    assert [(reply.status_code, reply.headers.get("retry-after")) for reply in replies] == [
        (429, None),
        (429, None),
        (429, "7"),
        (201, None),
    ]
    assert len(sinch_sandbox.messages()) == 1
    assert struck(sinch_sandbox) == [2, 1]


def test_a_server_error_with_a_hint(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "send", status=503, retry_after=8)
    response = api.send()
    assert (response.status_code, response.headers["retry-after"]) == (503, "8")


@pytest.mark.parametrize(
    ("body", "kind", "content"),
    [
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("empty", "application/json", b""),
        ("wrong_type", "application/json", b'["unexpected"]'),
        ("truncated", "application/json", b'{"id":"01'),
    ],
)
def test_a_malformed_body_after_the_effect(
    api: Api, sinch_sandbox: SandboxClient, body: str, kind: str, content: bytes
) -> None:
    sinch_sandbox.fault("malformed", "send", body=body)
    response = api.send()
    assert (response.status_code, response.headers["content-type"]) == (201, kind)
    assert response.content.startswith(content)
    assert len(sinch_sandbox.messages()) == 1
    with pytest.raises((ValueError, TypeError)):
        response.json()["id"]


def test_nothing_to_truncate(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("malformed", "get", body="truncated")
    assert api.call("GET", "/batches/nope").content == b"{"


@pytest.mark.parametrize(
    ("kind", "error"), [("expired_token", "expired"), ("unknown_token", "invalid_token")]
)
def test_a_token_that_is_suddenly_no_good(
    project: Api, sinch_sandbox: SandboxClient, kind: str, error: str
) -> None:
    sinch_sandbox.fault(kind)
    access_token(sinch_sandbox.url)
    response = project.send()
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["www-authenticate"] == f'Bearer error="{error}"'
    assert project.send().status_code == 201


def test_a_slow_reply(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("latency", "send", seconds=3600)
    with pytest.raises(requests.ReadTimeout):
        api.session.post(f"{api.base}/batches", json={"to": [TO], "body": "x"}, timeout=0.2)
    assert sinch_sandbox.messages() == []
    sinch_sandbox.fault("latency", "send", seconds=3600, when="after")
    with pytest.raises(requests.ReadTimeout):
        api.session.post(f"{api.base}/batches", json={"to": [TO], "body": "x"}, timeout=0.2)
    assert len(sinch_sandbox.messages()) == 1


def test_delays_come_on_top_of_other_trouble(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("latency", "send", seconds=0.001)
    sinch_sandbox.fault("server_error", "send")
    sinch_sandbox.fault("server_error", "send", status=503)
    sinch_sandbox.fault("latency", "send", seconds=0)
    assert api.send().status_code == 500
    assert struck(sinch_sandbox) == [1, 1, 0, 1]


def test_a_batch_that_takes_its_time_to_be_listed(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("listing_lag", seconds=30)
    api.listed()
    batch = api.sent(client_reference="a")
    assert api.listed(client_reference="a")["count"] == 0
    assert api.get(batch["id"]) == batch
    assert [each["id"] for each in sinch_sandbox.batches()] == [batch["id"]]
    sinch_sandbox.advance(29)
    assert api.listed(client_reference="a")["count"] == 0
    sinch_sandbox.advance(1)
    assert api.listed(client_reference="a")["count"] == 1
    api.sent(client_reference="b")
    assert api.listed(client_reference="b")["count"] == 1
    assert struck(sinch_sandbox) == [1]


def test_the_token_endpoint_can_be_in_trouble(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "token", status=503)
    response = requests.post(
        f"{sinch_sandbox.url}/oauth2/token", auth=("sandbox-key", "sandbox-secret"), timeout=10
    )
    assert response.status_code == 503


# Which calls are struck


OPERATIONS: list[tuple[str, str, str, Any]] = [
    ("send", "POST", "/batches", {"to": [TO], "body": "x"}),
    ("list", "GET", "/batches", None),
    ("dry_run", "POST", "/batches/dry_run", {"to": [TO], "body": "x"}),
    ("get", "GET", "/batches/{id}", None),
    ("update", "POST", "/batches/{id}", {"body": "y"}),
    ("replace", "PUT", "/batches/{id}", {"to": [TO], "body": "y"}),
    ("cancel", "DELETE", "/batches/{id}", None),
    ("delivery_feedback", "POST", "/batches/{id}/delivery_feedback", {"recipients": []}),
    ("delivery_report", "GET", "/batches/{id}/delivery_report", None),
    ("recipient_report", "GET", "/batches/{id}/delivery_report/447700900222", None),
    ("list_reports", "GET", "/delivery_reports", None),
]


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"), OPERATIONS, ids=[each[0] for each in OPERATIONS]
)
def test_a_fault_strikes_its_operation_and_each_call_is_counted(
    api: Api, sinch_sandbox: SandboxClient, operation: str, method: str, path: str, body: Any
) -> None:
    batch_id = api.sent(feedback_enabled=True)["id"]
    sinch_sandbox.clear_calls()
    for other in OPERATIONS:
        if other[0] != operation:
            sinch_sandbox.fault("server_error", other[0], count=None)
    assert api.call(method, path.format(id=batch_id), json=body).status_code < 300
    sinch_sandbox.clear_faults()
    sinch_sandbox.fault("server_error", operation, count=None)
    assert api.call(method, path.format(id=batch_id), json=body).status_code == 500
    assert sinch_sandbox.calls() == {operation: 2}


def test_a_fault_without_an_operation_strikes_them_all(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", count=None)
    assert [api.send().status_code, api.call("GET", "/batches").status_code] == [500, 500]
    assert struck(sinch_sandbox) == [2]


@pytest.mark.parametrize(
    "match",
    [
        {"client_reference": "a"},
        {"to": "+447700900333"},
        {"to": "447700900333", "from": "+44 7700-900 111"},
        {"flash_message": True},
        {"account": "sandbox-plan", "body": "wanted"},
    ],
)
def test_a_fault_strikes_only_calls_that_match(
    api: Api, sinch_sandbox: SandboxClient, match: dict[str, object]
) -> None:
    sinch_sandbox.fault("server_error", "send", match=match)
    assert api.send(client_reference="b").status_code == 201
    wanted = {"client_reference": "a", "to": [TO, "447700900333"], "flash_message": True, "body": "wanted"}
    assert api.send(**wanted).status_code == 500


def test_a_batch_is_matched_by_its_reference_wherever_its_id_is_used(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    first, second = api.sent(client_reference="a"), api.sent(client_reference="b")
    sinch_sandbox.fault("server_error", match={"client_reference": "b"}, count=None)
    assert api.cancel(first["id"]).status_code == 200
    assert api.cancel(second["id"]).status_code == 500
    assert api.cancel("nope").status_code == 404
    assert api.call("GET", "/batches?client_reference=b").status_code == 500
    sinch_sandbox.clear_faults()
    sinch_sandbox.fault("server_error", match={"batch_id": first["id"]})
    assert api.cancel(second["id"]).status_code == 200
    assert api.cancel(first["id"]).status_code == 500


def test_a_body_that_is_no_json_matches_nothing(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", match={"client_reference": "a"})
    assert api.call("POST", "/batches", data=b"{").status_code == 415


def test_calls_can_be_let_through_first(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "list", skip=2)
    assert [api.call("GET", "/batches").status_code for _ in range(4)] == [200, 200, 500, 200]


def test_chance_is_repeatable(api: Api, sinch_sandbox: SandboxClient) -> None:
    def run(seed: int) -> list[int]:
        sinch_sandbox.clear_faults()
        sinch_sandbox.fault("server_error", "list", count=None, probability=0.5, seed=seed)
        return [api.call("GET", "/batches").status_code for _ in range(30)]

    first = run(1)
    assert set(first) == {200, 500}
    assert run(1) == first
    assert run(2) != first


def test_an_intruder_meets_no_faults(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error")
    assert Api(sinch_sandbox.url, token="wrong").send().status_code == 401
    assert struck(sinch_sandbox) == [0]


def test_a_list_of_faults_takes_the_place_of_all_others(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("latency")
    answer = requests.put(
        f"{sinch_sandbox.url}/sandbox/faults",
        json=[{"kind": "malformed"}, {"kind": "rate_limited"}],
        timeout=10,
    ).json()
    assert answer["count"] == 2
    assert [each["kind"] for each in sinch_sandbox.faults()] == ["malformed", "rate_limited"]
    assert [(each["operation"], each["count"], each["struck"]) for each in sinch_sandbox.faults()] == [
        ("*", 1, 0)
    ] * 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "meteor"},
        {"kind": "latency", "operation": "sleep"},
        {"kind": "latency", "seconds": -1},
        {"kind": "latency", "count": 0},
        {"kind": "latency", "probability": 2},
        {"kind": "server_error", "status": 404},
        {"kind": "lost_reply", "how": "explode"},
        {"kind": "latency", "colour": "red"},
    ],
)
def test_faults_that_make_no_sense_are_refused(sinch_sandbox: SandboxClient, fault: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="422"):
        sinch_sandbox.fault(**fault)
    assert sinch_sandbox.faults() == []


def test_a_batch_id_outside_the_path_is_just_a_value(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("rate_limited", match={"batch_id": "x"}, count=None)
    assert api.send(batch_id="x").status_code == 429
    assert api.call("GET", "/batches?batch_id=x").status_code == 429
    assert api.send(batch_id="y").status_code == 201
