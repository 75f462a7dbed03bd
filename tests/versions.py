"""Airflow as tests use it, in every version: what it has, where that is, and how a Dag is run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from airflow import __version__
from packaging.version import Version

AIRFLOW: Final = Version(__version__).release[:2]


def needs(*version: int, what: str) -> pytest.MarkDecorator:
    """Skip what tests something that Airflow has only since a version."""
    since = ".".join(str(each) for each in version)
    return pytest.mark.skipif(version > AIRFLOW, reason=f"{what}: Airflow has that since {since}")


def first_of(name: str, *modules: str) -> Any:
    """Return what the first of these modules that has this name means by it: Airflow moves things."""
    for module in modules:
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"Airflow {__version__} has no {name} in {', '.join(modules)}")


first_poke_known: Final = needs(3, 0, what="when a rescheduled sensor was first poked, without its database")
needs_task_state: Final = needs(3, 3, what="task state, which keeps journals")

AirflowRescheduleException: Any = first_of(
    "AirflowRescheduleException", "airflow.sdk.exceptions", "airflow.exceptions"
)
TaskDeferralError: Any = first_of("TaskDeferralError", "airflow.sdk.exceptions", "airflow.exceptions")
#: The running task in a template; see :func:`task_of`.
TASK: Final = "ti.task" if AIRFLOW == (3, 0) else "task"
_BAGS: Final = ("airflow.dag_processing.dagbag", "airflow.models.dagbag")
_NAMED_BUNDLES: Final = (3, 2)
_RUNS_WHAT_IS_STORED: Final = (3, 1)


def task_of(context: Any) -> Any:
    """Return the running task, rendered. What Airflow 3.0 calls ``task`` is not."""
    return context["ti"].task if AIRFLOW == (3, 0) else context["task"]


def schedule_of(dag: Any) -> Any:
    """Return the schedule of a Dag."""
    return dag.schedule if AIRFLOW >= (3, 0) else dag.schedule_interval


@contextmanager
def running(operator: Any) -> Iterator[None]:
    """Make Airflow treat an operator as the running task."""
    if AIRFLOW < (3, 0):
        # It only warns, but lacks what it looks at in a thread of its own.
        first_of("ExecutorSafeguard", "airflow.models.baseoperator")._sentinel.callers = {}
        yield
        return
    tracker = first_of("ExecutorSafeguard", "airflow.sdk.bases.operator").tracker
    token = tracker.set(operator)
    try:
        yield
    finally:
        tracker.reset(token)


def forget_secrets() -> None:
    """Make Airflow forget what it masks in logs."""
    if AIRFLOW < (3, 0):
        masker = first_of("_secrets_masker", "airflow.utils.log.secrets_masker")()
        masker.patterns, masker.replacer = set(), None
        return
    places = ("airflow.sdk._shared.secrets_masker", "airflow.sdk.execution_time.secrets_masker")
    first_of("reset_secrets_masker", *places)()


def log_as_workers_do() -> None:
    """
    Make ``dag.test()`` print no more than workers log.

    That of Airflow 3.0 prints the local variables of every frame. Those of a test lead to all of pytest and
    Airflow, and printing them takes minutes and gigabytes. It also prints every message between a task and
    Airflow: what tasks return, secrets to mask, and the addresses of requests.
    """
    if AIRFLOW == (3, 0):
        import structlog

        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        structlog.configure(
            processors=[*structlog.get_config()["processors"][:-1], renderer],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )
        logging.getLogger("httpx").setLevel(logging.WARNING)


def share_api_server() -> None:
    """
    Make all tasks of a process ask one API server, as Airflow does since 3.3.

    Before that, ``dag.test()`` builds one for each task, which takes longer than the task.
    """
    if (3, 0) <= AIRFLOW < (3, 3):
        supervisor: Any = import_module("airflow.sdk.execution_time.supervisor")
        supervisor.in_process_api_server = cache(supervisor.in_process_api_server)


def bag_of(folder: Path, bundle: str) -> Any:
    """Load the Dags of a folder, as the Dag processor does."""
    bag = first_of("DagBag", *_BAGS)
    if AIRFLOW < (3, 0):
        return bag(folder, include_examples=False)
    named = {"bundle_name": bundle} if AIRFLOW >= _NAMED_BUNDLES else {}
    return bag(folder, bundle_path=folder, **named)


def serialized(dag: Any) -> Any:
    """Return a Dag as Airflow stores it."""
    module = "airflow.serialization.serialized_objects"
    return first_of("DagSerialization" if AIRFLOW >= (3, 2) else "SerializedDAG", module).to_dict(dag)


def run(dag: Any, empty: Path, bundle: str) -> Any:
    """
    Run a Dag that is in no file, and return its run.

    :param empty: A folder without Dags, which belongs to the bundle.
    """
    if AIRFLOW >= _RUNS_WHAT_IS_STORED:
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        # The files of the Dags folders get into the database by themselves.
        DagBundlesManager().sync_bundles_to_db()
        bag = bag_of(empty, bundle)
        bag.bag_dag(dag)
        first_of("sync_bag_to_db", *_BAGS)(bag, bundle, None)
    log = logging.getLogger("airflow.task")
    before = list(log.handlers)
    try:
        return dag.test()
    finally:
        # Airflow 2 leaves a handler that writes to the output of this test, also during the next one.
        log.handlers[:] = before
