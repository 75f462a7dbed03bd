"""Which send an operator stands for, and what Airflow says about its earlier attempts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pendulum

from sinch_provider.sms.fields.times import to_time
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.decision import OWN_LABEL, Send
from sinch_provider.task.attempt import attempt_of
from sinch_provider.task.state import clears_keep_state

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

#: A task instance has one of these states when Airflow calls its callbacks.
_ENDED: Final = frozenset({"success", "skipped", "failed", "up_for_retry"})


def send_of(
    context: Context, operator: BaseOperator, *, send_key: str | None = None, namespace: str = ""
) -> Send:
    """
    Return the send that an operator stands for. It is the same over retries and clears.

    Its reference is made of Dag, run and task id. For an operator executed inside another task, its own task
    id is added; in a loop, the iteration. Mapped items share a reference, because they may change places. If
    a task executes its operator several times, the number of the execution is added: without it, the second
    send would look like a duplicate of the first.

    :param send_key: Added to the reference. With a key, the number of the execution is left out.
    :param namespace: Added to the reference. Distinguishes installations that share an account.
    """
    if "ti" not in context:
        # Outside a task, as in unit tests, every call is another send.
        return Send(reference_of(uuid4().hex), since=utcnow())
    ti: Any = context["ti"]
    run: Any = context["dag_run"]
    nested = is_nested(context, operator)
    index = _loop_index(context)
    nth = attempt_of(context).executions[operator.task_id]
    map_index = _map_index(ti)
    retries = getattr(context.get("task"), "retries", None) if nested else operator.retries
    cleared = bool(getattr(run, "clear_number", 0)) or ti.max_tries != (retries or 0)
    return Send(
        reference=reference_of(
            ti.dag_id,
            ti.run_id,
            ti.task_id,
            operator.task_id if nested else nth if nth > 1 and send_key is None else None,
            index,
            send_key,
            namespace or None,
        ),
        since=since_of(run),
        single=map_index < 0 and not nested and nth <= 1,
        keyed=send_key is not None,
        mapped=map_index >= 0,
        first=is_first(context),
        in_loop=index is not None,
        cleared=cleared,
        try_number=max(ti.try_number, 0),
        max_tries=max(ti.max_tries, 0),
        retries=max(retries or 0, 0),
        journal_outlives_clears=clears_keep_state(),
    )


def task_context(context: Context) -> Context:
    """Return the context of the running task if ``execute`` was called with another one, such as ``{}``."""
    if "ti" in context or "dag_run" in context or "run_id" in context:
        return context
    from airflow.providers.common.compat.sdk import get_current_context

    try:
        return get_current_context()
    except Exception:
        return context


def reference_of(*names: Any) -> str:
    """Hash the names of a send into a client reference, which reveals none of them."""
    return f"{OWN_LABEL}{hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]}"


def is_nested(context: Context, operator: BaseOperator) -> bool:
    """Whether an operator is executed inside another task, or in a callback of one."""
    ti: Any = context["ti"]
    running = getattr(ti, "task", None) or context.get("task")
    return bool(ti.task_id != operator.task_id or (running is not None and running is not operator))


def is_first(context: Context) -> bool:
    """Whether no attempt of this task instance came before this one."""
    if "ti" not in context:
        return True
    return context["ti"].try_number <= 1 and not context.get("task_reschedule_count")


def since_of(run: Any) -> pendulum.DateTime:
    """
    Return the earliest time at which an attempt of a run can have begun.

    Airflow 2 has no ``run_after``; there a run is due at the end of its data interval.
    """
    due = getattr(run, "run_after", None) or getattr(run, "data_interval_end", None)
    # A run that somebody triggered may have begun before its data interval ended.
    queued = getattr(run, "queued_at", None) if getattr(run, "run_after", None) is None else None
    times = [pendulum.instance(each) for each in (due, queued) if each is not None]
    return min(times, default=utcnow())


def callback_of(context: Context) -> tuple[str, ...] | None:
    """
    Return the names of the callback that runs, if one does. They are the same if Airflow runs it twice.

    ``on_execute_callback`` cannot be distinguished from the task. There, an operator is a send of the task.
    """
    ti: Any = context.get("ti")
    run: Any = context.get("dag_run")
    if (deadline := _deadline(context)) is not None:
        return "deadline", str(deadline.get("id"))
    if context.get("reason") is not None or ti is None:
        if run is None and "run_id" not in context:
            return None
        dag_id = getattr(run, "dag_id", None) or getattr(context.get("dag"), "dag_id", "")
        run_id = getattr(run, "run_id", None) or context.get("run_id", "")
        reason = str(context.get("reason"))
        return "dag", reason, str(dag_id), str(run_id), str(getattr(run, "clear_number", 0))
    state = getattr(ti, "state", None)
    ended = str(getattr(state, "value", state))
    if ended not in _ENDED and not _is_for_dag_processor(ti):
        return None
    # After a failure, the Dag processor may run a callback that the task's process has run before. It does
    # not know the state.
    kind = ended if ended in {"success", "skipped"} else "failure"
    names = kind, ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index), str(ti.try_number)
    if region := _region_of_mapped(ti):
        # Inside a loop, the items of each iteration have their own region.
        return *names, region, str(getattr(run, "clear_number", 0))
    index = _loop_index(context)
    if index is None:
        return names
    # After a clear, the task instances of a loop are new, and their attempts count from one again.
    return *names, str(index), str(getattr(run, "clear_number", 0))


def alert_of(context: Context) -> tuple[str, ...]:
    """
    Return the names of what an alert tells about: a callback, or a task that runs.

    An approval tells its notifiers in every attempt that it waits. So it has the same names in all attempts,
    until somebody clears it.
    """
    if (callback := callback_of(context)) is not None:
        return callback
    ti: Any = context.get("ti")
    if ti is None:
        # Called by hand, outside Airflow.
        return "nothing", uuid4().hex
    cleared = str(getattr(context.get("dag_run"), "clear_number", 0))
    attempt = "" if asks_people(context) else str(ti.try_number)
    names = "running", ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index), cleared, attempt
    index = _loop_index(context)
    return names if index is None else (*names, str(index))


def asks_people(context: Context) -> bool:
    """Whether the task waits for an answer of people, whom its notifiers tell so."""
    return hasattr(context.get("task"), "notifiers")


def kind_of(context: Context) -> tuple[str, ...]:
    """Return the kind of what an alert tells about, such as ``failure``. For a Dag, also how it ended."""
    kind, *names = alert_of(context)
    return (kind, str(names[0] == "success")) if kind == "dag" else (kind,)


def alert_since(context: Context) -> pendulum.DateTime:
    """Return the earliest time at which an alert about something can have been sent."""
    deadline = _deadline(context)
    if deadline is None:
        return since_of(context.get("dag_run"))
    try:
        return to_time(deadline["deadline_time"])
    except (KeyError, ValueError):
        return utcnow().subtract(days=1)


def _deadline(context: Context) -> Mapping[str, Any] | None:
    """Return the deadline that was missed, if the callback of one runs."""
    deadline: Any = context.get("deadline")
    return deadline if isinstance(deadline, Mapping) else None


def _loop_index(context: Context) -> int | None:
    """Return the number of the loop's iteration; None outside loops."""
    loop: Any = context.get("loop")
    if loop is not None:
        return int(loop.index)
    # Callbacks in the Dag processor may know only the task instance. Airflow 3.4 puts loops and mapped tasks
    # into regions. Of a mapped task, the region index is the map index, and its items share a reference.
    ti: Any = context.get("ti")
    region = getattr(ti, "region_id", None)
    if region is None or not region.int or _map_index(ti) >= 0:
        return None
    return int(ti.region_index)


def _region_of_mapped(ti: Any) -> str | None:
    """Return the id of a mapped item's region; None before Airflow 3.4 and for tasks that are not mapped."""
    region = getattr(ti, "region_id", None)
    return None if region is None or not region.int or _map_index(ti) < 0 else str(region)


def _map_index(ti: Any) -> int:
    """Return the number of a mapped item; -1 for a task that is not mapped."""
    return -1 if ti.map_index is None else int(ti.map_index)


def _is_for_dag_processor(ti: Any) -> bool:
    """Whether a task instance was created for a callback in the Dag processor, which runs no tasks."""
    return hasattr(type(ti), "model_fields") and not hasattr(ti, "start_date")
