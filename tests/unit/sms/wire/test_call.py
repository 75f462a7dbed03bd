"""Procedures, which both clients follow in the same way, and what a call knows of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchForbiddenError
from sinch_provider.sms.wire.answers import status_error
from sinch_provider.sms.wire.call import Call, Pause
from tests.unit.sms.calls import BATCH, ID
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.scripted import ScriptedServer, reply
from tests.unit.sms.wire.test_answers import answer

REFUSED = reply(403, {"code": "forbidden", "text": "no"})


def test_a_procedure_gets_the_results_of_its_calls_and_gives_its_own(
    do: Player, server: ScriptedServer
) -> None:
    server.script = [reply(200, BATCH), reply(200, {**BATCH, "canceled": True})]

    async def cancel_later() -> list[bool]:
        before = await endpoints.get(ID)
        await Pause(7)
        after = await endpoints.cancel(before.id)
        return [before.canceled, after.canceled]

    assert do.follow(plan_account(server.url), cancel_later()) == [False, True]
    assert server.paths() == [f"GET /batches/{ID}", f"DELETE /batches/{ID}"]
    assert do.pauses == [7]


def test_a_procedure_can_be_made_of_others(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(200, BATCH), reply(200, BATCH)]

    async def read() -> str:
        return (await endpoints.get(ID)).id

    async def read_twice() -> list[str]:
        return [await read(), await read()]

    assert do.follow(plan_account(server.url), read_twice()) == [ID, ID]


def test_a_procedure_without_a_step_gives_its_result(do: Player, server: ScriptedServer) -> None:
    async def nothing() -> str:
        return "done"

    assert do.follow(plan_account(server.url), nothing()) == "done"
    assert server.received == []


def test_the_error_of_a_call_is_raised_where_the_call_is_awaited(do: Player, server: ScriptedServer) -> None:
    server.script = [REFUSED, reply(200, BATCH)]

    async def read() -> str:
        with pytest.raises(SinchForbiddenError, match="cancel"):
            await endpoints.cancel(ID)
        return (await endpoints.get(ID)).id

    assert do.follow(plan_account(server.url), read()) == ID


class Closed:
    """Notes whether a procedure was left in order."""

    def __init__(self) -> None:
        self.closed = False

    async def run(self, *steps: Awaitable[Any]) -> None:
        try:
            for step in steps:
                await step
        finally:
            self.closed = True


def test_an_error_that_a_procedure_does_not_handle_ends_it(do: Player, server: ScriptedServer) -> None:
    server.script = [REFUSED]
    closed = Closed()
    with pytest.raises(SinchForbiddenError):
        do.follow(plan_account(server.url), closed.run(endpoints.get(ID), endpoints.get(ID)))
    assert closed.closed
    assert len(server.received) == 1


class Something:
    def __await__(self) -> Generator[str, None, None]:
        yield "something"


def test_a_procedure_that_awaits_something_else_is_stopped(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(200, BATCH)]
    for steps in ((Something(),), (endpoints.get(ID), Something())):
        closed = Closed()
        # Kept, because Python closes what nobody holds any more.
        procedure = closed.run(*steps)
        with pytest.raises(TypeError, match="A procedure may await calls and pauses only, not str"):
            do.follow(plan_account(server.url), procedure)
        assert closed.closed


def test_a_procedure_is_closed_when_following_is_interrupted(do: Player, server: ScriptedServer) -> None:
    class Interrupted(BaseException):
        pass

    def interrupt() -> None:
        raise Interrupted

    do.on_pause = interrupt
    closed = Closed()
    procedure = closed.run(Pause(1), endpoints.get(ID))
    with pytest.raises(Interrupted):
        do.follow(plan_account(server.url), procedure)
    assert closed.closed
    assert server.received == []


# --- calls


@pytest.mark.parametrize(
    "call",
    [
        endpoints.send(body="Hi", to=["+447700900222"]),
        endpoints.send_dry_run(body="Hi", to=["+447700900222"]),
        endpoints.send_delivery_feedback(ID, recipients=["+447700900222"]),
        endpoints.update(ID, to_add=["+447700900222"]),
        endpoints.update(ID, to_remove=["+447700900222"]),
        endpoints.send(body="Hi", to=["+46701740605"], from_="+447700900222"),
        endpoints.send(
            body="Hi ${a}", to=["+46701740605"], parameters={"a": {"+447700900222": "x", "default": "y"}}
        ),
        endpoints.get_delivery_report_for_number(ID, "+447700900222"),
        endpoints.list_batches(from_=["12345", "+447700900222"]),
    ],
    ids=lambda call: call.operation,
)
@pytest.mark.parametrize("quote", ["msisdn{}", "{}a", "{}_0", "10:15:{}", "face-{}"])
def test_the_numbers_of_a_call_are_known(call: Call[Any], quote: str) -> None:
    said = quote.format("447700900222")
    error = status_error(call, answer(400, {"code": said, "text": said}))
    assert "7700900" not in str(error) + repr(vars(error))
