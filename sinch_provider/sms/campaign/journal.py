"""
The journal of a campaign: how many batches Sinch has accepted, and which requests are open.

It has the same size whatever the number of people, and holds only times and keyed hashes. Who was reached is
not in it: Sinch's listing says that.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final, Self

import pendulum

from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import SinchAccountChangedError, SinchNotSentError
from sinch_provider.sms.fields.times import parse_time, wire_time
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.journal import Store, reached_store
from sinch_provider.sms.sending.payload import Payload

log = logging.getLogger(__name__)

_VERSION: Final = 1
_MOST: Final = 2**31


@dataclass(frozen=True)
class Intent:
    """
    A request that may have left, and whose outcome is not written down.

    :param people: The keyed hash of its recipients.
    :param intended: When it was about to leave.
    """

    people: str
    intended: pendulum.DateTime


@dataclass(frozen=True)
class CampaignEntry:
    """
    What the journal says about a campaign.

    :param account: A hash that names the account; holds no secret.
    :param reference: The client reference of all its batches.
    :param key: The same in two entries whose hashes were made with the same secret.
    :param began: A time before which no batch of it was sent.
    :param accepted: How many batches Sinch has accepted.
    :param open: Requests whose outcome is not written down.
    :param excluding: The sources of exclusions that were not empty.
    """

    account: str
    reference: str
    key: str
    began: pendulum.DateTime
    accepted: int
    open: tuple[Intent, ...] = ()
    excluding: tuple[str, ...] = ()

    @property
    def intended(self) -> pendulum.DateTime:
        """When the last of the open requests was about to leave."""
        return max((each.intended for each in self.open), default=self.began)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON."""
        return {
            "version": _VERSION,
            "account": self.account,
            "reference": self.reference,
            "key": self.key,
            "began": wire_time(self.began),
            "accepted": self.accepted,
            "open": [[each.people, wire_time(each.intended)] for each in self.open],
            "excluding": list(self.excluding),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """
        Read what :meth:`to_dict` wrote.

        :raises ValueError: It is something else. KeyError and TypeError mean the same.
        """
        if not isinstance(data, Mapping) or data["version"] != _VERSION:
            raise ValueError("another version")
        accepted = data["accepted"]
        if not isinstance(accepted, int) or isinstance(accepted, bool) or not 0 <= accepted < _MOST:
            raise ValueError("not a number of batches")
        return cls(
            account=_text(data["account"]),
            reference=_text(data["reference"]),
            key=_text(data["key"]),
            began=parse_time(data["began"]),
            accepted=accepted,
            open=tuple(Intent(_text(people), parse_time(intended)) for people, intended in data["open"]),
            excluding=tuple(map(_text, data["excluding"])),
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


class CampaignJournal:
    """
    The journal of one campaign, as this attempt reads and writes it.

    Several requests may be on their way at once, in several threads.

    :param store: Where it is kept; None: nowhere, so it lasts as long as this attempt.
    :param account: The account that sends.
    :param reference: The client reference of all batches.
    """

    def __init__(self, store: Store | None, account: Account, reference: str) -> None:
        self._store = store
        self._lock = Lock()
        self._account = hashlib.sha256(account.api_root.encode()).hexdigest()[:16]
        self._reference = reference
        self._key = Payload([], {}, {}).fingerprint(account.credentials.secret).key
        #: How many batches Sinch has listed.
        self._listed = 0
        #: A time before which no batch was sent, for a journal that begins.
        self.since: pendulum.DateTime | None = None
        #: What is known; None before the first intent.
        self.entry: CampaignEntry | None = None
        #: Whether something was stored that is not a journal. Then nothing is known about earlier attempts.
        self.unreadable = False

    @property
    def is_kept(self) -> bool:
        """Whether later attempts can read it."""
        return self._store is not None

    def read(self) -> CampaignEntry | None:
        """
        Read what earlier attempts have written.

        :raises SinchNotSentError: The store cannot be reached.
        :raises SinchAccountChangedError: They used another account.
        """
        value = reached_store(self._store.get) if self._store else None
        if value is None:
            return None
        try:
            entry = CampaignEntry.from_dict(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            self.unreadable = True
            log.warning("The journal of this campaign is unreadable. Looking at Sinch who was reached.")
            return None
        if entry.reference != self._reference:
            # Another send_key: another campaign.
            return None
        if entry.account != self._account:
            raise SinchAccountChangedError(
                "An earlier attempt of this campaign used another account", operation="send"
            )
        if entry.key != self._key:
            # The secret has changed, so the hashes of open requests cannot be compared any more.
            entry = replace(entry, key=self._key)
        self.entry = entry
        return entry

    def settle(self, batches: int) -> None:
        """Note that all open requests are settled: Sinch lists so many batches."""
        with self._lock:
            self._listed = batches
            if self.entry is not None:
                self.entry = replace(self.entry, accepted=batches, open=())

    def intend(self, people: str) -> None:
        """
        Write that a request is about to leave, and what is known of the others by now.

        :param people: The keyed hash of its recipients.
        :raises SinchNotSentError: Airflow refuses the write, or cannot be reached.
        """
        with self._lock:
            entry = self._entry_or_new()
            others = tuple(each for each in entry.open if each.people != people)
            self._write(replace(entry, open=(*others, Intent(people, utcnow()))))

    def _entry_or_new(self) -> CampaignEntry:
        # Where the journal was lost, the batches that were found count as well.
        began = self.since or utcnow()
        return self.entry or CampaignEntry(self._account, self._reference, self._key, began, self._listed)

    def _write(self, entry: CampaignEntry) -> None:
        if self._store is not None:
            store, value = self._store, entry.to_dict()
            reached_store(lambda: store.set(value))
        self.entry = entry

    def exclude(self, sources: Collection[str]) -> None:
        """
        Write which sources of exclusions were not empty, if that is new or there is no journal yet.

        :raises SinchNotSentError: Airflow refuses the write, or cannot be reached.
        """
        with self._lock:
            entry = self._entry_or_new()
            excluding = tuple(sorted({*entry.excluding, *sources}))
            if self._store is None or (self.entry is not None and excluding == entry.excluding):
                return
            self._write(replace(entry, excluding=excluding))

    def note(self, people: str, *, accepted: bool) -> None:
        """Note the answer to a request. The next write tells it to later attempts."""
        with self._lock:
            assert self.entry is not None
            left = tuple(each for each in self.entry.open if each.people != people)
            self.entry = replace(self.entry, accepted=self.entry.accepted + accepted, open=left)

    def close(self) -> None:
        """Write what is known. Without it, the next attempt looks at Sinch for longer."""
        with self._lock:
            if self.entry is None:
                return
            try:
                self._write(self.entry)
            except SinchNotSentError as error:
                log.warning("The journal of this campaign was not written (%s).", error.what)
