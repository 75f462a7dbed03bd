"""Points in time as the API writes and reads them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, Final

import pendulum

# pendulum also parses "now", times of day and durations. The API has only dates with or without a time.
_STARTS_WITH_DATE: Final = r"\d{4}-?(\d{2}|W\d{2}|\d{3})"
# The forms that Sinch writes. pendulum's parser takes twenty times as long for them.
_USUAL: Final = r"(?a)\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d{3}|\.\d{6})?Z?"


def parse_time(text: str) -> pendulum.DateTime:
    """
    Read ISO-8601 text. Without an offset it means UTC; without a time, midnight.

    :raises ValueError: It is not such text, or in UTC outside the years 1 to 9999.
    """
    cleaned = text.strip()
    if re.fullmatch(_USUAL, cleaned):
        with suppress(ValueError):
            at = datetime.fromisoformat(cleaned)
            return pendulum.DateTime(
                at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, tzinfo=pendulum.UTC
            )
    if not re.match(_STARTS_WITH_DATE, cleaned):
        raise ValueError("must be an ISO-8601 date and time")
    try:
        parsed = pendulum.parse(cleaned, exact=True, tz="UTC")
    except (ValueError, OverflowError, TypeError):
        # TypeError: some intervals, which pendulum cannot calculate.
        raise ValueError("must be an ISO-8601 date and time") from None
    if not isinstance(parsed, (datetime, date)):
        raise ValueError("must be an ISO-8601 date and time")
    return _in_utc(parsed)


def to_time(value: Any) -> pendulum.DateTime:
    """
    Turn a user's point in time into one in UTC.

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
        raise ValueError("must be within the years 1 to 9999 in UTC") from None


def wire_time(moment: pendulum.DateTime) -> str:
    """Write a point in time in the API's preferred form, ``YYYY-MM-DDThh:mm:ss.SSSZ``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
