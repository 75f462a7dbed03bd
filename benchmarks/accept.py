"""
How fast the sandbox accepts recipients into its ledger.

One client sends batches of 1,000 recipients over HTTP, one after the other. An accepted batch is in the
SQLite file before its answer leaves, so the time includes writing it. Scattered numbers cost more: each is in
another place of the index of recipients.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from figures import Plot, Result, main
from running import CPU_LIMIT, PLAN, Caller, batch, figures_of, number, server

SIZE: Final = 1000
#: Batches that are sent in a round, to a new server.
BATCHES: Final = 200
#: Seconds for a million: 50,000 recipients a second.
LIMIT: Final = 20.0

NUMBERS: Final[Mapping[str, str]] = {"consecutive": "consecutive numbers", "scattered": "scattered numbers"}


def scattered(chance: random.Random) -> bytes:
    """The body of a send to numbers from all over the list of numbers."""
    return batch(0, 0, to=[number(index) for index in chance.sample(range(1_000_000), SIZE)])


def one_round(is_scattered: bool) -> tuple[float, float]:
    """Seconds for a million recipients, by the wall clock and by the server's own CPU time."""
    chance = random.Random(1)
    bodies = [scattered(chance) if is_scattered else batch(SIZE * index) for index in range(BATCHES)]
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "sms.db") as running:
        caller = Caller(running)
        for body in bodies[:5]:
            caller.send(body)
        cpu, began = running.cpu_seconds(), time.perf_counter()
        for body in bodies:
            status, _ = caller.call("POST", f"/xms/v1/{PLAN}/batches", body)
            assert status == 201
        wall, cpu = time.perf_counter() - began, running.cpu_seconds() - cpu
        caller.close()
    millions = BATCHES * SIZE / 1_000_000
    return wall / millions, cpu / millions


def measure(rounds: int) -> Result:
    found = {key: [one_round(key == "scattered") for _ in range(rounds)] for key in NUMBERS}
    return Result(
        name="accept",
        title="Recipients that the sandbox accepts into its ledger",
        floor="50,000 recipients a second, which is 20 s for a million",
        figures=figures_of("accept", "a million", "s", NUMBERS, found, LIMIT),
        plots=[
            Plot(
                key="accept",
                title="A million recipients into the sandbox's ledger",
                y="s",
                bars=[f"accept.{key}.{clock}" for key in NUMBERS for clock in ("wall", "cpu")],
            )
        ],
        notes=[
            f"Each round sends {BATCHES} batches of {SIZE:,} recipients to a new server, one by one.",
            CPU_LIMIT,
        ],
    )


if __name__ == "__main__":
    main(measure)
