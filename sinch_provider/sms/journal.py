"""
What earlier tries of a send have left behind, and the permission to send that comes with writing it.

A journal is kept in a store that outlives the process, one per send. Where a store refuses writes of a
process that has been replaced, as Airflow's does, a write is a fence: who cannot write must not send.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

import pendulum

from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.payload import Fingerprint
from sinch_provider.sms.times import parse_time, wire_time

log = logging.getLogger(__name__)

#: Older permissions are renewed before a request leaves: a process that was paused may have been replaced.
FRESH_SECONDS: Final = 2.0
_RENEWALS: Final = 5
_VERSION: Final = 1
_KEPT: Final = 20


class Store(Protocol):
    """Where a journal is kept: one JSON value."""

    def get(self) -> Any:
        """Return the value; None if there is none."""

    def set(self, value: Any) -> None:
        """Write the value; raises whatever it likes if this process has been replaced."""


class State(Enum):
    """How far a send has come."""

    INTENT = "intent"
    SENT = "sent"
    VOID = "void"


@dataclass(frozen=True)
class Entry:
    """
    A send and what is known of it.

    :param cycle: Which send of the task: the same over retries, another after a clear.
    :param reference: The batch's client reference.
    :param try_number: The try that wrote this.
    :param began: When the first intent of this cycle was written.
    :param state: INTENT: may have been sent; SENT: was accepted as ``batch_id``; VOID: was certainly not
        sent.
    """

    cycle: int
    reference: str
    try_number: int
    began: pendulum.DateTime
    payload: Fingerprint
    state: State = State.INTENT
    batch_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Write as JSON; holds ids and keyed hashes only."""
        return {
            "cycle": self.cycle,
            "reference": self.reference,
            "try_number": self.try_number,
            "began": wire_time(self.began),
            "payload": [self.payload.key, self.payload.recipients, self.payload.message],
            "state": self.state.value,
            "batch_id": self.batch_id,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Entry:
        """
        Read what :meth:`to_dict` wrote.

        :raises ValueError: It is something else; likewise KeyError, TypeError.
        """
        key, recipients, message = data["payload"]
        entry = cls(
            cycle=int(data["cycle"]),
            reference=str(data["reference"]),
            try_number=int(data["try_number"]),
            began=parse_time(data["began"]),
            payload=Fingerprint(str(key), str(recipients), str(message)),
            state=State(data["state"]),
            batch_id=data["batch_id"],
        )
        is_id = isinstance(entry.batch_id, str) and bool(entry.batch_id)
        if not (is_id if entry.state is State.SENT else entry.batch_id is None):
            raise ValueError("state and batch id do not go together")
        return entry


class Journal:
    """
    The entries of one send, one per cycle.

    :param store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: list[Entry] = []
        #: Whether something is stored that this journal did not write; then nothing is known.
        self.unreadable = False

    def read(self) -> list[Entry]:
        """
        Read all entries, the latest last.

        :raises SinchNotSentError: The store cannot be reached.
        """
        value = self._reached(self._store.get)
        try:
            self._entries = [] if value is None else _entries(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            self.unreadable = True
            log.warning("The journal of this send cannot be read; going by its reference instead.")
        return list(self._entries)

    def write(self, entry: Entry) -> None:
        """
        Put an entry in the place of its cycle's.

        :raises SinchNotSentError: The store refuses, or cannot be reached.
        """
        others = [each for each in self._entries if each.cycle != entry.cycle]
        self._entries = [*others, entry][-_KEPT:]
        value = {"version": _VERSION, "sends": [each.to_dict() for each in self._entries]}
        self._reached(lambda: self._store.set(value))

    def try_to_write(self, entry: Entry) -> None:
        """Write what is good to know but not vital: without it, a later try goes by the reference."""
        try:
            self.write(entry)
        except SinchNotSentError as error:
            log.warning("The state of this send could not be written down: %s", error)

    def _reached(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:
            kind = type(error).__name__
        # Raised outside the block: the store's error may quote what was to be written.
        raise SinchNotSentError(
            f"The journal of this send is out of reach ({kind})",
            operation="send",
            advice="Airflow's API may be down, or this try has been replaced by another.",
        )


def _entries(value: Any) -> list[Entry]:
    if value["version"] != _VERSION:
        raise ValueError("another version")
    return [Entry.from_dict(each) for each in value["sends"]]


def _clocks() -> tuple[float, float]:
    # The monotonic clock stands still while a machine sleeps; the wall clock may be set back.
    return time.monotonic(), time.time()


class Fence:
    """
    The last word before a request leaves: called right then, for every attempt.

    :param renew: Gets the permission, or raises.
    :param stopped: Whether this task has been told to stop.
    """

    def __init__(self, renew: Callable[[], None], stopped: Callable[[], bool]) -> None:
        self._renew = renew
        self._stopped = stopped
        #: Whether a request may have left.
        self.passed = False

    def __call__(self) -> None:
        """
        Let the request pass.

        :raises SinchNotSentError: It must not leave.
        """
        for _ in range(_RENEWALS):
            began = _clocks()
            self._renew()
            if self._stopped():
                raise SinchNotSentError("The task was told to stop before its request left", operation="send")
            # A process may have been paused while it asked, and its permission be long out of date.
            if max(now - then for now, then in zip(_clocks(), began, strict=True)) <= FRESH_SECONDS:
                self.passed = True
                return
        raise SinchNotSentError(
            f"The permission to send took longer than {FRESH_SECONDS:g} s to get, {_RENEWALS} times in a row",
            operation="send",
            advice="Airflow's API is too slow; try again later.",
        )
