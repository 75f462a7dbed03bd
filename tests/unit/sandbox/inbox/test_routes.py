"""What the inbox's page reads: phones, conversations, batches, search."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.core.outcomes import MAGIC
from sinch_sandbox.sinch.codes import meaning
from tests.unit.sandbox.wire import Api, accepted

PARAMETERS = {"name": {"+447700900222": "Maria", "default": "there"}}


def read(sandbox: SandboxClient, path: str, **query: Any) -> dict[str, Any]:
    return accepted(requests.get(f"{sandbox.url}/sandbox/inbox{path}", params=query, timeout=10))


def pages(sandbox: SandboxClient, path: str, field: str, key: str = "before", **query: Any) -> list[Any]:
    """Every entry of a listing, page by page."""
    found: list[Any] = []
    cursor: dict[str, Any] = {}
    for _ in range(1000):
        answer = read(sandbox, path, **query, **cursor)
        found += answer[field]
        if answer["next"] is None:
            return found
        cursor = {key: answer["next"]}
    raise AssertionError("this listing never ends")


def numbers(sandbox: SandboxClient, **query: Any) -> list[str]:
    return [phone["number"] for phone in pages(sandbox, "/phones", "phones", **query)]


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_each_phone_once_by_its_newest_message(api: Api, sinch_sandbox: SandboxClient, limit: int) -> None:
    api.sent(to=["+447700900222", "+447700900333"])
    api.sent(to=["+447700900444"])
    api.sent(to=["+447700900222"], body="The newest.")
    found = pages(sinch_sandbox, "/phones", "phones", limit=limit)
    assert [each["number"] for each in found] == ["447700900222", "447700900444", "447700900333"]
    assert (found[0]["text"], found[0]["status"]) == ("The newest.", "Queued")


def test_walking_past_many_messages_to_few_phones(api: Api, sinch_sandbox: SandboxClient) -> None:
    others = [f"+9995010{index:04}" for index in range(60)]
    api.sent(to=others)
    api.sent(to=["+447700900333"])
    for _ in range(22):
        api.sent(to=[f"+9995010{index:04}" for index in range(1000, 2000)])
    found = numbers(sinch_sandbox, limit=200)
    assert len(found) == len(set(found)) == 1061
    assert found[1000] == "447700900333"
    assert set(found[1001:]) == {number[1:] for number in others}


def test_a_reply_lifts_its_phone(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=["+447700900222"])
    sinch_sandbox.advance(10)
    api.sent(to=["+447700900333"])
    sinch_sandbox.advance(10)
    sinch_sandbox.inbound("+447700900222", "Thanks!")
    sinch_sandbox.inbound("+447700900555", "Hello?", to="+447700900111")
    found = {each["number"]: each for each in read(sinch_sandbox, "/phones")["phones"]}
    assert set(found) == {"447700900222", "447700900333", "447700900555"}
    assert (found["447700900222"]["text"], found["447700900222"]["direction"]) == ("Thanks!", "in")
    assert (found["447700900555"]["text"], found["447700900555"]["direction"]) == ("Hello?", "in")
    assert found["447700900222"]["at"] > found["447700900333"]["at"]


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_a_conversation_page_by_page(api: Api, sinch_sandbox: SandboxClient, limit: int) -> None:
    for index in range(5):
        api.sent(body=f"Text {index}", to=["+447700900222", "+447700900333"])
        sinch_sandbox.advance(1)
        sinch_sandbox.inbound("+447700900222", f"Reply {index}")
        sinch_sandbox.advance(1)
    found = pages(sinch_sandbox, "/phones/447700900222", "messages", limit=limit)
    in_order = sorted(found, key=lambda message: message["at"])
    assert [message["text"] for message in in_order] == [
        text for index in range(5) for text in (f"Text {index}", f"Reply {index}")
    ]


def test_a_message_tells_all_about_itself(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(
        body="Hi ${name}, “soon” – “now”", parameters=PARAMETERS, client_reference="r", to=["+447700900222"]
    )
    sinch_sandbox.advance(3)
    (message,) = read(sinch_sandbox, "/phones/+44 7700 900 222")["messages"]
    assert message["text"] == "Hi Maria, “soon” – “now”"
    assert (message["batch_id"], message["client_reference"]) == (batch["id"], "r")
    assert (message["encoding"], message["parts"]) == ("unicode", 1)
    assert [
        (each["character"], each["point"], each["name"], each["count"]) for each in message["forced_by"]
    ] == [
        ("“", "U+201C", "left double quotation mark", 2),
        ("”", "U+201D", "right double quotation mark", 2),
        ("–", "U+2013", "en dash", 1),
    ]
    assert [(step["status"], step["code"]) for step in message["timeline"]] == [
        ("Queued", 400),
        ("Dispatched", 401),
        ("Delivered", 0),
    ]
    times = [step["at"] for step in message["timeline"]]
    assert times == sorted(times)
    assert times[0] == batch["created_at"]


def test_it_says_when_something_changes_next(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch_id = api.sent()["id"]
    paths = ("/phones", "/phones/447700900222", "/batches", f"/batches/{batch_id}")
    for seconds in (1, 2):
        instants = {read(sinch_sandbox, path)["next_change_at"] for path in paths}
        assert len(instants) == 1
        sinch_sandbox.advance(seconds)
        assert instants == {sinch_sandbox.now()}
    assert {read(sinch_sandbox, path)["next_change_at"] for path in paths} == {None}


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_batch_and_its_messages(api: Api, sinch_sandbox: SandboxClient, limit: int) -> None:
    batch = api.sent(to=["+447700900222", "+447700900150", "+447700900401"], body="x" * 161)
    sinch_sandbox.advance(3)
    path = f"/batches/{batch['id']}"
    answer = read(sinch_sandbox, path)
    assert answer["statuses"] == [
        {"status": "Dispatched", "count": 1},
        {"status": "Delivered", "count": 1},
        {"status": "Failed", "count": 1},
    ]
    assert (answer["recipients"], answer["parts"], answer["state"]) == (3, 6, "under way")
    assert answer["batch"]["id"] == batch["id"]
    found = pages(sinch_sandbox, path, "messages", key="after", limit=limit)
    assert [message["to"] for message in found] == ["447700900222", "447700900150", "447700900401"]


def test_batches_of_both_accounts_newest_first(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    ids = [api.sent()["id"], project.sent()["id"], api.sent(send_at="2100-01-01T00:00:00Z")["id"]]
    api.cancel(ids[2])
    found = pages(sinch_sandbox, "/batches", "batches", limit=1)
    assert [each["id"] for each in found] == ids[::-1]
    assert [each["state"] for each in found] == ["cancelled", "under way", "under way"]


def figures(answer: dict[str, Any]) -> tuple[int, ...]:
    names = ("batches", "recipients", "delivered", "failed", "pending", "cancelled")
    return tuple(answer[name] for name in names)


@pytest.mark.parametrize("cancelled_status", ["Cancelled", "Aborted"])
def test_the_sum_of_a_reference(api: Api, sinch_sandbox: SandboxClient, cancelled_status: str) -> None:
    sinch_sandbox.configure(cancelled_status=cancelled_status)
    first = api.sent(client_reference="a/1?", to=["+447700900222", "+447700900150", "+447700900402"])
    second = api.sent(client_reference="a/1?", to=["+447700900333", "+447700900401"], body="x" * 161)
    later = api.sent(client_reference="a/1?", send_at="2100-01-01T00:00:00Z")
    api.sent(client_reference="a/1", to=["+447700900444"])
    api.sent()

    def look() -> dict[str, Any]:
        return read(sinch_sandbox, "/reference", client_reference="a/1?")

    assert figures(look()) == (3, 6, 0, 0, 6, 0)
    assert look()["parts"] == 8
    sinch_sandbox.advance(1)
    assert figures(look()) == (3, 6, 0, 1, 5, 0)
    sinch_sandbox.advance(2)
    assert figures(look()) == (3, 6, 2, 2, 2, 0)
    api.cancel(later["id"])
    assert figures(look()) == (3, 6, 2, 2, 1, 1)
    assert {each["status"]: each["count"] for each in look()["statuses"]}["Delivered"] == 2
    listed = pages(sinch_sandbox, "/batches", "batches", client_reference="a/1?", limit=2)
    assert [each["id"] for each in listed] == [later["id"], second["id"], first["id"]]
    requests.delete(f"{sinch_sandbox.url}/sandbox/batches/{first['id']}", timeout=10)
    assert figures(look()) == (2, 3, 1, 0, 1, 1)
    sinch_sandbox.clear(to="+447700900333")
    assert figures(look()) == (2, 2, 0, 0, 1, 1)


def test_the_sum_of_a_reference_follows_changes_of_a_batch(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(client_reference="a", send_at="2100-01-01T00:00:00Z")
    assert figures(read(sinch_sandbox, "/reference", client_reference="a")) == (1, 1, 0, 0, 1, 0)
    accepted(api.update(batch["id"], to_add=["+447700900333"], body="x" * 161))
    answer = read(sinch_sandbox, "/reference", client_reference="a")
    assert (figures(answer), answer["parts"]) == ((1, 2, 0, 0, 2, 0), 4)


def test_the_sum_of_a_reference_says_when_it_changes_next(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(client_reference="a")
    sinch_sandbox.advance(0.5)
    api.sent(client_reference="a")
    for seconds in (0.5, 0.5, 1.5, 0.5):
        instant = read(sinch_sandbox, "/reference", client_reference="a")["next_change_at"]
        sinch_sandbox.advance(seconds)
        assert instant == sinch_sandbox.now()
    assert read(sinch_sandbox, "/reference", client_reference="a")["next_change_at"] is None


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_search_goes_through_everything_once(api: Api, sinch_sandbox: SandboxClient, limit: int) -> None:
    api.sent(to=["+447700900222"], body="Doors open.")
    api.sent(to=[f"+9995010{index:04}" for index in range(1000)], body="Hi ${name}", parameters=PARAMETERS)
    api.sent(to=["+447700900222", "+447700900333"], body="Hi ${name}", parameters=PARAMETERS)
    api.sent(to=["+447700900222", "+447700900333"], body="DOORS closed 4670 $")

    def search(q: str) -> list[tuple[str, str]]:
        found = pages(sinch_sandbox, "/search", "messages", q=q, limit=limit)
        return [(message["to"][-3:], message["text"]) for message in found]

    assert search("doors") == [
        ("333", "DOORS closed 4670 $"),
        ("222", "DOORS closed 4670 $"),
        ("222", "Doors open."),
    ]
    assert search("hi maria") == [("222", "Hi Maria")]
    assert search("+44 7700 900 333") == [("333", "DOORS closed 4670 $"), ("333", "Hi there")]
    assert [to for to, _ in search("99950100999")] == ["999"]
    assert search("${name}") == []
    assert search("%") == []


def test_search_finds_batches_by_reference_and_id(api: Api, sinch_sandbox: SandboxClient) -> None:
    first = api.sent(client_reference="Nightly-load", body="One")
    second = api.sent(client_reference="tickets", body="Two ${x}", parameters={"x": {"default": "x"}})

    def search(**query: Any) -> list[str]:
        return [each["batch_id"] for each in pages(sinch_sandbox, "/search", "messages", **query)]

    def batches(q: str) -> list[str]:
        return [each["id"] for each in pages(sinch_sandbox, "/batches", "batches", q=q)]

    for find in (lambda q: search(q=q), batches):
        assert find("nightly") == [first["id"]]
        assert find("TICK") == [second["id"]]
        assert find(second["id"].lower()) == [second["id"]]
        assert find(second["id"][:-1]) == []
        assert find("one") == [first["id"]]
    assert batches("") == [second["id"], first["id"]]
    assert [each["batch_id"] for each in sinch_sandbox.messages(q="nightly")] == [first["id"]]


@pytest.mark.parametrize("limit", [1, 50])
def test_search_with_filters(api: Api, sinch_sandbox: SandboxClient, limit: int) -> None:
    batch = api.sent(to=["+447700900222", "+447700900150"], client_reference="a", body="Doors")
    sinch_sandbox.advance(3)
    api.sent(to=["+447700900150"], client_reference="b", body="Doors")

    def search(**query: Any) -> list[tuple[str, str]]:
        found = pages(sinch_sandbox, "/search", "messages", limit=limit, **query)
        return [(each["to"][-3:], each["client_reference"]) for each in found]

    assert search(status="Failed") == [("150", "a")]
    assert search(status=["Failed", "queued"]) == [("150", "b"), ("150", "a")]
    assert search(batch_id=batch["id"]) == [("150", "a"), ("222", "a")]
    assert search(client_reference="b") == [("150", "b")]
    assert search(q="07700 900150", client_reference="a") == [("150", "a")]
    assert search(q="doors", status="Delivered", batch_id=batch["id"]) == [("222", "a")]
    assert search(q="windows", status="Delivered") == []


def test_a_cancelled_message_says_so(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(cancelled_status="Aborted")
    api.cancel(api.sent(send_at="2100-01-01T00:00:00Z")["id"])
    (message,) = read(sinch_sandbox, "/phones/447700900222")["messages"]
    assert (message["status"], message["cancelled"]) == ("Aborted", True)
    assert read(sinch_sandbox, "/phones")["phones"][0]["cancelled"] is True
    api.sent(to=["+447700900402"])
    sinch_sandbox.advance(3)
    (message,) = read(sinch_sandbox, "/phones/447700900402")["messages"]
    assert (message["status"], message["cancelled"]) == ("Aborted", False)


def test_settings_say_what_they_can_be(sinch_sandbox: SandboxClient) -> None:
    found = {each["name"]: each for each in read(sinch_sandbox, "/settings")["settings"]}

    def kind(name: str) -> tuple[str, bool]:
        return found[name]["kind"], found[name]["may_be_none"]

    assert kind("dispatch_delay") == ("float", False)
    assert kind("plan_rate") == ("float", True)
    assert kind("token_rate_limit") == ("bool", False)
    assert kind("default_max_parts") == ("int", True)
    assert kind("default_originator") == ("str", True)
    assert [name for name, each in found.items() if each["secret"]] == ["callback_secret"]


def test_faults_that_can_hit_are_counted(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "send")
    sinch_sandbox.fault("server_error", "list", on=False)
    assert read(sinch_sandbox, "")["faults"] == 1
    api.send()
    assert read(sinch_sandbox, "")["faults"] == 0


@pytest.mark.parametrize(
    ("path", "query", "word"),
    [
        ("/phones", {"limit": 0}, "limit"),
        ("/phones", {"limit": 201}, "limit"),
        ("/phones", {"before": "x"}, "before"),
        ("/phones", {"before": "9" * 30 + "-1"}, "before"),
        ("/phones/abc", {}, "number"),
        ("/batches", {"before": 0}, "before"),
        ("/reference", {}, "client_reference"),
        ("/reference", {"client_reference": ""}, "client_reference"),
        ("/search", {}, "q"),
        ("/search", {"q": ""}, "q"),
        ("/search", {"q": "x" * 201}, "q"),
        ("/search", {"limit": 5}, "q"),
        ("/search", {"status": "Lost"}, "status"),
        ("/search", {"reference": "a"}, "reference"),
        ("/batches", {"q": "x" * 201}, "q"),
    ],
)
def test_what_makes_no_sense_is_refused(
    sinch_sandbox: SandboxClient, path: str, query: dict[str, Any], word: str
) -> None:
    response = requests.get(f"{sinch_sandbox.url}/sandbox/inbox{path}", params=query, timeout=10)
    assert response.status_code == 422
    assert word in response.text


def test_an_unknown_batch_is_404(sinch_sandbox: SandboxClient) -> None:
    response = requests.get(f"{sinch_sandbox.url}/sandbox/inbox/batches/x", timeout=10)
    assert (response.status_code, response.json()) == (404, {"detail": "there is no such batch"})


def test_an_unknown_reference_is_404(sinch_sandbox: SandboxClient) -> None:
    url = f"{sinch_sandbox.url}/sandbox/inbox/reference?client_reference=x"
    response = requests.get(url, timeout=10)
    assert (response.status_code, response.json()) == (404, {"detail": "no batch has this reference"})


def test_every_magic_code_has_a_meaning() -> None:
    words = {outcome.code: meaning(outcome.code) for outcome in MAGIC.values()}
    assert not {code for code, text in words.items() if text in ("unknown code", "error of the operator")}


def test_a_fault_can_be_disarmed_alone(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("rate_limited", "send", count=None)
    sinch_sandbox.fault("server_error", "list")
    assert api.send().status_code == 429
    first, second = sinch_sandbox.faults()
    url = f"{sinch_sandbox.url}/sandbox/faults"
    assert requests.delete(f"{url}/{second['id']}", timeout=10).status_code == 200
    assert sinch_sandbox.faults() == [first]
    assert requests.delete(f"{url}/{second['id']}", timeout=10).status_code == 404
    assert requests.delete(f"{url}/0", timeout=10).status_code == 422
