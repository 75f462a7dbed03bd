"""Which send a task instance stands for, and where what is known of it outlives a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pendulum

from sinch_provider.sms.journal import Journal
from sinch_provider.sms.once import Attempt, task_hash
from sinch_provider.sms.times import utcnow

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

_KEY: Final = "sinch_send"


def attempt_of(context: Context, task: BaseOperator) -> Attempt:
    """
    Tell which send a task instance stands for, the same in all its tries.

    Its instance id changes with every try; Dag, run, task and map index do not. Every clear raises
    ``max_tries``, and automatic retries do not. Called outside of a task, as unit tests do, every send is one
    of its own.
    """
    if "ti" not in context:
        return Attempt(task_hash(uuid4().hex), map_index=-1, cycle=0, try_number=1, since=utcnow())
    ti: Any = context["ti"]
    run: Any = context["dag_run"]
    # Clears set a run's start date anew; it was due, and is named after a time, before that. Airflow 2 has no
    # run_after, and triggered runs may have no logical date.
    times = (getattr(run, name, None) for name in ("start_date", "run_after", "logical_date"))
    cleared = bool(getattr(run, "clear_number", 0)) or ti.max_tries > (task.retries or 0)
    return Attempt(
        task=task_hash(ti.dag_id, ti.run_id, ti.task_id),
        map_index=-1 if ti.map_index is None else ti.map_index,
        cycle=ti.max_tries,
        try_number=ti.try_number,
        since=min((pendulum.instance(each) for each in times if each is not None), default=utcnow()),
        cleared=cleared,
    )


def journal_of(context: Context) -> Journal | None:
    """Open the journal of a task instance's send; there is none before Airflow 3.3."""
    store = context.get("task_state_store")
    return None if store is None else Journal(_TaskState(store))


class _TaskState:
    """A journal's store in Airflow's task state, which outlives retries, crashes and clears."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self) -> Any:
        return self._store.get(_KEY)

    def set(self, value: Any) -> None:
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # its stub lacks the name

        self._store.set(_KEY, value, retention=NEVER_EXPIRE)
