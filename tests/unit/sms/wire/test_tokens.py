"""Tokens as they are kept: per key, until shortly before their end, and not lost to a late complaint."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sinch_provider.sms.account import Account, ProjectCredentials, ServicePlanCredentials
from sinch_provider.sms.errors import (
    Effect,
    SinchAuthError,
    SinchError,
    SinchRateLimitError,
    SinchServerError,
    SinchUnexpectedAnswerError,
)
from sinch_provider.sms.wire.tokens import (
    MARGIN,
    Grant,
    TokenSlot,
    is_expired_token,
    read_grant,
    token_request,
    token_slot,
)
from tests.unit.sms.conftest import project_account
from tests.unit.sms.wire.test_answers import HTML, answer


def test_a_complaint_about_an_older_token_does_not_cost_the_new_one() -> None:
    # Calls that were under way with the old token hear of its end after somebody has renewed it.
    slot = TokenSlot()
    slot.store(Grant("old", 3600))
    slot.drop("old")
    assert slot.current() is None
    slot.store(Grant("new", 3600))
    slot.drop("old")
    assert slot.current() == "new"


def test_a_token_is_not_used_in_its_last_minute() -> None:
    slot = TokenSlot()
    assert slot.current() is None
    assert slot.store(Grant("short", MARGIN)) == "short"
    assert slot.current() is None
    slot.store(Grant("long", MARGIN + 60))
    assert slot.current() == "long"


def test_a_slot_belongs_to_a_key_its_secret_and_an_endpoint() -> None:
    def slot(key: str = "key", secret: str = "secret", url: str = "http://localhost:1") -> TokenSlot:
        credentials = ProjectCredentials("project", key, secret)
        return token_slot(Account(credentials=credentials, base_url=url), credentials)

    assert slot() is slot()
    others = [slot(key="other"), slot(secret="other"), slot(url="http://localhost:2")]
    assert len({id(found) for found in [slot(), *others]}) == 4


def test_every_event_loop_has_a_lock_of_its_own() -> None:
    slot = TokenSlot()

    async def lock() -> asyncio.Lock:
        assert slot.async_lock() is slot.async_lock()
        return slot.async_lock()

    assert asyncio.run(lock()) is not asyncio.run(lock())


def test_the_key_travels_as_http_basic() -> None:
    account = project_account("http://localhost")
    credentials = ProjectCredentials("project", "key", "secret")
    request = token_request(account, credentials)
    assert request.headers["Authorization"] == "Basic a2V5OnNlY3JldA=="
    assert (request.method, request.url) == ("POST", "http://localhost/oauth2/token")
    assert "secret" not in repr(Account(credentials=ServicePlanCredentials("plan", "secret")))


@pytest.mark.parametrize(
    ("body", "lifetime"),
    [
        ({"access_token": "t", "expires_in": 3599}, 3599),
        ({"access_token": "t", "expires_in": "3599"}, 3599),
        ({"access_token": "t"}, 3600),
        ({"access_token": "t", "expires_in": None}, 3600),
        ({"access_token": "t", "expires_in": "soon"}, 3600),
        ({"access_token": "t", "expires_in": 10**400}, 3600),
    ],
)
def test_a_grant_is_read(body: Any, lifetime: float) -> None:
    assert read_grant("send", answer(200, body)) == Grant("t", lifetime)


@pytest.mark.parametrize("body", [HTML, b"", [], {}, {"access_token": ""}, {"access_token": 5}])
def test_a_grant_without_a_token_is_none(body: Any) -> None:
    with pytest.raises(SinchUnexpectedAnswerError, match=r"Nothing was sent\.") as caught:
        read_grant("send", answer(200, body))
    assert caught.value.effect is Effect.NONE


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_key_is_an_auth_error(status: int) -> None:
    body = {"error": "invalid_client", "error_description": "No key 447700900222."}
    with pytest.raises(SinchAuthError, match="does not accept the key id and key secret") as caught:
        read_grant("send", answer(status, body))
    assert (caught.value.status, caught.value.code, caught.value.text) == (
        status,
        "invalid_client",
        "No key +4477***0222.",
    )


@pytest.mark.parametrize("status", [301, 404, 405])
def test_another_server_than_the_token_endpoint_is_not_a_missing_batch(status: int) -> None:
    with pytest.raises(SinchUnexpectedAnswerError, match="no token endpoint at auth_url"):
        read_grant("get", answer(status, HTML))


@pytest.mark.parametrize(
    ("status", "kind"), [(429, SinchRateLimitError), (408, SinchServerError), (503, SinchServerError)]
)
def test_trouble_of_the_token_endpoint_may_be_waited_out_even_for_a_send(
    status: int, kind: type[SinchError]
) -> None:
    with pytest.raises(kind) as caught:
        read_grant("send", answer(status, retry_after="2"))
    assert (caught.value.repeatable, caught.value.effect, caught.value.retry_after) == (True, Effect.NONE, 2)


@pytest.mark.parametrize(
    ("status", "header", "expired"),
    [
        (401, 'Bearer error="expired"', True),
        (401, 'Bearer error="invalid_token", error_description="The token EXPIRED"', True),
        (401, 'Bearer error="invalid_token"', False),
        (401, "", False),
        # A proxy's look-alike.
        (407, 'Bearer error="expired"', False),
    ],
)
def test_only_a_401_says_that_a_token_has_expired(status: int, header: str, expired: bool) -> None:
    assert is_expired_token(answer(status, www_authenticate=header)) is expired
