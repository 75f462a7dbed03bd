"""Scripting one number at a time."""

from __future__ import annotations

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
