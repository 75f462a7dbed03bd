"""What waits cost a real triggerer of Airflow, less what Airflow itself costs."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from figures import Figure, Plot, Ratio, Result, main
from ledger import Controlled, Ledger, connection

#: Each is a trigger of its own. More: WAITS=10000 python benchmarks/triggerer.py
WAITS: Final = int(os.environ.get("WAITS", "1000"))
WINDOW: Final = 20.0
#: The longest that all triggers may take to start, and to fire.
PATIENCE: Final = 1800.0
KINDS: Final = {
    "empty": "idle_triggers.Empty",
    "poller": "sinch_provider.triggers.batches.SinchBatchTrigger",
    "session": "idle_triggers.SessionPerWait",
}
_TITLES: Final = {"empty": "empty triggers", "poller": "shared poller", "session": "session per wait"}
_MB: Final = 1024 * 1024


# --- the rows


def seed(kind: str, batch_ids: list[str]) -> None:
    """Write a run with one deferred task instance and one trigger for each batch, as deferring does."""
    import pendulum
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagrun import DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import Trigger
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with DAG("waits", schedule=None) as dag:
        EmptyOperator(task_id="wait")
    DagBundlesManager().sync_bundles_to_db()
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    bag = DagBag(folder, bundle_name="dags-folder", bundle_path=folder)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    now = pendulum.now("UTC")
    with create_session() as session:
        version = DagVersion.get_latest_version("waits", session=session)
        serialized = SerializedDagModel.get_dag("waits", session=session)
        assert version is not None
        assert serialized is not None
        task = serialized.get_task("wait")
        run = DagRun(
            dag_id="waits",
            run_id="waits",
            run_type=DagRunType.MANUAL,
            run_after=now,
            start_date=now,
            state=DagRunState.RUNNING,
            triggered_by=DagRunTriggeredByType.TEST,
        )
        run.created_dag_version_id = version.id
        session.add(run)
        triggers = []
        for batch_id in batch_ids:
            kwargs = {"batch_ids": [batch_id], "sinch_conn_id": "sinch_default", "poll_interval": 10.0}
            triggers.append(Trigger(classpath=KINDS[kind], kwargs=kwargs))
        session.add_all(triggers)
        session.flush()
        for index, trigger in enumerate(triggers):
            instance = TaskInstance(task, dag_version_id=version.id, run_id="waits", map_index=index)
            instance.state = TaskInstanceState.DEFERRED
            instance.trigger_id = trigger.id
            instance.next_method = "execute_complete"
            session.add(instance)


# --- the triggerer


@dataclass(frozen=True)
class Cost:
    """
    What a triggerer needed. Airflow runs triggers in one process, and looks after them in another.

    :param cpu: Seconds of CPU of both in the window.
    :param memory: MB that the process with the triggers has.
    :param sockets: The most connections to Sinch of that process.
    :param descriptors: The most file descriptors of that process.
    :param log_files: File descriptors of the other process.
    :param fired: Task instances that went on.
    :param wrong: Events that did not say that the batch was delivered, or triggers without an event.
    """

    cpu: float
    memory: float
    sockets: int
    descriptors: int
    log_files: int
    fired: int
    wrong: int


class Triggerer:
    """The command ``airflow triggerer`` with a database of its own."""

    def __init__(self, home: Path, url: str) -> None:
        self._home = home
        self._port = int(url.rpartition(":")[2])
        (home / "dags").mkdir(parents=True)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self.environment = {
            **ours,
            "AIRFLOW_HOME": str(home),
            # Where the triggers of this folder are.
            "PYTHONPATH": os.pathsep.join(filter(None, (str(Path(__file__).parent), ours.get("PYTHONPATH")))),
            "AIRFLOW_CONN_SINCH_DEFAULT": connection(url),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
            "AIRFLOW__TRIGGERER__CAPACITY": str(WAITS),
            "AIRFLOW__TRIGGERER__MAX_TRIGGER_TO_SELECT_PER_LOOP": str(WAITS),
            # The start of so many triggers takes longer than Airflow expects.
            "AIRFLOW__TRIGGERER__RUNNER_HEALTH_CHECK_THRESHOLD": "0",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        }

    def prepare(self, kind: str, batch_ids: list[str]) -> None:
        (self._home / "ids.json").write_text(json.dumps(batch_ids))
        with (self._home / "prepare.log").open("w") as log:
            for command in (
                [sys.executable, "-m", "airflow", "db", "migrate"],
                [sys.executable, __file__, "--seed", kind, str(self._home / "ids.json")],
            ):
                subprocess.run(command, env=self.environment, stdout=log, stderr=log, check=True)

    @contextmanager
    def run(self) -> Iterator[None]:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with (self._home / "triggerer.log").open("w") as log:
            command = [sys.executable, "-m", "airflow", "triggerer", "--skip-serve-logs"]
            process = psutil.Popen(
                command,
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard)),
            )
            self._supervisor = process
            try:
                yield
            finally:
                for each in [*process.children(recursive=True), process]:
                    each.kill()
                process.wait()

    def runner(self) -> psutil.Process:
        """The process with the triggers."""
        children: list[psutil.Process] = self._supervisor.children()
        return max(children, key=lambda child: child.memory_info().rss)

    def log_files(self) -> int:
        return int(self._supervisor.num_fds())

    def cpu(self) -> float:
        times = [each.cpu_times() for each in (self._supervisor, self.runner())]
        return float(sum(each.user + each.system for each in times))

    def sockets(self) -> int:
        found = self.runner().net_connections("tcp4")
        return sum(bool(each.raddr) and each.raddr.port == self._port for each in found)

    def query(self, sql: str) -> int:
        database = sqlite3.connect(f"file:{self._home / 'airflow.db'}?mode=ro", uri=True, timeout=60)
        try:
            return int(database.execute(sql).fetchone()[0])
        finally:
            database.close()


def wait_until(check: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not check():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} took longer than {PATIENCE:g} s")
        time.sleep(1)


def cost_of(kind: str, ledger: Ledger, folder: Path) -> Cost:
    home = folder / kind
    with ledger.serve() as sandbox:
        triggerer = Triggerer(home, sandbox.server.url)
        triggerer.prepare(kind, ledger.batch_ids)
        with triggerer.run():
            cost = _measured(kind, triggerer, sandbox)
    shutil.rmtree(home)
    return cost


def _measured(kind: str, triggerer: Triggerer, sandbox: Controlled) -> Cost:
    wait_until(lambda: triggerer.log_files() >= WAITS, f"the start of {WAITS} triggers")
    if kind != "empty":
        wait_until(lambda: sandbox.calls("get") >= WAITS, "the first look of all waits")
    runner = triggerer.runner()
    sockets, descriptors, before = [], [], triggerer.cpu()
    for _ in range(int(WINDOW)):
        time.sleep(1)
        sockets.append(triggerer.sockets())
        descriptors.append(runner.num_fds())
    cpu = triggerer.cpu() - before
    memory = runner.memory_info().rss / _MB
    log_files = triggerer.log_files()
    if kind != "empty":
        sandbox.deliver()
        waiting = "select count(*) from task_instance where state = 'deferred'"
        wait_until(lambda: triggerer.query(waiting) == 0, "the events of all waits")
    fired = "select count(*) from task_instance where state != 'deferred'"
    right = "select count(*) from task_instance where next_kwargs like '%Delivered%'"
    count = triggerer.query(fired)
    wrong = count - triggerer.query(right)
    return Cost(cpu, memory, max(sockets), max(descriptors), log_files, count, wrong)


def measure(rounds: int) -> Result:
    costs: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        ledger = Ledger(Path(name), WAITS)
        for _ in range(rounds):
            for kind in KINDS:
                costs[kind].append(cost_of(kind, ledger, Path(name)))
    empty = costs["empty"]
    # CPU of a wait for a minute in milliseconds, and memory in kB.
    cpu = {kind: [1000 * each.cpu * 60 / WINDOW / WAITS for each in found] for kind, found in costs.items()}
    memory = {kind: [each.memory * 1024 / WAITS for each in found] for kind, found in costs.items()}
    figures = [
        Figure("triggerer.empty.cpu", "CPU per minute of an empty trigger", "ms", cpu["empty"]),
        Figure(
            "triggerer.empty.descriptors",
            "file descriptors for the logs of empty triggers",
            "",
            [each.log_files for each in empty],
        ),
    ]
    for kind in ("poller", "session"):
        title, found = _TITLES[kind], costs[kind]

        def above(values: dict[str, list[float]], of: str = kind) -> list[float]:
            return [ours - theirs for ours, theirs in zip(values[of], values["empty"], strict=True)]

        key = f"triggerer.{kind}"
        figures += [
            Figure(f"{key}.cpu", f"CPU per minute of a wait, {title}, less empty", "ms", above(cpu)),
            Figure(f"{key}.memory", f"memory per wait, {title}, less empty", "kB", above(memory)),
            Figure(
                f"{key}.connections",
                f"connections to Sinch, {title}, at most",
                "",
                [each.sockets for each in found],
                32 if kind == "poller" else None,
            ),
            Figure(
                f"{key}.descriptors",
                f"file descriptors of the process with the triggers, {title}, at most",
                "",
                [each.descriptors for each in found],
            ),
            Figure(
                f"{key}.missing",
                f"waits that did not fire, or with another event, {title}",
                "",
                [WAITS - each.fired + each.wrong for each in found],
                0 if kind == "poller" else None,
            ),
        ]
    return Result(
        name="triggerer",
        title=f"{WAITS:,} waits in a triggerer of Airflow",
        floor=f"Empty triggers cost {statistics.median(cpu['empty']):.2g} ms of CPU a minute each, which is "
        "subtracted.",
        figures=figures,
        ratios=[
            Ratio(
                f"triggerer.{what}/session",
                f"{title} per wait, shared poller to session per wait",
                f"triggerer.poller.{what}",
                f"triggerer.session.{what}",
            )
            for what, title in (("cpu", "CPU"), ("memory", "memory"))
        ],
        plots=[
            Plot(
                "triggerer-memory",
                "Memory per wait in a triggerer (kB)",
                bars=["triggerer.poller.memory", "triggerer.session.memory"],
            )
        ],
        notes=[
            "Airflow 3.3 keeps one log file open for each trigger, in the process that looks after triggers.",
            "Sessions share one look-up of the connection: what each says to Airflow's supervisor "
            "takes its turn.",
            "Its database is SQLite. Task instances and triggers were written as deferring writes them.",
            f"max_trigger_to_select_per_loop is {WAITS:,}; by default Airflow starts 50 triggers a second.",
        ],
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--seed"]:
        seed(sys.argv[2], json.loads(Path(sys.argv[3]).read_text()))
    else:
        main(measure)
