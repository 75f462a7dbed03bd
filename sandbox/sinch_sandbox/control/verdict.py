"""The verdict: which recipients were sent what was expected, too little, or too much."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError
from starlette.responses import StreamingResponse

from sinch_sandbox.control.access import Controlled, in_portions
from sinch_sandbox.control.answers import Verdict, answers
from sinch_sandbox.control.filters import MessageFilters
from sinch_sandbox.core import phone
from sinch_sandbox.core.limits import MAX_ERRORS_SHOWN, Given, WrongItemsError
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.tally import PROBLEMS, VERDICTS, Tally
from sinch_sandbox.web.guards import is_streamed

router = APIRouter()

_PORTION = 2_000
_BATCHES_AT_ONCE = 50
"""Batches after which other calls are answered."""
_MAX_LINE = 64 * 1024


class Expected(Given):
    """An expected recipient."""

    to: str
    client_reference: Annotated[str, Field(min_length=1)] | None = None


class VerdictFilters(MessageFilters):
    """Which messages count, and which recipients are listed."""

    show: Literal["all", "problems", "none"] = Field(
        "all", description="Recipients to list: all, those that are not ok, or none."
    )


class VerdictQuestion(VerdictFilters):
    """The expected recipients. A number named twice is expected to get two messages."""

    expected: list[Any] = Field(
        description="Numbers; or objects with a `client_reference`, which then helps to identify a recipient."
    )

    def recipients(self) -> Iterator[tuple[str, str | Expected]]:
        """Each recipient with its place. Wrong ones are reported together, up to a limit."""
        faults: list[Any] = []
        for index, item in enumerate(self.expected):
            try:
                yield f"expected[{index}]", _LINE.validate_python(item)
            except ValidationError as error:
                faults += [
                    {**each, "loc": ("expected", index, *each["loc"])}
                    for each in error.errors(include_url=False, include_input=False)
                ]
                if len(faults) >= MAX_ERRORS_SHOWN:
                    raise WrongItemsError(faults, len(self.expected) - index - 1) from None
        if faults:
            raise RequestValidationError(faults)


_LINE: TypeAdapter[str | Expected] = TypeAdapter(str | Expected)
_BODY = VerdictQuestion.model_json_schema()
_BODY["properties"]["expected"]["items"] = {"anyOf": [{"type": "string"}, Expected.model_json_schema()]}
_SHOWN = {"all": VERDICTS, "problems": PROBLEMS, "none": ()}


@router.post(
    "/ledger",
    response_model=None,
    responses=answers(Verdict) | {422: {"description": "The body or a filter is wrong."}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}}},
)
async def verdict(sandbox: Controlled, request: Request) -> StreamingResponse:
    """Compare accepted with expected messages, recipient by recipient.

    `ok`: accepted as often as expected; `lost`: less often; `duplicated`: more often; `unexpected`: not
    expected at all. Messages that a cancel kept from leaving do not count. Filters can be in the body or
    in the query. Send a list that is too long for one JSON document as `application/x-ndjson`, one number or
    object per line, with filters in the query.
    """
    tally = Tally()
    try:
        filters = await _expect(request, tally)
        await _accept(sandbox, filters, tally)
    except BaseException as error:
        tally.close()
        if isinstance(error, ValidationError):
            raise RequestValidationError(error.errors()) from None
        raise
    return StreamingResponse(_answer(tally, filters.show), media_type="application/json")


async def _expect(request: Request, tally: Tally) -> VerdictFilters:
    """Read the expected recipients into the tally; the filters are returned."""
    query: dict[str, Any] = dict(request.query_params)
    if "status" in query:
        query["status"] = request.query_params.getlist("status")
    if is_streamed(request.scope):
        filters = VerdictFilters.model_validate(query)
        async for lines in _lines(request):
            tally.expect(_entries(lines, tally))
        return filters
    try:
        data = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise HTTPException(422, "the body is not valid JSON") from None
    if not isinstance(data, dict):
        raise HTTPException(422, "the body is not a JSON object")
    question = VerdictQuestion.model_validate({**query, **data})
    for some in in_portions(question.recipients(), _PORTION):
        tally.expect(_entries(some, tally))
        await asyncio.sleep(0)
    return question


async def _lines(request: Request) -> AsyncIterator[list[tuple[str, str | Expected]]]:
    """The expected recipients of a streamed body, each with its place."""
    number = 0
    rest = b""
    async for chunk in request.stream():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _MAX_LINE:
            raise HTTPException(422, f"line {number + len(lines) + 1} is longer than {_MAX_LINE} bytes")
        yield _read(lines, number)
        number += len(lines)
    yield _read([rest], number)


def _read(lines: Iterable[bytes], before: int) -> list[tuple[str, str | Expected]]:
    read = []
    for number, line in enumerate(lines, before + 1):
        if line.strip():
            try:
                read.append((f"line {number}", _LINE.validate_json(line)))
            except ValidationError:
                raise HTTPException(
                    422,
                    f"line {number} is neither a JSON string nor an object with `to` and `client_reference`",
                ) from None
    return read


def _entries(items: Iterable[tuple[str, str | Expected]], tally: Tally) -> Iterator[tuple[str, str | None]]:
    """Number and reference of each; either all have a reference or none."""
    for place, item in items:
        to, reference = (item, None) if isinstance(item, str) else (item.to, item.client_reference)
        number = phone.normalise_number(to)
        if number is None:
            raise HTTPException(422, f"{place}: {to[:40]!r} is not a phone number")
        if tally.by_reference is None:
            tally.by_reference = reference is not None
        if tally.by_reference is not (reference is not None):
            raise HTTPException(422, f"{place}: either all recipients have a client_reference or none has")
        yield number, reference


async def _accept(sandbox: Sandbox, filters: VerdictFilters, tally: Tally) -> None:
    """Count the accepted messages, whole batches at a time."""
    found = filters.messages(sandbox)
    low, last = 0, sandbox.store.batches.newest()
    while low < last:
        high = sandbox.store.batches.stride(low, _BATCHES_AT_ONCE, last)
        if high is None:
            return
        tally.accept(found.accepted_in(low, high))
        low = high
        await asyncio.sleep(0)


async def _answer(tally: Tally, show: Literal["all", "problems", "none"]) -> AsyncIterator[str]:
    """One JSON document with one recipient per line."""
    try:
        totals = tally.totals()
        valid = not any(totals[verdict] for verdict in PROBLEMS)
        yield f'{{"valid": {json.dumps(valid)}, "totals": {json.dumps(totals)}, "recipients": ['
        separator = "\n"
        for some in in_portions(tally.recipients(_SHOWN[show]), _PORTION):
            yield separator + ",\n".join(json.dumps(each, ensure_ascii=False) for each in some)
            separator = ",\n"
            await asyncio.sleep(0)
        yield "\n]}\n"
    finally:
        tally.close()
