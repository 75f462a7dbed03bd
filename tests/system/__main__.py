"""
``make test-airflow``: a real Airflow is killed and cleared while it sends, and everyone gets one text.

Airflow runs with LocalExecutor, then with CeleryExecutor, two workers and Redis; Sinch is a sandbox, which is
never killed and knows in the end who has got what. Nothing is left running.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.system import report as reports
from tests.system.clears import Clear, Clearer
from tests.system.cluster import EXECUTORS, Airflow, base_environment, compile_modules
from tests.system.folder import run_in_folder
from tests.system.kills import Kill, Killer
from tests.system.load import Load, Numbers, Send
from tests.system.metadata import Metadata
from tests.system.processes import SystemTestError, none_of
from tests.system.progress import elapsed, say
from tests.system.services import Redis, install_missing, start_services
from tests.system.words import check_words

#: Seconds between two lines that say how far it is.
_PROGRESS = 45
#: After the last kill or clear: retries, settle times and orphans of half a minute each.
_PATIENCE = 300


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.system", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=220, help="in all (%(default)s)")
    parser.add_argument("--clears", type=int, default=50, help="of task instances, in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="of kills, clears and load; else a new one")
    parser.add_argument(
        "--executors", default="local,celery", help="which, separated by commas (%(default)s)"
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=4.0,
        help="seconds between two kills, on average, or clears if there are more (%(default)s)",
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and the records of kills and clears")
    return parser.parse_args()


@dataclass(frozen=True)
class Strikes:
    """What is done to an Airflow with one executor."""

    load: Load
    killer: Killer
    clearer: Clearer

    @property
    def threads(self) -> tuple[Load, Killer, Clearer]:
        return self.load, self.killer, self.clearer

    def stop(self) -> None:
        for thread in self.threads:
            thread.stopping.set()

    def check(self) -> None:
        for thread in self.threads:
            if thread.failed is not None:
                raise SystemTestError(f"The {thread.name} thread broke: {thread.failed!r}") from thread.failed

    def __str__(self) -> str:
        return (
            f"{len(self.killer.done)} kills, {len(self.clearer.done)} clears, "
            f"{len(self.load.sends)} sends, {self.load.open_runs()} runs open"
        )


def one_executor(stack: ExitStack, airflow: Airflow, strikes: Strikes, progress: str) -> None:
    """Run Airflow with one executor from its first start to the end of its last run."""
    say(f"{progress}: starting")
    stack.callback(airflow.end)
    airflow.start()
    say(f"{progress}: ready, sending, killing and clearing")
    stack.callback(strikes.stop)
    for thread in strikes.threads:
        thread.start()
    shown = time.monotonic()
    while strikes.killer.is_alive() or strikes.clearer.is_alive():
        time.sleep(1)
        if any(thread.failed for thread in strikes.threads):
            strikes.stop()
        if time.monotonic() > shown + _PROGRESS:
            shown = time.monotonic()
            say(f"{progress}: {strikes}")
    strikes.load.stopping.set()
    strikes.load.join()
    strikes.check()
    say(f"{progress}: {strikes}; no more strikes, waiting for the last runs")
    strikes.load.wait(_PATIENCE)
    airflow.end()
    starts = sum(service.starts for service in airflow.services.values())
    say(f"{progress}: ended; components were started {starts} times")


def share(number: int, place: int, parts: int) -> int:
    """Cut a number into equal parts."""
    return number // parts + (place < number % parts)


def test(folder: Path, given: argparse.Namespace, seed: int) -> bool:
    """Do it all; whether everything was as it must be."""
    executors = given.executors.split(",")
    check_words()
    install_missing()
    say("compiling modules, starting Postgres and the sandbox")
    compile_modules()
    sends: list[Send] = []
    kills: list[Kill] = []
    clears: list[Clear] = []
    missed: list[str] = []
    with ExitStack() as stack:
        database, sandbox = start_services(stack, folder, base_environment())
        sandbox.make_trouble(seed)
        broker = Redis(folder) if "celery" in executors else None
        if broker is not None:
            stack.callback(broker.service.end)
            broker.start()
        numbers = Numbers()
        metadata = Metadata(database)
        for place, executor in enumerate(executors):
            airflow = Airflow(folder, executor, database, broker, sandbox.client, seed)
            if place == 0:
                airflow.migrate()
            number, clear = (share(total, place, len(executors)) for total in (given.kills, given.clears))
            seconds = max(number, clear) * given.pace
            load = Load(airflow, metadata, numbers, seed)
            strikes = Strikes(
                load,
                Killer(airflow, metadata, broker, number, seconds, seed, folder / "kills.jsonl"),
                Clearer(
                    *(airflow, metadata, sandbox.client, load),
                    *(clear, seconds, seed, folder / "clears.jsonl"),
                ),
            )
            one_executor(stack, airflow, strikes, EXECUTORS[executor])
            sends += load.sends
            kills += strikes.killer.done
            clears += strikes.clearer.done
            missed += [f"{executor}: no {state} send could be cleared" for state in strikes.clearer.missed]
        report = reports.collect(sends, kills, clears, metadata, sandbox.client, folder)
        struck = sum(each["struck"] for each in sandbox.client.faults())
        if sandbox.service.starts != 1 or not sandbox.service.running:
            raise SystemTestError("The sandbox, which must not be killed, has died.")
    print(f"\n{reports.kills_table(kills, executors)}\n")
    print(f"{reports.clears_table(report, executors)}\n")
    print(f"{reports.outcome_table(report, executors)}\n")
    print(f"{reports.decision_table(report, executors)}\n")
    print(f"{reports.failures_table(report)}\n")
    what = f"{len(kills)} kills, {len(clears)} clears, {struck} faults struck"
    print(f"seed {seed}, {what}, {elapsed():.0f} s")
    faults = [*missed, *report.faults]
    return none_of(faults)


def main() -> int:
    given = arguments()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    return run_in_folder(
        "sinch-system",
        f"Airflow {version('apache-airflow')}, seed {seed}, {given.kills} kills, {given.clears} clears",
        lambda folder: test(folder, given, seed),
        keep=given.keep,
        kept="Logs, ledger, kills and clears",
    )


if __name__ == "__main__":
    sys.exit(main())
