"""What the sends of one attempt of a task know of each other."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sinch_provider.sms.sending.lookup import Listing


class Stopwatch:
    """Tells how much time has surely passed: by the monotonic clock, or by the pauses that were made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._paused = 0.0

    def paused(self, seconds: float) -> None:
        """Note a pause."""
        self._paused += seconds

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return max(time.monotonic() - self._began, self._paused)


@dataclass
class Memory:
    """
    What has happened in this process since the attempt began.

    :param watch: Runs since then.
    :param executions: How often each operator has been executed.
    :param places: Which journals of an operator the sends of this attempt use.
    :param guesses: How many of an operator's sends use a journal that may be another's.
    :param batches: Batches that are known to belong to a send of this attempt.
    :param unsettled: References under which a request may have left whose outcome is not known.
    :param listings: What Sinch lists by a reference, once nothing of an earlier attempt can be missing.
    """

    watch: Stopwatch = field(default_factory=Stopwatch)
    executions: Counter[str] = field(default_factory=Counter)
    places: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    guesses: Counter[str] = field(default_factory=Counter)
    batches: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    listings: dict[str, Listing] = field(default_factory=dict)
