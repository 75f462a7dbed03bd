"""Credentials and what passes through: neither stored, nor shown."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ProjectCredentials, ServicePlanCredentials
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import SinchBadRequestError
from sinch_provider.sms.models import DeliveryReportPage
from sinch_provider.sms.wire.environment import Way
from sinch_provider.sms.wire.http import Answer
from sinch_provider.sms.wire.pagination import _Position
from sinch_provider.sms.wire.request import request_for
from sinch_provider.sms.wire.tokens import Grant, token_request
from tests.unit.sms.calls import GOOD, ID, NUMBER, SEND, TEXT, TO, told
from tests.unit.sms.conftest import Player, plan_account, project_account
from tests.unit.sms.scripted import ScriptedServer, reply, token

PAGE = DeliveryReportPage.from_json(
    {
        "count": 1,
        "page": 0,
        "page_size": 1,
        "delivery_reports": [
            {"batch_id": ID, "recipient": NUMBER[1:], "status": "Delivered", "code": 0, "at": "2026-01-01"}
        ],
    }
)
PLAN = Account(credentials=ServicePlanCredentials("plan", "plan-token"))
PROJECT = Account(credentials=ProjectCredentials("project", "key", "key-secret"))
BASIC = "a2V5OmtleS1zZWNyZXQ="
SECRETS = ("plan-token", "key-secret", BASIC)

HOLDERS: list[Any] = [
    PLAN,
    PROJECT,
    PLAN.credentials,
    PROJECT.credentials,
    ServicePlanCredentials("plan", "plan-token").api_token,
]
CLIENTS: list[Any] = [SinchClient(PLAN), SinchClient(PROJECT), AsyncSinchClient(PROJECT)]


def airflows(value: Any) -> Any:
    from airflow.sdk.serde import serialize

    return serialize(value)


WAYS: list[Callable[[Any], Any]] = [
    airflows,
    pickle.dumps,
    json.dumps,
    lambda value: json.dumps(value, default=vars),
    lambda value: json.dumps(value, default=lambda each: each.__getstate__()),
    lambda value: json.dumps(value, default=repr),
    dataclasses.asdict,
    dataclasses.astuple,
    copy.deepcopy,
    copy.copy,
    repr,
    str,
    "{}".format,
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("holder", [*HOLDERS, *CLIENTS], ids=lambda holder: type(holder).__name__)
def test_no_way_of_writing_things_down_gives_a_secret_away(way: Callable[[Any], Any], holder: Any) -> None:
    try:
        written = way(holder)
    except (TypeError, AttributeError) as refusal:
        written = refusal
    for secret in SECRETS:
        assert secret not in repr(written)


@pytest.mark.parametrize("holder", [*HOLDERS, *CLIENTS], ids=lambda holder: type(holder).__name__)
@pytest.mark.parametrize("way", [airflows, pickle.dumps])
def test_who_stores_credentials_is_told_why_not(way: Callable[[Any], Any], holder: Any) -> None:
    with pytest.raises(TypeError, match=f"{type(holder).__name__} contains credentials and cannot be stored"):
        way(holder)


def test_credentials_are_compared_and_changed_as_values() -> None:
    assert ServicePlanCredentials("a", "b") == ServicePlanCredentials("a", "b")
    assert ServicePlanCredentials("a", "b") != ServicePlanCredentials("a", "c")
    assert hash(ServicePlanCredentials("a", "b")) == hash(ServicePlanCredentials("a", "b"))
    assert dataclasses.replace(PROJECT, timeout=5).credentials.secret == "key-secret"
    assert isinstance(PROJECT.credentials, ProjectCredentials)
    changed = dataclasses.replace(PROJECT.credentials, key_id="k")
    assert changed == ProjectCredentials("project", "k", "key-secret")


def test_what_passes_through_shows_nothing_of_what_it_holds() -> None:
    assert isinstance(PROJECT.credentials, ProjectCredentials)
    call = endpoints.send(body=TEXT + " ${name}", to=TO, parameters={"name": {"default": "Maria"}})
    one = endpoints.get_delivery_report_for_number(ID, NUMBER)
    shown = repr(
        [
            call,
            one,
            request_for(PLAN, call),
            request_for(PLAN, one),
            token_request(PROJECT, PROJECT.credentials),
            Grant("access-token", 5),
            Answer(200, {"x": "access-token"}, b"access-token 447700900222"),
            Way("http://user:access-token@127.0.0.1:1", socks=False, encrypted=False),
            _Position(
                endpoints.list_delivery_reports(),
                PAGE,
                1,
                frozenset({(ID, NUMBER[1:])}),
                tuple(PAGE.items),
                0,
            ),
        ]
    )
    for secret in (*SECRETS, NUMBER[1:], "Maria", "tomorrow", "access-token"):
        assert secret not in shown


def test_tokens_are_concealed_as_soon_as_they_are_known(do: Player, server: ScriptedServer) -> None:
    server.script = [token("t-one", expires_in=60), GOOD["batches.get"], token("t-two"), GOOD["batches.get"]]
    do(project_account(server.url), "batches.get", ID)
    do(project_account(server.url), "batches.get", ID)
    assert do.concealed == ["t-one", "t-two"]


@pytest.mark.parametrize("quote", ["token {}", "{}", "Bearer {}.", "x{}y", "cut {:.13}"])
def test_a_server_that_quotes_credentials_is_not_quoted(
    do: Player, server: ScriptedServer, quote: str
) -> None:
    long = "eyJhbGciOiJSUzI1NiJ9.access"
    for secret in (long, "key-secret-0123456789"):
        said = quote.format(secret)
        server.script = [token(long), reply(400, {"code": said, "text": said})]
        account = project_account(server.url)
        assert isinstance(account.credentials, ProjectCredentials)
        credentials = dataclasses.replace(account.credentials, key_secret="key-secret-0123456789")
        account = dataclasses.replace(account, credentials=credentials)
        with pytest.raises(SinchBadRequestError) as caught:
            do(account, *SEND)
        assert secret[:13] not in told(caught.value)
    server.script = [reply(400, {"code": "x", "text": quote.format("plan-token")})]
    with pytest.raises(SinchBadRequestError) as caught:
        do(plan_account(server.url), *SEND)
    assert "plan-token" not in told(caught.value)
