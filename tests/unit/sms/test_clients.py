"""Both clients over real HTTP: the same scenarios, once with requests and once with aiohttp."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ProjectCredentials, ServicePlanCredentials
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import (
    SinchAlreadyDispatchedError,
    SinchAuthError,
    SinchForbiddenError,
    SinchNotFoundError,
    SinchUncertainError,
    SinchUnexpectedAnswerError,
    SinchValidationError,
)
from sinch_provider.sms.wire.http import USER_AGENT
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.calls import (
    DRY_RUN,
    GET,
    GOOD,
    ID,
    REPLACE,
    SEND,
    TEXT,
    TO,
    UPDATE,
    by_operation,
)
from tests.unit.sms.conftest import Player, plan_account, project_account
from tests.unit.sms.scripted import (
    Received,
    ScriptedServer,
    reply,
    token,
)

# --- against the sandbox


@pytest.fixture(params=["plan", "project"])
def account(request: pytest.FixtureRequest, sinch_sandbox: SandboxClient) -> Account:
    own = sinch_sandbox.credentials
    credentials: ServicePlanCredentials | ProjectCredentials = ServicePlanCredentials(
        own.service_plan_id, own.api_token
    )
    if request.param == "project":
        credentials = ProjectCredentials(own.project_id, own.key_id, own.key_secret)
    return Account(credentials=credentials, base_url=sinch_sandbox.url)


def test_a_batch_lives_from_send_to_delivery(
    do: Player, account: Account, sinch_sandbox: SandboxClient
) -> None:
    batch = do(
        account,
        "batches.send",
        to="+447700900222, +447700900333",
        body="Hi ${name}",
        from_="+447700900111",
        parameters={"name": {"+447700900222": "Maria", "default": "there"}},
        client_reference="nightly/1 + 2",
        feedback_enabled=True,
    )
    assert batch.to == ("447700900222", "447700900333")
    assert {message["body"] for message in sinch_sandbox.messages()} == {"Hi Maria", "Hi there"}
    assert do(account, "batches.get", batch.id) == batch

    found = do.entries(
        account, "batches.list", client_reference="nightly/1 + 2", from_=["+447700900111", "12345"]
    )
    assert found == [batch]
    assert do.entries(account, "batches.list", client_reference="another") == []

    sinch_sandbox.advance(3600)
    report = do(account, "delivery_reports.get", batch.id, report_type="full")
    assert report.total_message_count == 2
    assert {recipient for line in report.statuses for recipient in line.recipients} == set(batch.to)
    one = do(account, "delivery_reports.get_for_number", batch.id, "+44 7700-900 222")
    assert (one.recipient, one.status) == ("447700900222", "Delivered")
    assert len(do.entries(account, "delivery_reports.list", page_size=1)) == 2
    assert do(account, "batches.send_delivery_feedback", batch.id, recipients=[]) is None


def test_a_scheduled_batch_can_be_changed_replaced_and_cancelled(
    do: Player, account: Account, sinch_sandbox: SandboxClient
) -> None:
    send_at = (datetime.fromisoformat(sinch_sandbox.now()) + timedelta(hours=8)).isoformat()
    batch = do(account, "batches.send", to=TO, body=TEXT, from_="Bistro", send_at=send_at)
    changed = do(account, "batches.update", batch.id, to_add="+447700900333", to_remove=TO, body="Later.")
    assert (changed.id, changed.to, changed.body) == (batch.id, ("447700900333",), "Later.")
    replaced = do(
        account, "batches.replace", batch.id, to=TO, body="Postponed.", from_="Bistro", send_at=send_at
    )
    assert (replaced.id, replaced.to, replaced.body) == (batch.id, ("447700900222",), "Postponed.")
    assert do(account, "batches.cancel", batch.id).canceled
    sinch_sandbox.advance(24 * 3600)
    assert do(account, "delivery_reports.get", batch.id).statuses == ()


def test_a_dry_run_sends_nothing(do: Player, account: Account, sinch_sandbox: SandboxClient) -> None:
    dry_run = do(account, "batches.send_dry_run", to=TO, body="Hi", from_="Bistro", per_recipient=True)
    assert (dry_run.number_of_recipients, dry_run.number_of_messages) == (1, 1)
    assert [entry.recipient for entry in dry_run.per_recipient] == ["447700900222"]
    assert sinch_sandbox.messages() == []


def test_refusals_of_sinch_have_their_classes(
    do: Player, account: Account, sinch_sandbox: SandboxClient
) -> None:
    with pytest.raises(SinchNotFoundError, match="get: not found"):
        do(account, *GET)
    with pytest.raises(SinchForbiddenError) as caught:
        do(account, *SEND, from_="Bistro", delivery_report="full")
    assert caught.value.code == "missing_callback_url"
    assert "Nothing was sent." in str(caught.value)
    sent = do(account, *SEND, from_="Bistro")
    sinch_sandbox.advance(3600)
    with pytest.raises(SinchAlreadyDispatchedError, match="Nothing was changed"):
        do(account, "batches.update", sent.id, body="Later.")


def test_wrong_credentials_are_told_and_not_tried_again(do: Player, sinch_sandbox: SandboxClient) -> None:
    plan = Account(credentials=ServicePlanCredentials("sandbox-plan", "wrong"), base_url=sinch_sandbox.url)
    project = Account(
        credentials=ProjectCredentials("sandbox-project", "sandbox-key", "wrong"), base_url=sinch_sandbox.url
    )
    for account, hint in (
        (plan, "does not accept the credentials"),
        (project, "does not accept the key id and key secret"),
    ):
        with pytest.raises(SinchAuthError, match=hint):
            do(account, *GET)
    assert do.pauses == []
    assert sinch_sandbox.calls() == {"get": 1, "token": 1}


def test_a_lost_reply_sends_once_and_says_that_nobody_knows(
    do: Player, account: Account, sinch_sandbox: SandboxClient
) -> None:
    sinch_sandbox.fault("lost_reply", "send")
    with pytest.raises(SinchUncertainError, match="may or may not have been sent"):
        do(account, *SEND, from_="Bistro")
    assert len(sinch_sandbox.messages()) == 1
    assert sinch_sandbox.calls()["send"] == 1


def test_a_send_that_was_put_off_arrives_once(
    do: Player, account: Account, sinch_sandbox: SandboxClient
) -> None:
    sinch_sandbox.fault("rate_limited", "send", count=2, retry_after=3)
    do(account, *SEND, from_="Bistro")
    assert len(sinch_sandbox.messages()) == 1
    assert len(do.pauses) == 2
    assert all(3 <= pause <= 3.25 for pause in do.pauses)


def test_an_outdated_token_is_renewed_once_and_nothing_is_sent_twice(
    do: Player, sinch_sandbox: SandboxClient
) -> None:
    own = sinch_sandbox.credentials
    account = Account(
        credentials=ProjectCredentials(own.project_id, own.key_id, own.key_secret), base_url=sinch_sandbox.url
    )
    do(account, *SEND, from_="Bistro")
    sinch_sandbox.fault("expired_token", "send")
    sinch_sandbox.clear_calls()
    do(account, *SEND, from_="Bistro")
    assert sinch_sandbox.calls() == {"send": 2, "token": 1}
    assert len(sinch_sandbox.messages()) == 2


# --- what goes over the wire


def test_a_request_says_who_asks_for_what(do: Player, server: ScriptedServer) -> None:
    server.script = [GOOD["batches.send"], GOOD["batches.get"]]
    account = plan_account(server.url, sender="Bistro")
    do(account, "batches.send", to=TO, body="H\u00e5j \u2013 $5")
    do(account, *GET)
    send, get = server.received
    assert (send.method, send.target) == ("POST", "/xms/v1/plan/batches")
    assert send.json == {
        "to": ["447700900222"],
        "from": "Bistro",
        "type": "mt_text",
        "body": "H\u00e5j \u2013 $5",
        "delivery_report": "none",
    }
    assert send.headers["content-type"] == "application/json"
    assert (get.method, get.target, get.body) == ("GET", f"/xms/v1/plan/batches/{ID}", b"")
    for received in server.received:
        assert received.headers["authorization"] == "Bearer plan-token"
        assert received.headers["accept"] == "application/json"
        assert received.headers["user-agent"] == USER_AGENT


def test_the_sender_of_the_account_steps_back(do: Player, server: ScriptedServer) -> None:
    server.script = [
        GOOD["batches.send"],
        GOOD["batches.send_dry_run"],
        GOOD["batches.replace"],
        GOOD["batches.update"],
    ]
    account = plan_account(server.url, sender="Bistro")
    do(account, *SEND, from_="Caf\u00e9")
    do(account, *DRY_RUN)
    do(account, *REPLACE)
    do(account, *UPDATE)
    assert [received.json.get("from") for received in server.received] == [
        "Caf\u00e9",
        "Bistro",
        "Bistro",
        None,
    ]


@pytest.mark.parametrize(
    "reference", ["a/b c", "50% + 1", "\u00e5&b=c#d?e;f", "'\"<>|\\^`{}~", "%2B%20", "+"]
)
def test_a_query_arrives_as_it_was_meant(do: Player, server: ScriptedServer, reference: str) -> None:
    server.script = [GOOD["batches.list"]]
    do(plan_account(server.url), "batches.list", client_reference=reference, from_=["+447700900111", "12345"])
    assert server.received[0].query == {
        "page": ["0"],
        "client_reference": [reference],
        "from": ["+447700900111,12345"],
    }
    assert "+46" not in server.received[0].target


def test_an_account_behind_a_gateway_keeps_its_path(do: Player, server: ScriptedServer) -> None:
    server.script = [GOOD["batches.get"]]
    do(plan_account(f"{server.url}/gate/"), *GET)
    assert server.received[0].target == f"/gate/xms/v1/plan/batches/{ID}"


def test_a_request_that_breaks_a_rule_never_leaves(do: Player, server: ScriptedServer) -> None:
    with pytest.raises(SinchValidationError):
        do(plan_account(server.url), "batches.send", to=["07700900222"], body="Hi")
    assert server.received == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", [SEND, GET], ids=by_operation)
def test_redirects_are_not_followed(
    do: Player, server: ScriptedServer, call: tuple[Any, ...], status: int
) -> None:
    # The target of a redirect would get the token, and a POST might turn into a GET.
    with ScriptedServer([GOOD[call[0]]] * 2) as elsewhere:
        server.script = [reply(status, Location=f"{elsewhere.url}/xms/v1/plan/batches")]
        # It may redirect after it has sent: 303 even says so.
        kind = SinchUncertainError if call is SEND else SinchUnexpectedAnswerError
        with pytest.raises(kind, match=f"HTTP {status}"):
            do(plan_account(server.url), *call)
        assert elsewhere.received == []
    assert len(server.received) == 1
    assert do.pauses == []


@pytest.mark.parametrize("entry", ["machine 127.0.0.1", "default"])
def test_a_netrc_does_not_replace_the_credentials(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, entry: str
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"{entry} login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.script = [GOOD["batches.get"], token("t1"), GOOD["batches.get"]]
    do(plan_account(server.url), *GET)
    do(project_account(server.url), *GET)
    plan, key, project = (received.headers["authorization"] for received in server.received)
    assert plan == "Bearer plan-token"
    assert key.startswith("Basic a2V5L")  # key-...
    assert project == "Bearer t1"


# --- the face of the clients


def operations() -> Iterator[tuple[str, Callable[..., Any]]]:
    batches = (
        "send",
        "send_dry_run",
        "get",
        "update",
        "replace",
        "cancel",
        "send_delivery_feedback",
    )
    yield from ((f"batches.{name}", getattr(endpoints, name)) for name in batches)
    yield "batches.list", endpoints.list_batches
    yield "delivery_reports.get", endpoints.get_delivery_report
    yield "delivery_reports.get_for_number", endpoints.get_delivery_report_for_number
    yield "delivery_reports.list", endpoints.list_delivery_reports


@pytest.mark.parametrize(("name", "description"), list(operations()))
@pytest.mark.parametrize("client", [SinchClient, AsyncSinchClient])
def test_methods_have_the_parameters_and_docs_of_their_descriptions(
    client: Any, name: str, description: Callable[..., Any]
) -> None:
    group, method = name.split(".")
    bound = getattr(getattr(client(plan_account("http://localhost")), group), method)
    parameters = inspect.signature(description).parameters
    assert inspect.signature(bound).parameters == parameters
    # The first is the group that the method belongs to.
    unbound = getattr(type(getattr(client(plan_account("http://localhost")), group)), method)
    assert list(inspect.signature(unbound).parameters) == ["self", *parameters]
    assert bound.__doc__ == description.__doc__


def test_the_received_request_is_what_the_server_says(server: ScriptedServer) -> None:
    # Keeps the double honest: a request body with a length of its own is read to its end.
    assert Received("GET", "/a?b=+c", {}, b"").query == {"b": [" c"]}
    assert server.paths() == []
