"""Several batches waited for together, looks that fail, and the pauses between looks."""

from __future__ import annotations

from collections import Counter

import pytest

from sinch_provider.sms.delivery import (
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
from tests.unit.sms.looking import DELIVERED, EMPTY, ID, OTHER, QUEUED, START, Driver, batch, report


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
    assert driver.follow(wait([], 10, driver.clock)) == Summary((), Counter())


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
    assert late.follow(look(progress_of(batch(), lambda: START), late.clock)).state is State.OVERDUE


def test_a_batch_to_empty_groups_is_over_without_messages() -> None:
    early = Driver(batch(), EMPTY)
    assert early.follow(look(Progress(ID), early.clock)).state is State.RUNNING
    late = Driver(batch(), EMPTY)
    late.now = START.add(minutes=16)
    found = late.follow(look(Progress(ID), late.clock))
    assert (found.state, dict(found.counts)) == (State.FINISHED, {})


def test_no_pause_is_longer_than_a_day() -> None:
    assert pause_for([at(24 * 365 * 500)], 10, START) == 24 * 3600


def test_a_batch_that_cannot_be_looked_at_until_its_end_is_overdue() -> None:
    driver = Driver(SinchConnectionError("get: no connection"))
    driver.now = START.add(days=30)
    running = progress_of(batch(), lambda: START)
    assert driver.follow(look_at_all([running], driver.clock))[0].state is State.OVERDUE


def test_batches_that_are_over_are_not_looked_at() -> None:
    over = Progress(ID, State.FINISHED)
    assert Driver().follow(look_at_all([over])) == [over]


def test_a_scheduled_batch_that_cannot_be_looked_at_in_time_does_not_spin() -> None:
    scheduled = progress_of(batch(send_at=START.add(hours=8).isoformat()), lambda: START)
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
