"""Procedures, which both clients follow in the same way, and what a call knows of itself."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Generator
from contextvars import ContextVar
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchForbiddenError
from sinch_provider.sms.wire.answers import status_error
from sinch_provider.sms.wire.call import Call, Pause, Procedure, Together
from tests.unit.sms.calls import BATCH, ID
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.scripted import Received, Reply, ScriptedServer, reply
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
        self.begun = self.closed = False

    async def run(self, *steps: Awaitable[Any]) -> None:
        self.begun = True
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


# --- several procedures at once


async def read(id_: str) -> str:
    return (await endpoints.get(id_)).id


async def several(*procedures: Procedure[Any]) -> list[Any]:
    return await Together(procedures)


def test_procedures_are_followed_at_the_same_time_and_give_their_results_in_order(do: Player) -> None:
    # Every answer waits until four requests are there, and the first of them is answered last.
    together = threading.Barrier(4)

    def answer(received: Received) -> Reply:
        together.wait(10)
        return reply(200, {"id": received.path.rsplit("/", 1)[1]})

    ids = [str(number) for number in range(40)]
    with ScriptedServer(answer) as server:
        assert do.follow(plan_account(server.url), several(*map(read, ids))) == ids


@pytest.mark.parametrize("count", [0, 1])
def test_one_procedure_needs_no_thread(do: Player, server: ScriptedServer, count: int) -> None:
    async def whereabouts() -> int:
        return threading.get_ident()

    procedures = [whereabouts() for _ in range(count)]
    found = do.follow(plan_account(server.url), several(*procedures))
    assert found == [threading.get_ident()] * count


def test_procedures_see_the_context_of_the_one_that_awaits_them(do: Player, server: ScriptedServer) -> None:
    task: ContextVar[str] = ContextVar("task")
    task.set("mine")

    async def whose() -> str:
        await Pause(1)
        return task.get()

    found = do.follow(plan_account(server.url), several(*(whose() for _ in range(20))))
    assert found == ["mine"] * 20


def test_after_an_error_no_more_procedures_begin_and_the_error_can_be_handled(
    do: Player, server: ScriptedServer
) -> None:
    server.script = [REFUSED] * 20 + [reply(200, BATCH)]
    count = 200
    begun = []

    async def note(number: int) -> None:
        begun.append(number)
        await endpoints.get(ID)

    async def handle() -> str:
        with pytest.raises(SinchForbiddenError):
            await Together([note(number) for number in range(count)])
        server.script = [reply(200, BATCH)]
        return await read(ID)

    assert do.follow(plan_account(server.url), handle()) == ID
    assert 1 <= len(begun) <= 40


def test_procedures_are_left_in_order_when_following_is_interrupted(
    do: Player, server: ScriptedServer
) -> None:
    class Interrupted(BaseException):
        pass

    def interrupt() -> None:
        raise Interrupted

    do.on_pause = interrupt
    closed = [Closed() for _ in range(40)]
    with pytest.raises((Interrupted, BaseExceptionGroup)):
        do.follow(plan_account(server.url), several(*(each.run(Pause(1)) for each in closed)))
    begun = [each for each in closed if each.begun]
    assert 1 <= len(begun) < len(closed)
    assert all(each.closed for each in begun)
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
