"""Which batches are still under way: the same as the trigger thinks."""

from __future__ import annotations

import pytest

from sinch_provider.sms.campaign.unfinished import unfinished
from tests.unit.sms.campaign.test_results import ABSENT, DELIVERED, NEVER, Sinch
from tests.unit.sms.sending.attempts import NOW


@pytest.fixture
def sinch(do, sinch_sandbox):
    return Sinch(do, sinch_sandbox)


def left(sinch: Sinch, **options: int) -> list[str]:
    batches = sinch.batches()
    return sinch.do.follow(sinch.account, unfinished(batches, **options))


def test_finished_batches_are_left_out(sinch, sinch_sandbox):
    sinch_sandbox.script({"prefix": DELIVERED, "status": "Delivered", "code": 0, "delivery_delay": 30})
    one, two = sinch.send(DELIVERED), sinch.send(NEVER, DELIVERED)
    assert sorted(left(sinch)) == [one, two]
    sinch_sandbox.advance(60)
    assert left(sinch) == [two]


def test_no_more_than_a_trigger_waits_for(sinch, sinch_sandbox):
    ids = {sinch.send(NEVER) for _ in range(25)}
    sinch_sandbox.clear_calls()
    found = left(sinch, most=12)
    assert len(found) == len(set(found) & ids) == 12
    assert sinch_sandbox.calls()["delivery_report"] == 12


def test_a_cancelled_batch_is_not_waited_for(sinch):
    batch_id = sinch.send(ABSENT, send_at=NOW.add(hours=2))
    assert left(sinch) == [batch_id]
    sinch.do(sinch.account, "batches.cancel", batch_id)
    assert left(sinch) == []


def test_an_expired_batch_is_not_waited_for(sinch, do, sinch_sandbox):
    from dataclasses import replace

    sinch.send(NEVER)
    expired = [replace(each, ends=NOW.subtract(seconds=1)) for each in sinch.batches()]
    sinch_sandbox.clear_calls()
    assert do.follow(sinch.account, unfinished(expired)) == []
    assert sinch_sandbox.calls() == {}
