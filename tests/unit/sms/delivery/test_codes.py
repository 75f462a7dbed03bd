"""Statuses and codes of messages, and when they are all final."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provider.sms.delivery.codes import FAILED, FINAL, INTERMEDIATE, canonical_status, meaning
from sinch_provider.sms.delivery.progress import counts_of, has_finished
from sinch_provider.sms.models import BatchDeliveryReport
from tests.unit.sms.looking import DELIVERED, EMPTY, QUEUED, report


def test_statuses_are_read_in_any_casing() -> None:
    assert canonical_status("DELIVERED") == "Delivered"
    assert canonical_status("canceled") == canonical_status("Cancelled") == "Cancelled"
    assert canonical_status("Teleported") == "Teleported"
    assert FAILED | {"Delivered", "Unknown"} == FINAL
    assert not FINAL & INTERMEDIATE


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "no error"),
        (405, "no parameter value for this recipient and no default"),
        (150, "unknown subscriber"),
        (155, "subscriber lookup failed"),
        (1, "routing error"),
        (15, "blocked by screening"),
        (350, "invalid parameter"),
        (409, "unknown code"),
        (9999, "unknown code"),
    ],
)
def test_codes_have_a_meaning(code: int, text: str) -> None:
    assert meaning(code) == text


def test_407_counts_as_cancelled_under_either_name() -> None:
    entries = report(("Aborted", 407, 1), ("Cancelled", 407, 2), ("CANCELLED", 407, 1), ("Aborted", 402, 1))
    assert counts_of(entries) == {("Cancelled", 407): 4, ("Aborted", 402): 1}


def test_an_unknown_status_is_not_final() -> None:
    assert not has_finished(report(("Delivered", 0, 1), ("Teleported", 0, 1)))


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
    assert has_finished(entries) is finished


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
    finished = has_finished(report(*entries, total=total + missing))
    # Code 407 is final whatever status comes with it.
    all_final = all(status in FINAL or code == 407 for status, code, _ in entries)
    assert finished is (all_final and total > 0 and missing == 0)
