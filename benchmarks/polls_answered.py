"""How many polls of delivery reports a second the sandbox answers, and what a poll costs it."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from figures import Plot, Result, main
from running import CPU_LIMIT, PLAN, TOKEN, Caller, Server, batch, figures_of, server

#: Batches that nobody has received yet: their receipts come after an hour.
BATCHES: Final = 10_000
_UNDER_WAY: Final = ("--set", "delivery_delay=3600")
#: Batches of 1,000 recipients, which are polled apart.
LARGE: Final = 100
IN_FLIGHT: Final = 32
#: Milliseconds of a call: 1,000 a second.
LIMIT: Final = 1.0
POLLS: Final = 5_000
#: Among polls and sends, every so many calls is a send.
_SEND_EVERY: Final = 10


class Connection(asyncio.Protocol):
    """One kept connection that makes one call after the other, as lean as Python allows."""

    def __init__(self, requests: Iterator[bytes], ended: asyncio.Future[None]) -> None:
        self._requests = requests
        self._ended = ended
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._call()

    def _call(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._ended.set_result(None)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return
        if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")):
            self._ended.set_exception(RuntimeError(head.decode()))
            self._transport.close()
            return
        self._received = b""
        self._call()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(exc or ConnectionError("the sandbox closed a connection"))


async def make(running: Server, requests: Iterable[bytes]) -> None:
    """Make calls over kept connections, so that always as many are in flight."""
    loop = asyncio.get_running_loop()
    host, _, port = running.address.partition(":")
    rest = iter(requests)
    ends = [loop.create_future() for _ in range(IN_FLIGHT)]
    for end in ends:
        await loop.create_connection(partial(Connection, rest, end), host, int(port))
    await asyncio.gather(*ends)


def request(running: Server, method: str, path: str, body: bytes = b"") -> bytes:
    return (
        f"{method} /xms/v1/{PLAN}/batches{path} HTTP/1.1\r\nHost: {running.address}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def cost(running: Server, requests: list[bytes]) -> tuple[float, float]:
    """Milliseconds of a call: by the wall clock, and of the server's own CPU."""
    cpu, began = running.cpu_seconds(), time.perf_counter()
    asyncio.run(make(running, requests))
    wall, cpu = time.perf_counter() - began, running.cpu_seconds() - cpu
    return 1000 * wall / len(requests), 1000 * cpu / len(requests)


def measure(rounds: int) -> Result:
    found: dict[str, list[tuple[float, float]]] = {"polls": [], "mixed": [], "large": []}
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "sms.db", *_UNDER_WAY) as running:
        caller = Caller(running)
        small = [caller.send(batch(index, 1))["id"] for index in range(BATCHES)]
        large = [caller.send(batch(1000 * index))["id"] for index in range(LARGE)]
        caller.close()
        # Messages are dispatched a second after they were accepted.
        caller.call("POST", "/sandbox/clock", b'{"advance": 10}')

        def polls(ids: list[str]) -> Iterator[bytes]:
            for id_ in itertools.cycle(ids):
                yield request(running, "GET", f"/{id_}/delivery_report?type=summary")

        def mixed(ids: list[str]) -> Iterator[bytes]:
            for index, poll in enumerate(polls(ids)):
                sends = index % _SEND_EVERY == 0
                yield request(running, "POST", "", batch(index, 1)) if sends else poll

        calls = {"polls": polls(small), "mixed": mixed(small), "large": polls(large)}
        for _ in range(rounds):
            for key, each in calls.items():
                found[key].append(cost(running, list(itertools.islice(each, POLLS))))
    titles = {
        "polls": "polls of batches to one recipient",
        "mixed": f"polls of batches to one recipient, and every {_SEND_EVERY}th call a send",
        "large": "polls of batches to 1,000 recipients",
    }
    return Result(
        name="polls_answered",
        title="Polls that the sandbox answers",
        floor=f"1,000 polls a second, which is 1 ms each; {BATCHES:,} batches are under way",
        figures=figures_of("polls_answered", "a call", "ms", titles, found, LIMIT),
        plots=[
            Plot(
                key="polls_answered",
                title="The sandbox's CPU of a poll",
                y="ms",
                bars=[f"polls_answered.{key}.cpu" for key in titles],
            )
        ],
        notes=[
            f"{IN_FLIGHT} calls are in flight, each on a connection of its own that is kept. The client is a "
            "plain protocol of asyncio in another process.",
            CPU_LIMIT,
        ],
    )


if __name__ == "__main__":
    main(measure)
