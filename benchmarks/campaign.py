"""
A campaign to everybody in a table: CPU, time, memory, writes to the journal and calls to Sinch.

    python benchmarks/campaign.py [--people 1000000] [--postgres] [--rounds N] [--json FILE]

Peers get a thousand people at a time, up to 25,000. Every contender is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from figures import Figure, Plot, Ratio, Result, main
from running import Caller, Server, server
from tables import postgres, sqlite_tables

PEOPLE: Final = 25_000
#: Who is excluded is not in the table.
EXCLUDED: Final = 100_000
#: Of a million people; with fewer, the exclusions are most of it.
BYTES: Final = 150
_MILLION: Final = 1_000_000
_MB: Final = 1024 * 1024
TITLES: Final = {
    "campaign": "a campaign, 100,000 numbers excluded",
    "mapped": "mapped sends of 1,000, without check and exclusions",
    "sdk": "the official SDK in a loop of 1,000",
    "floor": "`http.client` with `json` in a loop of 1,000",
}
#: A retry of a campaign that has texted everybody: it checks them all, and lists who was reached.
RETRY: Final = "retry"
#: What an empty campaign needs in memory is subtracted: one person, nobody excluded.
EMPTY: Final = "empty"

#: What the command line changes.
OPTIONS: Final = argparse.Namespace(people=PEOPLE, postgres=False)

Found = dict[str, Any]


def _run(sandbox: Server, contender: str, source: str, size: int, journal: Any = None) -> Found:
    """
    Let one contender text everybody, and make sure that it has done so.

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
    found: Found = json.loads(done.stdout)
    found["calls"] = _control(sandbox, "GET", "calls")["count"]
    texted = _control(sandbox, "GET", "inbox")["messages"]
    if texted != size:
        raise SystemExit(f"{contender} has texted {texted} of {size} people.")
    return found


def _control(sandbox: Server, method: str, path: str) -> dict[str, Any]:
    # A connection each: the sandbox closes one that is not used for a while.
    caller = Caller(sandbox)
    _, answer = caller.call(method, f"/sandbox/{path}")
    caller.close()
    read: dict[str, Any] = json.loads(answer)
    return read


def measure(rounds: int) -> Result:
    people = OPTIONS.people
    contenders = [name for name in TITLES if people <= PEOPLE or name == "campaign"]
    found: dict[str, list[Found]] = {name: [] for name in (EMPTY, RETRY, *contenders)}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        make: Callable[[int, int], str] = partial(sqlite_tables, folder)
        if OPTIONS.postgres:
            make = stack.enter_context(postgres(folder)).tables
        full, empty = make(people, EXCLUDED), make(1, 0)
        for number in range(rounds):
            # A new ledger each time: the rows of a deleted one leave a file full of holes.
            with server(folder / f"ledger-{number}.db") as sandbox:
                found[EMPTY].append(_run(sandbox, "campaign", empty, 1))
                for each in (*contenders[number % 2 :], *contenders[: number % 2]):
                    done = _run(sandbox, each, full, people)
                    found[each].append(done)
                    if each == "campaign":
                        found[RETRY].append(_run(sandbox, each, full, people, done["journal"]))
    return _result(found, people, "Postgres" if OPTIONS.postgres else "SQLite")


def _result(found: dict[str, list[Found]], people: int, source: str) -> Result:
    def column(contender: str, name: str) -> list[float]:
        return [each[name] for each in found[contender]]

    shown = [name for name in TITLES if name in found]
    # An empty campaign is always the same, so that its median is the better base.
    base = statistics.median(column(EMPTY, "peak"))
    small = people < _MILLION
    attempts = (("campaign", "a campaign"), (RETRY, "its retry"))
    figures = [
        *(Figure(f"campaign.{name}.cpu", f"CPU, {TITLES[name]}", "s", column(name, "cpu")) for name in shown),
        *(
            Figure(f"campaign.{name}.wall", f"time, {TITLES[name]}", "s", column(name, "wall"))
            for name in shown
        ),
        *(
            Figure(f"campaign.{name}.peak", f"memory, {TITLES[name]}", "MB", column(name, "peak"))
            for name in shown
        ),
        Figure("campaign.empty.peak", "memory, an empty campaign", "MB", column(EMPTY, "peak")),
        Figure(
            "campaign.check", "CPU of the check, part of the campaign's", "s", column("campaign", "check")
        ),
        Figure("campaign.retry.cpu", "CPU, its retry: nobody is left", "s", column(RETRY, "cpu")),
        *(
            Figure(
                f"campaign.{name}.bytes",
                f"memory per person above an empty campaign, {of}, exclusions included",
                "bytes",
                [(peak - base) * _MB / people for peak in column(name, "peak")],
                None if small else BYTES,
            )
            for name, of in attempts
        ),
        *(
            Figure(f"campaign.{name}.{key}", f"{of}, {title}", "", column(name, key))
            for key, of in (("writes", "writes to the journal"), ("calls", "calls to Sinch"))
            for name, title in attempts
        ),
    ]
    floor = f"{statistics.median(column('floor', 'cpu')):.2f} s of CPU: " if "floor" in found else ""
    return Result(
        "campaign",
        f"A campaign to {people:,} people in {source}, with two values for each, in one process",
        f"{floor}to read the rows, and `json.dumps`, a request, `json.loads` for each 1,000",
        figures,
        [
            Ratio(
                f"campaign.campaign/{name}",
                f"CPU of a campaign compared with {TITLES[name]}",
                "campaign.campaign.cpu",
                f"campaign.{name}.cpu",
            )
            for name in shown[1:]
        ],
        [Plot("campaign", f"CPU for {people:,} people (s)", bars=[f"campaign.{name}.cpu" for name in shown])],
        [
            "Only the campaign checks the table before the first text, de-duplicates, leaves out who is "
            "excluded, and knows after a crash who was reached.",
            "The mapped sends run one after the other in one process. In Airflow, each has its own.",
            *(
                ["Of so few people, most memory is that of the exclusions; `--people 1000000` has a limit."]
                if small
                else []
            ),
        ],
    )


def _read_options() -> None:
    """Take the options of this script off the command line; the others are those of each."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--postgres", action="store_true")
    _, sys.argv[1:] = parser.parse_known_args(namespace=OPTIONS)


if __name__ == "__main__":
    _read_options()
    main(measure)
