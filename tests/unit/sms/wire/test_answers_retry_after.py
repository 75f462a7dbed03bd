"""How long a server asks to wait: the header Retry-After, in seconds or as a date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.wire.answers import status_error
from sinch_provider.sms.wire.http import Answer

SEND = endpoints.send(body="Hi", to=["+447700900222"])


def retry_after(header: str | None) -> float | None:
    return status_error(SEND, Answer(429, {} if header is None else {"retry-after": header}, b"")).retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 0.5 ", 0.5),
        ("0", 0),
        ("-3", 0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00", 0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 +9999", None),
    ],
)
def test_retry_after_is_read_or_ignored(value: str, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    until = datetime.now(UTC) + timedelta(minutes=10)
    seconds = retry_after(format_datetime(until, usegmt=True))
    assert seconds is not None
    assert 0 < seconds <= 600
    assert retry_after(None) is None
