"""Reads the query parameters of lists as Sinch does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams

from sinch_sandbox.core import phone
from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.core.settings import Settings
from sinch_sandbox.core.times import DAY, HOUR, parse_time
from sinch_sandbox.sinch.errors import Problems

_INTEGER = re.compile(r"[0-9]{1,9}")
_DEFAULT_PAGE_SIZE = 30
_MAX_PAGE_SIZE = 100
_DEFAULT_WINDOW = 24 * HOUR


class Page(NamedTuple):
    """Which page of a list is wanted."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return self.number * self.size

    def answer(self, key: str, count: int, items: Sequence[Any], settings: Settings) -> dict[str, Any]:
        """``count`` is over all pages; ``page_size`` is what is on this one."""
        size = self.size if settings.page_size_answer == "requested" else len(items)
        return {"count": count, "page": self.number, "page_size": size, key: list(items)}


def read_integer(
    query: QueryParams, name: str, default: int, problems: Problems, *, low: int = 0, high: int | None = None
) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text):
        problems.bad_format(name, text, "an integer")
        return default
    value = int(text)
    if value < low or (high is not None and value > high):
        problems.constraint(
            name, f"must be at least {low}" + ("" if high is None else f" and at most {high}")
        )
        return default
    return value


def read_boolean(query: QueryParams, name: str, problems: Problems) -> bool:
    text = query.get(name)
    if text is None:
        return False
    if text.lower() not in ("true", "false"):
        problems.bad_format(name, text, "a boolean")
    return text.lower() == "true"


def read_page(query: QueryParams, problems: Problems, *, smallest: int = 1) -> Page:
    number = read_integer(query, "page", 0, problems)
    size = read_integer(query, "page_size", _DEFAULT_PAGE_SIZE, problems, low=smallest, high=_MAX_PAGE_SIZE)
    return Page(number, size)


def read_window(query: QueryParams, now: int, settings: Settings, problems: Problems) -> tuple[int, int]:
    """From ``start_date`` inclusive, by default a day ago, to ``end_date`` exclusive.

    Without ``end_date`` the list includes what was created in this millisecond.
    """
    start = _read_date(query, "start_date", problems)
    end = _read_date(query, "end_date", problems)
    oldest = now - settings.history_days * DAY
    return max(oldest, now - _DEFAULT_WINDOW if start is None else start), now + 1 if end is None else end


def _read_date(query: QueryParams, name: str, problems: Problems) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    moment = parse_time(text, bare_date=True)
    if moment is None:
        # A plus sign that was not percent-encoded arrives as a space.
        moment = parse_time(re.sub(r" (\d\d:?\d\d)$", r"+\1", text), bare_date=True)
    if moment is None:
        problems.bad_format(name, text, "a valid ISO-8601 date")
    return moment


def read_addresses(query: QueryParams, name: str, problems: Problems) -> list[str] | None:
    """Numbers and short codes, separated by commas or given repeatedly."""
    addresses = []
    for text in _separated(query, name):
        address = phone.normalise_sender(text)
        if address is None or not address.isdigit():
            problems.bad_format(name, text, "a number or short code")
        else:
            addresses.append(address)
    return addresses or None


def read_statuses(query: QueryParams, problems: Problems) -> list[str] | None:
    known = {status.lower(): status for status in STATUSES}
    statuses = []
    for text in _separated(query, "status"):
        if text.lower() in known:
            statuses.append(known[text.lower()])
        else:
            problems.bad_format("status", text, "a valid delivery status")
    return statuses or None


def read_codes(query: QueryParams, problems: Problems) -> list[int] | None:
    codes = []
    for text in _separated(query, "code"):
        if _INTEGER.fullmatch(text):
            codes.append(int(text))
        else:
            problems.bad_format("code", text, "an integer")
    return codes or None


def _separated(query: QueryParams, name: str) -> list[str]:
    parts = [part.strip() for text in query.getlist(name) for part in text.split(",")]
    return [part for part in parts if part]
