"""What only the asynchronous client has to keep: event loops, cancellation, the ways of aiohttp."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import replace

import aiohttp
import pytest

from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import SinchConnectionError
from sinch_provider.sms.runtime import current, using
from sinch_provider.sms.wire.async_transport import AsyncTransport
from tests.unit.sms.conftest import plan_account, project_account
from tests.unit.sms.proxying import KeepingServer
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


# --- how many at once


KEPT = reply(200, {"id": ID}).raw.replace(b"Connection: close\r\n", b"")


def test_no_more_requests_are_under_way_than_permitted() -> None:
    together = threading.Barrier(3)

    def answer(head: bytes) -> bytes:
        together.wait(10)
        return KEPT

    async def ask() -> None:
        async with AsyncSinchClient(plan_account(server.url), at_once=3) as client:
            await asyncio.gather(*(client.batches.get(ID) for _ in range(12)))

    with KeepingServer(answer) as server:
        asyncio.run(ask())
    assert (len(server.heads), server.connections) == (12, 3)


def test_nor_connections_even_if_each_request_takes_a_new_one() -> None:
    async def ask() -> None:
        async with AsyncSinchClient(plan_account(server.url), at_once=2) as client:
            await asyncio.gather(*(client.batches.get(ID) for _ in range(4)))
            changes = (client.batches.update(ID, body="Late.") for _ in range(6))
            await asyncio.gather(*changes)

    with KeepingServer(KEPT) as server:
        asyncio.run(ask())
    assert server.most_open <= 2
    assert server.connections >= 6


def test_nor_connections_to_several_hosts() -> None:
    def answer(head: bytes) -> bytes:
        return token("t1", expires_in=1).raw.replace(b"Connection: close\r\n", b"")

    async def ask() -> None:
        account = project_account(server.url, auth_url=tokens.url)
        async with AsyncSinchClient(account, at_once=1) as client:
            for _ in range(3):
                await client.batches.get(ID)
                # The connection to the other host is closed before one to this host opens.
                assert (server.still_open(), tokens.still_open()) == (1, 0)

    with KeepingServer(KEPT) as server, KeepingServer(answer) as tokens:
        asyncio.run(ask())
    assert (server.connections, tokens.connections) == (3, 3)


def test_waiting_for_a_turn_takes_nothing_from_the_time_for_the_network() -> None:
    now = [0.0]

    def answer(head: bytes) -> bytes:
        now[0] += 100
        return KEPT

    async def ask() -> list[str]:
        client = AsyncSinchClient(plan_account(server.url, timeout=5), attempts=1, at_once=1)
        async with client:
            return [batch.id for batch in await asyncio.gather(*(client.batches.get(ID) for _ in range(3)))]

    with KeepingServer(answer) as server, using(replace(current(), monotonic=lambda: now[0])):
        assert asyncio.run(ask()) == [ID] * 3


def test_the_end_of_a_client_ends_the_wait_for_a_turn(server: ScriptedServer) -> None:
    server.script = [HANGING]

    async def ask() -> None:
        transport = AsyncTransport(1)
        patient = AsyncSinchClient(plan_account(server.url), attempts=1, transport=transport)
        hasty = AsyncSinchClient(plan_account(server.url), attempts=1, seconds=0.2, transport=transport)
        async with patient, hasty:
            first = asyncio.create_task(patient.batches.get(ID))
            await asyncio.to_thread(server.arrived.wait, 10)
            with pytest.raises(SinchConnectionError, match="took too long"):
                await hasty.batches.get(ID)
            assert not first.done()
            first.cancel()
        await transport.close()

    asyncio.run(ask())
    assert len(server.received) == 1


def test_a_cancelled_call_gives_its_turn_to_the_next(server: ScriptedServer) -> None:
    server.script = [HANGING, reply(200, {"id": ID})]

    async def ask() -> str:
        async with AsyncSinchClient(plan_account(server.url), at_once=1) as client:
            tasks = [asyncio.create_task(client.batches.get(ID)) for _ in range(3)]
            await asyncio.to_thread(server.arrived.wait, 10)
            # The first is under way, and the second waits.
            for task in tasks[:2]:
                task.cancel()
            return (await tasks[2]).id

    assert asyncio.run(ask()) == ID


def test_clients_may_share_connections() -> None:
    async def ask() -> None:
        transport = AsyncTransport(2)
        for name in ("first-token", "second-token"):
            credentials = ServicePlanCredentials("plan", name)
            account = Account(credentials=credentials, base_url=server.url)
            async with AsyncSinchClient(account, transport=transport) as client:
                await client.batches.get(ID)
        assert server.still_open() == 1
        await transport.close()
        assert server.still_open() == 0

    with KeepingServer(KEPT) as server:
        asyncio.run(ask())
    assert server.connections == 1
    assert [b"Bearer first-token" in head for head in server.heads] == [True, False]


def test_all_connections_are_closed_even_if_one_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    close = aiohttp.ClientSession.close
    failing = [OSError("the connection broke")]

    async def break_once(session: aiohttp.ClientSession) -> None:
        await close(session)
        if failing:
            raise failing.pop()

    async def ask() -> None:
        transport = AsyncTransport(4)
        async with AsyncSinchClient(plan_account(server.url), transport=transport) as client:
            await asyncio.gather(*(client.batches.get(ID) for _ in range(4)))
        assert server.still_open() > 1
        # No server can make closing fail.
        monkeypatch.setattr(aiohttp.ClientSession, "close", break_once)
        with pytest.raises(OSError, match="broke"):
            await transport.close()
        assert server.still_open() == 0

    with KeepingServer(KEPT) as server:
        asyncio.run(ask())


def test_every_call_counts_its_own_repeats() -> None:
    pauses: list[float] = []
    asked: Counter[str] = Counter()
    lock = threading.Lock()

    def answer(received: Received) -> Reply:
        with lock:
            asked[received.path] += 1
            failed = asked[received.path] <= 2
        return reply(503) if failed else reply(200, {"id": received.path.rsplit("/", 1)[1]})

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async def ask() -> list[str]:
        async with AsyncSinchClient(plan_account(server.url)) as client:
            calls = (client.batches.get(f"batch-{index}") for index in range(TASKS))
            return [batch.id for batch in await asyncio.gather(*calls)]

    with ScriptedServer(answer) as server, using(replace(current(), async_sleep=pause)):
        assert asyncio.run(ask()) == [f"batch-{index}" for index in range(TASKS)]
    assert set(asked.values()) == {3}
    assert len(pauses) == 2 * TASKS
