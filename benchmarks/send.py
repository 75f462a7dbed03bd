"""CPU of sending a personalised batch of 1,000 recipients: this provider, the official SDK, and the floor."""

from __future__ import annotations

import http.client
import json
import math
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pendulum
import requests
import sinch
from figures import Figure, Plot, Ratio, Result, main
from running import PLAN, TOKEN, Server, server

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.sending.decision import Send
from sinch_provider.sms.sending.journal import Journal
from sinch_provider.sms.sending.send_once import SendOnce

SIZE: Final = 1000
SIZES: Final = (1, 10, 100, SIZE)
#: Batches of 1,000 that every contender sends in a round. Of smaller ones, ten times as many.
BATCHES: Final = 20
#: Contenders take turns after as many, because the speed of a machine changes within seconds.
TURN: Final = 4
BODY: Final = "Hi ${name}, your table for tonight is number ${table}."

Values = dict[str, Any]
#: Sends one message and returns the id of the batch.
Sender = Callable[[Values], str]


class CountedStore:
    """Keeps a journal in memory, and counts how often it is written."""

    writes = 0

    def __init__(self) -> None:
        self._value: Any = None

    def get(self) -> Any:
        return self._value

    def set(self, value: Any) -> None:
        CountedStore.writes += 1
        self._value = value


def messages(count: int, size: int = SIZE) -> Iterator[Values]:
    """Messages as a task has them: made at run time, to other people each, with two values for each."""
    for index in range(count):
        to = [f"+999{index % 1000:03}{each:06}" for each in range(size)]
        yield {
            "to": to,
            "body": BODY,
            "parameters": {
                "name": {number: f"Ann {each}" for each, number in enumerate(to)},
                "table": {number: f"{each % 80}" for each, number in enumerate(to)},
            },
        }


@contextmanager
def provider(server: Server) -> Iterator[Sender]:
    """The way of the operator, from its rendered arguments to the id of the batch."""
    account = Account(credentials=ServicePlanCredentials(PLAN, TOKEN), base_url=server.url, sender="Bistro")
    since = pendulum.now("UTC")
    sends = 0

    with SinchClient(account) as client:

        def send(values: Values) -> str:
            nonlocal sends
            sends += 1
            call = endpoints.send(**values)
            once = SendOnce(call, Send(f"af-{sends}", since), account, journal=Journal(CountedStore()))
            return client.follow(once.steps()).batch_id

        yield send


@contextmanager
def official_sdk(server: Server) -> Iterator[Sender]:
    client = sinch.SinchClient(service_plan_id=PLAN, sms_api_token=TOKEN, sms_region="eu")
    client.configuration.sms_domain_with_service_plan_id = server.url

    def send(values: Values) -> str:
        id_: str = client.sms.batches.send_sms(from_="Bistro", **values).id
        return id_

    yield send


@contextmanager
def plain_requests(server: Server) -> Iterator[Sender]:
    url = f"{server.url}/xms/v1/{PLAN}/batches"
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"

        def send(values: Values) -> str:
            response = session.post(url, json={"from": "Bistro", **values}, timeout=30)
            response.raise_for_status()
            id_: str = response.json()["id"]
            return id_

        yield send


@contextmanager
def _bare(server: Server, encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]) -> Iterator[Sender]:
    connection = http.client.HTTPConnection(server.address, timeout=30)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    def send(values: Values) -> str:
        connection.request("POST", f"/xms/v1/{PLAN}/batches", encode({"from": "Bistro", **values}), headers)
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 201, answer[:200]
        id_: str = decode(answer)["id"]
        return id_

    yield send
    connection.close()


def floor(server: Server) -> Any:
    return _bare(server, lambda value: json.dumps(value).encode(), json.loads)


def floor_msgspec(server: Server) -> Any:
    import msgspec

    return _bare(server, msgspec.json.encode, msgspec.json.decode)


CONTENDERS: Final = {
    "provider": ("this provider, as its operator sends", provider),
    "sdk": ("the official SDK, `batches.send_sms`", official_sdk),
    "requests": ("`requests.Session().post` and `.json()`", plain_requests),
    "floor": ("`http.client` with `json`", floor),
    "floor_msgspec": ("`http.client` with `msgspec`", floor_msgspec),
}


def milliseconds(send: Sender, count: int, size: int = SIZE) -> float:
    """CPU of this process per message. Making the messages does not count."""
    used = 0.0
    for values in messages(count, size):
        began = time.process_time()
        send(values)
        used += time.process_time() - began
    return used / count * 1000


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the line through the points with logarithmic axes, by least squares."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    return statistics.linear_regression(*zip(*logs, strict=True)).slope


def measure(rounds: int) -> Result:
    # They are short.
    rounds *= 2
    cpu: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    by_size: dict[int, list[float]] = {size: [] for size in SIZES}
    writes: list[float] = []
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "ledger.db") as sandbox:
        for _ in range(rounds):
            with ExitStack() as stack:
                senders = {name: stack.enter_context(make(sandbox)) for name, (_, make) in CONTENDERS.items()}
                for send in senders.values():
                    # The first opens the connection, and imports what is imported late.
                    milliseconds(send, 2)
                before = CountedStore.writes
                turns: dict[str, list[float]] = {name: [] for name in CONTENDERS}
                names = deque(senders)
                for _ in range(BATCHES // TURN):
                    # Whoever comes after another finds the caches full of its data.
                    names.rotate()
                    for name in names:
                        turns[name].append(milliseconds(senders[name], TURN))
                for name, used in turns.items():
                    cpu[name].append(statistics.mean(used))
                writes.append((CountedStore.writes - before) / BATCHES)
            with provider(sandbox) as send:
                for size in SIZES:
                    count = BATCHES if size == SIZE else 10 * BATCHES
                    by_size[size].append(milliseconds(send, count, size))
    growth = [exponent([(size, values[each]) for size, values in by_size.items()]) for each in range(rounds)]
    example = len(json.dumps(next(messages(1)))) / 1000
    return Result(
        "send",
        f"CPU of one send of a personalised batch: {SIZE:,} recipients, two values for each",
        f"{statistics.median(cpu['floor']):.2f} ms: `json.dumps`, one request over a kept connection of "
        "`http.client`, `json.loads`",
        [
            *(Figure(f"send.{name}", title, "ms", cpu[name]) for name, (title, _) in CONTENDERS.items()),
            Figure("send.writes", "writes to the journal per send", "", writes),
            *(
                Figure(f"send.size.{size}", f"this provider, {size:,} recipients", "ms", by_size[size])
                for size in SIZES
            ),
            Figure("send.growth", "exponent of the cost over the number of recipients", "", growth, 1.1),
        ],
        [
            Ratio(
                "send.provider/sdk", "this provider compared with the SDK", "send.provider", "send.sdk", 0.6
            ),
            Ratio(
                "send.provider/requests",
                "this provider compared with requests",
                "send.provider",
                "send.requests",
            ),
            Ratio(
                "send.provider/floor", "this provider compared with the floor", "send.provider", "send.floor"
            ),
        ],
        [
            Plot("send", "CPU per batch of 1,000 (ms)", bars=[f"send.{name}" for name in CONTENDERS]),
            Plot(
                "send_sizes",
                "CPU per batch",
                "recipients",
                "ms",
                lines={
                    "this provider": [
                        (float(size), statistics.median(values)) for size, values in by_size.items()
                    ]
                },
                log=True,
                kind="lines",
            ),
        ],
        [
            f"Each request has {example:.0f} kB of JSON, and the answer as much.",
            "Only this provider checks numbers and texts, keeps a journal, asks it right before the request "
            "leaves, and compares the answer with the request.",
        ],
    )


if __name__ == "__main__":
    main(measure)
