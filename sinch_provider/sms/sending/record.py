"""What one attempt knows about a send, and what it writes to the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import pendulum

from sinch_provider.sms.account import Account
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.decision import Cycle, Scope, Send, cycle
from sinch_provider.sms.sending.journal import Entry, Journal, State
from sinch_provider.sms.sending.listing import SinchClock
from sinch_provider.sms.sending.memory import Memory
from sinch_provider.sms.sending.payload import Fingerprint, Payload

#: The journal names at most this many cancelled batches.
_MOST_SUPERSEDED: Final = 20


class Record:
    """
    What this attempt knows about one send: how to recognise it, and how far it has come.

    :param send: Which send it is, and what Airflow says about earlier attempts.
    :param body: The body of its request.
    :param account: The account that sends it.
    :param journal: Keeps the record for later attempts; None if there is no journal.
    :param memory: What the sends of this attempt know of each other.
    :param payload: Recipients and text of the body.
    """

    def __init__(
        self,
        send: Send,
        body: Mapping[str, Any],
        account: Account,
        journal: Journal | None,
        memory: Memory,
        payload: Payload,
    ) -> None:
        self.send = send
        self.journal = journal
        self.memory = memory
        self.payload = payload
        self.secret = account.credentials.secret
        self.fingerprint = self.payload.fingerprint(self.secret)
        #: A ``client_reference`` that the user chose; other sends may have it too.
        self.label: str | None = body.get("client_reference")
        #: The ``client_reference`` of the requests of this attempt.
        self.reference = self.label or send.reference
        #: How far the send has come; None while no request of it is known.
        self.entry: Entry | None = None
        self._account = hashlib.sha256(account.api_root.encode()).hexdigest()[:16]
        self._token = ""
        self._superseded: tuple[str, ...] = ()

    @property
    def scope(self) -> Scope:
        """Which sends use the reference."""
        return Scope.OWN if self._token else self.send.scope

    @property
    def owns_reference(self) -> bool:
        """Whether a second batch with the reference can only be a duplicate."""
        return self.label is None and self.scope is Scope.OWN

    @property
    def batch_id(self) -> str | None:
        """The id of the batch, as soon as it is known."""
        return self.entry.batch_id if self.entry else None

    @property
    def is_open(self) -> bool:
        """Whether a request may have left, and its outcome is unknown."""
        return self.entry is not None and self.entry.state is State.INTENT

    @property
    def other_batches(self) -> frozenset[str]:
        """Ids of batches that do not belong to this send, even if they look the same."""
        return frozenset(self.memory.batches).union(self._superseded)

    def intended_at(self, clock: SinchClock) -> pendulum.DateTime | None:
        """Return when the intent was written, by Sinch's clock; None if unknown."""
        if clock.skew is None or self.entry is None:
            return None
        return self.entry.intended + clock.skew

    # Cycles

    def cycle_since(self, entry: Entry) -> Cycle:
        """Return whether the task was cleared since an entry was written."""
        return cycle(self.send, try_number=entry.try_number, max_tries=entry.max_tries, retries=entry.retries)

    @property
    def was_cleared(self) -> bool:
        """Whether the task was cleared since it sent."""
        if self.entry is None:
            return self.send.max_tries != self.send.retries
        return self.cycle_since(self.entry) is Cycle.NEW

    def use_token(self, token: str) -> None:
        """Give the cycle its own reference, for ``on_clear="resend"``."""
        self._token = token
        if token and self.label is None:
            self.reference = f"{self.send.reference}-{token}"

    # The entries of earlier attempts

    def is_about_this_send(self, entry: Entry) -> bool:
        """
        Whether the entry of this journal is about this send.

        After a clear, mapped items may have changed places. Then it is only if recipients and text are the
        same.
        """
        if self.scope is Scope.OWN or not self.send.cleared:
            return True
        return entry.state is State.SENT and entry.fingerprint == self.fingerprint

    def has_account_of(self, entry: Entry) -> bool:
        """Whether the send uses the account that an entry names."""
        return entry.account == self._account

    def continue_from(self, entry: Entry) -> None:
        """Continue from where an earlier attempt stopped."""
        self.entry = entry
        self._superseded = entry.superseded

    def supersede(self, batch_ids: Iterable[str]) -> None:
        """Begin again, to replace cancelled batches that reached nobody."""
        self._superseded = (*self._superseded, *batch_ids)[-_MOST_SUPERSEDED:]
        self.entry = None

    # The entries of this attempt

    def write_intent(self) -> None:
        """
        Write to the journal that a request is about to leave.

        :raises SinchNotSentError: Airflow refuses the write, or cannot be reached.
        """
        entry = self._new_entry()
        if self.journal is not None:
            self.journal.write(entry)
        self.entry = entry

    def note_sent(self, batch_id: str, fingerprint: Fingerprint | None = None) -> None:
        """
        Note which batch the send is.

        :param fingerprint: Of the request that created the batch; by default, of this attempt's.
        """
        self._note(State.SENT, batch_id, fingerprint)

    def note_not_sent(self) -> None:
        """Note that nothing was sent."""
        self._note(State.VOID)

    def _note(
        self, state: State, batch_id: str | None = None, fingerprint: Fingerprint | None = None
    ) -> None:
        entry = self._new_entry()
        self.entry = replace(
            entry,
            state=state,
            batch_id=batch_id,
            intended=self.entry.intended if self.entry else entry.intended,
            fingerprint=fingerprint or self.fingerprint,
        )
        if self.journal is not None:
            self.journal.try_to_write(self.entry)

    def _new_entry(self) -> Entry:
        now = utcnow()
        first = self.entry if self.entry is not None and not self.was_cleared else None
        return Entry(
            account=self._account,
            reference=self.reference,
            token=self._token,
            try_number=first.try_number if first else self.send.try_number,
            max_tries=first.max_tries if first else self.send.max_tries,
            retries=first.retries if first else self.send.retries,
            attempt=self.send.try_number,
            began=min(self.entry.began, now) if self.entry else now,
            intended=now,
            fingerprint=self.fingerprint,
            superseded=self._superseded,
        )
