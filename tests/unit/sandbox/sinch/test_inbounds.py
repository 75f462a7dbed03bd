"""Messages that phones send: simulated over the control API, read over Sinch's."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient, SandboxError
from sinch_sandbox.server import Options, RunningSandbox
from tests.unit.sandbox.wire import TO, Api, accepted, in_

PHONE, NUMBER = "447700900222", "447700900111"
DAY = 86_400


def inbounds(api: Api, **query: Any) -> dict[str, Any]:
    return accepted(api.call("GET", "/inbounds", params=query))


def bodies(page: dict[str, Any]) -> list[object]:
    return [each["body"] for each in page["inbounds"]]


def test_none_yet(api: Api) -> None:
    assert inbounds(api) == {"count": 0, "page": 0, "page_size": 0, "inbounds": []}


def test_a_text_as_sinch_shows_it(api: Api, sinch_sandbox: SandboxClient) -> None:
    simulated = sinch_sandbox.inbound(
        "+44 7700-900 222", "Yes, Å", "+447700900111", operator_id="24001", sent_at="2024-11-12T08:00+01:00"
    )
    item = {
        "type": "mo_text",
        "id": simulated["id"],
        "from": PHONE,
        "to": NUMBER,
        "body": "Yes, Å",
        "received_at": sinch_sandbox.now(),
        "sent_at": "2024-11-12T07:00:00.000Z",
        "operator_id": "24001",
    }
    assert len(simulated["id"]) == 26
    assert simulated == {"account": "sandbox-plan", **item}
    assert accepted(api.call("GET", f"/inbounds/{item['id']}")) == item
    assert inbounds(api) == {"count": 1, "page": 0, "page_size": 1, "inbounds": [item]}
    assert sinch_sandbox.inbounds() == [simulated]


def test_binary_and_media(api: Api, sinch_sandbox: SandboxClient) -> None:
    binary = sinch_sandbox.inbound(TO, "SGVsbG8=", NUMBER, type="mo_binary", udh="050003C40201")
    assert (binary["type"], binary["udh"], binary["body"]) == ("mo_binary", "050003C40201", "SGVsbG8=")
    file = {"url": "https://media.example.test/cat.jpg", "content_type": "image/jpeg"}
    media = sinch_sandbox.inbound(TO, {"subject": "Cat", "media": [file]}, NUMBER, type="mo_media")
    assert media["body"] == {"subject": "Cat", "media": [{**file, "status": "Uploaded", "code": 0}]}
    assert [each["id"] for each in inbounds(api)["inbounds"]] == [media["id"], binary["id"]]
    assert not {"udh", "operator_id", "sent_at", "client_reference"} & set(media)


def test_pages_with_the_newest_first(api: Api, sinch_sandbox: SandboxClient) -> None:
    for index in range(5):
        sinch_sandbox.inbound(TO, str(index), NUMBER)
    pages = [inbounds(api, page=number, page_size=2) for number in range(4)]
    assert [bodies(page) for page in pages] == [["4", "3"], ["2", "1"], ["0"], []]
    assert {(page["count"]) for page in pages} == {5}


def test_the_window(api: Api, sinch_sandbox: SandboxClient) -> None:
    moment = sinch_sandbox.inbound(TO, "old", NUMBER)["received_at"]
    assert bodies(inbounds(api, end_date=moment)) == []
    sinch_sandbox.advance(DAY + 0.001)
    sinch_sandbox.inbound(TO, "new", NUMBER)
    assert bodies(inbounds(api)) == ["new"]
    assert bodies(inbounds(api, start_date=moment)) == ["new", "old"]
    assert bodies(inbounds(api, start_date=moment, end_date=in_(sinch_sandbox))) == ["old"]
    sinch_sandbox.advance(14 * DAY)
    assert bodies(inbounds(api, start_date="2020-01-01")) == ["new"]


def test_by_number_and_reference(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.inbound(TO, "a", NUMBER, client_reference="x")
    sinch_sandbox.inbound(TO, "b", "447700900112", client_reference="y")
    sinch_sandbox.inbound(TO, "c", "71111")
    assert bodies(inbounds(api, to="+447700900111, 71111")) == ["c", "a"]
    assert bodies(inbounds(api, to=["447700900111", "447700900112"])) == ["b", "a"]
    assert bodies(inbounds(api, client_reference="y")) == ["b"]
    assert bodies(inbounds(api, client_reference="")) == []


@pytest.mark.parametrize("query", ["page=-1", "page_size=0", "page_size=101", "start_date=soon", "to=Bistro"])
def test_bad_queries(api: Api, query: str) -> None:
    assert api.call("GET", f"/inbounds?{query}").status_code == 400


def test_accounts_do_not_see_each_other(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    inbound = sinch_sandbox.inbound(TO, "secret", NUMBER, account="sandbox-project")
    assert inbounds(api)["count"] == 0
    assert bodies(inbounds(project)) == ["secret"]
    missing = api.call("GET", f"/inbounds/{inbound['id']}")
    assert (missing.status_code, missing.content) == (404, b"")
    assert [each["account"] for each in sinch_sandbox.inbounds()] == ["sandbox-project"]


def test_without_a_number_a_phone_answers_the_latest_message_it_was_sent(
    api: Api, project: Api, sinch_sandbox: SandboxClient
) -> None:
    api.sent(from_="+447700900112")
    project.sent(from_="+447700900113")
    later = api.sent(from_="+447700900114", send_at=in_(sinch_sandbox, hours=1))
    cancelled = api.sent(from_="+447700900115", send_at=in_(sinch_sandbox, minutes=61))
    api.cancel(cancelled["id"])

    def destination(**details: Any) -> tuple[str, str]:
        inbound = sinch_sandbox.inbound(TO, "Yes", **details)
        return inbound["account"], inbound["to"]

    assert destination() == ("sandbox-project", "447700900113")
    assert destination(account="sandbox-plan") == ("sandbox-plan", "447700900112")
    sinch_sandbox.advance(2 * 3600)
    assert destination() == ("sandbox-plan", later["from"])
    api.sent(from_=...)
    assert destination() == ("sandbox-plan", "447700900100")


def test_whom_nobody_wrote_cannot_answer(api: Api, sinch_sandbox: SandboxClient) -> None:
    with pytest.raises(SandboxError, match=r"422.*to: there is no message to 447700900222"):
        sinch_sandbox.inbound(TO, "Yes")
    api.sent(from_="Bistro")
    with pytest.raises(SandboxError, match=r"422.*to: .*'Bistro'"):
        sinch_sandbox.inbound(TO, "Yes")


def test_the_reference_it_answers_if_the_account_has_this(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(client_reference="a")
    api.sent(from_="+447700900112", client_reference="b")
    assert "client_reference" not in sinch_sandbox.inbound(TO, "Yes", NUMBER)
    sinch_sandbox.configure(inbound_client_reference=True)
    assert sinch_sandbox.inbound(TO, "Yes", NUMBER)["client_reference"] == "a"
    assert sinch_sandbox.inbound(TO, "Yes")["client_reference"] == "b"
    assert sinch_sandbox.inbound(TO, "Yes", client_reference="own")["client_reference"] == "own"
    assert "client_reference" not in sinch_sandbox.inbound("+447700900333", "Yes", NUMBER)
    api.sent()
    assert "client_reference" not in sinch_sandbox.inbound(TO, "Yes", NUMBER)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from", "Bistro"),
        ("from", None),
        ("from", "+" + "4" * 30),
        ("to", "Bistro"),
        ("to", ""),
        ("body", {"message": "x"}),
        ("body", "x" * 2001),
        ("body", 5),
        ("type", "mt_text"),
        ("udh", "00"),
        ("operator_id", "Telco"),
        ("sent_at", "yesterday"),
        ("account", "other"),
        ("client_reference", "x" * 2049),
        ("colour", "red"),
    ],
)
def test_bad_messages_are_refused_by_name(sinch_sandbox: SandboxClient, field: str, value: object) -> None:
    message = {"from": TO, "to": NUMBER, "body": "x", field: value}
    response = requests.post(f"{sinch_sandbox.url}/sandbox/inbounds", json=message, timeout=10)
    assert response.status_code == 422
    assert field in response.text
    assert sinch_sandbox.inbounds() == []


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"type": "mo_binary", "body": "not base64", "udh": "00"}, "body"),
        ({"type": "mo_binary", "body": "SGVsbG8="}, "udh"),
        ({"type": "mo_binary", "body": "SGVsbG8=", "udh": "0"}, "udh"),
        ({"type": "mo_media", "body": "x"}, "body"),
        ({"type": "mo_media", "body": {"media": [{}]}}, "content_type"),
    ],
)
def test_bad_binary_and_media(sinch_sandbox: SandboxClient, message: dict[str, Any], field: str) -> None:
    with pytest.raises(SandboxError, match=f"422.*{field}"):
        sinch_sandbox.inbound(TO, to=NUMBER, **message)


def test_the_control_list_by_phone_and_in_pages(sinch_sandbox: SandboxClient) -> None:
    for sender in (TO, "+447700900333", TO):
        sinch_sandbox.inbound(sender, "x", NUMBER)
    url = f"{sinch_sandbox.url}/sandbox/inbounds"
    answer = requests.get(url, params={"from": TO, "limit": "1"}, timeout=10).json()
    assert (answer["count"], len(answer["inbounds"])) == (2, 1)
    sinch_sandbox.clear()
    assert sinch_sandbox.inbounds() == []


def test_faults_strike_here_too(api: Api, sinch_sandbox: SandboxClient) -> None:
    inbound = sinch_sandbox.inbound(TO, "x", NUMBER)
    sinch_sandbox.fault("server_error", "list_inbounds")
    sinch_sandbox.fault("rate_limited", "get_inbound", match={"inbound_id": inbound["id"]})
    assert api.call("GET", "/inbounds").status_code == 500
    assert api.call("GET", f"/inbounds/{inbound['id']}").status_code == 429
    assert [fault["struck"] for fault in sinch_sandbox.faults()] == [1, 1]
    assert sinch_sandbox.calls() == {"list_inbounds": 1, "get_inbound": 1}


def test_they_outlive_a_restart_and_identifiers_go_on(tmp_path: Path) -> None:
    options = Options(db=str(tmp_path / "sms.db"), clock="manual")
    with RunningSandbox(options) as sandbox:
        sandbox.advance(3600)
        first = sandbox.inbound(TO, "x", NUMBER)
    with sqlite3.connect(options.db) as db:
        db.execute("DELETE FROM meta WHERE name = 'clock'")
    # In one and the same millisecond only the order of giving them out makes identifiers grow.
    for _ in range(6):
        with RunningSandbox(options) as sandbox:
            assert sandbox.now() == first["received_at"]
            assert sandbox.inbounds()[-1] == first
            sandbox.inbound(TO, "y", NUMBER)
            ids = [each["id"] for each in sandbox.inbounds()]
    assert ids == sorted(ids, reverse=True)
