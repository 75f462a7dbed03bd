"""Points in time as the API writes and reads them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any, Final

import pendulum

from sinch_provider.sms.runtime import current

# pendulum also parses "now", times of day and durations; the API knows dates with or without a time only.
_STARTS_WITH_DATE: Final = re.compile(r"\d{4}-?(\d{2}|W\d{2}|\d{3})")


def parse_time(text: str) -> pendulum.DateTime:
    """
    Read ISO-8601 text: with any offset, without one (then UTC), or a bare date (then midnight UTC).

    :raises ValueError: It is not such text, or lies outside the years 1 to 9999 once in UTC.
    """
    cleaned = text.strip()
    if not _STARTS_WITH_DATE.match(cleaned):
        raise ValueError("must be an ISO-8601 date and time")
    try:
        parsed = pendulum.parse(cleaned, exact=True, tz="UTC")
    except (ValueError, OverflowError, TypeError):
        # TypeError: of intervals, some of which pendulum cannot put together.
        raise ValueError("must be an ISO-8601 date and time") from None
    if not isinstance(parsed, (datetime, date)):
        raise ValueError("must be an ISO-8601 date and time")
    return _in_utc(parsed)


def to_time(value: Any) -> pendulum.DateTime:
    """
    Turn what users pass as a point in time into one in UTC.

    :param value: ``datetime`` (naive means UTC), ``date`` (midnight UTC) or ISO-8601 text.
    :raises ValueError: It is something else, or out of range.
    """
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, date):
        return _in_utc(value)
    raise ValueError(f"must be a datetime or ISO-8601 text, not {type(value).__name__}")


def _in_utc(value: date) -> pendulum.DateTime:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if value.utcoffset() is None:
        value = value.replace(tzinfo=UTC)
    try:
        return pendulum.instance(value.astimezone(UTC)).in_timezone("UTC")
    except (ValueError, OverflowError):
        raise ValueError("must lie within the years 1 to 9999 in UTC") from None


def wire_time(moment: pendulum.DateTime) -> str:
    """Write a point in time in the API's preferred form, ``YYYY-MM-DDThh:mm:ss.SSSZ``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def utcnow() -> pendulum.DateTime:
    """Tell the time, in UTC."""
    return current().now()
