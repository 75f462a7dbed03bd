"""How much one call can ask for: bodies, lists, and what an answer says about them."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import TO, Api, constraint, refused

MAX_ANSWER = 64 * 1024
"""Bytes; a list of what is wrong with a call does not grow with the call."""


def control(sandbox: SandboxClient, method: str, path: str, body: Any) -> requests.Response:
    return requests.request(method, f"{sandbox.url}/sandbox/{path}", json=body, timeout=60)


def names(count: int) -> dict[str, Any]:
    return {f"a{index}": {} for index in range(count)}


FLOODS: list[tuple[str, str, Any]] = [
    ("POST", "ledger", {"expected": [{}] * 300_000}),
    ("POST", "ledger", {"expected": [1] * 300_000}),
    ("POST", "ledger", {"expected": [TO, *[{"to": TO, "colour": "red"}] * 50_000]}),
    ("POST", "ledger", {"expected": [names(100_000)]}),
    ("POST", "ledger", {"expected": [], **names(100_000)}),
    ("POST", "ledger", {"expected": [], "status": ["Sent"] * 100_000}),
    ("PUT", "outcomes", [{}] * 100_000),
    ("PUT", "outcomes", [{}] * 10_000),
    ("PUT", "outcomes", [names(50_000)]),
    ("PUT", "faults", [{}] * 100_000),
    ("PUT", "faults", [{}] * 1_000),
    ("POST", "faults", {"kind": "latency", **names(50_000)}),
    ("POST", "faults", {"kind": "latency", "match": names(50_000)}),
    ("POST", "inbounds", {"from": TO, **names(40_000)}),
    ("POST", "inbounds", {"from": TO, "type": "mo_media", "body": {"media": [{}] * 100_000}}),
    ("POST", "inbounds", {"from": TO, "type": "mo_media", "body": names(40_000)}),
    ("POST", "inbounds", {"from": "x" * 300_000, "body": "x" * 200_000}),
    ("PATCH", "settings", names(5_000)),
    ("POST", "clock", names(5_000)),
]


@pytest.mark.parametrize(("method", "path", "body"), FLOODS)
def test_a_flood_of_mistakes_is_answered_in_a_few_words(
    sinch_sandbox: SandboxClient, method: str, path: str, body: Any
) -> None:
    response = control(sinch_sandbox, method, path, body)
    assert response.status_code in (413, 422)
    assert len(response.content) < MAX_ANSWER
    assert len(response.json()["detail"]) <= 100 or isinstance(response.json()["detail"], str)


def test_a_hundred_faults_are_told_and_how_many_more_there_are(sinch_sandbox: SandboxClient) -> None:
    answer = control(sinch_sandbox, "PUT", "faults", [{"kind": "meteor"}] * 250).json()
    assert (len(answer["detail"]), answer["more"]) == (100, 150)
    assert answer["detail"][99]["loc"] == ["body", "99", "kind"]


def test_the_ledger_stops_to_look_after_a_hundred_faults(sinch_sandbox: SandboxClient) -> None:
    answer = control(sinch_sandbox, "POST", "ledger", {"expected": [TO, *[{}] * 250]}).json()
    assert len(answer["detail"]) == 100
    assert answer["detail"][0]["loc"][:2] == ["expected", "1"]
    told = {each["loc"][1] for each in answer["detail"]}
    assert answer["unread"] == 250 - len(told)


def test_few_faults_are_told_without_more(sinch_sandbox: SandboxClient) -> None:
    for method, path, body in (
        ("PUT", "faults", [{"kind": "meteor"}]),
        ("POST", "ledger", {"expected": [5]}),
    ):
        assert set(control(sinch_sandbox, method, path, body).json()) == {"detail"}


def test_a_filter_is_not_repeated_without_end(sinch_sandbox: SandboxClient) -> None:
    query = "&".join(["status=Sent"] * 3000)
    answer = requests.get(f"{sinch_sandbox.url}/sandbox/messages?{query}", timeout=10)
    assert answer.status_code == 422
    assert len(answer.content) < 1_000


def test_long_lists_that_are_right_are_taken(api: Api, sinch_sandbox: SandboxClient) -> None:
    expected = [f"+999000{index:06}" for index in range(100_000)]
    assert control(sinch_sandbox, "POST", "ledger", {"expected": expected, "show": "none"}).json()[
        "totals"
    ] == {"ok": 0, "lost": 100_000, "duplicated": 0, "unexpected": 0, "expected": 100_000, "accepted": 0}
    scripts = [{"prefix": f"999{index:04}"} for index in range(10_000)]
    assert control(sinch_sandbox, "PUT", "outcomes", scripts).status_code == 200
    assert control(sinch_sandbox, "PUT", "faults", [{"kind": "latency"}] * 1_000).status_code == 200
    assert control(sinch_sandbox, "POST", "faults", {"kind": "latency"}).status_code == 422


# Sinch's operations


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/batches", {"to": [1] * 200_000, "body": "x"}),
        ("POST", "/batches", {"to": [TO] * 300_000, "body": "x"}),
        ("POST", "/batches/dry_run", {"to": [{}] * 200_000, "body": "x"}),
        ("PUT", "/batches/{batch}", {"to": [1] * 200_000, "body": "x"}),
        ("POST", "/batches/{batch}", {"to_add": [1] * 1_000_000}),
        ("POST", "/batches/{batch}", {"to_remove": [1] * 1_000_000}),
        ("POST", "/batches/{batch}/delivery_feedback", {"recipients": [1] * 1_000_000}),
        ("POST", "/batches/{batch}/delivery_feedback", {"recipients": [TO] * 300_000}),
        ("POST", "/groups", {"members": [1] * 1_000_000}),
        ("POST", "/groups", {"child_groups": [1] * 1_000_000}),
        ("POST", "/batches", {"to": [TO], "body": "x", "parameters": names(150_000)}),
        ("POST", "/batches", {"to": [TO], "body": "x", "parameters": {"a": names(150_000)}}),
    ],
)
def test_a_flood_is_refused_with_one_problem(
    api: Api, sinch_sandbox: SandboxClient, method: str, path: str, body: Any
) -> None:
    batch = api.sent(feedback_enabled=True)["id"]
    response = api.session.request(method, f"{api.base}{path.format(batch=batch)}", json=body, timeout=60)
    assert response.status_code == 400
    assert len(response.content) < 1_000
    assert len(sinch_sandbox.messages()) == 1


def test_what_is_wrong_beyond_the_end_of_a_list_is_not_looked_for(api: Api) -> None:
    constraint(api.send(to=[TO] * 1000 + ["nobody"]), "'to'", "1000 items")
    refused(api.send(to=["nobody"] + [TO] * 1000), 400, "syntax_invalid_parameter_format", "'to[0]'")


def test_personal_values_have_a_limit_that_no_batch_needs(api: Api) -> None:
    parameters = {f"key{key}": {f"+999000{index:06}": "x" for index in range(1_000)} for key in range(10)}
    assert api.send(parameters=parameters, body="${key0}").status_code == 201
    flood = {"key": {f"+999{index:08}": "x" for index in range(100_001)}}
    constraint(api.send(parameters=flood), "'parameters'", "100000 keys and values")


# Bodies


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", "/xms/v1/sandbox-plan/batches", 10 * 1024 * 1024),
        ("POST", "/oauth2/token", 16 * 1024),
        ("POST", "/sandbox/ledger", 4 * 1024 * 1024),
        ("PUT", "/sandbox/outcomes", 1024 * 1024),
        ("PUT", "/sandbox/faults", 1024 * 1024),
        ("POST", "/sandbox/inbounds", 512 * 1024),
        ("POST", "/sandbox/clock", 64 * 1024),
        ("POST", "/sandbox/reset", 64 * 1024),
        ("PATCH", "/sandbox/settings", 64 * 1024),
    ],
)
def test_each_path_has_its_own_limit(
    sinch_sandbox: SandboxClient, method: str, path: str, limit: int
) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sandbox-token"}
    for size, is_too_large in ((limit, False), (limit + 1, True)):
        response = requests.request(
            method, f"{sinch_sandbox.url}{path}", data=b" " * size, headers=headers, timeout=20
        )
        assert (response.status_code == 413) is is_too_large, response.status_code


def connect(sandbox: SandboxClient) -> socket.socket:
    address = urlsplit(sandbox.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=20)


def head(path: str, size: int, *lines: str) -> bytes:
    given = ("Host: localhost", "Content-Type: application/json", f"Content-Length: {size}", *lines)
    return "\r\n".join((f"POST {path} HTTP/1.1", *given, "", "")).encode()


def answer(connection: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response


@pytest.mark.parametrize("account", ["sandbox-plan", "sandbox-project"])
@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_wrong_token_is_refused_before_the_body_is_there(
    sinch_sandbox: SandboxClient, account: str, token: str | None
) -> None:
    lines = [] if token is None else [f"Authorization: Bearer {token}"]
    with connect(sinch_sandbox) as connection:
        connection.sendall(head(f"/xms/v1/{account}/batches", 10_000_000, *lines))
        assert answer(connection).status == 401


def test_a_refused_body_may_still_come_and_the_connection_goes_on(sinch_sandbox: SandboxClient) -> None:
    body = json.dumps({"to": [TO], "body": "x" * 200_000}).encode()
    path = "/xms/v1/sandbox-plan/batches"
    with connect(sinch_sandbox) as connection:
        connection.sendall(head(path, len(body)))
        assert answer(connection).status == 401
        connection.sendall(body)
        good = json.dumps({"to": [TO], "body": "x"}).encode()
        connection.sendall(head(path, len(good), "Authorization: Bearer sandbox-token") + good)
        assert answer(connection).status == 201


def test_all_bodies_on_their_way_have_one_budget(sinch_sandbox: SandboxClient, api: Api) -> None:
    """Nine times nine megabytes do not fit, and what is given up makes room again."""
    lines = ("Authorization: Bearer sandbox-token",)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(sinch_sandbox)) for _ in range(9)]
        for connection in connections:
            connection.sendall(head("/xms/v1/sandbox-plan/batches", 10_000_000, *lines))
            for _ in range(9):
                connection.sendall(b" " * 1_000_000)
        refused_ones, _, _ = select.select(connections, [], [], 20)
        assert answer(refused_ones[0]).status == 503
    while (status := api.send(body="x").status_code) == 503:
        pass
    assert status == 201
