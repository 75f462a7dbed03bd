"""
What earlier attempts of a send have left behind.

A journal lives in a store that outlives the process: one JSON value for each send. It holds ids, times and
keyed hashes only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

import pendulum

from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.fields.times import parse_time, wire_time
from sinch_provider.sms.sending.payload import Fingerprint

log = logging.getLogger(__name__)

_VERSION: Final = 2
_MOST: Final = 2**31


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
    What is known of a send.

    :param account: Which account it was sent with; holds no secret.
    :param reference: The batch's client reference.
    :param token: What ``on_clear="resend"`` adds to the reference; empty otherwise.
    :param try_number: The first attempt of its cycle; likewise ``max_tries`` and ``retries``.
    :param attempt: The attempt that wrote this.
    :param began: When the first intent was written.
    :param intended: When the latest intent was written.
    :param fingerprint: Of the request.
    :param state: INTENT: may have been sent; SENT: was accepted as ``batch_id``; VOID: nothing was sent.
    :param superseded: Cancelled batches that reached nobody, in whose place this send comes.
    """

    account: str
    reference: str
    token: str
    try_number: int
    max_tries: int
    retries: int
    attempt: int
    began: pendulum.DateTime
    intended: pendulum.DateTime
    fingerprint: Fingerprint
    state: State = State.INTENT
    batch_id: str | None = None
    superseded: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Write as JSON."""
        return {
            "version": _VERSION,
            "account": self.account,
            "reference": self.reference,
            "token": self.token,
            "cycle": [self.try_number, self.max_tries, self.retries],
            "attempt": self.attempt,
            "began": wire_time(self.began),
            "intended": wire_time(self.intended),
            "fingerprint": [self.fingerprint.key, self.fingerprint.people, self.fingerprint.text],
            "state": self.state.value,
            "batch_id": self.batch_id,
            "superseded": list(self.superseded),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Entry:
        """
        Read what :meth:`to_dict` wrote.

        :raises ValueError: It is something else; likewise KeyError, TypeError.
        """
        if data["version"] != _VERSION:
            raise ValueError("another version")
        key, people, text = data["fingerprint"]
        try_number, max_tries, retries = map(_whole, data["cycle"])
        entry = cls(
            account=_text(data["account"]),
            reference=_text(data["reference"]),
            token=_text(data["token"]),
            try_number=try_number,
            max_tries=max_tries,
            retries=retries,
            attempt=_whole(data["attempt"]),
            began=parse_time(data["began"]),
            intended=parse_time(data["intended"]),
            fingerprint=Fingerprint(_text(key), _text(people), _text(text)),
            state=State(data["state"]),
            batch_id=data["batch_id"],
            superseded=tuple(map(_text, data["superseded"])),
        )
        is_id = isinstance(entry.batch_id, str) and bool(entry.batch_id)
        if not (is_id if entry.state is State.SENT else entry.batch_id is None):
            raise ValueError("state and batch id do not go together")
        return entry


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
        raise ValueError("not a number of attempts")
    return value


class Journal:
    """
    The journal of one send.

    :param store: Where it is kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        #: Whether something is stored that this journal did not write; then nothing is known.
        self.unreadable = False
        #: Whether earlier attempts have left journals of other sends beside this one. One may be ours.
        self.one_of_many = False
        #: What these journals say.
        self.others: tuple[Entry, ...] = ()
        #: Whether it is another send's to the same people, unless our text has changed since.
        self.guessed = False

    def read(self) -> Entry | None:
        """
        Read what earlier attempts have written.

        :raises SinchNotSentError: The store cannot be reached.
        """
        value = self._reached(self._store.get)
        if value is None:
            return None
        try:
            return Entry.from_dict(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            self.unreadable = True
            log.warning("The journal of this send cannot be read. Looking for its batch at Sinch instead.")
            return None

    def write(self, entry: Entry) -> None:
        """
        Write down how far the send has come.

        :raises SinchNotSentError: The store refuses, or cannot be reached.
        """
        self._reached(lambda: self._store.set(entry.to_dict()))

    def try_to_write(self, entry: Entry) -> None:
        """Write what is good to know but not vital: without it, the next attempt looks at Sinch."""
        try:
            self.write(entry)
        except SinchNotSentError as error:
            log.warning("The outcome of this send was not written to Airflow's task state: %s", error)

    def _reached(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:
            kind = type(error).__name__
        # Raised outside the block: the store's error may quote what was to be written.
        raise SinchNotSentError(
            f"Airflow's task state cannot be reached ({kind})",
            operation="send",
            advice="Airflow's API may be down, or Airflow has replaced this attempt. A retry may succeed.",
        )
