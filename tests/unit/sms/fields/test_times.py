"""Points in time: what users pass, what goes over the wire, what Sinch gives back."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

import pendulum
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sinch_provider.sms.fields.times import parse_time, to_time, wire_time
from sinch_provider.sms.runtime import utcnow

PLUS_TWO = timezone(timedelta(hours=2))


class Nowhere(tzinfo):
    """A zone that does not know its offset, which makes a time as naive as one without a zone."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None


@pytest.mark.parametrize(
    "value",
    [
        datetime(2024, 11, 12, 10, 15, 12, 345999, tzinfo=UTC),
        datetime(2024, 11, 12, 10, 15, 12, 345000),  # noqa: DTZ001 - naive is what is tested
        datetime(2024, 11, 12, 10, 15, 12, 345000, tzinfo=Nowhere()),
        datetime(2024, 11, 12, 12, 15, 12, 345000, tzinfo=PLUS_TWO),
        pendulum.datetime(2024, 11, 12, 11, 15, 12, 345000, tz="Europe/Stockholm"),
        "2024-11-12T10:15:12.345Z",
        "2024-11-12T10:15:12.345",
        "2024-11-12 10:15:12.345+00:00",
        "2024-11-12T12:15:12.345+02:00",
        " 2024-11-12T10:15:12.345Z\n",
    ],
)
def test_one_moment_in_many_forms_is_one_on_the_wire(value: Any) -> None:
    assert wire_time(to_time(value)) == "2024-11-12T10:15:12.345Z"


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("2024-11-12", "2024-11-12T00:00:00.000Z"),
        (date(2024, 11, 12), "2024-11-12T00:00:00.000Z"),
        (pendulum.date(2024, 11, 12), "2024-11-12T00:00:00.000Z"),
        ("2024-11-12T10:15", "2024-11-12T10:15:00.000Z"),
        ("20241112T101500Z", "2024-11-12T10:15:00.000Z"),
        ("2024-W46-2", "2024-11-12T00:00:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        (datetime(987, 6, 5, tzinfo=UTC), "0987-06-05T00:00:00.000Z"),
    ],
)
def test_dates_and_extremes(value: Any, wire: str) -> None:
    assert wire_time(to_time(value)) == wire


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "tomorrow",
        "None",
        "10:15",
        "P1D",
        "2024-11-12/P1D",
        "2024-11-12T10:15:00Z/2024-11-13T10:15:00Z",
        "2024-13-01",
        "2024-02-30",
        "2024-11-12T25:00",
        "12.11.2024",
        "+447700900222",
        "1731406512",
        "{{ data_interval_end }}",
        "9999-12-31T23:59:59-02:00",
        "0001-01-01T00:00:00+02:00",
        "٢٠٢٤-١١-١٢",
    ],
)
def test_text_that_is_no_point_in_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must "):
        to_time(text)


@pytest.mark.parametrize("value", [None, True, 0, 1731406512.0, [], timedelta(1), pendulum.time(10)])
def test_values_that_are_no_point_in_time_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be a datetime or ISO-8601 text, not"):
        to_time(value)


@pytest.mark.parametrize("value", [datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))])
def test_a_moment_beyond_the_calendar_is_refused(value: datetime) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        to_time(value)


@given(st.text() | st.from_regex(r"\d{4}-?\d\d-?\d\d.{0,12}", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse_time(text)
    except ValueError:
        return
    assert read.utcoffset() == timedelta(0)


def outcome(text: str) -> tuple[Any, ...]:
    try:
        read = parse_time(text)
    except ValueError as error:
        return (str(error),)
    return read, type(read), read.tzinfo, read.timezone_name


@given(
    st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]", fullmatch=True),
    st.sampled_from(["", ".345", ".000", ".345678", ".9", "Z"]),
    st.sampled_from(["", "Z", "\n", "+00:00"]),
)
@example("2024-11-12T24:00:00", ".000", "Z")
@example("2024-11-12T23:59:60", "", "Z")
@example("0000-01-01T00:00:00", "", "Z")
def test_the_forms_that_sinch_writes_are_read_as_all_others(start: str, fraction: str, end: str) -> None:
    text = f"{start}{fraction}{end}"
    # With a blank instead of the T, it is another form of the same time.
    assert outcome(text) == outcome(text.replace("T", " "))


@given(st.datetimes(timezones=st.just(UTC) | st.timezones() | st.none()))
def test_the_wire_form_reads_back_as_the_same_millisecond(moment: datetime) -> None:
    try:
        read = to_time(moment)
    except ValueError:
        return  # Beyond the calendar once in UTC.
    wire = wire_time(read)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", wire)
    assert parse_time(wire) == read.replace(microsecond=read.microsecond // 1000 * 1000)


def test_now_is_in_utc() -> None:
    assert utcnow().utcoffset() == timedelta(0)
