"""CPU of a look at a batch that is under way: this provider, bare aiohttp, and other ways to poll."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import requests
from figures import Figure, Plot, Ratio, Result, main
from running import PLAN, TOKEN, Caller, Server, batch, server

from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.delivery.progress import Progress, State
from sinch_provider.sms.delivery.wait import look

LOOKS: Final = 2000
#: Contenders take turns after as many, because the speed of a machine changes within seconds.
TURN: Final = 200
AT_ONCE: Final = 20
RECIPIENTS: Final = 1000
#: All messages stay under way while they are measured.
UNDELIVERED: Final = [{"prefix": "999", "dispatch_delay": 0, "delivery_delay": 86400}]
_HEADERS: Final = {"Authorization": f"Bearer {TOKEN}"}

#: Looks once.
Look = Callable[[], Awaitable[Any]]


def _url(server: Server, batch_id: str) -> str:
    return f"{server.url}/xms/v1/{PLAN}/batches/{batch_id}/delivery_report?type=summary"


@asynccontextmanager
async def provider(server: Server, batch_id: str) -> AsyncIterator[Look]:
    """The procedure that the operator, the sensor and the trigger follow."""
    account = Account(credentials=ServicePlanCredentials(PLAN, TOKEN), base_url=server.url)
    async with AsyncSinchClient(account) as client:
        # The first look also reads the batch.
        progress = await client.follow(look(Progress(batch_id)))
        assert progress.state is State.RUNNING, progress

        async def once() -> None:
            await client.follow(look(progress))

        yield once


@asynccontextmanager
async def one_session(server: Server, batch_id: str) -> AsyncIterator[Look]:
    url = _url(server, batch_id)
    async with aiohttp.ClientSession(headers=_HEADERS) as session:

        async def once() -> Any:
            async with session.get(url) as response:
                response.raise_for_status()
                return await response.json()

        yield once


@asynccontextmanager
async def session_per_poll(server: Server, batch_id: str) -> AsyncIterator[Look]:
    """As the hook of Airflow's dbt Cloud provider makes the calls of its trigger."""
    url = _url(server, batch_id)

    async def once() -> Any:
        async with aiohttp.ClientSession(headers=_HEADERS) as session, session.get(url) as response:
            response.raise_for_status()
            return await response.json()

    yield once


@asynccontextmanager
async def threads(server: Server, batch_id: str) -> AsyncIterator[Look]:
    url = _url(server, batch_id)

    def get() -> Any:
        response = requests.get(url, headers=_HEADERS, timeout=30)
        response.raise_for_status()
        return response.json()

    async def once() -> Any:
        return await asyncio.to_thread(get)

    yield once


Contender = Callable[[Server, str], AbstractAsyncContextManager[Look]]
CONTENDERS: Final[dict[str, tuple[str, Contender]]] = {
    "provider": ("this provider, the procedure `look`", provider),
    "aiohttp": ("aiohttp, one session", one_session),
    "session_per_poll": ("aiohttp, a session per poll", session_per_poll),
    "threads": ("`requests.get` in threads", threads),
}


async def milliseconds(once: Look, count: int) -> float:
    """CPU of this process per look, with several looks under way."""
    left = count

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await once()

    began = time.process_time()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return (time.process_time() - began) / count * 1000


async def one_round(server: Server, batch_id: str) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        looks: dict[str, Look] = {}
        turns: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        for name, (_, make) in CONTENDERS.items():
            looks[name] = await stack.enter_async_context(make(server, batch_id))
            # Opens the connections.
            await milliseconds(looks[name], 2 * AT_ONCE)
        names = deque(looks)
        for _ in range(LOOKS // TURN):
            # Whoever comes after another finds the caches full of its data.
            names.rotate()
            for name in names:
                turns[name].append(await milliseconds(looks[name], TURN))
    return {name: statistics.mean(each) for name, each in turns.items()}


def measure(rounds: int) -> Result:
    # They are short.
    rounds *= 2
    cpu: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "ledger.db") as sandbox:
        caller = Caller(sandbox)
        status, answer = caller.call("PUT", "/sandbox/outcomes", json.dumps(UNDELIVERED).encode())
        assert status == 200, answer
        batch_id = caller.send(batch(0, RECIPIENTS))["id"]
        caller.close()
        for _ in range(rounds):
            for name, each in asyncio.run(one_round(sandbox, batch_id)).items():
                cpu[name].append(each)
    return Result(
        "looks",
        f"CPU per look at a batch that is under way, with {AT_ONCE} looks at the same time",
        f"{statistics.median(cpu['aiohttp']):.3f} ms: one GET over a session of aiohttp, and its JSON",
        [Figure(f"looks.{name}", title, "ms", cpu[name]) for name, (title, _) in CONTENDERS.items()],
        [
            Ratio(
                "looks.provider/aiohttp",
                "this provider compared with aiohttp",
                "looks.provider",
                "looks.aiohttp",
                1.5,
            ),
            Ratio(
                "looks.provider/session_per_poll",
                "this provider compared with a session per poll",
                "looks.provider",
                "looks.session_per_poll",
            ),
            Ratio(
                "looks.provider/threads",
                "this provider compared with requests in threads",
                "looks.provider",
                "looks.threads",
            ),
        ],
        [Plot("looks", "CPU per look (ms)", bars=[f"looks.{name}" for name in CONTENDERS])],
        [
            f"{LOOKS:,} looks per round.",
            "Only this provider checks the answer, counts messages by status, and limits time and size.",
        ],
    )


if __name__ == "__main__":
    main(measure)
