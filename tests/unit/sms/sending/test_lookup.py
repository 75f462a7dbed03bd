"""Looking for the batch of an earlier request, until it is found or certainly missing."""

from __future__ import annotations

import pytest

from sinch_provider.sms.errors import (
    SinchUncertainError,
    SinchUnsettledError,
)
from tests.unit.sms.sending.attempts import NOW, ONCE, texts


@pytest.mark.parametrize("lag", [0.5, 10, 30])
def test_a_batch_that_is_listed_late_is_waited_for(send, sinch_sandbox, lag):
    sinch_sandbox.fault("listing_lag", "send", seconds=lag)
    sinch_sandbox.fault("server_error", "send", when="after", status=503)
    assert send().adopted
    assert texts(sinch_sandbox) == ONCE


@pytest.mark.parametrize("seconds", [55, 75, 120])
def test_a_request_that_is_accepted_late_is_waited_for(send, sinch_sandbox, seconds):
    """The connection broke, and the request lay in a queue: the longest exchange and the listing bound it."""
    sinch_sandbox.fault("late", "send", how="close", seconds=seconds)
    assert send().adopted
    assert texts(sinch_sandbox) == ONCE


def test_what_was_not_accepted_is_sent_again_once_that_is_certain(send, sinch_sandbox, do):
    sinch_sandbox.fault("lost_reply", "send", when="before")
    assert not send().adopted
    assert texts(sinch_sandbox) == ONCE
    assert sum(do.pauses) >= 3 * 30 + 45


def test_an_old_run_that_sent_is_found_and_kept(send, sinch_sandbox, store):
    """A monthly run is named after a time long ago, and a clear on Airflow 3.4 deletes its journal."""
    first = send(since=NOW.subtract(days=31))
    store.value = None
    assert send(2, cleared_after=1, since=NOW.subtract(days=31)).batch_id == first.batch_id


def test_an_old_run_asks_if_nothing_is_listed(send, sinch_sandbox, store):
    with pytest.raises(SinchUncertainError, match="does not list batches that old") as caught:
        send(2, cleared_after=1, since=NOW.subtract(days=60))
    assert not caught.value.transient
    assert sinch_sandbox.batches() == []


def test_what_cannot_be_looked_up_is_not_sent_and_can_be_retried(send, sinch_sandbox, store):
    send()
    store.value.update(state="intent", batch_id=None)
    sinch_sandbox.fault("server_error", "list", count=None)
    with pytest.raises(SinchUnsettledError, match="unknown whether an earlier attempt has sent") as caught:
        send(2)
    assert caught.value.transient
    assert sinch_sandbox.calls()["send"] == 1


def test_what_cannot_be_looked_up_after_a_lost_answer(send, sinch_sandbox):
    sinch_sandbox.fault("lost_reply", "send")
    sinch_sandbox.fault("server_error", "list", count=None)
    with pytest.raises(SinchUnsettledError, match="may or may not have been sent"):
        send()


def test_an_intent_too_old_to_be_listed_is_left_to_a_person(send, sinch_sandbox, store):
    send()
    store.value.update(state="intent", batch_id=None, began="2024-01-01T00:00:00Z")
    sinch_sandbox.clear()
    with pytest.raises(SinchUncertainError, match="does not list batches that old") as caught:
        send(2)
    assert not caught.value.transient
