"""When a batch is over, several batches together, looks that fail, and the pauses between looks."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace

import pytest

from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.delivery.progress import GRACE, Progress, Schedule, State, progress_of
from sinch_provider.sms.delivery.wait import BLIND_LOOKS, look, look_at_all, pause_for, until_departure, wait
from sinch_provider.sms.errors import SinchAuthError, SinchConnectionError, SinchNotFoundError
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.runtime import current, using
from tests.unit.sms.looking import DELIVERED, EMPTY, ID, OTHER, QUEUED, START, Driver, batch, report

# --- one look


def test_a_running_batch_costs_one_call_a_look_after_the_first() -> None:
    driver = Driver(batch(), QUEUED, report(("Delivered", 0, 1), ("Dispatched", 401, 1)), DELIVERED)
    summary = driver.wait()
    assert driver.calls == ["get", "get_delivery_report", "get_delivery_report", "get_delivery_report"]
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
    assert running.schedule == Schedule(None, expire_at + GRACE, START)
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
    assert progress.schedule == Schedule(None, START.add(days=2) + GRACE, START)


def late(*answers: Batch | BatchDeliveryReport, **after: int) -> Progress:
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


# --- several batches


def test_several_batches_are_waited_for_together() -> None:
    driver = Driver(
        batch(),
        DELIVERED,
        batch(OTHER),
        report(("Queued", 400, 2), id_=OTHER),
        report(("Delivered", 0, 1), ("Failed", 150, 1), id_=OTHER),
    )
    summary = driver.wait(Progress(ID), Progress(OTHER))
    assert driver.calls == ["get", "get_delivery_report"] * 2 + ["get_delivery_report"]
    assert summary.batch_ids == (ID, OTHER)
    assert summary.counts == {("Delivered", 0): 3, ("Failed", 150): 1}


def test_waiting_for_nothing_is_over_at_once() -> None:
    driver = Driver()
    assert driver.follow(wait([], 10)) == Summary((), Counter())


def test_a_passing_failure_leaves_the_batch_as_it_was() -> None:
    trouble = SinchConnectionError("get: no connection")
    driver = Driver(batch(), QUEUED, trouble, DELIVERED)
    assert driver.wait().by_status == {"Delivered": 2}


def test_before_anything_is_known_only_so_many_looks_may_fail() -> None:
    driver = Driver(*[SinchConnectionError("get: no connection")] * BLIND_LOOKS)
    with pytest.raises(SinchConnectionError):
        driver.wait()
    assert driver.calls == ["get"] * BLIND_LOOKS
    Driver(*[SinchConnectionError("get: no connection")] * (BLIND_LOOKS - 1), batch(), DELIVERED).wait()


def test_a_failure_that_stays_is_raised() -> None:
    with pytest.raises(SinchNotFoundError):
        Driver(SinchNotFoundError("get: gone")).wait()
    with pytest.raises(SinchAuthError):
        Driver(batch(), QUEUED, SinchAuthError("get: no")).wait()


def test_a_report_that_is_not_there_yet_is_waited_for_until_the_end() -> None:
    missing = SinchNotFoundError("get_delivery_report: not found")
    driver = Driver(batch(), missing, missing, DELIVERED)
    assert driver.wait().by_status == {"Delivered": 2}
    late = Driver(missing)
    late.now = START.add(days=30)
    assert late.follow(look(progress_of(batch()))).state is State.OVERDUE


def test_no_pause_is_longer_than_a_day() -> None:
    assert until_departure([at(24 * 365 * 500)], START) == 24 * 3600


def test_a_batch_that_cannot_be_looked_at_until_its_end_is_overdue() -> None:
    driver = Driver(SinchConnectionError("get: no connection"))
    driver.now = START.add(days=30)
    running = progress_of(batch())
    assert driver.follow(look_at_all([running]))[0].state is State.OVERDUE


def test_batches_that_are_over_are_not_looked_at() -> None:
    over = Progress(ID, State.FINISHED)
    assert Driver().follow(look_at_all([over])) == [over]


def test_a_scheduled_batch_that_cannot_be_looked_at_in_time_does_not_spin() -> None:
    scheduled = progress_of(batch(send_at=START.add(hours=8).isoformat()))
    driver = Driver(*[SinchConnectionError("get: no connection")] * 2, DELIVERED)
    driver.wait(scheduled)
    assert driver.pauses == [8 * 3600, 1, 1]


def at(hours: int, id_: str = ID, state: State = State.SCHEDULED) -> Progress:
    return Progress(id_, state, schedule=Schedule(START.add(hours=hours), START.add(days=3)))


@pytest.mark.parametrize(
    ("entries", "seconds"),
    [
        ([], 0),
        ([at(2), at(1)], 3600),
        ([at(2), at(1), Progress(OTHER, State.RUNNING)], 0),
        ([at(2), Progress(OTHER, State.FINISHED)], 7200),
        ([at(2), at(-1)], 0),
        ([at(0)], 0),
        ([at(1, state=State.RUNNING)], 0),
    ],
)
def test_nothing_is_to_be_seen_before_the_first_batch_leaves(entries: list[Progress], seconds: float) -> None:
    assert until_departure(entries, START) == seconds


def pauses(*progress: Progress, after: float = 0, poll_interval: float = 10, looks: int = 7) -> list[float]:
    """The pauses of a wait that began some seconds after the start."""
    ids = [entry.batch_id for entry in progress]
    queued = [report(("Queued", 400, 1), id_=id_) for id_ in ids] * looks
    driver = Driver(*queued, *[report(("Delivered", 0, 1), id_=id_) for id_ in ids])
    driver.now = START.add(seconds=after)
    driver.wait(*progress, poll_interval=poll_interval)
    return driver.pauses


def test_pauses_grow_up_to_the_poll_interval() -> None:
    assert pauses(*known(ID)) == [1, 1, 2, 4, 8, 10, 10]
    assert pauses(*known(ID), poll_interval=3) == [1, 1, 2, 3, 3, 3, 3]
    assert pauses(*known(ID), poll_interval=0.1) == [0.1] * 7


def test_a_batch_that_left_long_ago_is_not_asked_for_more_often_when_a_wait_begins_anew() -> None:
    assert pauses(*known(ID), after=3600) == [10] * 7
    assert pauses(*known(ID), after=3) == [3, 6, 10, 10, 10, 10, 10]


def test_clocks_that_differ_do_not_keep_pauses_short() -> None:
    assert pauses(*known(ID), after=-600) == [1, 1, 2, 4, 8, 10, 10]


def test_pauses_grow_from_the_moment_when_a_batch_leaves() -> None:
    scheduled = progress_of(batch(send_at=START.add(hours=8).isoformat()))
    assert pauses(scheduled) == [8 * 3600, 1, 1, 2, 4, 8, 10, 10]


def test_the_youngest_of_several_batches_counts() -> None:
    old = progress_of(batch(OTHER, created_at=START.subtract(hours=1).isoformat()))
    assert pauses(*known(ID), old) == [1, 1, 2, 4, 8, 10, 10]


def test_there_is_no_hurry_while_one_of_several_batches_has_not_left() -> None:
    later = progress_of(batch(OTHER, send_at=START.add(seconds=24).isoformat()))
    driver = Driver(*[QUEUED] * 3, DELIVERED, report(("Delivered", 0, 2), id_=OTHER))
    driver.wait(*known(ID), later)
    assert driver.pauses == [10, 10, 10]


def test_waits_that_begin_together_drift_apart() -> None:
    running = known(ID)
    with using(replace(current(), now=lambda: START.add(hours=1))):
        drawn = {pause_for(running, 10, START) for _ in range(100)}
    assert len(drawn) > 50
    assert 8 <= min(drawn) <= max(drawn) <= 10
    with using(replace(current(), now=lambda: START)):
        drawn = {pause_for([at(1)], 10, START) for _ in range(100)}
    assert len(drawn) > 50
    assert 3600 <= min(drawn) <= max(drawn) <= 3601


# --- a round ends where going on makes no sense

TROUBLE = SinchConnectionError("get: no connection")


def known(*ids: str) -> list[Progress]:
    return [progress_of(batch(id_)) for id_ in ids]


def test_a_round_ends_at_the_first_passing_failure() -> None:
    driver = Driver(TROUBLE)
    found = driver.follow(look_at_all([Progress(f"batch{index}") for index in range(1000)]))
    assert driver.calls == ["get"]
    assert [entry.batch_id for entry in found] == [f"batch{index}" for index in range(1000)]


def test_a_wait_looks_once_a_round_while_sinch_is_down() -> None:
    driver = Driver(TROUBLE, TROUBLE, DELIVERED, report(("Delivered", 0, 2), id_=OTHER))
    assert driver.wait(*known(ID, OTHER)).by_status == {"Delivered": 4}
    assert len(driver.pauses) == 2


def test_a_batch_that_cannot_be_looked_at_does_not_keep_others_from_being_looked_at() -> None:
    third = "01J8ZC4M7T2Q9KX5RVBW3NHYDR"
    queued = {id_: report(("Queued", 400, 1), id_=id_) for id_ in (ID, OTHER, third)}
    driver = Driver()
    entries = known(ID, OTHER, third)
    for failures, counted in [(1, 0), (2, 2), (3, 2)]:
        driver.answers = [queued[OTHER], queued[third], TROUBLE] if failures > 1 else [TROUBLE]
        entries = driver.follow(look_at_all(entries))
        assert [entry.batch_id for entry in entries] == [ID, OTHER, third]
        assert entries[0].failures == failures
        assert sum(bool(entry.counts) for entry in entries) == counted


def test_rounds_that_end_early_come_round_to_every_batch() -> None:
    ids = [f"batch{index}" for index in range(9)]
    driver = Driver()
    entries = known(*ids)
    seen = []
    for _ in range(5):
        driver.answers = [QUEUED, TROUBLE]
        before = entries
        entries = driver.follow(look_at_all(entries))
        seen += [new.batch_id for old, new in zip(before, entries, strict=True) if old != new]
    assert sorted({*seen}) == ids


def test_blind_looks_are_counted_over_all_batches() -> None:
    driver = Driver(*[TROUBLE] * BLIND_LOOKS)
    with pytest.raises(SinchConnectionError):
        driver.wait(Progress(ID), Progress(OTHER))
    assert driver.calls == ["get"] * BLIND_LOOKS


def test_a_round_ends_when_its_time_is_up() -> None:
    driver = Driver(QUEUED, report(("Queued", 400, 2), id_=OTHER), call_takes=3)
    found = driver.follow(look_at_all(known(ID, OTHER, "third", "fourth"), START.add(seconds=5)))
    assert [bool(entry.counts) for entry in found] == [True, True, False, False]


def test_a_round_has_time_for_one_look_at_least() -> None:
    driver = Driver(DELIVERED)
    found = driver.follow(look_at_all(known(ID, OTHER), START.subtract(hours=1)))
    assert [entry.state for entry in found] == [State.FINISHED, State.RUNNING]


# --- what is said while waiting


def test_changes_of_the_counts_are_logged_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    half = report(("Delivered", 0, 1), ("Queued", 400, 1))
    Driver(batch(), QUEUED, QUEUED, half, half, DELIVERED).wait()
    assert [record.getMessage() for record in caplog.records] == [
        f"Batch {ID}: Queued 2.",
        f"Batch {ID}: Delivered 1, Queued 1.",
        f"Batch {ID}: Delivered 2.",
    ]


def test_a_batch_that_leaves_later_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Driver(batch(send_at=START.add(days=3).isoformat()), DELIVERED).wait()
    assert [record.getMessage() for record in caplog.records] == [
        f"Batch {ID}: leaves at 2024-11-15T10:00:00.000Z; no status is requested before that.",
        f"Batch {ID}: Delivered 2.",
    ]


def test_many_batches_are_logged_in_one_short_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ids = [f"{ID[:-3]}{index:03}" for index in range(500)]
    answers = [report(("Queued", 400, 2), id_=id_) for id_ in ids]
    driver = Driver(*answers, *[report(("Delivered", 0, 2), id_=id_) for id_ in ids])
    driver.wait(*known(*ids))
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"500 batches ({ids[0]}, {ids[1]}, {ids[2]} ...): Queued 1000; 500 are still pending.",
        f"500 batches ({ids[0]}, {ids[1]}, {ids[2]} ...): Delivered 1000.",
    ]


def test_an_unknown_status_is_logged_once_a_wait(caplog: pytest.LogCaptureFixture) -> None:
    strange = report(("Delivered", 0, 1), ("Teleported", 0, 1))
    Driver(batch(), strange, batch(OTHER), strange, strange, strange, DELIVERED, DELIVERED).wait(
        Progress(ID), Progress(OTHER)
    )
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["Unknown delivery status 'Teleported'; treating it as not final."]


def test_an_unknown_status_is_logged_once_a_look(caplog: pytest.LogCaptureFixture) -> None:
    strange = report(("Delivered", 0, 1), ("Teleported", 0, 1), ("Teleported", 7, 1))
    Driver(batch(), strange).follow(look_at_all([Progress(ID)]))
    assert len([record for record in caplog.records if "Unknown delivery" in record.getMessage()]) == 1
