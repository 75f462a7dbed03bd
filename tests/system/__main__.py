"""
``make test-airflow``: a real Airflow is killed all over while it sends, and everyone gets one text.

Airflow runs with LocalExecutor, then with CeleryExecutor, two workers and Redis; Sinch is a sandbox, which is
never killed and knows in the end who has got what. Nothing is left running.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from tests.system import report as reports
from tests.system.cluster import EXECUTORS, Airflow, base_environment, compile_modules
from tests.system.kills import Kill, Killer
from tests.system.load import Load, Numbers, Send
from tests.system.processes import SystemTestError
from tests.system.services import Postgres, Redis, Sandbox, install_missing

_BEGAN = time.monotonic()
#: After the last kill: retries, settle times and orphans of half a minute each.
_PATIENCE = 300


def say(text: str) -> None:
    print(f"[{time.monotonic() - _BEGAN:6.0f} s] {text}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.system", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=220, help="in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="of kills and load; else a new one")
    parser.add_argument(
        "--executors", default="local,celery", help="which, separated by commas (%(default)s)"
    )
    parser.add_argument(
        "--pace", type=float, default=4.0, help="seconds between two kills, on average (%(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and the record of kills")
    return parser.parse_args()


def one_executor(
    stack: ExitStack, airflow: Airflow, load: Load, killer: Killer, progress: str
) -> tuple[list[Send], list[Kill]]:
    """Run Airflow with one executor from its first start to the end of its last run."""
    say(f"{progress}: starting")
    stack.callback(airflow.end)
    airflow.start()
    say(f"{progress}: ready, sending and killing")
    for thread in (load, killer):
        stack.callback(thread.stopping.set)
        thread.start()
    shown = 0
    while killer.is_alive():
        killer.join(1)
        if load.failed:
            killer.stopping.set()
        if len(killer.done) >= shown + 20:
            shown = len(killer.done)
            say(f"{progress}: {shown} kills, {len(load.sends)} sends, {load.open_runs()} runs open")
    load.stopping.set()
    load.join()
    for thread in (load, killer):
        if thread.failed is not None:
            raise SystemTestError(f"The {thread.name} thread broke: {thread.failed!r}") from thread.failed
    say(f"{progress}: no more kills, waiting for the last runs")
    load.wait(_PATIENCE)
    airflow.end()
    say(
        f"{progress}: ended; components were started {sum(s.starts for s in airflow.services.values())} times"
    )
    return load.sends, killer.done


def test(folder: Path, given: argparse.Namespace, seed: int) -> bool:
    """Do it all; whether everything was as it must be."""
    executors = given.executors.split(",")
    reports.check_words()
    install_missing()
    say("compiling modules, starting Postgres and the sandbox")
    compile_modules()
    sends: list[Send] = []
    kills: list[Kill] = []
    with ExitStack() as stack:
        database = Postgres(folder)
        stack.callback(database.service.end)
        database.start()
        sandbox = Sandbox(folder, base_environment())
        stack.callback(sandbox.service.end)
        sandbox.start()
        sandbox.make_trouble(seed)
        broker = Redis(folder) if "celery" in executors else None
        if broker is not None:
            stack.callback(broker.service.end)
            broker.start()
        numbers = Numbers()
        for place, executor in enumerate(executors):
            airflow = Airflow(folder, executor, database, broker, sandbox.client, seed)
            if place == 0:
                airflow.migrate()
            share = given.kills // len(executors) + (place < given.kills % len(executors))
            load = Load(airflow, database, numbers, seed)
            killer = Killer(
                airflow, database, broker, share, share * given.pace, seed, folder / "kills.jsonl"
            )
            new_sends, new_kills = one_executor(stack, airflow, load, killer, EXECUTORS[executor])
            sends += new_sends
            kills += new_kills
        report = reports.collect(sends, kills, database, sandbox.client, folder)
        struck = sum(each["struck"] for each in sandbox.client.faults())
        if sandbox.service.starts != 1 or not sandbox.service.running:
            raise SystemTestError("The sandbox, which must not be killed, has died.")
    print(f"\n{reports.kills_table(kills, executors)}\n")
    print(f"{reports.outcome_table(report, executors)}\n")
    print(f"{reports.decision_table(report, executors)}\n")
    print(f"{reports.failures_table(report)}\n")
    print(f"seed {seed}, {len(kills)} kills, {struck} faults struck, {time.monotonic() - _BEGAN:.0f} s")
    for fault in report.faults:
        print(f"  WRONG  {fault}")
    return not report.faults


def interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    given = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    seed = random.randrange(10**6) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="sinch-system-"))
    # Postgres's user has to reach its own folder within.
    folder.chmod(0o711)
    print(f"Airflow {version('apache-airflow')}, seed {seed}, {given.kills} kills; {folder}", flush=True)
    good = False
    try:
        good = test(folder, given, seed)
    except SystemTestError as error:
        print(f"\n{error}")
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    finally:
        if good and not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"Logs, ledger and kills are kept in {folder}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
