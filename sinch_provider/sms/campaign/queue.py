"""
The texts of a campaign that Sinch has accepted and not sent yet.

What waits there leaves whatever happens to the task. So with a ``rate``, at most as many people wait as it
allows for a quarter of an hour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.reached import SentBatch
from sinch_provider.sms.delivery.progress import counts_of
from sinch_provider.sms.errors import SinchNotFoundError

#: Seconds.
LONGEST: Final = 15 * 60
_QUEUED: Final = "Queued"


class Queue:
    """
    Tells when too many people wait at Sinch, with one small call at most.

    Sinch sends in the order in which it was asked. So if a batch still waits, all after it do.

    :param rate: People a second.
    :param before: The batches of the campaign so far.
    """

    def __init__(self, rate: float, before: Iterable[SentBatch]) -> None:
        self._most = rate * LONGEST
        self._people = 0
        self._batches: deque[tuple[str, int]] = deque()
        for batch in sorted(before, key=lambda each: each.created_at):
            if not batch.canceled:
                self.add(batch.id, batch.recipients)

    def add(self, batch_id: str, people: int) -> None:
        """Note a batch that Sinch has accepted."""
        self._batches.append((batch_id, people))
        self._people += people
        # More than enough people wait behind the first one, so it does not matter.
        while self._people - self._batches[0][1] > self._most:
            self._leave()

    async def full(self) -> str | None:
        """Return a batch that has to leave before the next is sent; None: there is room."""
        if self._people <= self._most:
            return None
        first = self._batches[0][0]
        try:
            report = await endpoints.get_delivery_report(first)
        except SinchNotFoundError:
            # Without reports, nobody can tell.
            return None
        if any(people for (status, _), people in counts_of(report).items() if status == _QUEUED):
            return first
        self._leave()
        return None

    def _leave(self) -> None:
        self._people -= self._batches.popleft()[1]
