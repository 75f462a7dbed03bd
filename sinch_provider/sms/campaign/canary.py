"""``Canary``: a few people get the text first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import whole_number


@dataclass(frozen=True)
class Canary:
    """
    A few people who get the text first.

    The others get it as soon as ``min_delivered`` of these have it. If that cannot happen any more, or does
    not happen in time, nothing more is sent, and what has not left is cancelled. The same happens if Sinch
    reports a code that concerns the whole campaign, such as a spam filter.

    :param people: How many, drawn by chance.
    :param within: How long to wait for their reports.
    :param min_delivered: The share of them that has to be delivered.
    """

    people: int
    within: timedelta = timedelta(minutes=30)
    min_delivered: float = 0.9

    def faults(self, field: str) -> list[Fault]:
        """Return what is wrong with it."""
        faults = []
        people = whole_number(self.people)
        if people is None or people < 1:
            faults.append(Fault(f"{field}.people", "must be a number of people, 1 or more"))
        if not isinstance(self.within, timedelta) or self.within <= timedelta(0):
            faults.append(Fault(f"{field}.within", "must be a timedelta above 0"))
        share = self.min_delivered
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
            faults.append(Fault(f"{field}.min_delivered", "must be a share above 0.0, at most 1.0"))
        return faults
