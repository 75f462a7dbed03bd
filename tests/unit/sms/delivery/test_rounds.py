"""Several batches waited for together, looks that fail, and the pauses between looks."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from sinch_provider.sms.delivery.progress import (
    BLIND_LOOKS,
    Progress,
    Schedule,
    State,
    Summary,
    look,
    look_at_all,
    pause_for,
    progress_of,
    wait,
)
from sinch_provider.sms.errors import SinchAuthError, SinchConnectionError, SinchNotFoundError
from tests.unit.sms.looking import DELIVERED, ID, OTHER, QUEUED, START, Driver, batch, report


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
    assert driver.pauses == [10, 10]


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
    assert pause_for([at(24 * 365 * 500)], 10, START) == 24 * 3600


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
    assert driver.pauses == [8 * 3600, 10, 10]


def at(hours: float, id_: str = ID, state: State = State.SCHEDULED) -> Progress:
    return Progress(id_, state, schedule=Schedule(START.add(hours=hours), START.add(days=3)))


@pytest.mark.parametrize(
    ("entries", "seconds"),
    [
        ([], 10),
        ([at(2), at(1)], 3600),
        ([at(2), at(1), Progress(OTHER, State.RUNNING)], 10),
        ([at(2), Progress(OTHER, State.FINISHED)], 7200),
        ([at(2), at(-1)], 10),
        ([at(0)], 10),
        ([at(1, state=State.RUNNING)], 10),
    ],
)
def test_the_pause_lasts_until_a_look_is_worth_it(entries: list[Progress], seconds: float) -> None:
    assert pause_for(entries, 10, START) == seconds


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
    assert driver.pauses == [10, 10]


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
        f"Batch {ID}: leaves at 2024-11-15T10:00:00.000Z; nothing is asked before.",
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
        f"500 batches ({ids[0]}, {ids[1]}, {ids[2]} ...): Queued 1000; 500 are not over yet.",
        f"500 batches ({ids[0]}, {ids[1]}, {ids[2]} ...): Delivered 1000.",
    ]


def test_an_unknown_status_is_logged_once_a_wait(caplog: pytest.LogCaptureFixture) -> None:
    strange = report(("Delivered", 0, 1), ("Teleported", 0, 1))
    Driver(batch(), strange, batch(OTHER), strange, strange, strange, DELIVERED, DELIVERED).wait(
        Progress(ID), Progress(OTHER)
    )
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["Delivery status 'Teleported' is not known; waiting on as if it were not final."]
