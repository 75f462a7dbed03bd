"""What the sends of one attempt share: their batches, keys and listings."""

from __future__ import annotations

from dataclasses import dataclass, field

from sinch_provider.sms.runtime import current
from sinch_provider.sms.sending.listing import Listing


class Stopwatch:
    """Measures the time that has certainly passed: by the monotonic clock, or by the pauses made."""

    def __init__(self) -> None:
        self._began = current().monotonic()
        self._paused = 0.0

    def add_pause(self, seconds: float) -> None:
        """Count a pause, which a monotonic clock that stands still would miss."""
        self._paused += seconds

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return max(current().monotonic() - self._began, self._paused)


@dataclass
class Memory:
    """
    What the sends of one attempt know of each other.

    :param watch: A stopwatch since the attempt began.
    :param batches: Ids of batches that belong to a send of this attempt.
    :param keyed: The batch ids of sends with a key, by their reference.
    :param listings: What Sinch lists under a reference, read when no batch of an earlier attempt could be
        missing any more.
    """

    watch: Stopwatch = field(default_factory=Stopwatch)
    batches: set[str] = field(default_factory=set)
    keyed: dict[str, str] = field(default_factory=dict)
    listings: dict[str, Listing] = field(default_factory=dict)
