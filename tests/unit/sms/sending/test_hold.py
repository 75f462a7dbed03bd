"""Held batches: duplicates are cancelled just before they leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pendulum
import pytest

from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import (
    SinchBatchCanceledError,
    SinchNotSentError,
    SinchUnsettledError,
)
from sinch_provider.sms.runtime import current, using
from tests.unit.sms.sending.attempts import ONCE, sandbox_account, texts, two_batches


def test_a_duplicate_of_a_held_batch_is_cancelled_before_it_leaves(send, sinch_sandbox, store):
    first, _ = two_batches(send, store, send_at=pendulum.now("UTC").add(minutes=3))
    store.value = None
    third = send(hold=timedelta(minutes=2))
    assert third.batch_id == first.batch_id
    sinch_sandbox.advance(3600)
    assert texts(sinch_sandbox) == ONCE
    assert len(sinch_sandbox.batches()) == 3


def test_a_batch_cancelled_while_it_is_held_is_no_success(send, sinch_sandbox, do):
    pause = do._pause

    def cancel(seconds: float) -> None:
        pause(seconds)
        [batch] = sinch_sandbox.batches()
        with SinchClient(sandbox_account(sinch_sandbox)) as client:
            client.batches.cancel(batch["id"])

    do._pause = cancel
    with pytest.raises(SinchBatchCanceledError, match="while it was held"):
        send(hold=timedelta(minutes=5))


def test_the_time_of_a_held_batch_is_set_again_for_each_request(send, sinch_sandbox, do):
    """Four answers "too many requests" would otherwise outlast the hold, and the batch leave at once."""
    moment = [pendulum.now("UTC")]
    sinch_sandbox.fault("rate_limited", "send", retry_after=40, count=4)
    pause = do._pause

    def passing(seconds: float) -> None:
        pause(seconds)
        moment[0] = moment[0].add(seconds=seconds)

    do._pause = passing
    with using(replace(current(), now=lambda: moment[0])):
        sent = send(hold=timedelta(minutes=2))
    assert sent.batch.send_at - sent.batch.created_at > timedelta(minutes=1)
    assert sinch_sandbox.calls()["list"] == 1


def test_a_held_batch_that_has_left_already_is_kept(send, sinch_sandbox, store, caplog):
    first = send()
    assert send(2, hold=timedelta(minutes=2)).batch_id == first.batch_id
    assert "has left already" in caplog.text


def test_a_retry_near_the_end_of_the_hold_warns_and_looks(send, sinch_sandbox, store, caplog):
    soon = {"send_at": pendulum.now("UTC").add(seconds=30)}
    first = send(**soon)
    sinch_sandbox.clear_calls()
    assert send(2, hold=timedelta(minutes=2), **soon).batch_id == first.batch_id
    assert "may list a duplicate too late" in caplog.text
    assert sinch_sandbox.calls() == {"get": 1, "list": 1}


def test_a_held_batch_whose_duplicates_cannot_be_looked_up_is_left_to_a_retry(send, sinch_sandbox):
    sinch_sandbox.fault("server_error", "list", count=None)
    with pytest.raises(SinchUnsettledError, match="its duplicates could not be looked up"):
        send(hold=timedelta(minutes=2))


def test_a_held_request_that_waits_too_long_again_and_again_sends_nothing(send, sinch_sandbox, store):
    moment = [pendulum.now("UTC")]

    def slow() -> bool:
        moment[0] = moment[0].add(minutes=2)
        return False

    store.refuse = slow
    with (
        using(replace(current(), now=lambda: moment[0])),
        pytest.raises(SinchNotSentError, match="less than half of the hold is left"),
    ):
        send(hold=timedelta(minutes=2))
    assert "send" not in sinch_sandbox.calls()
