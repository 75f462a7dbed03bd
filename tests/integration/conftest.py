"""A real Airflow for the tests: its own home with a migrated SQLite database, made once per run."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
import pytest

ROOT = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="airflow-provider-sinch-"))
EMPTY = HOME / "dags"
EMPTY.mkdir()
BUNDLE = "sinch-tests"
#: Retries without a pause: a test in which they should not happen ends soon when they do.
RETRIES = {"retries": 3, "retry_delay": timedelta(0)}
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

# Airflow reads its configuration when it is first imported, so this has to stand before any such import.
os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "example_dags"),
    AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps(
        [
            {
                "name": name,
                "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                "kwargs": {"path": str(path)},
            }
            for name, path in (("sinch-examples", ROOT / "example_dags"), (BUNDLE, EMPTY))
        ]
    ),
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME / 'airflow.db'}",
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(HOME / "logs"),
    AIRFLOW__SENSORS__DEFAULT_TIMEOUT="60",
    # Tests may write Dags with the same id down within seconds.
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL="0",
)


@pytest.fixture(scope="session")
def airflow_database() -> Path:
    """Path of the migrated metadata database."""
    from airflow.utils.db import initdb

    from tests import versions

    initdb()
    versions.log_as_workers_do()
    versions.share_api_server()
    return HOME / "airflow.db"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test be a machine of its own: alerts remember there what they have sent."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def sinch_default(sinch_sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The sandbox, with the connection ``sinch_default`` leading to it."""
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(sinch_sandbox.connection))
    return sinch_sandbox


@pytest.fixture(params=["service plan", "project"])
def official_client(request: pytest.FixtureRequest, sinch_sandbox: Any) -> Iterator[Any]:
    """Sinch's own SDK, led to the sandbox, in each of its two ways to authenticate."""
    from sinch import SinchClient

    credentials = sinch_sandbox.credentials
    if request.param == "service plan":
        client = SinchClient(
            service_plan_id=credentials.service_plan_id, sms_api_token=credentials.api_token, sms_region="eu"
        )
    else:
        client = SinchClient(
            project_id=credentials.project_id,
            key_id=credentials.key_id,
            key_secret=credentials.key_secret,
            sms_region="eu",
        )
    client.configuration.auth_origin = sinch_sandbox.url
    client.configuration.sms_domain = sinch_sandbox.url
    client.configuration.sms_domain_with_service_plan_id = sinch_sandbox.url
    yield client
    client.configuration.transport.http_session.close()


@pytest.fixture
def run_dag(airflow_database: Path, sinch_default: Any) -> Callable[[Any], Any]:
    """Run a Dag, written down in a test, for real against the sandbox; give back its run."""
    from tests import versions

    return lambda dag: versions.run(dag, EMPTY, BUNDLE)


@pytest.fixture
def no_pauses() -> Iterator[None]:
    """Let the clients repeat calls, and look again, at once."""
    from sinch_provider.sms.runtime import current, using

    with using(replace(current(), sleep=lambda _: None, uniform=lambda low, high: 0.0)):
        yield


@pytest.fixture
def moving_clock(sinch_default: Any) -> Iterator[None]:
    """Move the sandbox's clock by ten seconds whenever somebody has read a delivery report."""
    done = threading.Event()

    def move() -> None:
        seen = 0
        while not done.wait(0.02):
            reads = sinch_default.calls().get("delivery_report", 0)
            if reads > seen:
                seen = reads
                sinch_default.advance(10)

    mover = threading.Thread(target=move)
    mover.start()
    yield
    done.set()
    mover.join()


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything logged and printed so far; where lines go depends on what Airflow has set up by then."""
    caplog.set_level("DEBUG")

    def everything() -> str:
        return caplog.text + "".join(capfd.readouterr())

    return everything


def states_of(run: Any) -> dict[str, str]:
    """The states of a run's task instances, by task id."""
    return {each.task_id: str(each.state) for each in run.get_task_instances()}


def result_of(run: Any, task_id: str, map_index: int = -1) -> Any:
    """What a task of a run returned."""
    from airflow.utils.session import create_session

    with create_session() as session:
        instance = run.get_task_instance(task_id, map_index=map_index, session=session)
        return instance.xcom_pull(task_ids=task_id, map_indexes=map_index, session=session)


def instance_of(run: Any, task_id: str, map_index: int = -1) -> Any:
    """The task instance of a run, as it stands in the database."""
    from airflow.utils.session import create_session

    with create_session() as session:
        instance = run.get_task_instance(task_id, map_index=map_index, session=session)
        session.expunge_all()
        return instance


def state_of(run: Any, task_id: str, map_index: int = -1) -> tuple[str, int]:
    """The state of a task instance, and the number of its attempt."""
    instance = instance_of(run, task_id, map_index)
    return str(instance.state), instance.try_number


def stored_of(run: Any) -> list[dict[str, Any]]:
    """What Airflow's database holds as the rendered fields of a run's tasks."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.utils.session import create_session

    with create_session() as session:
        instances = run.get_task_instances(session=session)
        stored = [
            RenderedTaskInstanceFields.get_templated_fields(each, session=session) for each in instances
        ]
        return [dict(fields) for fields in stored if fields is not None]


def texts(sandbox: Any) -> dict[str, str]:
    """Who got what, by the last three digits."""
    return {message["to"][-3:]: message["body"] for message in sandbox.messages()}


@pytest.fixture
def noon(sinch_default: Any) -> Iterator[Callable[[], pendulum.DateTime]]:
    """The time, which begins at noon in London, and goes on only while somebody waits."""
    from sinch_provider.sms.runtime import current, using

    began = pendulum.parse(sinch_default.now())
    assert isinstance(began, pendulum.DateTime)
    start = began.add(days=1).at(12) if began.hour >= 12 else began.at(12)
    sinch_default.advance((start - began).total_seconds())
    passed = [0.0]

    def wait(seconds: float) -> None:
        passed[0] += seconds
        sinch_default.advance(seconds)

    async def wait_async(seconds: float) -> None:
        wait(seconds)
        await asyncio.sleep(0)

    def clock() -> pendulum.DateTime:
        return start.add(seconds=passed[0])

    with using(
        replace(current(), now=clock, monotonic=lambda: passed[0], sleep=wait, async_sleep=wait_async)
    ):
        yield clock
