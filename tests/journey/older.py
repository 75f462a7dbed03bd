"""
The connection form of Airflow 2.11 in a real browser: filled in, tested, saved. ``make screenshots`` runs it.

    python -m tests.journey.older PYTHON [--pictures FOLDER]

PYTHON is that of an environment with Airflow 2.11, as ``make test-matrix ONLY=2.11`` makes it.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

import requests
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page, expect

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.server import RunningSandbox
from tests.journey.airflow import PASSWORD, ROOT, USER, wait_for
from tests.journey.pages import Camera, browser_page
from tests.journey.steps import said
from tests.system.processes import Service, SystemTestError, free_port, run

_PATIENCE: Final = 240.0


class OlderAirflow:
    """
    The webserver of Airflow 2.

    :param python: The Python of its environment.
    :param home: An empty folder. All that this Airflow writes is in it.
    """

    def __init__(self, python: Path, home: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._home = home
        self._airflow = (str(python), "-m", "airflow")
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        # Compiled modules halve the starts.
        ours.pop("PYTHONDONTWRITEBYTECODE", None)
        self._environment = {
            **ours,
            # The webserver looks for gunicorn there.
            "PATH": os.pathsep.join([str(python.parent), ours.get("PATH", os.defpath)]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sandbox")]),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__WEBSERVER__WORKERS": "1",
        }
        command = (*self._airflow, "webserver", "--hostname", "127.0.0.1", "--port", str(port))
        self._service = Service("webserver", command, self._environment, home)

    def start(self) -> None:
        """Start it, with a user, and wait until it answers."""
        person = ("-u", USER, "-p", PASSWORD, "-r", "Admin", "-e", "admin@example.com", "-f", "A", "-l", "B")
        run((*self._airflow, "db", "migrate"), self._environment, self._home / "migrate.log")
        run((*self._airflow, "users", "create", *person), self._environment, self._home / "user.log")
        self._service.start()
        wait_for(self._answers, "webserver is ready", _PATIENCE)

    def _answers(self) -> bool:
        if not self._service.running:
            raise SystemTestError(f"webserver has ended:\n{self._service.complaint()}")
        try:
            return requests.get(f"{self.url}/health", timeout=30).ok
        except requests.RequestException:
            return False

    def end(self) -> None:
        """End it and what it has started."""
        self._service.end()


def fill_in(page: Page, camera: Camera, url: str, sandbox: SandboxClient) -> None:
    """Make a connection to the sandbox in the form, and test it there."""
    page.goto(f"{url}/login/")
    page.locator("#username").fill(USER)
    page.locator("#password").fill(PASSWORD)
    page.locator("input[type=submit]").click()
    page.goto(f"{url}/connection/add")
    page.locator("#conn_id").fill("sinch_default")
    page.locator("#conn_type").select_option(label="Sinch SMS", force=True)
    page.locator("#login").fill(sandbox.credentials.service_plan_id)
    page.locator("#password").fill(sandbox.credentials.api_token)
    page.locator("#host").fill(sandbox.url)
    height = page.evaluate("document.documentElement.scrollHeight")
    camera.take("airflow-connection-2.11", page.locator("#model_form"), height=height)
    page.locator("#test-connection").click()
    answer = page.locator(".alert", has_text="accepts the API token")
    expect(answer).to_be_visible()
    print(f'    Airflow\'s button says "{answer.inner_text().strip()}"')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Added Row")).to_be_visible()


def main() -> int:
    about = __doc__.split("\n\n")[0]
    parser = argparse.ArgumentParser(prog="python -m tests.journey.older", description=about)
    parser.add_argument("python", type=Path, help="the Python of an environment with Airflow 2.11")
    parser.add_argument("--pictures", type=Path, help="take the picture of the docs into this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sinch-older-", ignore_cleanup_errors=True) as folder:
        airflow = OlderAirflow(given.python, Path(folder))
        try:
            with said("Airflow 2.11 starts"):
                airflow.start()
            with (
                RunningSandbox() as sandbox,
                browser_page() as (page, strayed),
                said("a connection is filled in, tested and saved"),
            ):
                fill_in(page, Camera(page, given.pictures), airflow.url, sandbox)
        except (SystemTestError, AssertionError, BrowserError) as error:
            print(f"\n{error}")
            return 1
        finally:
            airflow.end()
    for url in strayed:
        print(f"  WRONG  The browser called {url}")
    return int(bool(strayed))


if __name__ == "__main__":
    raise SystemExit(main())
