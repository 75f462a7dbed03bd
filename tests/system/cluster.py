"""A real Airflow: its components, one of two executors, and a keeper that restarts what was killed."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import random
import secrets
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil
import requests
from packaging.version import Version

import sinch_provider
from sinch_sandbox.client import SandboxClient
from tests.system.metadata import Key
from tests.system.processes import Service, SystemTestError, free_port, living, members, run, title
from tests.system.services import Postgres, Redis, wait_until

ROOT: Final = Path(__file__).resolve().parents[2]
DAGS: Final = Path(__file__).parent / "dags"
EXECUTORS: Final = {"local": "LocalExecutor", "celery": "CeleryExecutor"}
#: Whether a clear deletes the task state unless it asks to keep it. Earlier versions always keep it.
KEEPS_TASK_STATE: Final = Version(version("apache-airflow-core")).release >= (3, 4)
_AIRFLOW: Final = (sys.executable, "-m", "airflow")
#: Tasks at a time; most of them wait for something.
_PARALLEL: Final = 24
#: A pause after which a stopped process has been given up.
HEARTBEAT_TIMEOUT: Final = 15
#: Short enough for messages to be delivered again while their tasks run.
_VISIBILITY_TIMEOUT: Final = 20


def base_environment() -> dict[str, str]:
    """Take the environment without traces of any other Airflow; compiled modules halve its starts."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    ours.pop("PYTHONDONTWRITEBYTECODE", None)
    path = os.pathsep.join(filter(None, [str(ROOT), ours.get("PYTHONPATH")]))
    return {**ours, "PYTHONPATH": path, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def compile_modules() -> None:
    """Compile all installed modules once, so that every process starts faster."""
    for folder in (sysconfig.get_path("purelib"), str(Path(sinch_provider.__file__).parent)):
        compileall.compile_dir(folder, quiet=2, workers=0)


class Airflow:
    """
    Api-server, scheduler, triggerer and dag-processor, and with Celery two workers.

    :param executor: ``local`` or ``celery``.
    :param dag_id: The Dag that runs.
    :param more: More of the environment of its processes.
    """

    def __init__(
        self,
        folder: Path,
        executor: str,
        database: Postgres,
        broker: Redis | None,
        sandbox: SandboxClient,
        seed: int,
        dag_id: str = "send_once",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.executor = executor
        self._dag = f"/api/v2/dags/{dag_id}"
        self.home = folder / executor
        self.home.mkdir()
        self.port = free_port()
        self._environment = {**self._settings(executor, database, broker, sandbox), **(more or {})}
        self._chance = random.Random(f"{seed}/{executor}/restarts")
        self._broker = broker
        self._token = ""
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper")
        components = {
            "api-server": ("api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"),
            "scheduler": ("scheduler", "--skip-serve-logs"),
            "triggerer": ("triggerer", "--skip-serve-logs"),
            "dag-processor": ("dag-processor",),
        }
        if executor == "celery":
            for number in (1, 2):
                components[f"worker-{number}"] = (
                    *("celery", "worker", "--celery-hostname", f"worker-{number}@%h"),
                    *("--concurrency", str(_PARALLEL // 2), "--skip-serve-logs"),
                    *("--without-mingle", "--without-gossip"),
                )
        self.services = {
            name: Service(name, (*_AIRFLOW, *arguments), self._environment, self.home)
            for name, arguments in components.items()
        }
        if broker is not None and executor == "celery":
            self.services["redis"] = broker.service

    def _settings(
        self, executor: str, database: Postgres, broker: Redis | None, sandbox: SandboxClient
    ) -> dict[str, str]:
        # The client gives up a hanging answer soon, so that attempts are short.
        connection: dict[str, Any] = {**sandbox.connection}
        connection["extra"] = {**connection["extra"], "timeout": 6}
        settings: dict[str, object] = {
            "core__executor": EXECUTORS[executor],
            "core__dags_folder": DAGS,
            "core__load_examples": False,
            "core__dags_are_paused_at_creation": False,
            "core__parallelism": _PARALLEL,
            "core__simple_auth_manager_all_admins": True,
            "core__execution_api_server_url": f"http://127.0.0.1:{self.port}/execution/",
            "api__base_url": f"http://127.0.0.1:{self.port}",
            "api_auth__jwt_secret": secrets.token_hex(32),
            "database__sql_alchemy_conn": database.url,
            "database__sql_alchemy_conn_async": database.url,
            "logging__base_log_folder": self.home / "logs",
            "scheduler__scheduler_idle_sleep_time": 0.2,
            "scheduler__task_instance_heartbeat_timeout": HEARTBEAT_TIMEOUT,
            "scheduler__task_instance_heartbeat_timeout_detection_interval": 2,
            "scheduler__orphaned_tasks_check_interval": 5,
            "scheduler__scheduler_health_check_threshold": 15,
            "scheduler__task_queued_timeout": 30,
            "scheduler__task_queued_timeout_check_interval": 5,
            "scheduler__num_stuck_in_queued_retries": 10,
            "scheduler__enable_health_check": False,
            "workers__min_heartbeat_interval": 2,
            "triggerer__job_heartbeat_sec": 1,
            "triggerer__triggerer_health_check_threshold": 6,
            "dag_processor__refresh_interval": 5,
            "dag_processor__bundle_refresh_check_interval": 1,
            "dag_processor__min_file_process_interval": 120,
            "usage_data_collection__enabled": False,
        }
        if broker is not None:
            settings |= {
                "celery__broker_url": broker.url,
                "celery__result_backend": f"db+{database.url}",
                "celery__worker_prefetch_multiplier": 1,
                "celery__operation_timeout": 5,
                "celery_broker_transport_options__visibility_timeout": _VISIBILITY_TIMEOUT,
            }
        return {
            **base_environment(),
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW_CONN_SINCH_DEFAULT": json.dumps(connection),
            **{f"AIRFLOW__{name.upper()}": str(value) for name, value in settings.items()},
        }

    # Its life

    def migrate(self) -> None:
        run((*_AIRFLOW, "db", "migrate"), self._environment, self.home / "migrate.log")

    def start(self) -> None:
        """Start everything, wait until a run can be triggered, and look after it from then on."""
        for name, service in self.services.items():
            if name != "redis":
                service.start()
        api = self.services["api-server"]
        # The first call to this address loads what tasks talk to.
        wait_until(lambda: self._get("/execution/health/ping").ok, api, 180)
        wait_until(self._dag_known, self.services["dag-processor"], 180)
        for name in ("scheduler", "triggerer"):
            wait_until(partial(self._healthy, name), self.services[name], 180)
        self._keeper.start()

    def end(self) -> None:
        """End all components, and what they have left behind."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for name, service in self.services.items():
            if name != "redis":
                service.end(0 if "worker" in name or name == "scheduler" else 5)

    def _keep(self) -> None:
        """Restart components that have died, after a moment, as a supervisor would."""
        due: dict[str, float] = {}
        burials: dict[str, float] = {}
        while not self._stopping.wait(0.3):
            now = time.monotonic()
            for name, service in self.services.items():
                if not service.running and name not in due:
                    due[name] = now + self._chance.uniform(0, 3)
                if name in due and now >= due[name]:
                    del due[name]
                    service.start()
                    # Until then, processes that outlived their parent run next to their successors.
                    burials[name] = now + self._chance.uniform(3, 25)
                if name in burials and now >= burials[name]:
                    del burials[name]
                    service.bury()

    # Its processes

    def supervisors(self) -> list[tuple[psutil.Process, psutil.Process]]:
        """List who supervises a task at the moment, each with the process of its task."""
        homes = ["scheduler"] if self.executor == "local" else ["worker-1", "worker-2"]
        found = []
        for home in homes:
            # Also those who have outlived a killed scheduler or worker.
            for process in members(self.services[home].sessions):
                if not (title(process).startswith("airflow worker -- ") and _is_task(process)):
                    continue
                with contextlib.suppress(psutil.NoSuchProcess):
                    parent = process.parent()
                    if parent is not None and parent.pid != 1 and living(parent):
                        found.append((parent, process))
        return found

    # Its API

    def _get(self, path: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}{path}", headers=self._headers(), timeout=20)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _dag_known(self) -> bool:
        self._log_in()
        return bool(self._get(self._dag).ok)

    def _healthy(self, component: str) -> bool:
        return bool(self._get("/api/v2/monitor/health").json()[component]["status"] == "healthy")

    def _log_in(self) -> None:
        answer = requests.get(f"http://127.0.0.1:{self.port}/auth/token", timeout=20)
        if answer.ok:
            self._token = answer.json()["access_token"]

    def trigger(self, run_id: str, conf: dict[str, Any]) -> bool:
        """Trigger a run; False if Airflow is not there at the moment."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        url = f"http://127.0.0.1:{self.port}{self._dag}/dagRuns"
        try:
            answer = requests.post(url, json=body, headers=self._headers(), timeout=20)
            if answer.status_code == 401:
                self._log_in()
                return False
        except requests.RequestException:
            return False
        if answer.status_code == 409 or answer.ok:
            return True
        if answer.status_code >= 500:
            return False
        raise SystemTestError(f"Airflow refused a run: {answer.status_code} {answer.text[:500]}")

    def has_failed(self, run_id: str) -> bool:
        """Whether a run has ended, and failed."""
        return bool(self._get(f"{self._dag}/dagRuns/{run_id}").json().get("state") == "failed")

    def clear(self, key: Key, keep_task_state: bool) -> str | None:
        """
        Clear a task instance.

        :returns: the state it is in now: ``restarting`` if it was running, else nothing; None if it was not
            cleared, because Airflow is not there at the moment.
        """
        run_id, task_id, map_index = key
        body: dict[str, Any] = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [task_id if map_index < 0 else [task_id, map_index]],
            "only_failed": False,
        }
        if keep_task_state:
            body["keep_task_state"] = True
        url = f"http://127.0.0.1:{self.port}{self._dag}/clearTaskInstances"
        try:
            answer = requests.post(url, json=body, headers=self._headers(), timeout=20)
        except requests.RequestException:
            return None
        if answer.status_code == 401:
            self._log_in()
            return None
        if answer.status_code >= 500:
            return None
        if not answer.ok:
            raise SystemTestError(f"Airflow refused a clear: {answer.status_code} {answer.text[:500]}")
        cleared = answer.json()["task_instances"]
        return (cleared[0]["state"] or "") if cleared else None


def _is_task(process: psutil.Process) -> bool:
    # The titles of LocalExecutor's workers begin in the same way, followed by its name.
    return "LocalExecutor" not in title(process)
