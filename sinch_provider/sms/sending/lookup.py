"""The look-up: lists until the batch is there, or until it is certain that Sinch has not accepted it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import pendulum

from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import SinchUnsettledError
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.decision import Action, Found
from sinch_provider.sms.sending.journal import Entry
from sinch_provider.sms.sending.listing import (
    CLOCK_MARGIN,
    LISTED_FOR,
    LISTING_LAG,
    Listing,
    list_by_reference,
)
from sinch_provider.sms.sending.matching import Candidates
from sinch_provider.sms.sending.memory import Memory, Stopwatch
from sinch_provider.sms.sending.refusals import too_old
from sinch_provider.sms.wire.call import Pause

log = logging.getLogger(__name__)

#: Pauses between listings, in seconds; the last one is repeated.
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
_SENDING: Final = frozenset({Action.SEND, Action.SEND_IF_NOTHING_LEFT})
_KEEPING: Final = frozenset({Action.KEEP, Action.KEEP_AND_WARN})


class Intended(Protocol):
    """The entry of a journal that says when a request was about to leave."""

    @property
    def intended(self) -> pendulum.DateTime: ...


class Settling:
    """
    Measures the settle time: how long the batch of an earlier request may still take to be listed.

    Sinch accepts a request within the longest exchange after its intent, and lists it within the listing lag.

    :param intent: A stopwatch since the latest intent of this attempt, if an earlier execution wrote one.
    """

    def __init__(self, account: Account, memory: Memory, intent: Stopwatch | None = None) -> None:
        self.memory = memory
        self._longest_exchange = account.longest_exchange
        self._seconds = self._longest_exchange + LISTING_LAG.total_seconds()
        #: A stopwatch since the latest intent of this attempt; None before the first.
        self.intent = intent

    def begin(self) -> None:
        """Note that a request of this attempt is about to leave."""
        self.intent = Stopwatch()

    def lose_answer(self) -> None:
        """Note that the answer was lost. If this process was paused, the request may have left only now."""
        if self.intent is not None and self.intent.seconds > self._longest_exchange:
            self.intent = Stopwatch()

    @property
    def has_begun(self) -> bool:
        """Whether a request of this attempt may have left."""
        return self.intent is not None

    async def pause(self, seconds: float) -> None:
        """Wait, and count the pause."""
        await Pause(seconds)
        for watch in (self.intent, self.memory.watch):
            if watch is not None:
                watch.add_pause(seconds)

    def seconds_left(self, entry: Intended | None) -> float:
        """
        Return how many seconds a batch may still take to be listed.

        Another process may have written the intent, by another clock. So this process counts by its own
        clock, unless the intent is older than any difference between clocks can explain.

        :param entry: The journal's intent, if there is one.
        """
        if self.intent is not None:
            return self._seconds - self.intent.seconds
        left = self._seconds - self.memory.watch.seconds
        if entry is None:
            return left
        by_intent = entry.intended + timedelta(seconds=self._seconds) + CLOCK_MARGIN - utcnow()
        return min(left, by_intent.total_seconds())


@dataclass(frozen=True)
class LookUp:
    """
    A search for the batch of a send.

    :param reference: The reference of the batch.
    :param since: When the first request may have left.
    :param match: Returns which batches of a listing can be the send's.
    :param action: Returns what to do about those.
    :param settling: Measures how long to continue.
    :param entry: The journal's intent, if there is one.
    :param wait_for_more: Whether to wait for our batch although other batches are a reason to fail.
    """

    reference: str
    since: pendulum.DateTime
    match: Callable[[Listing], Candidates]
    action: Callable[[Candidates], Action]
    settling: Settling
    entry: Entry | None
    wait_for_more: bool

    async def steps(self) -> Candidates:
        """
        List by the reference until there is a batch to keep, or until no batch can be missing.

        The last listing is remembered for the other sends of the attempt.

        :raises SinchUnsettledError: The listing is not complete.
        :raises SinchUncertainError: The first request was longer ago than Sinch lists batches.
        """
        known = None if self.settling.has_begun else self.settling.memory.listings.get(self.reference)
        if known is not None:
            candidates = self.match(known)
        else:
            log.info("Looking for the batch at Sinch by its reference %s.", mask_text(self.reference))
            candidates = await self._list_until_settled()
        if candidates.unexplained or self.action(candidates) not in _SENDING:
            return candidates
        if not candidates.complete:
            raise SinchUnsettledError(
                "Sinch's listing is not complete, so it is unknown whether Sinch has accepted the batch",
                operation="send",
            )
        if self.since < utcnow() - LISTED_FOR:
            raise too_old(self.since)
        return candidates

    async def _list_until_settled(self) -> Candidates:
        looks = 0
        while True:
            left = self.settling.seconds_left(self.entry)
            listing = await list_by_reference(self.reference, self.since)
            candidates = self.match(listing)
            if left <= 0:
                break
            action = self.action(candidates)
            decided = action in _KEEPING or (action is Action.FAIL and not self.wait_for_more)
            if decided and not candidates.unexplained:
                return candidates
            if looks == 0:
                log.info("The batch is not listed yet. Sinch may take up to %.0f s more.", left)
            # Without an intent a batch is unlikely, so one more listing at the end is enough.
            rest = math.ceil(left)
            pause = min(_PAUSES[min(looks, len(_PAUSES) - 1)], rest) if self.entry else rest
            await self.settling.pause(pause)
            looks += 1
        if not self.settling.has_begun:
            self.settling.memory.listings[self.reference] = listing
        if candidates.found is Found.NOTHING and candidates.complete:
            log.info("The batch is still not listed, so Sinch has not accepted it.")
        return candidates
