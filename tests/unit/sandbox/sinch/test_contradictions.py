"""Trouble between client and Sinch: replies of others, calls that arrive late, lists that are not right."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient, SandboxError
from tests.unit.sandbox.wire import TO, Api, accepted, in_

OTHER = "447700900333"
LABEL = "nightly"


# Somebody in between


@pytest.mark.parametrize("status", [None, 302, 303, 307, 308])
@pytest.mark.parametrize("when", [None, "before", "after"])
def test_a_redirect(api: Api, sinch_sandbox: SandboxClient, status: int | None, when: str | None) -> None:
    sinch_sandbox.fault(
        "redirect", "send", status=status, when=when, location="https://proxy.example.test/x?y"
    )
    response = api.call("POST", "/batches", json={"to": [TO], "body": "x"}, allow_redirects=False)
    assert (response.status_code, response.content) == (status or 302, b"")
    assert response.headers["location"] == "https://proxy.example.test/x?y"
    assert len(sinch_sandbox.messages()) == (1 if when == "after" else 0)
    assert api.send().status_code == 201


@pytest.mark.parametrize("status", [None, 400, 403, 407, 451, 499])
@pytest.mark.parametrize("when", [None, "before", "after"])
def test_a_refusal_that_is_not_sinch_s(
    api: Api, sinch_sandbox: SandboxClient, status: int | None, when: str | None
) -> None:
    sinch_sandbox.fault("refused_by_proxy", "send", status=status, when=when)
    response = api.send()
    assert response.status_code == (status or 403)
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<html>")
    assert len(sinch_sandbox.messages()) == (1 if when == "after" else 0)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "redirect", "status": 200},
        {"kind": "redirect", "status": 400},
        {"kind": "redirect", "location": "https://x\r\nSet-Cookie: a=b"},
        {"kind": "redirect", "operation": "callback"},
        {"kind": "refused_by_proxy", "status": 302},
        {"kind": "refused_by_proxy", "status": 500},
        {"kind": "server_error", "status": 403},
        {"kind": "latency", "status": 500},
        {"kind": "contradicting", "operation": "list"},
        {"kind": "contradicting", "reply": "nothing"},
        {"kind": "late", "operation": "list"},
        {"kind": "late", "how": "half_body"},
        {"kind": "late", "when": "after"},
        {"kind": "listing_partial", "operation": "send"},
        {"kind": "listing_partial", "items": -1},
        {"kind": "listing_garbled", "lacks": "everything"},
    ],
)
def test_what_makes_no_sense_is_refused(sinch_sandbox: SandboxClient, fault: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="422"):
        sinch_sandbox.fault(**fault)


# Replies that contradict the call


def shown(api: Api, **fields: Any) -> dict[str, Any]:
    given = {"to": [TO, OTHER], "body": " Hello ", "client_reference": LABEL, **fields}
    return accepted(api.send(**given), 201)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", ["other_reference", "other_recipients", "other_text", "less", "trimmed"])
def test_a_reply_that_contradicts_in_one_thing(
    api: Api, sinch_sandbox: SandboxClient, how: str, when: str
) -> None:
    sinch_sandbox.fault("contradicting", "send", reply=how, when=when)
    reply = shown(api)
    truth = {"to": [TO[1:], OTHER], "body": " Hello ", "client_reference": LABEL}
    wrong = {name for name, value in truth.items() if reply.get(name) != value}
    assert (
        wrong
        == {
            "other_reference": {"client_reference"},
            "other_recipients": {"to"},
            "other_text": {"body"},
            "less": {"to", "client_reference"},
            "trimmed": {"body"},
        }[how]
    )
    assert (reply.get("body") == "Hello") is (how == "trimmed")
    assert ({"to", "client_reference"} & reply.keys() == set()) is (how == "less")
    found = api.call("GET", f"/batches/{reply['id']}")
    assert found.status_code == (200 if when == "after" else 404)
    assert [each["to"] for each in sinch_sandbox.messages()] == (truth["to"] if when == "after" else [])
    assert api.listed(client_reference=LABEL)["count"] == (1 if when == "after" else 0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_reply_of_the_latest_other_batch(
    api: Api, project: Api, sinch_sandbox: SandboxClient, when: str
) -> None:
    api.sent(client_reference="oldest")
    latest = api.sent(client_reference="latest")
    project.sent(client_reference="of another account")
    sinch_sandbox.fault("contradicting", "send", when=when)
    assert shown(api) == latest
    assert len(sinch_sandbox.messages(client_reference=LABEL)) == (2 if when == "after" else 0)


def test_without_another_batch_one_is_made_up(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("contradicting", "send")
    reply = shown(api)
    assert api.call("GET", f"/batches/{reply['id']}").status_code == 404
    assert reply["client_reference"] != LABEL
    assert not {TO[1:], OTHER} & set(reply["to"])
    assert set(reply) >= {"id", "to", "canceled", "type", "body", "created_at", "modified_at", "expire_at"}


@pytest.mark.parametrize("method", ["get", "update", "replace", "cancel"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_other_calls_that_answer_with_a_batch(
    api: Api, sinch_sandbox: SandboxClient, method: str, when: str
) -> None:
    before = shown(api, send_at="2100-01-01T00:00:00Z")
    sinch_sandbox.fault("contradicting", method, reply="other_text", when=when)
    path = f"/batches/{before['id']}"
    calls: dict[str, tuple[str, Any]] = {
        "get": ("GET", None),
        "update": ("POST", {"body": "new"}),
        "replace": ("PUT", {"to": [TO], "body": "new"}),
        "cancel": ("DELETE", None),
    }
    verb, body = calls[method]
    reply = accepted(api.call(verb, path, json=body))
    assert reply["id"] == before["id"]
    assert reply["body"] not in (" Hello ", "new")
    assert (api.get(before["id"]) == before) is (when == "before" or method == "get")


def test_what_is_due_when_a_call_is_taken_back_stays(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(plan_rate=1)
    waiting = api.sent(send_at=in_(sinch_sandbox, seconds=10))
    sinch_sandbox.fault("late", "send", seconds=10)
    lost(api, "POST", "/batches", {"to": [TO], "body": "late"})
    sinch_sandbox.fault("contradicting", "send", reply="less", when="before")
    sinch_sandbox.fault("latency", "send", seconds=0)
    sinch_sandbox.advance(10)
    assert "to" not in shown(api, send_at=in_(sinch_sandbox, seconds=60))
    assert {each["body"] for each in sinch_sandbox.batches()} == {waiting["body"], "late"}
    sinch_sandbox.advance(100)
    assert [each["status"] for each in sinch_sandbox.messages()] == ["Delivered"] * 2


def test_a_refusal_is_not_contradicted(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("contradicting", "send")
    assert api.send(to=[]).status_code == 400


# Late


def lost(api: Api, method: str, path: str, body: Any, timeout: float = 10) -> None:
    with pytest.raises((requests.ConnectionError, requests.Timeout)):
        api.session.request(method, f"{api.base}{path}", json=body, timeout=timeout)


@pytest.mark.parametrize("how", ["close", "reset", "hang"])
def test_a_send_that_arrives_late(api: Api, sinch_sandbox: SandboxClient, how: str) -> None:
    start = sinch_sandbox.now()
    sinch_sandbox.fault("late", "send", seconds=55, how=how)
    body = {"to": [TO], "body": "x", "client_reference": LABEL}
    lost(api, "POST", "/batches", body, timeout=0.5 if how == "hang" else 10)
    sinch_sandbox.advance(54)
    assert sinch_sandbox.messages() == []
    assert api.listed(client_reference=LABEL)["count"] == 0
    at = sinch_sandbox.advance(1)
    (batch,) = api.listed(client_reference=LABEL)["batches"]
    assert batch["created_at"] == at > start
    sinch_sandbox.advance(3)
    assert sinch_sandbox.messages()[0]["received"]
    sinch_sandbox.advance(3600)
    assert len(sinch_sandbox.batches()) == 1


def test_a_clock_that_jumps_leaves_it_its_own_time(
    api: Api, sinch_sandbox: SandboxClient, receiver: Any
) -> None:
    sinch_sandbox.fault("late", "send", seconds=100)
    sinch_sandbox.fault("late", "send", seconds=50)
    for name in ("second", "first"):
        body = {"to": [TO], "body": name, "delivery_report": "summary", "callback_url": receiver.url}
        lost(api, "POST", "/batches", body)
    due = sinch_sandbox.advance(50)
    sinch_sandbox.advance(3600)
    last, first = sinch_sandbox.batches()
    assert [first["body"], last["body"]] == ["first", "second"]
    assert first["created_at"] == due
    assert first["id"] < last["id"]
    assert len(receiver.received) == 2


def test_changes_can_be_late_too(api: Api, sinch_sandbox: SandboxClient) -> None:
    batches = [
        api.sent(body=name, send_at="2100-01-01T00:00:00Z") for name in ("update", "replace", "cancel")
    ]
    path = "/batches/{}".format
    sinch_sandbox.fault("late", count=3, seconds=10)
    lost(api, "POST", path(batches[0]["id"]), {"body": "updated"})
    lost(api, "PUT", path(batches[1]["id"]), {"to": [TO], "body": "replaced"})
    lost(api, "DELETE", path(batches[2]["id"]), None)
    assert [api.get(each["id"]) for each in batches] == batches
    at = sinch_sandbox.advance(10)
    after = [api.get(each["id"]) for each in batches]
    assert [each["body"] for each in after] == ["updated", "replaced", "cancel"]
    assert [each["canceled"] for each in after] == [False, False, True]
    assert {each["modified_at"] for each in after} == {at}


def test_what_is_refused_when_it_arrives_has_no_effect(api: Api, sinch_sandbox: SandboxClient) -> None:
    sent = api.sent()
    sinch_sandbox.fault("late", count=2, seconds=60)
    lost(api, "POST", "/batches", {"to": [], "body": "x"})
    lost(api, "POST", f"/batches/{sent['id']}", {"body": "too late"})
    sinch_sandbox.advance(60)
    assert [each["body"] for each in sinch_sandbox.messages()] == [sent["body"]]


def test_a_late_send_may_take_its_time_to_be_listed_as_well(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("late", "send", seconds=10)
    sinch_sandbox.fault("listing_lag", "send", seconds=5)
    lost(api, "POST", "/batches", {"to": [TO], "body": "x"})
    sinch_sandbox.advance(10)
    assert (len(sinch_sandbox.messages()), api.listed()["count"]) == (1, 0)
    sinch_sandbox.advance(5)
    assert api.listed()["count"] == 1


@pytest.mark.parametrize("forget", ["clear", "reset"])
def test_what_is_forgotten_does_not_arrive(api: Api, sinch_sandbox: SandboxClient, forget: str) -> None:
    sinch_sandbox.fault("late", "send", seconds=10)
    lost(api, "POST", "/batches", {"to": [TO], "body": "x"})
    getattr(sinch_sandbox, forget)()
    sinch_sandbox.advance(20)
    assert sinch_sandbox.messages() == []


def test_disarming_does_not_call_back_what_is_on_its_way(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("late", "send", seconds=10)
    lost(api, "POST", "/batches", {"to": [TO], "body": "x"})
    sinch_sandbox.clear_faults()
    sinch_sandbox.advance(10)
    assert len(sinch_sandbox.messages()) == 1


# Lists


@pytest.fixture
def three(api: Api) -> list[str]:
    """Ids, the newest first, as they are listed."""
    return [api.sent(client_reference=LABEL)["id"] for _ in range(3)][::-1]


def ids(answer: dict[str, Any]) -> list[str]:
    return [each["id"] for each in answer["batches"]]


def test_a_list_that_ends_too_early(api: Api, sinch_sandbox: SandboxClient, three: list[str]) -> None:
    sinch_sandbox.fault("listing_partial", items=2, count=2)
    for page, expected in ((0, three[:2]), (1, [])):
        answer = api.listed(page=page, page_size=2)
        assert (answer["count"], ids(answer)) == (3, expected)
    assert ids(api.listed()) == three


def test_a_list_of_which_only_the_first_page_is_there(
    api: Api, sinch_sandbox: SandboxClient, three: list[str]
) -> None:
    sinch_sandbox.fault("listing_partial", count=None)
    answers = [api.listed(page=page, page_size=2) for page in (0, 1)]
    assert [(each["count"], ids(each)) for each in answers] == [(3, three[:2]), (3, [])]


def test_a_list_that_ignores_its_filter(api: Api, sinch_sandbox: SandboxClient, three: list[str]) -> None:
    other = api.sent(client_reference="other")["id"]
    sinch_sandbox.fault("listing_unfiltered")
    answer = api.listed(client_reference=LABEL)
    assert (answer["count"], ids(answer)) == (4, [other, *three])
    assert ids(api.listed(client_reference=LABEL)) == three


def test_a_list_without_labels(api: Api, sinch_sandbox: SandboxClient, three: list[str]) -> None:
    sinch_sandbox.fault("listing_unlabelled")
    answer = api.listed(client_reference=LABEL)
    assert ids(answer) == three
    assert not any("client_reference" in each for each in answer["batches"])


@pytest.mark.parametrize("lacks", ["canceled", "id"])
def test_a_list_with_something_broken_in_between(
    api: Api, sinch_sandbox: SandboxClient, three: list[str], lacks: str
) -> None:
    whole = set(api.get(three[0]))
    sinch_sandbox.fault("listing_garbled", lacks=lacks)
    answer = api.listed(client_reference=LABEL)
    assert answer["count"] == 4
    first, broken, *others = answer["batches"]
    assert [each["id"] for each in (first, *others)] == three
    assert broken.get(lacks) is None
    assert (lacks in broken) is (lacks == "canceled")
    assert broken["client_reference"] != LABEL
    assert whole - {"from"} <= set(broken) | {lacks}


def test_troubles_of_a_list_add_up(api: Api, sinch_sandbox: SandboxClient, three: list[str]) -> None:
    for kind in ("listing_partial", "listing_unfiltered", "listing_unlabelled", "listing_garbled"):
        sinch_sandbox.fault(kind)
    sinch_sandbox.fault("server_error", "list")
    assert api.call("GET", "/batches").status_code == 500
    assert [each["struck"] for each in sinch_sandbox.faults()] == [1] * 5


# Settings


def test_texts_can_be_trimmed_when_they_are_accepted(api: Api, sinch_sandbox: SandboxClient) -> None:
    text = " \u00a0\n Hello \t"
    assert api.sent(body=text)["body"] == text
    sinch_sandbox.configure(trim_bodies=True)
    batch = api.sent(body=text, send_at="2100-01-01T00:00:00Z")
    assert batch["body"] == "Hello"
    assert accepted(api.update(batch["id"], body=" Two "))["body"] == "Two"
    assert accepted(api.replace(batch["id"], body=" Three "))["body"] == "Three"
    assert accepted(api.dry_run("?per_recipient=true", body=text))["per_recipient"][0]["body"] == "Hello"


def test_replacing_without_a_label_drops_it(api: Api) -> None:
    batch = api.sent(client_reference=LABEL, send_at="2100-01-01T00:00:00Z")
    assert "client_reference" not in accepted(api.replace(batch["id"]))
    assert api.listed(client_reference=LABEL)["count"] == 0
