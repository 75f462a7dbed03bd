"""Where the journal of a send outlives its process: in Airflow's task state."""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sinch_provider.sms.sending.journal import Entry, Journal
from sinch_provider.sms.sending.memory import Memory
from sinch_provider.sms.sending.payload import Fingerprint

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_KEY: Final = "sinch_send"
_CLEARS_KEEP_STATE: Final = (3, 3)


class TaskState:
    """
    One value in Airflow's task state, which outlives retries and crashes.

    Airflow refuses the writes of an attempt that it has replaced.
    """

    def __init__(self, store: Any, key: str) -> None:
        self._store = store
        self._key = key

    def get(self) -> Any:
        """Return the value; None if there is none."""
        return self._store.get(self._key)

    def set(self, value: Any) -> None:
        """Write the value, to be kept as long as the run."""
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # its stub lacks the name

        self._store.set(self._key, value, retention=NEVER_EXPIRE)


def journal_of(context: Context, send_key: str | None = None) -> Journal | None:
    """Open the journal of a task's own send, or of a send with a key; there is none before Airflow 3.3."""
    store = context.get("task_state_store")
    if store is None:
        return None
    key = _KEY if send_key is None else f"{_KEY}.{hashlib.sha256(send_key.encode()).hexdigest()[:16]}"
    return Journal(TaskState(store, key))


def one_of_several(
    context: Context, operator_id: str, nth: int, fingerprint: Fingerprint, memory: Memory
) -> Journal | None:
    """
    Open the journal of one of several sends in a task.

    Its place is how many-th it is of its operator in the attempt. Where the attempts before this one have
    executed them in another order, the journal with the same people and text is its own; one with the same
    people and another text may be.

    :param operator_id: The task id of the operator that sends.
    :param nth: How many-th execution this is, from 1.
    :param memory: Knows the places that other sends of this attempt use.
    """
    store = context.get("task_state_store")
    if store is None:
        return None

    def at(place: int) -> Journal:
        return Journal(TaskState(store, f"{_KEY}.{operator_id}.{place}"))

    taken = memory.places[operator_id]
    own: int | None = None
    exact = False
    others: list[Entry] = []
    unreadable = False
    for place in count(1):
        if place in taken:
            continue
        journal = at(place)
        entry = journal.read()
        if entry is None and not journal.unreadable:
            break
        others += [] if entry is None else [entry]
        unreadable |= entry is None
        if entry is not None and entry.fingerprint == fingerprint:
            own, exact = place, True
            break
        if place == nth and entry is not None and entry.fingerprint.same_people(fingerprint) is not False:
            own = place
    journal = at(own or place)
    journal.guessed = own is not None and not exact
    # Who took a journal on a guess may have written over this one.
    journal.one_of_many = own is None and bool(others or unreadable or memory.guesses[operator_id])
    journal.others = () if own else tuple(others)
    memory.guesses[operator_id] += journal.guessed
    taken.add(own or place)
    return journal


@cache
def clears_keep_state() -> bool:
    """Whether a clear leaves the task state alone: so does Airflow 3.3, and no later one by default."""
    from airflow import __version__
    from airflow.providers.common.compat.sdk import conf

    version = tuple(int(part) for part in __version__.split(".")[:2])
    return version == _CLEARS_KEEP_STATE and not conf.getboolean(
        "state_store", "clear_on_success", fallback=False
    )
