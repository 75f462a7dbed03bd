"""A real Airflow for the tests: a home of its own with a migrated SQLite database, made once per run."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="airflow-provider-sinch-"))
EMPTY = HOME / "dags"
EMPTY.mkdir()
BUNDLE = "sinch-tests"
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
)


@pytest.fixture(scope="session")
def airflow_database() -> Path:
    """Path of the migrated metadata database."""
    from airflow.utils.db import initdb

    initdb()
    return HOME / "airflow.db"


@pytest.fixture
def sinch_default(sinch_sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The sandbox, with the connection ``sinch_default`` leading to it."""
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(sinch_sandbox.connection))
    return sinch_sandbox


@pytest.fixture
def run_dag(airflow_database: Path, sinch_default: Any) -> Callable[[Any], Any]:
    """Run a Dag, written down in a test, for real against the sandbox; give back its run."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    def run(dag: Any) -> Any:
        # Airflow runs only what it has in its database, where the files of the Dags folders end up by themselves.
        DagBundlesManager().sync_bundles_to_db()
        bag = DagBag(EMPTY, bundle_name=BUNDLE, bundle_path=EMPTY)
        bag.bag_dag(dag)
        sync_bag_to_db(bag, BUNDLE, None)
        return dag.test()

    return run
