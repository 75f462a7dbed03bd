"""When a batch is over: the decisions, fed by hand with reports and a clock that tests move."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from sinch_provider.sms.delivery.progress import GRACE, Progress, Schedule, State, Summary, progress_of
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from tests.unit.sms.looking import DELIVERED, EMPTY, ID, QUEUED, START, Driver, batch, report


def test_a_running_batch_costs_one_call_a_look_after_the_first() -> None:
    driver = Driver(batch(), QUEUED, report(("Delivered", 0, 1), ("Dispatched", 401, 1)), DELIVERED)
    summary = driver.wait()
    assert driver.calls == ["get", "get_delivery_report", "get_delivery_report", "get_delivery_report"]
    assert driver.pauses == [10, 10]
    assert summary.by_status == {"Delivered": 2}
    assert summary.pending == summary.overdue == ()


def test_a_batch_just_sent_need_not_be_read() -> None:
    driver = Driver(DELIVERED)
    progress = driver.look(progress_of(batch()))
    assert driver.calls == ["get_delivery_report"]
    assert progress.state is State.FINISHED
    assert progress.over


@pytest.mark.parametrize("known", [True, False])
def test_nothing_is_asked_before_a_batch_leaves(known: bool) -> None:
    scheduled = batch(send_at=START.add(hours=8).isoformat())
    driver = Driver(DELIVERED) if known else Driver(scheduled, DELIVERED)
    driver.wait(progress_of(scheduled) if known else Progress(ID))
    assert driver.calls == ["get_delivery_report"] if known else ["get", "get_delivery_report"]
    assert driver.pauses == [8 * 3600]


def test_a_look_at_a_scheduled_batch_says_so_without_a_call() -> None:
    driver = Driver()
    progress = driver.look(progress_of(batch(send_at=START.add(hours=8).isoformat())))
    assert progress.state is State.SCHEDULED
    assert not progress.over


def test_a_batch_whose_time_to_leave_is_past_is_running() -> None:
    driver = Driver(batch(send_at=START.subtract(hours=8).isoformat()), QUEUED)
    assert driver.look().state is State.RUNNING


def test_a_batch_cancelled_before_its_time_has_an_empty_report_and_counts_for_everybody() -> None:
    cancelled = batch(send_at=START.add(hours=8).isoformat(), canceled=True)
    driver = Driver(cancelled, EMPTY)
    progress = driver.look()
    assert (progress.state, progress.canceled) == (State.FINISHED, True)
    assert progress.counts == {("Cancelled", 407): 2}
    # Some servers still give the planned count.
    assert Driver(cancelled, report(total=5)).look().counts == {("Cancelled", 407): 5}
    # Whoever it was for: a cancelled batch is no success.
    assert Driver(batch(to=0, canceled=True), EMPTY).look().counts == {("Cancelled", 407): 1}


def test_a_batch_cancelled_while_it_was_waited_for_is_noticed_at_its_time() -> None:
    scheduled = batch(send_at=START.add(hours=8).isoformat())
    driver = Driver(EMPTY, batch(send_at=START.add(hours=8).isoformat(), canceled=True))
    summary = driver.wait(progress_of(scheduled))
    assert driver.calls == ["get_delivery_report", "get"]
    assert summary.by_status == {"Cancelled": 2}


def test_a_batch_cancelled_midway_ends_with_what_its_messages_came_to() -> None:
    driver = Driver(
        batch(to=3, canceled=True),
        report(("Aborted", 407, 1), ("Dispatched", 401, 2)),
        report(("Aborted", 407, 1), ("Delivered", 0, 2)),
    )
    summary = driver.wait()
    assert summary.by_status == {"Cancelled": 1, "Delivered": 2}
    assert driver.pauses == [10]


def test_a_cancelled_batch_that_finished_all_the_same_says_both() -> None:
    progress = Driver(batch(canceled=True), DELIVERED).look()
    assert (progress.state, progress.canceled) == (State.FINISHED, True)
    assert progress.counts == {("Delivered", 0): 2}


def test_a_postponed_batch_is_waited_for_anew() -> None:
    driver = Driver(EMPTY, batch(send_at=START.add(hours=9).isoformat()), DELIVERED)
    driver.wait(progress_of(batch(send_at=START.add(hours=8).isoformat())))
    assert driver.calls == ["get_delivery_report", "get", "get_delivery_report"]
    assert driver.pauses == [8 * 3600, 3600]


def test_a_batch_that_has_left_but_reports_nothing_yet_is_running() -> None:
    driver = Driver(batch(), EMPTY, EMPTY, batch(), DELIVERED)
    driver.wait()
    assert driver.calls == ["get", "get_delivery_report", "get_delivery_report", "get", "get_delivery_report"]


def test_a_batch_is_given_up_after_its_expiry_and_the_time_for_late_reports() -> None:
    expire_at = START.add(minutes=30)
    sent = batch(expire_at=expire_at.isoformat())
    driver = Driver()
    running = progress_of(sent)
    assert running.schedule == Schedule(None, expire_at + GRACE)
    driver = Driver(QUEUED)
    driver.now = expire_at + GRACE
    assert driver.look(running).state is State.RUNNING
    driver = Driver(QUEUED, sent)
    driver.now = (expire_at + GRACE).add(seconds=1)
    late = driver.look(running)
    assert driver.calls == ["get_delivery_report", "get"]
    assert (late.state, late.over) == (State.OVERDUE, True)
    assert late.counts == {("Queued", 400): 2}
    assert Summary.of([late]).overdue == (ID,)
    assert Summary.of([late]).pending == ()


def test_reports_that_are_complete_in_the_end_win_over_the_deadline() -> None:
    driver = Driver(DELIVERED)
    driver.now = START.add(days=30)
    assert driver.look(progress_of(batch())).state is State.FINISHED


def test_a_batch_prolonged_meanwhile_is_not_given_up() -> None:
    driver = Driver(QUEUED, batch(expire_at=START.add(days=2).isoformat()))
    driver.now = START.add(days=1)
    progress = driver.look(progress_of(batch(expire_at=START.isoformat())))
    assert progress.state is State.RUNNING
    assert progress.schedule == Schedule(None, START.add(days=2) + GRACE)


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        ({}, START.add(days=3)),
        ({"send_at": START.add(days=1).isoformat()}, START.add(days=4)),
        ({"created_at": None}, START.add(days=3)),
        ({"expire_at": START.add(hours=1).isoformat()}, START.add(hours=1)),
    ],
)
def test_a_batch_expires_three_days_after_it_leaves_unless_it_says_otherwise(
    fields: dict[str, Any], ends: pendulum.DateTime
) -> None:
    assert Schedule.of(batch(**fields), START).ends == ends + GRACE


def test_a_batch_at_the_end_of_the_calendar_has_a_schedule_too() -> None:
    for name in ("send_at", "expire_at"):
        assert Schedule.of(batch(**{name: "9999-12-31T23:59:59Z"}), START).ends.year == 9999


def late(*answers: Batch | BatchDeliveryReport, **after: float) -> Progress:
    driver = Driver(*answers)
    driver.now = START.add(**after)
    return driver.look()


@pytest.mark.parametrize("groups", [1, 3])
def test_a_batch_to_empty_groups_is_over_without_messages(groups: int) -> None:
    sent = batch(to=0, groups=groups)
    assert Driver(sent, EMPTY).look().state is State.RUNNING
    found = late(sent, EMPTY, minutes=16)
    assert (found.state, dict(found.counts)) == (State.FINISHED, {})


@pytest.mark.parametrize(
    "sent", [batch(to=2), batch(to=1, groups=1), batch(to=0)], ids=["numbers", "mixed", "not told"]
)
def test_an_empty_report_of_a_batch_to_people_is_waited_for_until_the_end(sent: Batch) -> None:
    assert late(sent, EMPTY, minutes=16).state is State.RUNNING
    assert late(sent, EMPTY, days=3, hours=1).state is State.RUNNING
    found = late(sent, EMPTY, days=3, hours=1, seconds=1)
    assert (found.state, dict(found.counts)) == (State.OVERDUE, {})


def test_a_batch_whose_report_came_late_ends_with_it() -> None:
    driver = Driver(batch(), EMPTY, EMPTY, batch(), DELIVERED)
    assert driver.wait(poll_interval=1800).by_status == {"Delivered": 2}


def test_more_messages_than_announced_end_the_wait() -> None:
    found = Driver(batch(), report(("Delivered", 0, 2), ("Failed", 150, 1), total=2)).look()
    assert found.state is State.FINISHED
    assert found.counts == {("Delivered", 0): 2, ("Failed", 150): 1}
    # Nothing announced, but messages there are: no empty group.
    found = late(batch(to=0, groups=1), report(("Queued", 400, 2), total=0), minutes=16)
    assert (found.state, found.counts) == (State.RUNNING, {("Queued", 400): 2})
