"""A real Airflow of the journey's own: its components on loopback, its database in one folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import requests

from tests.system.processes import Service, SystemTestError, free_port, run

ROOT: Final = Path(__file__).resolve().parents[2]
DAGS: Final = (ROOT / "example_dags", Path(__file__).parent / "dags")
USER: Final = "admin"
PASSWORD: Final = "only-on-loopback"
_AIRFLOW: Final = (sys.executable, "-m", "airflow")
#: Two busy cores need as long to start everything.
_PATIENCE: Final = 240.0
T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str, patience: float = 120.0) -> T:
    """
    Look again and again, until there is something to see.

    :raises SystemTestError: There is nothing in time.
    """
    deadline = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > deadline:
            raise SystemTestError(f"{what}: not within {patience:.0f} s")
        time.sleep(0.3)
    return found


class Airflow:
    """
    Api-server, scheduler, triggerer and Dag processor.

    :param home: An empty folder. All that this Airflow writes is in it.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.database = home / "airflow.db"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = self._settings()
        self._token = ""
        components = {
            "api-server": ("api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            "scheduler": ("scheduler", "--skip-serve-logs"),
            "triggerer": ("triggerer", "--skip-serve-logs"),
            "dag-processor": ("dag-processor",),
        }
        self._services = {
            name: Service(name, (*_AIRFLOW, *arguments), self._environment, home)
            for name, arguments in components.items()
        }

    def _settings(self) -> dict[str, str]:
        settings: dict[str, object] = {
            "core__executor": "LocalExecutor",
            "core__parallelism": 4,
            "core__dags_folder": self.home / "dags",
            "core__load_examples": False,
            "core__dags_are_paused_at_creation": False,
            "core__test_connection": "Enabled",
            "core__simple_auth_manager_users": f"{USER}:admin",
            "core__simple_auth_manager_passwords_file": self.home / "passwords.json",
            "core__execution_api_server_url": f"{self.url}/execution/",
            "api__base_url": self.url,
            "api_auth__jwt_secret": secrets.token_hex(32),
            "database__sql_alchemy_conn": f"sqlite:///{self.database}",
            "logging__base_log_folder": self.home / "logs",
            "scheduler__scheduler_idle_sleep_time": 0.2,
            "scheduler__enable_health_check": False,
            "triggerer__job_heartbeat_sec": 1,
            "dag_processor__refresh_interval": 5,
            "dag_processor__bundle_refresh_check_interval": 1,
            "dag_processor__min_file_process_interval": 600,
            "usage_data_collection__enabled": False,
        }
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        # Compiled modules halve the starts.
        ours.pop("PYTHONDONTWRITEBYTECODE", None)
        path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "sandbox"), ours.get("PYTHONPATH")]))
        return {
            **ours,
            "PYTHONPATH": path,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "AIRFLOW_HOME": str(self.home),
            # Callbacks remember their alerts there.
            "TMPDIR": str(self.home / "tmp"),
            **{f"AIRFLOW__{name.upper()}": str(value) for name, value in settings.items()},
        }

    def start(self) -> None:
        """Start everything, and wait until Dags can be triggered."""
        for folder in DAGS:
            shutil.copytree(
                folder,
                self.home / "dags",
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        (self.home / "tmp").mkdir()
        (self.home / "passwords.json").write_text(json.dumps({USER: PASSWORD}))
        run((*_AIRFLOW, "db", "migrate"), self._environment, self.home / "migrate.log")
        for service in self._services.values():
            service.start()
        # The first call to this address loads what tasks talk to.
        self._until("api-server", lambda: self._call("GET", "/execution/health/ping").ok)
        self._until("api-server", self._log_in)
        expected = sum(1 for _ in (self.home / "dags").glob("*.py"))
        self._until("dag-processor", lambda: self.get("/api/v2/dags")["total_entries"] >= expected)
        for name in ("scheduler", "triggerer"):
            self._until(name, partial(self._healthy, name))

    def _until(self, component: str, look: Callable[[], bool]) -> None:
        service = self._services[component]

        def answers() -> bool:
            if not service.running:
                raise SystemTestError(f"{component} has ended:\n{service.complaint()}")
            try:
                return look()
            except requests.RequestException:
                return False

        wait_for(answers, f"{component} is ready", _PATIENCE)

    def _healthy(self, component: str) -> bool:
        return bool(self.get("/api/v2/monitor/health")[component]["status"] == "healthy")

    def end(self) -> None:
        """End all components and what they have started."""
        for service in reversed(self._services.values()):
            service.end()

    def _log_in(self) -> bool:
        answer = self._call("POST", "/auth/token", json={"username": USER, "password": PASSWORD})
        if answer.ok:
            self._token = answer.json()["access_token"]
        return answer.ok

    def _call(self, method: str, path: str, **details: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return requests.request(method, self.url + path, headers=headers, timeout=30, **details)

    def get(self, path: str) -> Any:
        """Read from the REST API."""
        answer = self._call("GET", path)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        return self._call("POST", path, json=body)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> None:
        """Trigger a run as a program does."""
        body = {"logical_date": None, "conf": conf or {}}
        self.post(f"/api/v2/dags/{dag_id}/dagRuns", body).raise_for_status()

    def states(self, dag_id: str) -> dict[str, str]:
        """Return the state of each task in the newest run."""
        runs = self.get(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-id&limit=1")["dag_runs"]
        if not runs:
            return {}
        found = self.get(f"/api/v2/dags/{dag_id}/dagRuns/{runs[0]['dag_run_id']}/taskInstances")
        return {each["task_id"]: each["state"] or "" for each in found["task_instances"]}

    def run_id(self, dag_id: str) -> str:
        """Return the id of the newest run."""
        runs = self.get(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-id&limit=1")["dag_runs"]
        return str(runs[0]["dag_run_id"])
