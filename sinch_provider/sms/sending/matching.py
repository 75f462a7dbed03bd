"""Recognising the batch of a send: among the batches that Sinch lists, and in the answer to a request."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pendulum

from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import Found, Scope
from sinch_provider.sms.sending.journal import Entry
from sinch_provider.sms.sending.listing import Listing
from sinch_provider.sms.sending.payload import Fingerprint, Match, Payload, same_text

#: ``Date`` headers have whole seconds only.
_CLOCK_GRAIN: Final = timedelta(seconds=2)
#: The shortest phone number has five digits.
_RUN: Final = r"[0-9]{5}"


@dataclass(frozen=True)
class Candidates:
    """
    The batches of a listing that can be the send's.

    :param found: What they have in common with the send.
    :param batches: The batches that ``found`` is about, the best first.
    :param complete: Whether no batch can be missing.
    :param unexplained: A batch that may be the send's or another send's.
    :param live: All batches that go to some of our recipients and are not cancelled, the best first.
    """

    found: Found
    batches: Sequence[Batch] = ()
    complete: bool = True
    unexplained: Batch | None = None
    live: Sequence[Batch] = ()


class Matcher:
    """
    Recognises a send by the operator's reference, its recipients and its text.

    :param payload: The recipients and the text.
    :param secret: The key of fingerprints.
    :param scope: Which sends use the reference.
    """

    def __init__(self, payload: Payload, secret: str, scope: Scope) -> None:
        self._payload = payload
        self._secret = secret
        self.scope = scope

    def match(self, listing: Listing, others: Collection[str]) -> Candidates:
        """
        Return the batches of a listing that can be the send's.

        :param others: Ids of batches that are certainly not the send's.
        """
        listing = without_numbers(listing, self._payload.listed)
        live: dict[Match, list[Batch]] = {each: [] for each in Match}
        canceled = []
        complete = listing.complete
        for batch in listing.batches:
            if batch.id in others or not self._can_be(batch):
                continue
            match = self._payload.compare(Payload.of_batch(batch))
            if batch.client_reference is None and match is not Match.SAME:
                # Without a reference it may belong to any send.
                complete = False
            elif not batch.canceled:
                live[match].append(batch)
            elif self.scope is Scope.OWN or match is not Match.NONE:
                canceled.append(batch)
        reaching = (Match.SAME, Match.OTHER_TEXT, Match.SOME)
        related = [each for match in reaching for each in self._best_first(live[match])]
        for match in reaching:
            if live[match]:
                best = self._best_first(live[match])
                return Candidates(Found(match.value), best, complete, live=related)
        unrelated = live[Match.NONE]
        if unrelated and self.scope is Scope.OWN:
            return Candidates(Found.NONE, unrelated, complete)
        if canceled:
            return Candidates(Found.CANCELLED, canceled, complete)
        return Candidates(Found.NONE if unrelated else Found.NOTHING, unrelated, complete)

    def _can_be(self, batch: Batch) -> bool:
        """Whether a batch with the reference can be the send's."""
        return True

    def _best_first(self, batches: Sequence[Batch]) -> list[Batch]:
        # Ids begin with the time, so of two batches with the same time the older is first.
        return sorted(
            batches,
            key=lambda each: (
                Payload.of_batch(each).recipients != self._payload.recipients,
                each.created_at or pendulum.DateTime.max,
                each.id,
            ),
        )


def _is_asked(asked: Fingerprint, theirs: Payload, secret: str, ours: Payload) -> bool:
    """Whether a batch is what the journalled request asked for."""
    shown = theirs.fingerprint(secret)
    if asked.key != shown.key:
        return theirs.recipients == ours.recipients and ours.compare(theirs) is Match.SAME
    return asked == shown


class JournalMatcher(Matcher):
    """
    Recognises a send by the request in its journal, among other sends with the same reference.

    :param asked: The fingerprint of that request.
    """

    def __init__(self, payload: Payload, secret: str, asked: Fingerprint) -> None:
        super().__init__(payload, secret, Scope.OWN)
        self._asked = asked

    def _can_be(self, batch: Batch) -> bool:
        return _is_asked(self._asked, Payload.of_batch(batch), self._secret, self._payload)


class LabelMatcher(Matcher):
    """
    Recognises a send by a ``client_reference`` that the user chose, and that other sends may have too.

    Only a batch that the journal explains counts: the same request, and not older than its intent.

    :param entry: The journal's entry, if there is one.
    """

    def __init__(self, payload: Payload, secret: str, entry: Entry | None) -> None:
        super().__init__(payload, secret, Scope.OWN)
        self._entry = entry

    def match(self, listing: Listing, others: Collection[str]) -> Candidates:
        """Return the batch of a listing that is the send's, or one that may be."""
        listing = without_numbers(listing, self._payload.listed)
        explained: list[Batch] = []
        unexplained: list[Batch] = []
        for batch in listing.batches:
            if batch.id not in others:
                is_explained = self._explains(batch, listing)
                if is_explained is not None:
                    (explained if is_explained else unexplained).append(batch)
        live = [each for each in explained if not each.canceled]
        if live:
            return Candidates(Found.SAME, self._best_first(live), listing.complete)
        if explained:
            return Candidates(Found.CANCELLED, explained, listing.complete)
        doubtful = unexplained[-1] if unexplained else None
        return Candidates(Found.NOTHING, (), listing.complete, doubtful)

    def _explains(self, batch: Batch, listing: Listing) -> bool | None:
        """Whether the journal explains a batch; None if the batch is certainly another send's."""
        theirs = Payload.of_batch(batch)
        match = self._payload.compare(theirs)
        if self._entry is None:
            return None if match is Match.NONE or batch.canceled else False
        began = self._entry.began + (listing.skew or timedelta())
        is_newer = batch.created_at is not None and batch.created_at >= began - _CLOCK_GRAIN
        if _is_asked(self._entry.fingerprint, theirs, self._secret, self._payload):
            return is_newer
        if self._entry.fingerprint.key != theirs.fingerprint(self._secret).key:
            # The secret has changed, so nobody can say whether the request had this other text.
            return False if is_newer and match is not Match.NONE else None
        return False if match is Match.SAME else None


def contradiction(
    batch: Batch, request: Mapping[str, Any], others: Collection[str], intended: pendulum.DateTime | None
) -> str | None:
    """
    Return why a batch cannot be the result of a request; None if it can.

    A missing field is no contradiction, unless both the reference and the recipients are missing.

    :param others: Ids of batches that are certainly not the send's.
    :param intended: When the intent was written, by Sinch's clock; None if unknown.
    """
    raw = batch.raw
    if _has_number(batch.id, request["to"]):
        # Logs and errors name the id of a batch.
        return "the id of the batch has a recipient's number in it"
    if batch.id in others:
        return f"batch {batch.id} belongs to another send"
    if batch.client_reference is not None and batch.client_reference != request.get("client_reference"):
        return f"batch {batch.id} has another reference"
    if raw.get("to") and not _same_recipients(batch.to, request["to"]):
        return f"batch {batch.id} has other recipients"
    if raw.get("body") is not None and not same_text(request.get("body"), raw["body"]):
        return f"batch {batch.id} has another text"
    if intended is not None and batch.created_at is not None and batch.created_at < intended - _CLOCK_GRAIN:
        return f"batch {batch.id} is older than the request"
    if batch.client_reference is None and not raw.get("to"):
        return f"batch {batch.id} has neither reference nor recipients"
    return None


def without_numbers(listing: Listing, recipients: Collection[str]) -> Listing:
    """
    Leave out the batches whose ids have a number in them: logs, results and errors name ids.

    :param recipients: The numbers, and group ids.
    :returns: It is not complete if anything was left out.
    """
    kept = tuple(batch for batch in listing.batches if not _has_number(batch.id, recipients))
    return listing if len(kept) == len(listing.batches) else replace(listing, batches=kept, complete=False)


def _has_number(batch_id: str, recipients: Collection[str]) -> bool:
    plain = batch_id.replace("-", "").replace("_", "")
    if not re.search(_RUN, plain):
        return False
    digits = (recipient.removeprefix("+") for recipient in recipients)
    return any(number in plain for number in digits if number.isdecimal())


def _same_recipients(ones: Sequence[str], others: Sequence[str]) -> bool:
    # Sinch mostly lists them as they were sent. Comparing lists is cheaper than making sets.
    return list(ones) == list(others) or _digits(ones) == _digits(others)


def _digits(numbers: Sequence[str]) -> set[str]:
    return {number.removeprefix("+") for number in numbers}
