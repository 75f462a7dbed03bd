"""Where journals are kept: in Airflow's task state, which outlives the process of an attempt."""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sinch_provider.sms.sending.journal import Entry, Journal
from sinch_provider.sms.sending.payload import Fingerprint
from sinch_provider.task.attempt import Attempt

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_KEY: Final = "sinch_send"
_CLEARS_KEEP_STATE: Final = (3, 3)


class TaskState:
    """
    One value in Airflow's task state, which outlives retries and crashes.

    Airflow refuses the writes of an attempt that it has replaced.

    :param store: ``context["task_state_store"]``.
    :param key: The key of the value.
    """

    def __init__(self, store: Any, key: str) -> None:
        self._store = store
        self._key = key

    def get(self) -> Any:
        """Return the value; None if there is none."""
        return self._store.get(self._key)

    def set(self, value: Any) -> None:
        """Write the value, which Airflow keeps as long as the run."""
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # its stub lacks the name

        self._store.set(self._key, value, retention=NEVER_EXPIRE)


def journal_of(context: Context, send_key: str | None = None) -> Journal | None:
    """Return the journal of a task's own send, or of a send with a key; None before Airflow 3.3."""
    store = context.get("task_state_store")
    if store is None:
        return None
    key = _KEY if send_key is None else f"{_KEY}.{hashlib.sha256(send_key.encode()).hexdigest()[:16]}"
    return Journal(TaskState(store, key))


def one_of_several(
    context: Context, operator_id: str, nth: int, fingerprint: Fingerprint, attempt: Attempt
) -> Journal | None:
    """
    Return the journal of one of several sends in a task; None before Airflow 3.3.

    Journals are numbered in the order of execution. Earlier attempts may have executed the sends in another
    order. So the journal with the same recipients and text is this send's. The journal with this send's
    number and the same recipients, but another text, may be: the text may have changed.

    :param operator_id: The task id of the operator that sends.
    :param nth: The number of the execution of this operator in the attempt, from 1.
    :param fingerprint: Of the request.
    :param attempt: Knows which journals other sends of this attempt use.
    """
    store = context.get("task_state_store")
    if store is None:
        return None

    def at(place: int) -> Journal:
        return Journal(TaskState(store, f"{_KEY}.{operator_id}.{place}"))

    taken = attempt.places[operator_id]
    own: int | None = None
    exact = False
    others: list[Entry] = []
    unreadable = False
    for place in count(1):
        if place in taken:
            continue
        journal = at(place)
        entry = journal.read()
        if entry is None:
            if not journal.unreadable:
                break  # The first free place.
            unreadable = True
            continue
        others.append(entry)
        if entry.fingerprint == fingerprint:
            own, exact = place, True
            break
        if place == nth and entry.fingerprint.same_recipients(fingerprint) is not False:
            own = place
    journal = at(own or place)
    journal.guessed = own is not None and not exact
    # Another send of this attempt that guessed its journal may have overwritten the journal of this one.
    journal.one_of_many = own is None and bool(others or unreadable or attempt.guesses[operator_id])
    # An unreadable journal may be this send's.
    journal.unreadable = own is None and unreadable
    journal.others = () if own else tuple(others)
    attempt.guesses[operator_id] += journal.guessed
    taken.add(own or place)
    return journal


@cache
def clears_keep_state() -> bool:
    """Whether a clear keeps the task state: on Airflow 3.3 it does, on later versions not by default."""
    from airflow import __version__
    from airflow.providers.common.compat.sdk import conf

    version = tuple(int(part) for part in __version__.split(".")[:2])
    return version == _CLEARS_KEEP_STATE and not conf.getboolean(
        "state_store", "clear_on_success", fallback=False
    )
