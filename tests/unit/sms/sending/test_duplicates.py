"""Duplicate batches of a send: cancelled if nothing has left, otherwise reported."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from sinch_provider.sms.errors import (
    SinchSentTwiceError,
    SinchUnsettledError,
)
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.duplicates import reached_nobody
from tests.unit.sms.conftest import plan_account
from tests.unit.sms.scripted import reply
from tests.unit.sms.sending.attempts import ANNA, MARIA, two_batches


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


def test_a_duplicate_that_cannot_be_cancelled_now_is_left_to_a_retry(send, sinch_sandbox, store):
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    first, _ = two_batches(send, store, **tomorrow)
    sinch_sandbox.fault("server_error", "cancel", count=None)
    with pytest.raises(SinchUnsettledError, match="cancelling it failed") as caught:
        send(2, **tomorrow)
    assert caught.value.transient
    sinch_sandbox.clear_faults()
    assert send(2, **tomorrow).batch_id == first.batch_id


def test_the_delivery_report_shows_whether_a_cancelled_batch_reached_anybody(server, do):
    batch = Batch.from_json({"id": "01B", "canceled": True, "to": [MARIA[1:]]})

    def report(*statuses: dict[str, Any]) -> bool:
        answer = {"type": "mt", "batch_id": "01B", "total_message_count": 1, "statuses": list(statuses)}
        server.script = lambda request: reply(200, answer)
        reached_none: bool = do.follow(plan_account(server.url), reached_nobody(batch))
        return reached_none

    cancelled = {"code": 407, "status": "Cancelled", "count": 1}
    assert report(cancelled)
    assert not report(cancelled, {"code": 0, "status": "Delivered", "count": 1})
    assert not report()
