"""Duplicate batches of a send: cancelled if nothing has left, otherwise reported."""

from __future__ import annotations

import pendulum
import pytest

from sinch_provider.sms.errors import (
    SinchSentTwiceError,
)
from tests.unit.sms.sending.attempts import ANNA, two_batches


def test_a_duplicate_that_has_not_left_is_cancelled(send, sinch_sandbox, store):
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    first, second = two_batches(send, store, **tomorrow)
    assert send(2, **tomorrow).batch_id == first.batch_id
    assert {each["id"]: each["canceled"] for each in sinch_sandbox.batches()} == {
        first.batch_id: False,
        second.batch_id: True,
    }


def test_a_duplicate_that_has_left_is_reported(send, sinch_sandbox, store):
    two_batches(send, store)
    sinch_sandbox.advance(5)
    with pytest.raises(SinchSentTwiceError, match="a second time"):
        send(2)


def test_a_duplicate_with_another_text_is_not_cancelled_but_reported(send, sinch_sandbox, store):
    """The text contains the time, so it is unknown which of the two the user wants."""
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    send(body="Hi at 10:00", **tomorrow)
    store.value = None
    send(body="Hi at 10:01", **tomorrow)
    store.value.update(state="intent", batch_id=None)
    with pytest.raises(SinchSentTwiceError, match="a second time"):
        send(2, body="Hi at 10:02", **tomorrow)
    assert not any(each["canceled"] for each in sinch_sandbox.batches())


def test_a_batch_to_other_recipients_is_not_cancelled(send, sinch_sandbox, store):
    """Another installation with the same Dag and run id on the same service plan."""
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    ours = send(**tomorrow)
    store.value = None
    theirs = send(to=[ANNA], **tomorrow)
    store.value = None
    assert send(2, cleared_after=1, **tomorrow).batch_id == ours.batch_id
    assert not any(each["canceled"] for each in sinch_sandbox.batches())
    assert len(sinch_sandbox.messages(batch_id=theirs.batch_id)) == 1
