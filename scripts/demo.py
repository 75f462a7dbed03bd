"""
``make demo``: a Dag in a real Airflow texts three people, and you see what their phones received.

Everything happens on this machine: the sandbox stands in for Sinch, Airflow keeps its metadata in a temporary
SQLite file. At the end, all processes are stopped and temporary files are deleted. Only an empty
database stays in the virtual environment: the next demo copies it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.delivery.progress import Progress
from sinch_provider.sms.delivery.wait import look_at_all
from sinch_sandbox.client import SandboxClient

ROOT = Path(__file__).resolve().parents[1]
DAGS = ROOT / "example_dags"
DAG_ID = "example_send_and_wait"
PATIENCE = 300

# Runs the Dag as `airflow dags test` does, and prints the final state of each task.
RUN_DAG = f"""
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag({str(DAGS)!r}, bundle_name="dags-folder", bundle_path={str(DAGS)!r})
run = bag.dags[{DAG_ID!r}].test()
tasks = [(ti.task_id, str(ti.state)) for ti in sorted(run.get_task_instances(), key=lambda ti: ti.start_date)]
with open(sys.argv[1], "w") as file:
    json.dump({{"state": str(run.state), "tasks": tasks}}, file)
"""


class DemoError(Exception):
    """The demo cannot continue; the text says why."""


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, and say how long it took."""
    sys.stdout.write(f"  {title:<52}")
    sys.stdout.flush()
    began = time.monotonic()
    try:
        yield
    except BaseException as error:
        say("failed" if isinstance(error, Exception) else "")
        raise
    say(f"{time.monotonic() - began:5.1f} s")


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process and what it started, and wait until it is gone."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        # Its own session, so that this reaches its children and nobody else.
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    if process.stdout:
        process.stdout.close()


@contextmanager
def sandbox(folder: Path) -> Iterator[SandboxClient]:
    """Run the sandbox on a free port, as ``sinch-sandbox --port 0`` does."""
    log = folder / "sandbox.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sinch_sandbox", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url.startswith("http://"):
                raise DemoError(f"The sandbox did not start:\n{log.read_text()}")
            yield SandboxClient(url)
        finally:
            stop(process)


def run_logged(command: list[str], environment: Mapping[str, str], log: Path, what: str) -> None:
    """Run a command whose output matters only if it fails."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            stop(process)
    if code != 0:
        how = f"did not end within {PATIENCE} s" if code is None else f"failed (exit code {code})"
        raise DemoError(f"{what} {how}. Its output:\n\n{log.read_text()}")


def airflow_environment(home: Path) -> dict[str, str]:
    """The settings of an Airflow that lives in one folder and knows nothing of any other on this machine."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **ours,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def migrate(home: Path, environment: Mapping[str, str]) -> None:
    """Make Airflow's metadata database, or copy the one that an earlier demo made with this version."""
    database = home / "airflow.db"
    kept = Path(sys.prefix) / f"airflow-{version('apache-airflow')}.db"
    if not kept.exists():
        run_logged(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            environment,
            home / "migrate.log",
            "Making Airflow's database",
        )
        # Moved into place in one go, so that an interrupted copy is never taken for a whole one.
        unfinished = kept.with_suffix(f".{os.getpid()}")
        shutil.copyfile(database, unfinished)
        unfinished.replace(kept)
    else:
        shutil.copyfile(kept, database)


def run_dag(home: Path, environment: Mapping[str, str], phone: SandboxClient) -> dict[str, Any]:
    """Run the Dag with a connection to the sandbox."""
    result = home / "result.json"
    run_logged(
        [sys.executable, "-c", RUN_DAG, str(result)],
        {**environment, "AIRFLOW_CONN_SINCH_DEFAULT": json.dumps(phone.connection)},
        home / "run.log",
        f"The Dag {DAG_ID}",
    )
    found: dict[str, Any] = json.loads(result.read_text())
    if found["state"] != "success":
        tasks = ", ".join(f"{task} {state}" for task, state in found["tasks"])
        output = (home / "run.log").read_text()
        raise DemoError(f"The Dag {DAG_ID} ended {found['state']} ({tasks}). Its output:\n\n{output}")
    return found


def delivery_table(phone: SandboxClient) -> str:
    """Read the delivery reports with the package's own client, as the sensor does."""
    account = Account(
        credentials=ServicePlanCredentials(phone.credentials.service_plan_id, phone.credentials.api_token),
        base_url=phone.url,
    )
    with SinchClient(account) as client:
        progress = [Progress(batch["id"]) for batch in phone.batches()]
        return Summary.of(client.follow(look_at_all(progress))).table()


def indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def demo(home: Path) -> None:
    environment = airflow_environment(home)
    say(f"A Dag texts three people. Airflow {version('apache-airflow')} is real, Sinch is a sandbox.\n")
    with step("Making Airflow's metadata database"):
        migrate(home, environment)
    with sandbox(home) as phone:
        say(f"  The sandbox listens on {phone.url}")
        with step(f"Running {DAG_ID}"):
            run = run_dag(home, environment, phone)
        for task, state in run["tasks"]:
            say(f"    {task:<12} {state}")
        received = [message for message in phone.messages() if message["received"]]
        say("\nWhat the phones received\n")
        for message in received:
            say(f"  +{message['to']}  from {message['from']}  {message['body']}")
        say("\nDelivery\n")
        say(indented(delivery_table(phone)))
    if not received:
        raise DemoError("The run succeeded, but no phone received anything.")
    say("\nEverything is stopped again. The Dag: example_dags/example_send_and_wait.py")


def interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    signal.signal(signal.SIGTERM, interrupted)
    with tempfile.TemporaryDirectory(prefix="sinch-demo-", ignore_cleanup_errors=True) as folder:
        try:
            demo(Path(folder))
        except DemoError as error:
            say(f"\n{error}")
            return 1
        except KeyboardInterrupt:
            say("\nStopped.")
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
