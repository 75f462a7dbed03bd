"""Changing a batch once, although answers get lost and attempts are repeated; with both clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pendulum
import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchAlreadyDispatchedError, SinchNotFoundError, SinchUnsettledError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.change_once import change_once
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.conftest import Player
from tests.unit.sms.sending.attempts import LUKASZ, MARIA, sandbox_account

TOMORROW = pendulum.now("UTC").add(days=1)
#: So soon that a replacement may leave before a second request.
SOON = pendulum.now("UTC").add(minutes=4)


@pytest.fixture
def batch(do: Player, sinch_sandbox: SandboxClient) -> Batch:
    sent: Batch = do(sandbox_account(sinch_sandbox), "batches.send", to=[MARIA], body="Hi", send_at=TOMORROW)
    return sent


@pytest.fixture
def change(do: Player, sinch_sandbox: SandboxClient, batch: Batch) -> Callable[..., Batch]:
    def make(call: Any, *, first: bool = True) -> Batch:
        changed: Batch = do.follow(sandbox_account(sinch_sandbox), change_once(batch.id, call, first=first))
        return changed

    return make


def update(batch: Batch) -> Any:
    return endpoints.update(batch.id, to_add=[LUKASZ], body="Hello", expire_at=TOMORROW.add(hours=1))


def replacement(batch: Batch) -> Any:
    return endpoints.replace(
        batch.id,
        body="Hello ${name}",
        to=[MARIA, LUKASZ],
        send_at=SOON,
        parameters={"name": {MARIA: "Maria", "default": ""}},
    )


@pytest.mark.parametrize("make", [update, replacement, lambda batch: endpoints.cancel(batch.id)])
@pytest.mark.parametrize("first", [True, False])
def test_a_lost_answer_does_not_lead_to_a_second_change(change, batch, sinch_sandbox, make, first):
    operation = make(batch).operation
    sinch_sandbox.fault("lost_reply", operation)
    changed = change(make(batch), first=first)
    assert changed.id == batch.id
    # Cancelling twice is the same as once, so the client may do that by itself.
    assert sinch_sandbox.calls()[operation] == (2 if operation == "cancel" else 1)


@pytest.mark.parametrize("make", [update, replacement])
def test_a_second_attempt_finds_the_change_made(change, batch, sinch_sandbox, make):
    change(make(batch))
    change(make(batch), first=False)
    assert sinch_sandbox.calls()[make(batch).operation] == 1


@pytest.mark.parametrize("make", [update, replacement])
def test_a_change_that_was_not_made_is_made(change, batch, sinch_sandbox, make):
    operation = make(batch).operation
    sinch_sandbox.fault("lost_reply", operation, when="before")
    change(make(batch))
    assert sinch_sandbox.calls()[operation] == 2
    assert len(sinch_sandbox.messages()) == 2


def test_recipients_can_be_taken_off(change, batch, sinch_sandbox):
    change(update(batch))
    sinch_sandbox.fault("lost_reply", "update", when="before")
    change(endpoints.update(batch.id, to_remove=[MARIA]))
    assert [each["to"] for each in sinch_sandbox.messages()] == [LUKASZ[1:]]


@pytest.mark.parametrize("make", [update, replacement])
def test_too_late_for_a_second_request_is_not_too_late_for_the_first(change, batch, sinch_sandbox, make):
    change(make(batch))
    sinch_sandbox.advance(2 * 86400)
    assert change(make(batch)).id == batch.id


@pytest.mark.parametrize("make", [update, replacement])
def test_too_late(change, batch, sinch_sandbox, make):
    sinch_sandbox.advance(2 * 86400)
    with pytest.raises(SinchAlreadyDispatchedError):
        change(make(batch))


def test_a_change_that_is_lost_again_and_again_can_be_retried(change, batch, sinch_sandbox):
    sinch_sandbox.fault("lost_reply", "update", when="before", count=None)
    with pytest.raises(SinchUnsettledError, match="lost 3 times") as caught:
        change(update(batch))
    assert caught.value.transient


@pytest.mark.parametrize("settle", [0.0, 135.0])
def test_a_batch_that_cannot_be_read_after_a_lost_answer_is_left_to_a_retry(do, batch, sinch_sandbox, settle):
    sinch_sandbox.fault("lost_reply", "update")
    sinch_sandbox.fault("server_error", "get", count=None)
    with pytest.raises(SinchUnsettledError, match="the batch cannot be read") as caught:
        do.follow(
            sandbox_account(sinch_sandbox), change_once(batch.id, update(batch), first=True, settle=settle)
        )
    assert caught.value.transient


def test_after_a_lost_answer_it_waits_before_it_changes_again(do, batch, sinch_sandbox):
    sinch_sandbox.fault("lost_reply", "update", when="before")
    procedure = change_once(batch.id, update(batch), first=True, settle=135.0)
    do.follow(sandbox_account(sinch_sandbox), procedure)
    assert do.pauses == [135.0]
    assert sinch_sandbox.calls()["update"] == 2


def test_a_batch_that_does_not_exist_is_an_error(do, sinch_sandbox):
    missing = "01HZZZZZZZZZZZZZZZZZZZZZZA"
    with pytest.raises(SinchNotFoundError):
        do.follow(sandbox_account(sinch_sandbox), change_once(missing, endpoints.cancel(missing), first=True))


def test_a_change_keeps_the_operators_reference_and_changes_the_users(do, sinch_sandbox, caplog):
    account = sandbox_account(sinch_sandbox)
    for reference, expected in (("af-task", "af-task"), ("daily", "weekly")):
        sent = do(
            account,
            "batches.send",
            {"to": [MARIA], "body": "Hi", "client_reference": reference, "send_at": TOMORROW},
        )
        call = endpoints.update(sent.id, client_reference="weekly")
        do.follow(account, change_once(sent.id, call, first=True))
        assert do(account, "batches.get", sent.id).client_reference == expected
    assert "keeps its client_reference" in caplog.text
