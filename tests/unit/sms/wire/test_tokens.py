"""Tokens as they are kept: per key, until shortly before their end, and not lost to a late complaint."""

from __future__ import annotations

import asyncio

from sinch_provider.sms.account import Account, ProjectCredentials, ServicePlanCredentials
from sinch_provider.sms.wire.tokens import MARGIN, Grant, TokenSlot, token_request, token_slot
from tests.unit.sms.conftest import project_account


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
