"""Counts of messages, when they are all final, and the schedule of a batch."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provider.sms.delivery.codes import FINAL, INTERMEDIATE
from sinch_provider.sms.delivery.progress import GRACE, Schedule, counts_of, has_finished
from sinch_provider.sms.models import BatchDeliveryReport
from tests.unit.sms.looking import DELIVERED, EMPTY, QUEUED, START, batch, report


def finished_in(found: BatchDeliveryReport) -> bool:
    return has_finished(counts_of(found), found.total_message_count)


def test_407_counts_as_cancelled_under_either_name() -> None:
    entries = report(("Aborted", 407, 1), ("Cancelled", 407, 2), ("CANCELLED", 407, 1), ("Aborted", 402, 1))
    assert counts_of(entries) == {("Cancelled", 407): 4, ("Aborted", 402): 1}


def test_an_unknown_status_is_not_final() -> None:
    assert not finished_in(report(("Delivered", 0, 1), ("Teleported", 0, 1)))


def test_an_unknown_status_is_shown_short_and_without_numbers() -> None:
    [(status, _)] = counts_of(report(("Sent to +447700900222 " + "x" * 100, 0, 1)))
    assert status == "Sent to +4477***0222 " + "x" * 19


@pytest.mark.parametrize(
    ("entries", "finished"),
    [
        (EMPTY, False),
        (report(total=3), False),
        (QUEUED, False),
        (report(("Delivered", 0, 1), ("Dispatched", 401, 1)), False),
        (report(("Delivered", 0, 1), total=2), False),
        # More messages than announced: what the report shows counts.
        (report(("Delivered", 0, 3), total=2), True),
        (report(("Delivered", 0, 2), ("Failed", 150, 1), total=2), True),
        (report(("Delivered", 0, 2), total=0), True),
        (report(("Delivered", 0, 2), ("Queued", 400, 1), total=2), False),
        (report(("Delivered", 0, 0), total=0), False),
        (DELIVERED, True),
        # Success is a matter of status: operators send code 0 with others too.
        (report(("Failed", 0, 1), ("Unknown", 0, 1)), True),
        *((report((status, 0, 1)), True) for status in sorted(FINAL)),
        *((report((status.upper(), 0, 1)), True) for status in sorted(FINAL)),
    ],
)
def test_a_batch_has_finished_when_every_message_is_final(
    entries: BatchDeliveryReport, finished: bool
) -> None:
    assert finished_in(entries) is finished


entries_of_reports = st.lists(
    st.tuples(
        st.sampled_from(sorted(FINAL | INTERMEDIATE | {"Teleported"})),
        st.integers(0, 500),
        st.integers(1, 50),
    ),
    max_size=6,
)


@given(entries_of_reports, st.integers(0, 5))
def test_a_batch_has_not_finished_while_a_message_is_missing(
    entries: list[tuple[str, int, int]], missing: int
) -> None:
    total = sum(count for _, _, count in entries)
    finished = finished_in(report(*entries, total=total + missing))
    # Code 407 is final whatever status comes with it.
    all_final = all(status in FINAL or code == 407 for status, code, _ in entries)
    assert finished is (all_final and total > 0 and missing == 0)


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
        fields: dict[str, Any] = {name: "9999-12-31T23:59:59Z"}
        assert Schedule.of(batch(**fields), START).ends.year == 9999
