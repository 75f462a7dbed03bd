"""Messages as a file of any size, JSON or CSV."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from sinch_sandbox.control.access import Controlled
from sinch_sandbox.control.filters import MessageFilters, shown
from sinch_sandbox.core.sandbox import Sandbox

router = APIRouter()

_PORTION = 1_000
"""Messages after which other calls are answered."""

FIELDS = (
    "id", "batch_id", "to", "from", "body", "parts", "encoding", "status", "code", "client_reference",
    "created_at", "received", "received_at",
)  # fmt: skip
_BEGINS_A_CELL = "\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
_BLANK = rf"[^\S{_BEGINS_A_CELL}]"
# Invisible characters, such as those that change the direction of writing.
_UNSEEN = r"\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
_RISKY = re.compile(
    rf"(^(?=[{_BEGINS_A_CELL}\0])|(?:^|[;{_BEGINS_A_CELL}])"
    rf"(?=(?:{_BLANK}|[\"\0{_UNSEEN}])*[=+\-@|%＝＋－＠﹢﹣﹦﹫']))"
)
"""Where a formula may begin: at the start of a cell, and after characters that separate cells elsewhere.

An apostrophe counts as one too, so removing one apostrophe at each such place restores any text.
"""

_as_json = json.JSONEncoder(ensure_ascii=False).encode

Filters = Annotated[MessageFilters, Query()]


@router.get("/export.json", response_class=StreamingResponse)
async def export_json(sandbox: Controlled, filters: Filters) -> StreamingResponse:
    """Messages as a JSON array, one per line."""
    return _file("messages.json", "application/json", _json(sandbox, filters))


@router.get("/export.csv", response_class=StreamingResponse)
async def export_csv(sandbox: Controlled, filters: Filters) -> StreamingResponse:
    """Messages as CSV with a header. An apostrophe precedes text that a spreadsheet might take for a formula.

    This includes text after a semicolon, a tab or a line break, where some spreadsheets begin a cell.
    """
    return _file("messages.csv", "text/csv; charset=utf-8", _csv(sandbox, filters))


def _file(name: str, kind: str, content: AsyncIterator[str]) -> StreamingResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(content, media_type=kind, headers=headers)


async def _portions(sandbox: Sandbox, filters: MessageFilters) -> AsyncIterator[list[dict[str, Any]]]:
    """Messages in the order they were sent, all with their status at the start of the export."""
    found = filters.messages(sandbox)
    place = 0, -1
    while True:
        portion = found.after(place, _PORTION)
        if portion:
            yield [shown(sandbox, each) for each in portion]
        if len(portion) < _PORTION:
            return
        place = portion[-1].place
        await asyncio.sleep(0)


async def _json(sandbox: Sandbox, filters: MessageFilters) -> AsyncIterator[str]:
    yield "["
    separator = "\n"
    async for messages in _portions(sandbox, filters):
        yield separator + ",\n".join(_as_json(each) for each in messages)
        separator = ",\n"
    yield "\n]\n"


async def _csv(sandbox: Sandbox, filters: MessageFilters) -> AsyncIterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(FIELDS)
    async for messages in _portions(sandbox, filters):
        writer.writerows([_cell(each[name]) for name in FIELDS] for each in messages)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _cell(value: object) -> object:
    """The value, escaped so that no spreadsheet takes it for a formula. Any text may be hostile."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    return _RISKY.sub(r"\1'", value)
