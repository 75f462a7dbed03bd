"""When people may be texted, where they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sinch_provider.sms.campaign.window import Opening, SendWindow

STOCKHOLM, LONDON, TOKYO = "Europe/Stockholm", "Europe/London", "Asia/Tokyo"
DAY = SendWindow("09:00", "20:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("2026-01-07T07:59", "2026-01-07T08:00", "2026-01-07T19:00"),
        ("2026-01-07T12:00", "2026-01-07T12:00", "2026-01-07T19:00"),
        ("2026-01-07T18:59", "2026-01-07T18:59", "2026-01-07T19:00"),
        ("2026-01-07T19:00", "2026-01-08T08:00", "2026-01-08T19:00"),
    ],
)
def test_it_opens_by_the_clock_of_the_zone(now: str, start: str, end: str) -> None:
    assert DAY.opening([STOCKHOLM], at(now)) == Opening(at(start), at(end))


def test_it_has_to_be_open_in_all_zones() -> None:
    assert DAY.opening([STOCKHOLM, LONDON], at("2026-01-07T00:00")) == Opening(
        at("2026-01-07T09:00"), at("2026-01-07T19:00")
    )
    assert SendWindow("09:00", "12:00").opening([LONDON, TOKYO], at("2026-01-07T00:00")) is None


def test_days_are_those_of_the_zone() -> None:
    window = SendWindow("09:00", "24:00", days=("mon", "wed"))
    # Tuesday evening in London is Wednesday morning in Tokyo.
    assert window.opening([TOKYO], at("2026-01-06T23:00")) == Opening(
        at("2026-01-07T00:00"), at("2026-01-07T15:00")
    )
    # Thursday: the next one is on Monday.
    assert window.opening([LONDON], at("2026-01-08T10:00")) == Opening(
        at("2026-01-12T09:00"), at("2026-01-13T00:00")
    )


def test_what_is_unknown_is_refused_or_counts_as_somewhere() -> None:
    assert DAY.opening([], at("2026-01-07T12:00")) is None
    somewhere = SendWindow("09:00", "20:00", unknown=STOCKHOLM)
    expected = DAY.opening([STOCKHOLM], at("2026-01-07T12:00"))
    assert somewhere.opening([], at("2026-01-07T12:00")) == expected
    assert somewhere.opening([LONDON], at("2026-01-07T12:00")) != expected


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        # 02:30 does not exist, and is not taken for 01:30.
        ("2026-03-29T00:00", "2026-03-29T01:30", "2026-03-29T02:00"),
        # 02:30 is there twice: it opens the second time.
        ("2026-10-25T00:00", "2026-10-25T01:30", "2026-10-25T03:00"),
    ],
)
def test_where_the_clock_is_changed_it_is_open_for_shorter(now: str, start: str, end: str) -> None:
    window = SendWindow("02:30", "04:00")
    assert window.opening([STOCKHOLM], at(now)) == Opening(at(start), at(end))


@pytest.mark.parametrize(
    ("window", "fields"),
    [
        (SendWindow("9:00", "20:00"), ["w.opens"]),
        (SendWindow("20:00", "09:00"), ["w.closes"]),
        (SendWindow("24:00", "24:00"), ["w.closes"]),
        (SendWindow("09:00", "25:00"), ["w.closes"]),
        (SendWindow("09:00", "20:00", days="mon"), ["w.days"]),
        (SendWindow("09:00", "20:00", days=()), ["w.days"]),
        (SendWindow("09:00", "20:00", unknown="Mars"), ["w.unknown"]),
        (DAY, []),
    ],
)
def test_every_fault_is_named(window: Any, fields: list[str]) -> None:
    assert [fault.field for fault in window.faults("w")] == fields


def test_two_processes_write_it_in_the_same_way() -> None:
    assert repr(SendWindow("09:00", "20:00", days=("mon",))) == (
        "SendWindow(opens='09:00', closes='20:00', days=('mon',), unknown='refuse')"
    )
