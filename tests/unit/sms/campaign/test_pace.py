"""How a campaign keeps to its rate: how much is sent at once, and what may wait at Sinch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sinch_provider.sms.campaign.pace import LONGEST, Queue, people_of_batch, requests_at_once
from sinch_provider.sms.campaign.reached import SentBatch

NOON = datetime.now(UTC)
#: Ten people in a quarter of an hour.
RATE = 10 / LONGEST


def batch(name: str, people: int, minute: int = 0, *, canceled: bool = False, days: int = 3) -> SentBatch:
    at = NOON + timedelta(minutes=minute)
    return SentBatch(name, people, canceled, at, "Hi!", at + timedelta(days=days))


def asked(queue: Queue) -> str | None:
    """The batch whose report is asked for; None: there is room, whatever Sinch says."""
    procedure = queue.full()
    try:
        call = procedure.send(None)
    except StopIteration:
        return None
    procedure.close()
    return str(call.path).split("/batches/")[1].split("/")[0]


def test_a_few_people_need_no_question() -> None:
    assert asked(Queue(RATE, [batch("one", 10)])) is None


def test_the_last_batch_behind_which_too_many_wait_is_asked_for() -> None:
    queue = Queue(RATE, [batch("two", 6, minute=1), batch("one", 6)])
    assert asked(queue) == "one"
    queue.add("three", 4)
    # Behind the first one ten people wait, which is no more than may.
    assert asked(queue) == "one"
    queue.add("four", 1)
    assert asked(queue) == "two"


def test_cancelled_batches_do_not_wait() -> None:
    assert asked(Queue(RATE, [batch("one", 9), batch("two", 9, minute=1, canceled=True)])) is None


def test_batches_that_have_expired_do_not_wait() -> None:
    assert asked(Queue(RATE, [batch("one", 9, days=-1), batch("two", 9, minute=1)])) is None


@pytest.mark.parametrize(
    ("rate", "people", "requests"),
    [
        (None, 1000, 4),
        (1000.0, 1000, 4),
        (40.0, 1000, 2),
        (16.0, 960, 1),
        (0.5, 30, 1),
        (0.001, 1, 1),
        (1e308, 1000, 4),
    ],
)
def test_a_minutes_worth_of_people_is_sent_at_once(rate: float | None, people: int, requests: int) -> None:
    assert people_of_batch(rate, 1000) == people
    assert requests_at_once(rate, people, 4) == requests
