"""
``python -m tests.system.crowd``: how many texts come from 200 tasks that fail within a minute.

16 processes send alerts as Airflow's do, with one connection to one sandbox, which lists a batch some seconds
after it was sent. Each process is a machine of its own, or all of them share one.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import random
import tempfile
import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

from sinch_sandbox.server import Options, RunningSandbox

#: Whether there is a throttle, whether all processes share a machine, and seconds until a batch is listed.
_CASES: Final = ((False, True, 0), (True, True, 5), (True, False, 0), (True, False, 1), (True, False, 5))
#: The tasks fail within so many seconds. A throttle adds up to 20.
_SECONDS: Final = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.system.crowd", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--alerts", type=int, default=200, help="tasks that fail (%(default)s)")
    parser.add_argument("--processes", type=int, default=16, help="that send alerts (%(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["TMPDIR"] = home
        for throttled, together, lag in _CASES:
            texts, calls = crowd(given.alerts, given.processes, throttled, together, lag)
            how = "with throttle" if throttled else "without throttle"
            where = "one machine" if together else f"{given.processes} machines"
            found = f"{texts} texts from {given.alerts} failures, calls {calls}"
            print(f"{how}, {where}, listing lag {lag} s: {found}", flush=True)


def crowd(
    alerts: int, processes: int, throttled: bool, together: bool, lag: float
) -> tuple[int, dict[str, int]]:
    """Let many tasks fail; return how many texts that makes, and the calls to Sinch."""
    context = multiprocessing.get_context("spawn")
    with RunningSandbox(Options()) as sandbox:
        if lag:
            sandbox.fault("listing_lag", "send", seconds=lag, count=None)
        os.environ["AIRFLOW_CONN_SINCH_DEFAULT"] = json.dumps(sandbox.connection)
        # All of them load Airflow first, which takes longer on a small machine.
        barrier = context.Barrier(processes)
        numbers = [list(range(place, alerts, processes)) for place in range(processes)]
        workers = [
            context.Process(target=_work, args=(each, throttled, together, barrier)) for each in numbers
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return len(sandbox.messages()), sandbox.calls()


def _work(numbers: list[int], throttled: bool, together: bool, barrier: Any) -> None:
    """Alert about some tasks, each at its own moment."""
    from sinch_provider.notifications import running  # noqa: F401 - before the clock starts
    from sinch_provider.notifications.sms import SinchSmsNotifier

    logging.disable()
    if not together:
        tempfile.tempdir = tempfile.mkdtemp()
    told = SinchSmsNotifier(to="+447700900222", throttle=timedelta(hours=1) if throttled else None)
    barrier.wait()
    chance = random.Random(numbers[0])
    threads = [
        threading.Thread(target=_fail, args=(told, number, chance.uniform(0, _SECONDS))) for number in numbers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _fail(told: Any, number: int, after: float) -> None:
    """Call the callback of a task that has failed."""
    import pendulum

    time.sleep(after)
    names = {"dag_id": "nightly", "run_id": "run"}
    ids = {"task_id": f"load_{number}", "map_index": -1, "try_number": 1, "max_tries": 0}
    run = SimpleNamespace(**names, clear_number=0, run_after=pendulum.now("UTC"))
    told({"ti": SimpleNamespace(**names, **ids, state="failed"), "dag_run": run})


if __name__ == "__main__":
    main()
