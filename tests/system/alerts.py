"""
``python -m tests.system.alerts``: how many texts come from a failure whose callback Airflow runs twice.

In each round, a task of a real Airflow is killed with its supervisor, and Airflow gives it up by its
heartbeat. Sinch is a sandbox that lists a batch some seconds after it was sent.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sinch_sandbox.client import SandboxClient
from tests.system.cluster import Airflow, base_environment, compile_modules
from tests.system.processes import SystemTestError, send
from tests.system.services import install_missing, start_services

#: For a task to start, and for Airflow to give it up.
_PATIENCE: Final = 120.0
#: For a task to load its Dag.
_START: Final = 3.0
#: The last callback has looked, and sent if it wanted to.
_QUIET: Final = 8.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.system.alerts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="failures (%(default)s)")
    parser.add_argument(
        "--lag", type=float, default=5.0, help="seconds until a batch is listed (%(default)s)"
    )
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sinch-alerts-"))
    # Postgres's user has to reach its own folder within.
    folder.chmod(0o711)
    # What Airflow's processes remember of their alerts goes there too.
    os.environ["TMPDIR"] = str(folder)
    print(
        f"Airflow {version('apache-airflow')}, {given.rounds} rounds, listing lag {given.lag:g} s", flush=True
    )
    try:
        seen = rounds(folder, given.rounds, given.lag)
    except SystemTestError as error:
        print(f"{error}\nLogs are kept in {folder}")
        return 1
    for (ran, texts), number in sorted(seen.items()):
        print(f"callback ran {ran} times, {texts} texts: {number} rounds")
    if all(texts for _, texts in seen):
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    print(f"An alert is missing. Logs are kept in {folder}")
    return 1


def rounds(folder: Path, count: int, lag: float) -> Counter[tuple[int, int]]:
    """
    Let tasks fail.

    :returns: How often a callback ran so many times and sent so many texts.
    """
    install_missing()
    compile_modules()
    seen: Counter[tuple[int, int]] = Counter()
    with ExitStack() as stack:
        database, sandbox = start_services(stack, folder, base_environment())
        if lag:
            sandbox.client.fault("listing_lag", "send", seconds=lag, count=None)
        airflow = Airflow(folder, "local", database, None, sandbox.client, 0, dag_id="fails")
        airflow.migrate()
        stack.callback(airflow.end)
        airflow.start()
        for number in range(1, count + 1):
            ran, texts = one_round(airflow, sandbox.client, f"round-{number}")
            seen[ran, texts] += 1
            print(f"round {number:2}: callback ran {ran} times, {texts} texts", flush=True)
    return seen


def one_round(airflow: Airflow, sandbox: SandboxClient, run_id: str) -> tuple[int, int]:
    """
    Let a task fail.

    :returns: How often its callback ran, and how many texts it sent.
    """
    looks = sandbox.calls().get("list", 0)
    if not airflow.trigger(run_id, {}):
        raise SystemTestError("Airflow did not take a run.")
    _wait(lambda: bool(airflow.supervisors()), "no task has started")
    # By then, the task does its work.
    time.sleep(_START)
    # The supervisor first: it must not see its task end.
    for process in airflow.supervisors()[0]:
        send(process, signal.SIGKILL)
    _wait(lambda: airflow.has_failed(run_id), "no failure was noticed")
    quiet, calls = time.monotonic(), sum(sandbox.calls().values())
    while time.monotonic() < quiet + _QUIET:
        time.sleep(0.5)
        if calls != (calls := sum(sandbox.calls().values())):
            quiet = time.monotonic()
    texts = sum(message["body"] == f"{run_id} failed" for message in sandbox.messages())
    return sandbox.calls().get("list", 0) - looks, texts


def _wait(check: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not check():
        if time.monotonic() > end:
            raise SystemTestError(f"After {_PATIENCE:.0f} s, {what}.")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
