"""The control API and its client."""

from __future__ import annotations

import threading

import pytest
import requests

import sinch_provider
from sinch_sandbox.client import SandboxClient, SandboxError
from sinch_sandbox.core.settings import Settings
from tests.unit.sandbox.wire import TO, Api

OTHER = "447700900333"


def test_health(sinch_sandbox: SandboxClient) -> None:
    assert sinch_sandbox.health() == {
        "status": "ok",
        "version": sinch_provider.__version__,
        "now": sinch_sandbox.now(),
    }


def test_a_message_as_the_sandbox_shows_it(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(body="Hi ${name}", parameters={"name": {"default": "Åsa"}}, client_reference="a")
    message = {
        "id": f"{batch['id']}-0",
        "batch_id": batch["id"],
        "to": "447700900222",
        "from": "447700900111",
        "body": "Hi Åsa",
        "parts": 1,
        "encoding": "text",
        "status": "Queued",
        "code": 400,
        "client_reference": "a",
        "created_at": batch["created_at"],
        "received": False,
        "received_at": None,
    }
    assert sinch_sandbox.messages() == [message]
    delivered = sinch_sandbox.advance(3)
    sinch_sandbox.advance(3)
    received = {**message, "status": "Delivered", "code": 0, "received": True, "received_at": delivered}
    assert sinch_sandbox.messages() == [received]


def test_messages_are_filtered_and_come_in_the_order_of_sending(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    first = api.sent(to=[TO, OTHER], body="Good morning, Ås", client_reference="a")
    second = api.sent(
        to=[OTHER], body="Good ${x}", parameters={"x": {"default": "night"}}, client_reference="b"
    )

    def found(**filters: str) -> list[tuple[str, str]]:
        return [(each["batch_id"], each["to"]) for each in sinch_sandbox.messages(**filters)]

    one, two, three = (first["id"], "447700900222"), (first["id"], OTHER), (second["id"], OTHER)
    assert found() == [one, two, three]
    assert found(to="+44 7700-900 333") == [two, three]
    assert found(to="nobody") == []
    assert found(batch_id=second["id"]) == [three]
    assert found(client_reference="a") == [one, two]
    assert found(q="NIGHT") == [three]
    assert found(q="ÅS") == [one, two]
    assert found(q="0900333") == [two, three]
    assert found(q="%") == []
    assert found(q="good", to=OTHER, client_reference="b") == [three]


def test_messages_come_in_pages_for_those_who_want_them(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[TO, OTHER])
    page = requests.get(f"{sinch_sandbox.url}/sandbox/messages?limit=1&offset=1", timeout=10).json()
    assert (page["count"], [each["to"] for each in page["messages"]]) == (2, [OTHER])


def test_clearing_forgets_what_was_sent_and_nothing_else(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent()
    sinch_sandbox.fault("latency", "cancel")
    sinch_sandbox.clear()
    assert (sinch_sandbox.messages(), sinch_sandbox.batches()) == ([], [])
    assert api.call("GET", f"/batches/{batch['id']}").status_code == 404
    assert len(sinch_sandbox.faults()) == 1
    assert sinch_sandbox.calls() == {"send": 1, "get": 1}


def test_batches_of_all_accounts(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    first, second = api.sent(), project.sent()
    assert sinch_sandbox.batches() == [
        {"account": "sandbox-project", **second},
        {"account": "sandbox-plan", **first},
    ]


def test_all_pages_are_read(api: Api, sinch_sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        api.sent()
    monkeypatch.setattr("sinch_sandbox.client._PAGE", 2)
    assert len(sinch_sandbox.messages()) == 3
    assert len({each["id"] for each in sinch_sandbox.batches()}) == 3


def test_calls_are_counted_refused_ones_too(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.send(to=[])
    Api(sinch_sandbox.url, token="wrong").send()
    api.listed()
    assert sinch_sandbox.calls() == {"send": 2, "list": 1}
    sinch_sandbox.clear_calls()
    assert sinch_sandbox.calls() == {}


def test_waiting_for_messages(api: Api, sinch_sandbox: SandboxClient) -> None:
    sender = threading.Timer(0.05, api.sent, kwargs={"client_reference": "late"})
    sender.start()
    assert len(sinch_sandbox.wait_for(1, client_reference="late")) == 1
    sender.join()
    with pytest.raises(TimeoutError, match="1 of 2 messages"):
        sinch_sandbox.wait_for(2, timeout=0)


def test_the_clock_moves_forward_only(sinch_sandbox: SandboxClient) -> None:
    before = sinch_sandbox.now()
    assert sinch_sandbox.advance(0) == before == sinch_sandbox.now()
    assert sinch_sandbox.advance(0.001) > before
    for seconds in (-1, float("nan"), float("inf"), 10**13):
        with pytest.raises(SandboxError, match="422"):
            sinch_sandbox.advance(seconds)


def test_the_clock_ends_before_dates_do(sinch_sandbox: SandboxClient) -> None:
    with pytest.raises(SandboxError, match="year 9000"):
        sinch_sandbox.advance(7000 * 366 * 86_400)
    assert sinch_sandbox.advance(6900 * 365 * 86_400) < "9000"


def test_settings_can_be_read_and_changed(sinch_sandbox: SandboxClient) -> None:
    def read() -> object:
        return requests.get(f"{sinch_sandbox.url}/sandbox/settings", timeout=10).json()

    assert read() == Settings().as_dict()
    sinch_sandbox.configure(delivery_delay=5, default_max_parts=2)
    assert read() == {**Settings().as_dict(), "delivery_delay": 5, "default_max_parts": 2}
    sinch_sandbox.reset()
    assert read() == Settings().as_dict()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "no setting 'colour'"),
        ({"cancel_after_dispatch": 403}, "200, 409"),
        ({"cancel_after_dispatch": True}, "200, 409"),
        ({"delivery_delay": "soon"}, "delivery_delay"),
        ({"delivery_delay": True}, "delivery_delay"),
        ({"delivery_delay": -1}, "between"),
        ({"delivery_delay": float("nan")}, "between"),
        ({"text_limit": 1.5}, "text_limit"),
        ({"text_limit": 10**30}, "between"),
        ({"text_limit": None}, "text_limit"),
        ({"token_rate_limit": 1}, "token_rate_limit"),
        ({"default_originator": 5}, "default_originator"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    sinch_sandbox: SandboxClient, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(SandboxError, match=words):
        sinch_sandbox.configure(**changes)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "settings", r'{"default_callback_url": "\ud800"}'),
        ("PATCH", "settings", r'{"callback_secret": "\uDFFF"}'),
        ("POST", "faults", r'{"kind": "latency", "match": {"a": "\ud83d"}}'),
        ("POST", "inbounds", r'{"from": "+447700900222", "to": "+447700900111", "body": "\ude00\ud83d"}'),
        ("POST", "clock", r'{"advance": 0, "\ud800": 1}'),
    ],
)
def test_a_lone_surrogate_is_refused(sinch_sandbox: SandboxClient, method: str, path: str, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    url = f"{sinch_sandbox.url}/sandbox/{path}"
    answer = requests.request(method, url, data=body, headers=headers, timeout=10)
    assert (answer.status_code, "a lone surrogate" in answer.text) == (422, True)
    assert sinch_sandbox.faults() == []


def test_a_character_in_two_halves_is_whole(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(default_originator="\N{GRINNING FACE}")
    assert (
        requests.get(f"{sinch_sandbox.url}/sandbox/settings", timeout=10).json()["default_originator"] == "😀"
    )


def test_the_table_of_outcomes(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.script({"prefix": "+4477", "status": "Failed", "code": 150})
    answer = requests.get(f"{sinch_sandbox.url}/sandbox/outcomes", timeout=10).json()
    assert answer["scripted"] == [
        {
            "prefix": "4477",
            "status": "Failed",
            "code": 150,
            "dispatch_delay": None,
            "delivery_delay": None,
            "receipt": True,
        }
    ]
    assert {
        "number": "+447700900150",
        "status": "Failed",
        "code": 150,
        "about": "unknown subscriber, permanent",
    } in answer["magic"]
    with pytest.raises(SandboxError, match="422"):
        sinch_sandbox.script({"prefix": "+46", "status": "Dispatched"})


def test_reset_brings_back_the_start(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    sinch_sandbox.fault("server_error", count=None)
    sinch_sandbox.script({"prefix": "46", "status": "Failed"})
    sinch_sandbox.configure(text_limit=1)
    before = sinch_sandbox.advance(86_400)
    sinch_sandbox.reset()
    assert sinch_sandbox.now() < before
    assert (sinch_sandbox.messages(), sinch_sandbox.faults(), sinch_sandbox.calls()) == ([], [], {})
    batch = api.sent()
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 1)]


def test_it_describes_itself(sinch_sandbox: SandboxClient) -> None:
    document = requests.get(f"{sinch_sandbox.url}/sandbox/openapi.json", timeout=10).json()
    assert {"/sandbox/messages", "/sandbox/faults", "/sandbox/clock"} < set(document["paths"])
    assert "/xms/v1/{account}/batches/{batch_id}" in document["paths"]


def test_unknown_control_paths_say_so(sinch_sandbox: SandboxClient) -> None:
    response = requests.get(f"{sinch_sandbox.url}/sandbox/nothing", timeout=10)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


def test_connections_are_ready_to_use(sinch_sandbox: SandboxClient) -> None:
    urls = {"base_url": sinch_sandbox.url, "auth_url": sinch_sandbox.url}
    assert sinch_sandbox.connection == {
        "conn_type": "sinch",
        "login": "sandbox-plan",
        "password": "sandbox-token",
        "extra": urls,
    }
    assert sinch_sandbox.project_connection == {
        "conn_type": "sinch",
        "login": "sandbox-key",
        "password": "sandbox-secret",
        "extra": {"project_id": "sandbox-project", **urls},
    }
