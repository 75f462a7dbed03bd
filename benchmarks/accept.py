"""How many recipients a second the sandbox accepts into its ledger.

One client sends batches of 1,000 recipients over HTTP, one after the other. An accepted batch is in the
SQLite file before its answer leaves, so the rate includes writing it. Scattered numbers cost more: each is
in another place of the index of recipients.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from running import Caller, batch, machine, number, server

SIZE = 1000


def scattered(chance: random.Random) -> bytes:
    """The body of a send to numbers from all over the list of numbers."""
    return batch(0, 0, to=[number(index) for index in chance.sample(range(1_000_000), SIZE)])


def one_round(batches: int, is_scattered: bool) -> tuple[float, float]:
    """Recipients per second, by the wall clock and by the server's own CPU time."""
    chance = random.Random(1)
    bodies = [scattered(chance) if is_scattered else batch(SIZE * index) for index in range(batches)]
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "sms.db") as running:
        caller = Caller(running)
        for body in bodies[:5]:
            caller.send(body)
        cpu, began = running.cpu_seconds(), time.perf_counter()
        for body in bodies:
            status, _ = caller.call("POST", "/xms/v1/sandbox-plan/batches", body)
            assert status == 201
        wall, cpu = time.perf_counter() - began, running.cpu_seconds() - cpu
        caller.close()
    return batches * SIZE / wall, batches * SIZE / cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="each with a new server (%(default)s)")
    parser.add_argument("--batches", type=int, default=200, help="of 1,000 recipients a round (%(default)s)")
    given = parser.parse_args()
    print(f"accept: {given.rounds} rounds of {given.batches} batches of {SIZE} recipients; {machine()}")
    for what, is_scattered in (("consecutive numbers", False), ("scattered numbers", True)):
        rounds = [one_round(given.batches, is_scattered) for _ in range(given.rounds)]
        for clock, rates in (
            ("wall clock", [wall for wall, _ in rounds]),
            ("the server's CPU time", [cpu for _, cpu in rounds]),
        ):
            print(
                f"  {f'recipients/s, {what}, {clock}':<56} min {min(rates):8,.0f}"
                f"  median {statistics.median(rates):8,.0f}  max {max(rates):8,.0f}"
            )


if __name__ == "__main__":
    main()
