"""
``make test-airflow-campaign``: a real Airflow is killed while it sends a campaign; everyone gets one text.

Airflow runs with CeleryExecutor, two workers and Redis. The people are in a table of a Postgres, and the
results go there. Sinch is a sandbox, which is never killed. Nothing is left running.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.system.campaign import report, schedule
from tests.system.campaign.people import DATABASE, PREFIX, People
from tests.system.campaign.places import Places
from tests.system.campaign.sinch import Sinch
from tests.system.campaign.striker import Striker
from tests.system.cluster import Airflow, base_environment, compile_modules
from tests.system.folder import run_in_folder
from tests.system.metadata import Key, Metadata
from tests.system.processes import SystemTestError, none_of
from tests.system.progress import elapsed, say
from tests.system.services import Redis, install_missing, start_services

_DAG: Final = "campaign_once"
_RUN: Final = "evening"
_KEY: Final[Key] = (_RUN, "invite", -1)
_OF_A_BATCH: Final = 1000
#: Half of the kills strike a task that sends, four batches at once.
_BATCHES_BETWEEN: Final = 4
_MOST_PEOPLE: Final = 900_000
#: For the results, after the last kill.
_PATIENCE: Final = 600.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.system.campaign", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--people", type=int, default=100_000, help="who get the text (%(default)s)")
    parser.add_argument("--kills", type=int, default=30, help="(%(default)s)")
    parser.add_argument("--minutes", type=float, default=10, help="that sending takes (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="of people and kills; else a new one")
    parser.add_argument("--keep", action="store_true", help="keep logs and the record of kills")
    given = parser.parse_args()
    if given.kills < len(schedule.PLACES):
        parser.error(f"--kills must be {len(schedule.PLACES)} or more: one for each place")
    if not _BATCHES_BETWEEN * _OF_A_BATCH * given.kills // 2 <= given.people <= _MOST_PEOPLE:
        parser.error("--people must be enough for the task to be sending at each kill, and 900,000 at most")
    return given


def test(folder: Path, given: argparse.Namespace, seed: int) -> bool:
    """Do it all; whether everything was as it must be."""
    chance = random.Random(seed)
    kills = schedule.draw(given.kills, chance)
    people = People(given.people, chance)
    batches = math.ceil(given.people / _OF_A_BATCH)
    install_missing()
    say("compiling modules, starting Postgres, Redis and the sandbox")
    compile_modules()
    (folder / "tmp").mkdir()
    with ExitStack() as stack:
        database, sandbox = start_services(stack, folder, base_environment())
        broker = Redis(folder)
        stack.callback(broker.service.end)
        broker.start()
        sinch = Sinch(sandbox.client, PREFIX)
        say(f"writing {len(people.rows):,} rows")
        people.write(database)
        more = {
            "AIRFLOW_CONN_GUESTS": json.dumps(database.airflow_connection(DATABASE)),
            "CAMPAIGN_RATE": str(given.people / (60 * given.minutes)),
            "TMPDIR": str(folder / "tmp"),
            # Longer than an attempt, as Airflow advises. The other test has messages delivered again.
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "3600",
        }
        airflow = Airflow(folder, "celery", database, broker, sandbox.client, seed, _DAG, more)
        airflow.migrate()
        stack.callback(airflow.end)
        say("starting Airflow")
        airflow.start()
        found, look = report.searching(folder, database)
        places = Places(database, Metadata(database), sinch, _KEY, given.people)
        striker = Striker(airflow, places, sinch, batches, chance, folder / "kills.jsonl", look)
        say("sending and killing")
        striker.run(kills, lambda: trigger(airflow))
        say("no more kills, waiting for the results")
        deadline = time.monotonic() + _PATIENCE
        while (state := places.state()[0]) not in {"success", "failed"} and time.monotonic() < deadline:
            time.sleep(0.5)
        attempts = places.state()[1]
        airflow.end()
        say(f"the task ended: {state}, in attempt {attempts}")
        outcome = report.collect(people, sinch, database, state)
        look()
        accepted = sinch.batches()
        if sandbox.service.starts != 1 or not sandbox.service.running:
            raise SystemTestError("The sandbox, which must not be killed, has died.")
    print(f"\n{report.kills_table(striker.done, accepted)}\n")
    print(f"{report.places_table(striker.done)}\n")
    print(f"{report.outcome_table(outcome)}\n")
    print(f"{found.rows:,} rows and {found.files:,} files were searched. Numbers, texts and names are in:")
    print(f"{found.table() or '  none'}\n")
    print(
        f"seed {seed}: {given.people:,} people, {accepted} batches, {len(striker.done)} kills, "
        f"{attempts} attempts, {elapsed():.0f} s"
    )
    return none_of(
        [*striker.missed, *report.unstruck(striker.done, kills), *outcome.faults, *report.wrong_places(found)]
    )


def trigger(airflow: Airflow) -> None:
    """Start the run."""
    while not airflow.trigger(_RUN, {}):
        time.sleep(1)


def main() -> int:
    given = arguments()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    return run_in_folder(
        "sinch-campaign",
        f"Airflow {version('apache-airflow')}, seed {seed}, {given.people:,} people, {given.kills} kills",
        lambda folder: test(folder, given, seed),
        keep=given.keep,
        kept="Logs, ledger and kills",
    )


if __name__ == "__main__":
    sys.exit(main())
