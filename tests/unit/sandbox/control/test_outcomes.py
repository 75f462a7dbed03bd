"""Scripting one number at a time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.core.limits import MAX_SCRIPTS
from tests.unit.sandbox.wire import TO, Api, accepted


def call(sandbox: SandboxClient, method: str, path: str = "", body: Any = None) -> requests.Response:
    return requests.request(method, f"{sandbox.url}/sandbox/outcomes{path}", json=body, timeout=10)


def scripted(response: requests.Response) -> dict[str, tuple[str, int]]:
    return {each["prefix"]: (each["status"], each["code"]) for each in accepted(response)["scripted"]}


def test_one_script_more_and_one_less(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.script({"prefix": "+44", "status": "Failed", "code": 153})
    answer = call(sinch_sandbox, "POST", body={"prefix": TO, "status": "Rejected", "code": 60})
    assert scripted(answer) == {"44": ("Failed", 153), TO[1:]: ("Rejected", 60)}
    batch = api.sent(to=[TO, "+447700900333"])
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(60, "Rejected", 1), (153, "Failed", 1)]
    answer = call(sinch_sandbox, "POST", body={"prefix": TO[1:], "status": "Deleted", "code": 300})
    assert scripted(answer) == {"44": ("Failed", 153), TO[1:]: ("Deleted", 300)}
    assert scripted(call(sinch_sandbox, "DELETE", f"/{TO}")) == {"44": ("Failed", 153)}
    assert call(sinch_sandbox, "DELETE", f"/{TO}").status_code == 404
    assert scripted(call(sinch_sandbox, "DELETE")) == {}


def test_a_magic_number_can_be_given_another_outcome_and_get_its_own_back(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    magic = "+447700900150"
    for method, path, status in (("POST", "", "Delivered"), ("DELETE", f"/{magic}", "Failed")):
        call(sinch_sandbox, method, path, {"prefix": magic} if method == "POST" else None)
        batch = api.sent(to=[magic])
        sinch_sandbox.advance(3)
        assert sinch_sandbox.messages(batch_id=batch["id"])[0]["status"] == status


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prefix": "x"},
        {"prefix": ""},
        {"prefix": "44", "status": "Cancelled"},
        {"prefix": "44", "code": -1},
        {"prefix": "44", "colour": "red"},
    ],
)
def test_scripts_that_make_no_sense(sinch_sandbox: SandboxClient, body: dict[str, Any]) -> None:
    assert call(sinch_sandbox, "POST", body=body).status_code == 422
    assert scripted(call(sinch_sandbox, "GET")) == {}


def test_there_is_a_limit(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.script(*({"prefix": f"999{index}"} for index in range(MAX_SCRIPTS)))
    assert "remove some first" in call(sinch_sandbox, "POST", body={"prefix": "44"}).text
    assert call(sinch_sandbox, "POST", body={"prefix": "9990", "code": 1}).status_code == 200


SHARES = {"delivered": 0.5, "temporary": 0.2, "permanent": 0.2, "never": 0.1}
TEMPORARY = {("Failed", 153), ("Failed", 158), ("Failed", 360), ("Expired", 0), ("Aborted", 404)}
PERMANENT = {("Failed", 150), ("Failed", 151), ("Failed", 152), ("Failed", 300), ("Aborted", 402)}


def ends(api: Api, sandbox: SandboxClient, first: int = 0, count: int = 1000) -> dict[str, tuple[str, int]]:
    """How messages to made-up numbers end."""
    batch = api.sent(to=[f"+9995010{index:04}" for index in range(first, first + count)])
    sandbox.advance(10)
    return {each["to"]: (each["status"], each["code"]) for each in sandbox.messages(batch_id=batch["id"])}


def test_numbers_of_a_prefix_end_by_shares(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.script({"prefix": "+9995010", "shares": SHARES})
    found = ends(api, sinch_sandbox)
    kinds = {("Delivered", 0): "delivered", ("Dispatched", 401): "never"}
    kinds |= dict.fromkeys(TEMPORARY, "temporary") | dict.fromkeys(PERMANENT, "permanent")
    counted = Counter(kinds[end] for end in found.values())
    assert {name: round(counted[name] / 1000, 1) for name in SHARES} == SHARES
    assert set(found.values()) == set(kinds)


def test_a_number_always_falls_into_the_same_share_of_a_seed(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.script({"prefix": "999", "shares": SHARES})
    found = ends(api, sinch_sandbox)
    sinch_sandbox.reset()
    sinch_sandbox.script({"prefix": "+9995", "shares": SHARES, "seed": 0})
    half = ends(api, sinch_sandbox, first=500, count=500)
    assert half == {number: found[number] for number in half}
    sinch_sandbox.script({"prefix": "999", "shares": SHARES, "seed": 1})
    assert ends(api, sinch_sandbox) != found


def test_whoever_has_no_share_is_delivered(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.script({"prefix": "999", "shares": {"never": 0.1}, "delivery_delay": 4})
    (script,) = accepted(call(sinch_sandbox, "GET"))["scripted"]
    assert script == {
        "prefix": "999",
        "shares": {"delivered": 0.9, "temporary": 0, "permanent": 0, "never": 0.1},
        "seed": 0,
        "dispatch_delay": None,
        "delivery_delay": 4,
    }
    batch = api.sent(to=[f"+9995010{index:04}" for index in range(100)])
    sinch_sandbox.advance(4)
    assert api.statuses(batch["id"]) == [(401, "Dispatched", 100)]
    sinch_sandbox.advance(1)
    assert {status for _, status, _ in api.statuses(batch["id"])} == {"Delivered", "Dispatched"}


def test_the_longest_prefix_wins_over_shares(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.script(
        {"prefix": "44", "shares": {"permanent": 1}}, {"prefix": TO, "status": "Rejected", "code": 60}
    )
    batch = api.sent(to=[TO, "+447700900333"])
    sinch_sandbox.advance(3)
    first, second = (each["status"] for each in sinch_sandbox.messages(batch_id=batch["id"]))
    assert first == "Rejected"
    assert second in ("Failed", "Aborted")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"shares": {"delivered": 0.9, "never": 0.2}}, "the shares are 1.1 together, and must be 1"),
        ({"shares": {"delivered": 0.5, "never": 0.2}}, "the shares are 0.7 together, and must be 1"),
        ({"shares": {"temporary": 0.7, "never": 0.7}}, "the shares are 1.4 together, and must be 1"),
        ({"shares": {"never": -0.1}}, "greater than or equal to 0"),
        ({"shares": {"lost": 0.1}}, "Extra inputs are not permitted"),
        ({"shares": {"never": 0.1}, "status": "Failed", "code": 150}, "shares decide code, status; leave"),
        ({"shares": {"never": 0.1}, "receipt": False}, "shares decide receipt; leave that out"),
        ({"seed": 1}, "seed is for shares"),
    ],
)
def test_shares_that_make_no_sense(sinch_sandbox: SandboxClient, body: dict[str, Any], words: str) -> None:
    answer = call(sinch_sandbox, "POST", body={"prefix": "999", **body})
    assert answer.status_code == 422
    assert words in answer.text
