"""
A campaign to 25,000 people of a table: CPU, time, memory, writes to the journal and calls to Sinch.

Peers get a thousand people at a time. Every contender is a process of its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, Final

from figures import Figure, Plot, Ratio, Result, main, readable
from running import Caller, Server, server
from tables import sqlite_tables

PEOPLE: Final = 25_000
#: Who is excluded is not in the table.
EXCLUDED: Final = 100_000
#: A thousand people at a time, without check and exclusions.
PEERS: Final = {
    "mapped": "mapped sends",
    "sdk": "the official SDK in a loop",
    "floor": "`http.client` with `json` in a loop",
}
#: The campaign's own parts: the check alone, and a retry when everybody has been texted.
OURS: Final = {"campaign": "a campaign", "check": "its check alone", "retry": "its retry, nobody is left"}
#: What an empty campaign needs in memory is subtracted: one person, nobody excluded.
EMPTY: Final = "empty"
_MB: Final = 1024 * 1024

Found = dict[str, Any]


def _run(sandbox: Server, contender: str, source: str, texted: int, journal: Any = None) -> Found:
    """
    Let one contender run, and make sure that all have been texted whom it should have texted.

    :param journal: That of an earlier attempt, whose texts the ledger has.
    """
    _control(sandbox, *(("POST", "reset") if journal is None else ("DELETE", "calls")))
    script = Path(__file__).with_name("campaign_run.py")
    done = subprocess.run(
        [
            *(sys.executable, str(script), contender, sandbox.url, source),
            *([] if journal is None else [json.dumps(journal)]),
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: Found = json.loads(done.stdout.splitlines()[-1])
    found["calls"] = _control(sandbox, "GET", "calls")["count"]
    messages = _control(sandbox, "GET", "inbox")["messages"]
    if messages != texted:
        raise SystemExit(f"{contender} has texted {messages} people, and should have texted {texted}.")
    return found


def _control(sandbox: Server, method: str, path: str) -> dict[str, Any]:
    # A connection each: the sandbox closes one that is not used for a while.
    caller = Caller(sandbox)
    _, answer = caller.call(method, f"/sandbox/{path}")
    caller.close()
    read: dict[str, Any] = json.loads(answer)
    return read


def measured(
    rounds: int, people: int, make: Callable[[int, int], str], peers: Collection[str] = ()
) -> dict[str, list[Found]]:
    """
    Let a campaign and its peers text everybody in a table.

    :param make: Makes the tables of so many people and so many excluded numbers; returns the source.
    """
    full, empty = make(people, EXCLUDED), make(1, 0)
    found: dict[str, list[Found]] = {name: [] for name in (EMPTY, *OURS, *peers)}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            # A new ledger each time: the rows of a deleted one leave a file full of holes.
            with server(Path(folder) / f"ledger-{number}.db") as sandbox:
                found[EMPTY].append(_run(sandbox, "campaign", empty, 1))
                found["check"].append(_run(sandbox, "check", full, 0))
                for each in (*peers, "campaign") if number % 2 else ("campaign", *peers):
                    done = _run(sandbox, each, full, people)
                    found[each].append(done)
                    if each == "campaign":
                        found["retry"].append(_run(sandbox, each, full, people, done["journal"]))
    return found


def figures_of(name: str, found: dict[str, list[Found]]) -> list[Figure]:
    """Make the figures of all contenders."""

    def figure(key: str, what: str, unit: str, contender: str, title: str) -> Figure:
        rounds = [each[key] for each in found[contender]]
        return Figure(f"{name}.{contender}.{key}", f"{what}, {title}", unit, rounds)

    shown = [(each, title) for each, title in (OURS | PEERS).items() if each in found]
    return [
        *(figure("cpu", "CPU", "s", *each) for each in shown),
        *(figure("wall", "time", "s", *each) for each in shown),
        *(figure("peak", "memory", "MB", *each) for each in (*shown, (EMPTY, "an empty campaign"))),
        *(figure("writes", "writes to the journal", "", each, OURS[each]) for each in ("campaign", "retry")),
        *(figure("calls", "calls to Sinch", "", each, OURS[each]) for each in ("campaign", "retry")),
    ]


def floor_of(found: dict[str, list[Found]]) -> str:
    """Say what the least possible work takes."""
    floor = readable(statistics.median(each["cpu"] for each in found["floor"]))
    return f"{floor} s of CPU: to read the rows, and `json.dumps`, a request, `json.loads` for each 1,000"


def ratios_of(name: str, found: dict[str, list[Found]]) -> list[Ratio]:
    """Compare the campaign with each peer."""
    return [
        Ratio(
            f"{name}.campaign/{peer}",
            f"CPU of a campaign compared with {title}",
            f"{name}.campaign.cpu",
            f"{name}.{peer}.cpu",
        )
        for peer, title in PEERS.items()
        if peer in found
    ]


def bytes_of(name: str, found: dict[str, list[Found]], people: int, limit: float) -> list[Figure]:
    """Make the figures of the memory that one more person takes."""
    # An empty campaign is always the same, so that its median is the better base.
    base = statistics.median(each["peak"] for each in found[EMPTY])
    return [
        Figure(
            f"{name}.{each}.bytes",
            f"memory per person above an empty campaign, {OURS[each]}, exclusions included",
            "bytes",
            [(one["peak"] - base) * _MB / people for one in found[each]],
            limit,
        )
        for each in ("campaign", "retry")
    ]


def measure(rounds: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        found = measured(rounds, PEOPLE, partial(sqlite_tables, Path(folder)), tuple(PEERS))
    return Result(
        "campaign",
        f"A campaign to {PEOPLE:,} people in SQLite, two values for each, {EXCLUDED:,} numbers excluded",
        floor_of(found),
        figures_of("campaign", found),
        ratios_of("campaign", found),
        [
            Plot(
                "campaign",
                f"CPU for {PEOPLE:,} people (s)",
                bars=[f"campaign.{each}.cpu" for each in ("campaign", *PEERS)],
            )
        ],
        [
            "Only the campaign checks the table before the first text, de-duplicates, leaves out who is "
            "excluded, and knows after a crash who was reached. Its peers get a thousand people at a time.",
            "The campaign is the operator, with Airflow's hook for the database. The mapped sends run one "
            "after the other in one process; in Airflow, each has its own.",
            "Of so few people, most memory is that of the exclusions.",
        ],
    )


if __name__ == "__main__":
    main(measure)
