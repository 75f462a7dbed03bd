"""
``make test-journey``: a person's way through a real Airflow, in a real browser.

A connection is made in the form, a Dag is triggered, its log and its link are looked at; a task fails, a
deadline passes, an approval is asked for, and each is told by SMS. Sinch is a sandbox. Then everything that
Airflow has stored and logged is searched. Nothing is left running.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import Error as BrowserError

from sinch_sandbox.server import Options, RunningSandbox
from tests.journey.airflow import Airflow
from tests.journey.pages import AirflowPages, Camera, browser_page
from tests.journey.search import Search, sqlite_rows
from tests.journey.steps import Journey, said
from tests.system.folder import run_in_folder
from tests.system.processes import SystemTestError, none_of

_BEGAN = time.monotonic()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.journey", description=__doc__.split("\n\n")[0])
    parser.add_argument("--pictures", type=Path, help="take the pictures of the docs into this folder")
    parser.add_argument("--keep", action="store_true", help="keep Airflow's database and logs")
    return parser.parse_args()


def travel(home: Path, pictures: Path | None) -> bool:
    """Do it all; whether everything was as it must be."""
    airflow = Airflow(home)
    with RunningSandbox(Options()) as sandbox:
        # Slow enough for a task to wait: Airflow takes one that goes on at once for failed.
        sandbox.configure(delivery_delay=12)
        with ExitStack() as stack:
            stack.callback(airflow.end)
            with said("Airflow starts"):
                airflow.start()
            page, strayed = stack.enter_context(browser_page())
            journey = Journey(
                airflow,
                sandbox,
                AirflowPages(page, airflow.url),
                Camera(page, pictures),
                Search(home, partial(sqlite_rows, airflow.database)),
            )
            journey.travel()
        # Once more, for what was written while Airflow ended.
        journey.look()
        sought = journey.sought()
    faults = journey.verdict() + [f"The browser called {url}" for url in strayed]
    search = journey.search
    print(f"\nSearched {search.rows} rows and {search.files} files for {sought}. Found in:")
    print(search.table())
    if journey.camera.taken:
        print(f"\nPictures: {', '.join(journey.camera.taken)}")
    print(f"\n{time.monotonic() - _BEGAN:.0f} s")
    return none_of(faults)


def main() -> int:
    given = arguments()
    return run_in_folder(
        "sinch-journey",
        f"Airflow {version('apache-airflow')}",
        lambda home: travel(home, given.pictures),
        keep=given.keep,
        kept="Airflow's database and logs",
        failures=(SystemTestError, AssertionError, BrowserError),
    )


if __name__ == "__main__":
    raise SystemExit(main())
