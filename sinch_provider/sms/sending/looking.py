"""Looking for a batch until it is there, or would be there if it had been accepted."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pendulum

from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import SinchUnsettledError
from sinch_provider.sms.fields.times import utcnow
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.sending.decision import Action, Found
from sinch_provider.sms.sending.journal import Entry
from sinch_provider.sms.sending.lookup import (
    CLOCK_MARGIN,
    LISTED,
    LISTING_LAG,
    Listing,
    list_by_reference,
)
from sinch_provider.sms.sending.matching import Candidates
from sinch_provider.sms.sending.memory import Memory, Stopwatch
from sinch_provider.sms.sending.refusals import too_old
from sinch_provider.sms.wire.call import Pause, Step

log = logging.getLogger(__name__)

#: Pauses between looks for a batch that may have been accepted; the last one is repeated.
_LOOKS: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
_SENDING: Final = frozenset({Action.SEND, Action.SEND_IF_NOTHING_LEFT})
_KEEPING: Final = frozenset({Action.KEEP, Action.WARN})


class Settling:
    """
    Tells how long a batch of an earlier request may still take to be listed.

    Nothing is posted later than the longest exchange after an intent, nor listed later than Sinch's lag.
    """

    def __init__(self, account: Account, memory: Memory, intent: Stopwatch | None = None) -> None:
        self.memory = memory
        self._longest_exchange = account.longest_exchange
        self._seconds = self._longest_exchange + LISTING_LAG.total_seconds()
        #: Runs since the latest intent of this attempt.
        self.intent = intent

    def begin(self) -> None:
        """Note that a request of this attempt is about to leave."""
        self.intent = Stopwatch()

    def lose(self) -> None:
        """Note that its answer is lost: if this process was paused on the way, it may have left only now."""
        if self.intent is not None and self.intent.seconds > self._longest_exchange:
            self.intent = Stopwatch()

    @property
    def has_begun(self) -> bool:
        """Whether a request of this attempt may have left."""
        return self.intent is not None

    def pause(self, seconds: float) -> Generator[Step, Any, None]:
        """Wait."""
        yield Pause(seconds)
        for watch in (self.intent, self.memory.watch):
            if watch is not None:
                watch.paused(seconds)

    def seconds_left(self, entry: Entry | None) -> float:
        """
        Tell how long a batch may still take to be listed.

        Another process may have written the intent, by another clock. So this process waits by its own clock,
        unless the intent is so old that no clock can be that wrong.

        :param entry: The intent, if it is known.
        """
        if self.intent is not None:
            return self._seconds - self.intent.seconds
        left = self._seconds - self.memory.watch.seconds
        if entry is None:
            return left
        by_intent = entry.intended + timedelta(seconds=self._seconds) + CLOCK_MARGIN - utcnow()
        return min(left, by_intent.total_seconds())


@dataclass(frozen=True)
class Look:
    """
    A look for the batch of a send.

    :param reference: The reference it has.
    :param since: When the first request may have left.
    :param match: Tells what of a listing can be the send.
    :param action: Tells what to do about that.
    :param settling: Tells how long to go on.
    :param entry: The intent, if it is known.
    :param wait_for_more: Whether our batch may come up beside others that are reason to fail.
    """

    reference: str
    since: pendulum.DateTime
    match: Callable[[Listing], Candidates]
    action: Callable[[Candidates], Action]
    settling: Settling
    entry: Entry | None
    wait_for_more: bool

    def steps(self) -> Generator[Step, Any, Candidates]:
        """
        List by the reference until a batch is there that is to be kept, or until none can be missing.

        What is listed by then is kept for the other sends of the attempt.

        :raises SinchUnsettledError: The listing cannot be relied on.
        :raises SinchUncertainError: The first request was longer ago than Sinch lists batches.
        """
        known = None if self.settling.has_begun else self.settling.memory.listings.get(self.reference)
        if known is not None:
            candidates = self.match(known)
        else:
            log.info("Looking for the batch by its reference %s.", mask_text(self.reference))
            candidates = yield from self._until_settled()
        if candidates.unexplained or self.action(candidates) not in _SENDING:
            return candidates
        if not candidates.complete:
            raise SinchUnsettledError(
                "Sinch's listing is not complete, so it is unknown whether the batch was accepted",
                operation="send",
            )
        if self.since < utcnow() - LISTED:
            raise too_old(self.since)
        return candidates

    def _until_settled(self) -> Generator[Step, Any, Candidates]:
        looks = 0
        while True:
            left = self.settling.seconds_left(self.entry)
            listing: Listing = yield from list_by_reference(self.reference, self.since)
            candidates = self.match(listing)
            if left <= 0:
                break
            told = self.action(candidates)
            decided = told in _KEEPING or (told is Action.FAIL and not self.wait_for_more)
            if decided and not candidates.unexplained:
                return candidates
            if looks == 0:
                log.info("It is not listed yet. Sinch may take %.0f s more.", left)
            # Without an intent a batch is unlikely, so one more look at the end is enough.
            rest = math.ceil(left)
            pause = min(_LOOKS[min(looks, len(_LOOKS) - 1)], rest) if self.entry else rest
            yield from self.settling.pause(pause)
            looks += 1
        if not self.settling.has_begun:
            self.settling.memory.listings[self.reference] = listing
        if candidates.found is Found.NOTHING and candidates.complete:
            log.info("It is not listed, so it was not accepted.")
        return candidates
