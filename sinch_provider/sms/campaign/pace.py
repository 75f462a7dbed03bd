"""
How a campaign keeps to its ``rate``.

At most a minute's worth of people are sent to Sinch at once. What waits at Sinch leaves whatever happens to
the task. So at most as many people wait there as the rate allows for a quarter of an hour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.reached import SentBatch
from sinch_provider.sms.delivery.progress import counts_of
from sinch_provider.sms.errors import SinchNotFoundError
from sinch_provider.sms.runtime import utcnow

#: Seconds.
LONGEST: Final = 15 * 60
_AT_ONCE: Final = 60
_QUEUED: Final = "Queued"


def people_of_batch(rate: float | None, most: int) -> int:
    """
    Return how many people a batch has at most.

    :param rate: People a second; None: as fast as Sinch answers.
    :param most: At any rate.
    """
    return most if rate is None else max(1, int(min(most, rate * _AT_ONCE)))


def requests_at_once(rate: float | None, people: int, most: int) -> int:
    """
    Return how many requests may be on their way at once.

    :param rate: People a second; None: as fast as Sinch answers.
    :param people: How many people a batch has at most.
    :param most: At any rate.
    """
    return most if rate is None else max(1, int(min(most, rate * _AT_ONCE / people)))


class Queue:
    """
    Tells when too many people wait at Sinch, with two small calls at most.

    Sinch sends in the order in which it was asked. So if a batch still waits, all after it do.

    :param rate: People a second.
    :param before: The batches of the campaign so far.
    """

    def __init__(self, rate: float, before: Iterable[SentBatch]) -> None:
        self._most = rate * LONGEST
        self._people = 0
        self._batches: deque[tuple[str, int]] = deque()
        for batch in sorted(before, key=lambda each: each.created_at):
            if not batch.canceled and batch.ends > utcnow():
                self.add(batch.id, batch.recipients)

    def add(self, batch_id: str, people: int) -> None:
        """Note a batch that Sinch has accepted."""
        self._batches.append((batch_id, people))
        self._people += people
        # More than enough people wait behind the first one, so it does not matter.
        while self._people - self._batches[0][1] > self._most:
            self._leave()

    async def full(self) -> bool:
        """Whether some of the people at Sinch have to be texted before more are sent there."""
        if self._people <= self._most:
            return False
        # One phone that stays in the queue must not keep everybody else waiting. If it is most of its batch,
        # the next batch tells.
        for place, (batch_id, people) in enumerate(list(self._batches)[:2]):
            try:
                report = await endpoints.get_delivery_report(batch_id)
            except SinchNotFoundError:
                # Without reports, nobody can tell.
                return False
            counts = counts_of(report).items()
            gone = sum(number for (status, _), number in counts if status != _QUEUED)
            if 2 * gone >= people:
                for _ in range(place + 1):
                    self._leave()
                return False
        return True

    def _leave(self) -> None:
        self._people -= self._batches.popleft()[1]
