"""Instants as integer milliseconds since 1970, and the ISO-8601 forms Sinch reads and writes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1000
HOUR = 3600 * SECOND
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BARE_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ].*", re.ASCII)
LATEST = 221_845_392_000_000
"""The start of the year 9000, the latest time the clock may show."""
_LAST_YEAR = 9998  # the default validity of three days must still end in a year of four digits


def parse_time(text: str, *, bare_date: bool = False) -> int | None:
    """Read an ISO-8601 instant; without a zone it is UTC. None if the text is not an instant."""
    if not (_DATE_TIME.fullmatch(text) or (bare_date and _BARE_DATE.fullmatch(text))):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if moment.year > _LAST_YEAR:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_datetime(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


@lru_cache(maxsize=1024)
def format_time(milliseconds: int) -> str:
    """``YYYY-MM-DDThh:mm:ss.SSSZ``, the form of the Sinch API reference."""
    return f"{to_datetime(milliseconds).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def format_seconds(milliseconds: int) -> str:
    """The form in operators' receipts, which have whole seconds only."""
    return f"{to_datetime(milliseconds).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
