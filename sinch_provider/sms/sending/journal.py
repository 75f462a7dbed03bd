"""
The journal of a send: what its attempts write down for later attempts.

It is kept in a store that outlives the process, as one JSON value for each send. It holds only ids, times and
keyed hashes.
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
    """Holds one JSON value: a journal."""

    def get(self) -> Any:
        """Return the value; None if there is none."""

    def set(self, value: Any) -> None:
        """Write the value. Raises any error if Airflow has replaced this process."""


class State(Enum):
    """
    How far a send has come.

    INTENT: a request may have left; SENT: Sinch has accepted the batch; VOID: nothing was sent.
    """

    INTENT = "intent"
    SENT = "sent"
    VOID = "void"


@dataclass(frozen=True)
class Entry:
    """
    What the journal says about a send.

    :param account: A hash that names the account the send used; holds no secret.
    :param reference: The client reference of the batch.
    :param token: What ``on_clear="resend"`` adds to the reference; otherwise empty.
    :param try_number: The value of the first attempt of the cycle; so are ``max_tries`` and ``retries``.
    :param attempt: The number of the attempt that wrote this.
    :param began: When the first intent was written.
    :param intended: When the latest intent was written.
    :param fingerprint: The fingerprint of the request.
    :param batch_id: The id of the accepted batch; only with the state SENT.
    :param superseded: Ids of cancelled batches that reached nobody and that this send replaces.
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
        """Return the entry as JSON."""
        return {
            "version": _VERSION,
            "account": self.account,
            "reference": self.reference,
            "token": self.token,
            "cycle": [self.try_number, self.max_tries, self.retries],
            "attempt": self.attempt,
            "began": wire_time(self.began),
            "intended": wire_time(self.intended),
            "fingerprint": [self.fingerprint.key, self.fingerprint.recipients, self.fingerprint.text],
            "state": self.state.value,
            "batch_id": self.batch_id,
            "superseded": list(self.superseded),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Entry:
        """
        Read what :meth:`to_dict` wrote.

        :raises ValueError: It is something else. AttributeError, KeyError and TypeError mean the same.
        """
        if data["version"] != _VERSION:
            raise ValueError("another version")
        key, recipients, text = data["fingerprint"]
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
            fingerprint=Fingerprint(_text(key), _text(recipients), _text(text)),
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
        #: Whether something is stored that is not a journal. Then nothing is known about earlier attempts.
        self.unreadable = False
        #: Whether there are journals of other sends of this task; one of them may be ours.
        self.one_of_many = False
        #: The entries of those journals.
        self.others: tuple[Entry, ...] = ()
        #: Whether the journal has our recipients but another text. It is ours only if our text has changed.
        self.guessed = False

    def read(self) -> Entry | None:
        """
        Read what earlier attempts have written; None if there is nothing that can be read.

        :raises SinchNotSentError: The store cannot be reached.
        """
        value = reached_store(self._store.get)
        if value is None:
            return None
        try:
            return Entry.from_dict(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            self.unreadable = True
            log.warning("The journal of this send is unreadable. Looking for its batch at Sinch instead.")
            return None

    def write(self, entry: Entry) -> None:
        """
        Write how far the send has come.

        :raises SinchNotSentError: The store refuses, or cannot be reached.
        """
        reached_store(lambda: self._store.set(entry.to_dict()))

    def try_to_write(self, entry: Entry) -> None:
        """Write an entry that is useful but not vital: without it, the next attempt looks at Sinch."""
        try:
            self.write(entry)
        except SinchNotSentError as error:
            # Not the whole error: it says that nothing was sent, which is not true here.
            log.warning(
                "The outcome of this send was not written to the journal (%s). "
                "A later attempt will look for its batch at Sinch.",
                error.what,
            )


def reached_store(action: Callable[[], Any]) -> Any:
    """
    Read from a store, or write to it.

    :raises SinchNotSentError: The store refuses, or cannot be reached.
    """
    try:
        return action()
    except Exception as error:
        kind = type(error).__name__
    # Raised outside the block, so that it is not chained: the error of the store may quote the journal.
    raise SinchNotSentError(
        f"Airflow's task state cannot be reached ({kind})",
        operation="send",
        advice="Airflow's API may be down, or Airflow has replaced this attempt. A retry may succeed.",
    )
