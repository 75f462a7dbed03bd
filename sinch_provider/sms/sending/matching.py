"""Recognising a send: among the batches that Sinch lists, and in the answer to its request."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pendulum

from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import Found, Reference
from sinch_provider.sms.sending.journal import Entry
from sinch_provider.sms.sending.lookup import Listing
from sinch_provider.sms.sending.payload import Fingerprint, Payload, Relation, same_text

#: ``Date`` headers know whole seconds only.
_CLOCK_GRAIN: Final = timedelta(seconds=2)


@dataclass(frozen=True)
class Candidates:
    """
    What of a listing can be the send.

    :param found: What they have in common with it.
    :param batches: Those that ``found`` speaks of, the best first.
    :param complete: Whether nothing can be missing.
    :param unexplained: A batch that may be the send's or somebody else's.
    :param live: All that reach some of our people and are not cancelled, the best first.
    """

    found: Found
    batches: Sequence[Batch] = ()
    complete: bool = True
    unexplained: Batch | None = None
    live: Sequence[Batch] = ()


class Matcher:
    """
    Recognises a send by its own reference.

    :param payload: Its people and text.
    :param secret: Keys fingerprints.
    :param kind: Whose batches can carry the reference.
    """

    def __init__(self, payload: Payload, secret: str, kind: Reference) -> None:
        self._payload = payload
        self._secret = secret
        self.kind = kind

    def match(self, listing: Listing, others: Collection[str]) -> Candidates:
        """
        Tell what of a listing can be the send.

        :param others: Ids of batches that are known to be another send's.
        """
        live: dict[Relation, list[Batch]] = {each: [] for each in Relation}
        canceled = []
        complete = listing.complete
        for batch in listing.batches:
            if batch.id in others or not self._can_be(batch):
                continue
            relation = self._payload.relation(Payload.of_batch(batch))
            if batch.client_reference is None and relation is not Relation.SAME:
                # Without a label it may be anybody's.
                complete = False
            elif not batch.canceled:
                live[relation].append(batch)
            elif self.kind is Reference.OWN or relation is not Relation.NONE:
                canceled.append(batch)
        shared = (Relation.SAME, Relation.OTHER_TEXT, Relation.SOME)
        related = [each for relation in shared for each in self._best_first(live[relation])]
        for relation in shared:
            if live[relation]:
                best = self._best_first(live[relation])
                return Candidates(Found(relation.value), best, complete, live=related)
        if live[Relation.NONE] and self.kind is Reference.OWN:
            return Candidates(Found.NONE, live[Relation.NONE], complete)
        if canceled:
            return Candidates(Found.CANCELLED, canceled, complete)
        found = Found.NONE if live[Relation.NONE] else Found.NOTHING
        return Candidates(found, live[Relation.NONE], complete)

    def _can_be(self, batch: Batch) -> bool:
        """Whether a batch with the reference can be the send's."""
        return True

    def _best_first(self, batches: Sequence[Batch]) -> list[Batch]:
        # Ids begin with the time and settle ties.
        return sorted(
            batches,
            key=lambda each: (
                Payload.of_batch(each).people != self._payload.people,
                each.created_at or pendulum.DateTime.max,
                each.id,
            ),
        )


def _is_asked(asked: Fingerprint, theirs: Payload, secret: str, ours: Payload) -> bool:
    """Whether a batch is what a journal says was asked for."""
    told = theirs.fingerprint(secret)
    if asked.key != told.key:
        return theirs.people == ours.people and ours.relation(theirs) is Relation.SAME
    return asked == told


class Asked(Matcher):
    """
    Recognises a send by what its journal says was asked for, among others that share its reference.

    :param asked: The fingerprint of the request.
    """

    def __init__(self, payload: Payload, secret: str, asked: Fingerprint) -> None:
        super().__init__(payload, secret, Reference.OWN)
        self._asked = asked

    def _can_be(self, batch: Batch) -> bool:
        return _is_asked(self._asked, Payload.of_batch(batch), self._secret, self._payload)


class OwnLabel(Matcher):
    """
    Recognises a send by a label of the user's own, which other sends may have too.

    Only what the journal explains counts: the same request, not older than the intent.
    """

    def __init__(self, payload: Payload, secret: str, entry: Entry | None) -> None:
        super().__init__(payload, secret, Reference.OWN)
        self._entry = entry

    def match(self, listing: Listing, others: Collection[str]) -> Candidates:
        """Tell which batch of a listing is the send, and which may be."""
        explained: list[Batch] = []
        unexplained: list[Batch] = []
        for batch in listing.batches:
            if batch.id not in others:
                told = self._explains(batch, listing)
                if told is not None:
                    (explained if told else unexplained).append(batch)
        live = [each for each in explained if not each.canceled]
        if live:
            return Candidates(Found.SAME, self._best_first(live), listing.complete)
        if explained:
            return Candidates(Found.CANCELLED, explained, listing.complete)
        doubtful = unexplained[-1] if unexplained else None
        return Candidates(Found.NOTHING, (), listing.complete, doubtful)

    def _explains(self, batch: Batch, listing: Listing) -> bool | None:
        """Whether the journal explains a batch; None if it certainly is another send."""
        theirs = Payload.of_batch(batch)
        relation = self._payload.relation(theirs)
        if self._entry is None:
            return None if relation is Relation.NONE or batch.canceled else False
        if not _is_asked(self._entry.fingerprint, theirs, self._secret, self._payload):
            return False if relation is Relation.SAME else None
        began = self._entry.began + (listing.skew or timedelta())
        return batch.created_at is not None and batch.created_at >= began - _CLOCK_GRAIN


def contradiction(
    batch: Batch, request: Mapping[str, Any], others: Collection[str], intended: pendulum.DateTime | None
) -> str | None:
    """
    Say why a batch cannot be what a request asked for; None if it can.

    What an answer leaves out contradicts nothing, unless it leaves out all that would tell it from another's.

    :param others: Ids of batches that are known to be another send's.
    :param intended: When the request was about to leave, by Sinch's clock.
    """
    raw = batch.raw
    if batch.id in others:
        return f"batch {batch.id} is another send's"
    if batch.client_reference is not None and batch.client_reference != request.get("client_reference"):
        return f"batch {batch.id} has another reference"
    if raw.get("to") and set(_digits(batch.to)) != set(_digits(request["to"])):
        return f"batch {batch.id} has other recipients"
    if raw.get("body") is not None and not same_text(request.get("body"), raw["body"]):
        return f"batch {batch.id} has another text"
    if intended is not None and batch.created_at is not None and batch.created_at < intended - _CLOCK_GRAIN:
        return f"batch {batch.id} is older than the request"
    if batch.client_reference is None and not raw.get("to"):
        return f"batch {batch.id} says neither whose nor for whom it is"
    return None


def _digits(numbers: Any) -> list[str]:
    return [number.removeprefix("+") for number in numbers]
