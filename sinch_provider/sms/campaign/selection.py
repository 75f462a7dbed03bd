"""Who of an audience is texted now: not those who were reached, are excluded, or are asleep."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sinch_provider.sms.campaign.audience import Audience, Person
from sinch_provider.sms.campaign.exclusions import Exclusions
from sinch_provider.sms.campaign.reached import Reached
from sinch_provider.sms.campaign.window import Opening, SendWindow
from sinch_provider.sms.runtime import utcnow

#: Texts need some time from here to phones, so nothing is sent in the last minutes of a window.
LAST_MINUTES: Final = timedelta(minutes=5)


class Selection:
    """
    Chooses who is texted now, and the fields of their batches.

    :param audience: Everybody.
    :param found: Who was reached.
    :param exclusions: Who must not be texted. They are read again while the campaign runs.
    :param window: When people may be texted; None: at any time.
    :param only_to: Beginnings of the only numbers that the account may text; none: it may text all.
    :param refused: Digits of numbers that Sinch has refused, as whole numbers.
    """

    def __init__(
        self,
        audience: Audience,
        found: Reached,
        exclusions: Exclusions | None = None,
        window: SendWindow | None = None,
        only_to: Sequence[str] = (),
        refused: Collection[int] = (),
    ) -> None:
        self._layout = audience.layout
        self._reached = found.people
        self._exclusions = exclusions
        self._window = window
        self._only_to = tuple(only_to)
        self._refused = frozenset(refused)
        self._openings: dict[frozenset[str], Opening | None] = {}
        self._sample: frozenset[str] | None = None
        #: How many people must not be texted.
        self.excluded = 0
        #: How many people the account may not text.
        self.not_allowed = 0
        #: How many people have no hour in which the window is open.
        self.without_hour = 0
        #: How many people are texted later.
        self.later = 0
        #: When the first of these may be texted.
        self.opens: datetime | None = None

    def __repr__(self) -> str:
        return f"<selection: {self.later} later>"

    def only(self, sample: frozenset[str] | None) -> None:
        """
        Choose nobody but these people.

        :param sample: Digits of their numbers; None: everybody again.
        """
        self._sample = sample

    def choose(self, person: Person) -> Mapping[str, Any] | None:
        """Return the fields of somebody's batch; None: this person is not texted now."""
        number = int(person.number)
        if number in self._reached or number in self._refused or self._is_excluded(person):
            return None
        if self._only_to and not person.number.startswith(self._only_to):
            self.not_allowed += 1
            return None
        fields: dict[str, Any] = {}
        if self._window is not None:
            ends = self._open_until(person)
            if ends is None:
                return None
            fields["expire_at"] = ends
        if self._sample is not None and person.number not in self._sample:
            return None
        if self._layout.from_ is not None:
            fields["from_"] = self._layout.sender(person.country)
        return fields

    def still(self, people: Sequence[Person], fields: Mapping[str, Any]) -> Sequence[Person]:
        """
        Return who of the people of a batch may be texted at this moment: exclusions may be newer now.

        :param fields: The fields of the batch. If the window in which it expires is over, everybody is texted
            later.
        """
        left = people
        if self._exclusions is not None:
            self._exclusions.refresh()
            gone = self._exclusions.among([int(each.number) for each in people])
            self.excluded += len(gone)
            if gone:
                left = [each for each in people if int(each.number) not in gone]
        # People were chosen one after the other, and meanwhile the window may have closed.
        if self._window is None:
            return left
        return [each for each in left if self._is_still_open(each, fields["expire_at"])]

    def _is_still_open(self, person: Person, ends: datetime) -> bool:
        now_ends = self._open_until(person)
        if now_ends is None or now_ends == ends:
            return now_ends is not None
        # It has closed and is open again.
        self.later += 1
        self.opens = utcnow()
        return False

    def _is_excluded(self, person: Person) -> bool:
        if self._exclusions is None or person.number not in self._exclusions:
            return False
        self.excluded += 1
        return True

    def _open_until(self, person: Person) -> datetime | None:
        """When somebody's window closes; None, and counted, if it is not open now."""
        opening = self._opening(person.zones)
        if opening is None:
            self.without_hour += 1
            return None
        if opening.start > utcnow():
            self.later += 1
            self.opens = min(self.opens or opening.start, opening.start)
            return None
        return opening.end

    def _opening(self, zones: frozenset[str]) -> Opening | None:
        """The opening that is now, with some time left, or the next one."""
        assert self._window is not None
        now = utcnow()
        known = self._openings.get(zones)
        if known is not None and (known.start > now or known.end - now > LAST_MINUTES):
            return known
        opening = self._openings[zones] = self._window.opening(zones, now, LAST_MINUTES)
        return opening


def sample(audience: Audience, selection: Selection, size: int, seed: str) -> frozenset[str]:
    """
    Draw some of the people who may be texted now. The same people come out for the same seed.

    :param size: How many; if there are fewer, all of them.
    :returns: Digits of their numbers.
    """
    key = hashlib.blake2b(seed.encode(), digest_size=16).digest()

    def drawn(number: str) -> bytes:
        return hashlib.blake2b(number.encode(), key=key, digest_size=8).digest()

    numbers = (
        person.number
        for portion in audience.portions()
        for person in portion
        if selection.choose(person) is not None
    )
    chosen = heapq.nsmallest(size, ((drawn(number), number) for number in numbers))
    return frozenset(number for _, number in chosen)
