"""What the sends of one attempt of a task know of each other."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sinch_provider.sms.runtime import current
from sinch_provider.sms.sending.lookup import Listing

if TYPE_CHECKING:
    from sinch_provider.sms.sending.send_once import SendOnce


class Stopwatch:
    """Tells how much time has surely passed: by the monotonic clock, or by the pauses that were made."""

    def __init__(self) -> None:
        self._began = current().monotonic()
        self._paused = 0.0

    def paused(self, seconds: float) -> None:
        """Note a pause."""
        self._paused += seconds

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return max(current().monotonic() - self._began, self._paused)


@dataclass
class Memory:
    """
    What has happened in this process since the attempt began.

    :param watch: Runs since then.
    :param executions: How often each operator has been executed.
    :param places: Which journals of an operator the sends of this attempt use.
    :param guesses: How many of an operator's sends use a journal that may be another's.
    :param batches: Batches that are known to belong to a send of this attempt.
    :param keyed: The batches of sends with a key, by their reference.
    :param failed: Sends of an operator that raised an error. Executed again, they are the same sends.
    :param lock: Held while a send finds its place.
    :param listings: What Sinch lists by a reference, once nothing of an earlier attempt can be missing.
    """

    watch: Stopwatch = field(default_factory=Stopwatch)
    executions: Counter[str] = field(default_factory=Counter)
    places: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    guesses: Counter[str] = field(default_factory=Counter)
    batches: set[str] = field(default_factory=set)
    keyed: dict[str, str] = field(default_factory=dict)
    failed: dict[str, list[SendOnce]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)
    listings: dict[str, Listing] = field(default_factory=dict)
