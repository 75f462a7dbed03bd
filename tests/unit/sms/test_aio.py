"""What only the asynchronous client has to keep: event loops, cancellation, the ways of aiohttp."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from tests.unit.sms.conftest import plan_account, project_account
from tests.unit.sms.scripted import EXPIRED, HANGING, Received, Reply, ScriptedServer, reply, token

ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
TASKS = 20


def test_many_tasks_fetch_one_token() -> None:
    def answer(received: Received) -> Reply:
        return token("t1") if received.path == "/oauth2/token" else reply(200, {"id": ID})

    async def ask() -> list[str]:
        async with AsyncSinchClient(project_account(server.url)) as client:
            return [
                batch.id for batch in await asyncio.gather(*(client.batches.get(ID) for _ in range(TASKS)))
            ]

    with ScriptedServer(answer) as server:
        assert asyncio.run(ask()) == [ID] * TASKS
    assert server.paths().count("POST /oauth2/token") == 1


def test_many_tasks_renew_an_expired_token_once() -> None:
    # All callers learn that the token is outdated before any of them fetches another.
    together = threading.Barrier(TASKS)

    def answer(received: Received) -> Reply:
        if received.path == "/oauth2/token":
            return token("t2" if server.paths().count("POST /oauth2/token") > 1 else "t1")
        if received.headers["authorization"] == "Bearer t1":
            together.wait(10)
            return EXPIRED
        return reply(200, {"id": ID})

    async def ask() -> None:
        async with AsyncSinchClient(project_account(server.url)) as client:
            await asyncio.gather(*(client.batches.get(ID) for _ in range(TASKS)))

    with ScriptedServer(answer) as server:
        asyncio.run(ask())
        assert server.paths().count("POST /oauth2/token") == 2


def test_a_token_outlives_its_event_loop_and_serves_the_other_client_too(server: ScriptedServer) -> None:
    account = project_account(server.url)
    server.script = [token("t1", expires_in=61), *[reply(200, {"id": ID})] * 3]

    async def ask() -> None:
        async with AsyncSinchClient(account) as client:
            await client.batches.get(ID)

    asyncio.run(ask())
    asyncio.run(ask())
    with SinchClient(account) as client:
        client.batches.get(ID)
    assert server.paths().count("POST /oauth2/token") == 1


def test_a_client_that_was_not_entered_says_how_it_is_used() -> None:
    client = AsyncSinchClient(plan_account("http://localhost"))
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(client.batches.get(ID))


def test_closing_twice_or_unopened_is_no_trouble() -> None:
    async def close() -> None:
        await AsyncSinchClient(plan_account("http://localhost")).close()
        async with AsyncSinchClient(plan_account("http://localhost")) as client:
            await client.close()
            await client.close()

    asyncio.run(close())


def test_a_cancelled_call_stays_cancelled(server: ScriptedServer) -> None:
    # A trigger that is shut down must end, not take the cancellation for a lost answer.
    server.script = [HANGING, HANGING]

    async def ask() -> None:
        async with AsyncSinchClient(plan_account(server.url)) as client:
            task = asyncio.create_task(client.batches.get(ID))
            await asyncio.to_thread(server.arrived.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(ask())
    assert len(server.received) == 1


def test_requests_of_one_client_overlap() -> None:
    # Every answer waits for the other request to be there.
    together = threading.Barrier(2)

    def answer(received: Received) -> Reply:
        together.wait(10)
        return reply(200, {"id": received.path.rsplit("/", 1)[1]})

    async def ask() -> list[str]:
        async with AsyncSinchClient(plan_account(server.url)) as client:
            return [
                batch.id for batch in await asyncio.gather(client.batches.get("a"), client.batches.get("b"))
            ]

    with ScriptedServer(answer) as server:
        assert asyncio.run(ask()) == ["a", "b"]
