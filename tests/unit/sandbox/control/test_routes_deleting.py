"""Deleting some of what was sent and received."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.receiver import Receiver
from tests.unit.sandbox.wire import TO, Api, accepted

OTHER = "+447700900333"
THIRD = "+447700900444"


def delete(sandbox: SandboxClient, path: str, **query: Any) -> requests.Response:
    return requests.delete(f"{sandbox.url}/sandbox/{path}", params=query, timeout=10)


def sent_to(sandbox: SandboxClient) -> list[str]:
    return [f"+{message['to']}" for message in sandbox.messages()]


def test_a_batch_and_nothing_else(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    first, second = api.sent(to=[TO, OTHER]), project.sent(to=[TO])
    assert accepted(delete(sinch_sandbox, f"batches/{first['id']}")) == {"count": 1}
    assert [each["id"] for each in sinch_sandbox.batches()] == [second["id"]]
    assert sent_to(sinch_sandbox) == [TO]
    assert api.call("GET", f"/batches/{first['id']}").status_code == 404
    assert api.call("GET", f"/batches/{first['id']}/delivery_report").status_code == 404
    assert api.listed()["count"] == 0
    assert project.get(second["id"]) == second
    assert delete(sinch_sandbox, f"batches/{first['id']}").status_code == 404


def test_one_message(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(
        to=[TO, OTHER], body="Hi ${x}", parameters={"x": {TO: "Maria", OTHER: "Johan", "default": "you"}}
    )
    sinch_sandbox.advance(3)
    message = sinch_sandbox.messages(to=TO)[0]
    assert accepted(delete(sinch_sandbox, f"messages/{message['id']}")) == {"count": 1}
    assert sent_to(sinch_sandbox) == [OTHER]
    shown = api.get(batch["id"])
    assert shown["to"] == [OTHER[1:]]
    assert {name.lstrip("+") for name in shown["parameters"]["x"]} == {OTHER[1:], "default"}
    assert api.statuses(batch["id"]) == [(0, "Delivered", 1)]
    assert api.call("GET", f"/batches/{batch['id']}/delivery_report/{TO}").status_code == 404
    assert delete(sinch_sandbox, f"messages/{message['id']}").status_code == 404


def test_a_batch_goes_with_its_last_message(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=[TO, OTHER])
    for message in sinch_sandbox.messages():
        assert delete(sinch_sandbox, f"messages/{message['id']}").status_code == 200
    assert sinch_sandbox.batches() == []
    assert api.call("GET", f"/batches/{batch['id']}").status_code == 404


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"to": TO}, [OTHER, THIRD]),
        ({"client_reference": "a"}, [THIRD]),
        ({"status": "Queued"}, [TO, OTHER]),
        ({"q": "nightly", "to": OTHER}, [TO, THIRD]),
        ({"to": "nobody"}, [TO, OTHER, THIRD]),
        ({}, []),
    ],
)
def test_messages_that_pass_filters(
    api: Api, sinch_sandbox: SandboxClient, filters: dict[str, str], left: list[str]
) -> None:
    api.sent(to=[TO, OTHER], client_reference="a")
    sinch_sandbox.advance(1)
    api.sent(to=[THIRD])
    answer = accepted(delete(sinch_sandbox, "messages", **filters))
    assert sent_to(sinch_sandbox) == left
    assert answer == {"count": len(left)}


def test_the_client_can_do_it(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[TO, OTHER])
    sinch_sandbox.clear(to=TO)
    assert sent_to(sinch_sandbox) == [OTHER]


def test_a_filter_that_is_not_known_deletes_nothing(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    assert delete(sinch_sandbox, "messages", batchid="x").status_code == 422
    assert sent_to(sinch_sandbox) == [TO]


def test_a_number_named_twice_stays_as_often_as_it_has_messages(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    sinch_sandbox.configure(duplicate_recipients="each")
    batch = api.sent(to=[TO, TO, OTHER])
    assert delete(sinch_sandbox, f"messages/{batch['id']}-0").status_code == 200
    assert api.get(batch["id"])["to"] == [TO[1:], OTHER[1:]]
    assert sent_to(sinch_sandbox) == [TO, OTHER]


def test_what_is_deleted_before_its_start_does_not_come_back(api: Api, sinch_sandbox: SandboxClient) -> None:
    group = accepted(api.call("POST", "/groups", json={"members": [THIRD]}), 201)["id"]
    start = "2100-01-01T00:00:00Z"
    kept = api.sent(to=[TO, OTHER, group], send_at=start)
    gone = api.sent(to=[OTHER, group], send_at=start)
    assert delete(sinch_sandbox, f"batches/{gone['id']}").status_code == 200
    assert delete(sinch_sandbox, "messages", to=TO).status_code == 200
    sinch_sandbox.advance(100 * 365 * 86_400)
    assert sent_to(sinch_sandbox) == [OTHER, THIRD]
    assert {each["batch_id"] for each in sinch_sandbox.messages()} == {kept["id"]}


def test_a_group_has_members_even_when_nobody_else_is_left(api: Api, sinch_sandbox: SandboxClient) -> None:
    group = accepted(api.call("POST", "/groups", json={"members": [THIRD]}), 201)["id"]
    api.sent(to=[TO, group], send_at="2100-01-01T00:00:00Z")
    assert delete(sinch_sandbox, "messages", to=TO).status_code == 200
    sinch_sandbox.advance(100 * 365 * 86_400)
    assert sent_to(sinch_sandbox) == [THIRD]


def test_callbacks_go_with_what_they_are_about(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    report = {"delivery_report": "per_recipient", "callback_url": receiver.url}
    first, second = api.sent(to=[TO, OTHER], **report), api.sent(to=[TO], **report)
    sinch_sandbox.advance(1)
    assert len(sinch_sandbox.callbacks()) == 3
    assert delete(sinch_sandbox, f"messages/{first['id']}-0").status_code == 200
    assert [each["recipient"] for each in sinch_sandbox.callbacks(batch_id=first["id"])] == [OTHER[1:]]
    assert delete(sinch_sandbox, f"batches/{second['id']}").status_code == 200
    sinch_sandbox.advance(5)
    assert {(each["batch_id"], each["recipient"]) for each in sinch_sandbox.callbacks()} == {
        (first["id"], OTHER[1:])
    }


def test_what_phones_wrote(sinch_sandbox: SandboxClient) -> None:
    for number in (TO, OTHER, OTHER, THIRD):
        sinch_sandbox.inbound(number, "Hello", to="+447700900111")
    one = sinch_sandbox.inbounds()[0]
    assert accepted(delete(sinch_sandbox, f"inbounds/{one['id']}")) == {"count": 3}
    assert delete(sinch_sandbox, f"inbounds/{one['id']}").status_code == 404
    assert accepted(delete(sinch_sandbox, "inbounds", **{"from": "+44 7700 900333"})) == {"count": 1}
    assert [each["from"] for each in sinch_sandbox.inbounds()] == [TO[1:]]
    assert accepted(delete(sinch_sandbox, "inbounds")) == {"count": 0}


def test_metrics_do_not_count_what_is_deleted(api: Api, sinch_sandbox: SandboxClient) -> None:
    def delivered() -> str:
        text = requests.get(f"{sinch_sandbox.url}/sandbox/metrics", timeout=10).text
        return next(line for line in text.splitlines() if 'status="Delivered"' in line)

    batches = [api.sent()["id"] for _ in range(3)]
    sinch_sandbox.advance(3)
    assert delivered().endswith(" 3")
    delete(sinch_sandbox, f"batches/{batches[0]}")
    assert delivered().endswith(" 2")


@pytest.mark.parametrize("path", ["batches/x", "messages/x", "inbounds/x", "messages/" + "0" * 26 + "-0"])
def test_what_is_not_there_cannot_be_deleted(sinch_sandbox: SandboxClient, path: str) -> None:
    assert delete(sinch_sandbox, path).status_code in (404, 422)


def test_nothing_waits_for_its_start_in_an_empty_ledger(api: Api, sinch_sandbox: SandboxClient) -> None:
    """A start that was remembered would be due for ever, and keep the sandbox busy."""
    group = accepted(api.call("POST", "/groups", json={}), 201)["id"]
    api.sent(to=[group], send_at="2100-01-01T00:00:00Z")
    sinch_sandbox.clear()
    sinch_sandbox.advance(100 * 365 * 86_400)

    def changes() -> str:
        with requests.get(f"{sinch_sandbox.url}/sandbox/events", stream=True, timeout=10) as stream:
            return next(line for line in stream.iter_lines(decode_unicode=True) if line.startswith("id: "))

    assert changes() == changes()
