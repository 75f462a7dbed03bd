"""Keeps Python's garbage collector from stopping the event loop while thousands of waits are under way."""

from __future__ import annotations

import gc
from typing import Any, Final

from sinch_provider.sms.runtime import current

#: After so many seconds, the collector looks at everything once more.
THAW_AFTER: Final = 900.0
#: A full collection comes after as many of the middle generation. By default, after more than ten.
FULL_AFTER: Final = 1


class Freezing:
    """
    Lets full collections look only at what is new.

    A full collection looks at all objects of the process. With Airflow's own and those of 10,000 waits that
    takes half a second, and it comes every few thousand looks. Nearly all of these objects are still in use.
    So what has survived a full collection is frozen, and looked at again only after a quarter of an hour.
    Full collections come more often, so that there is less that is new.
    """

    def __init__(self) -> None:
        self._users = 0
        self._thawed_at = 0.0
        self._before = self._set = gc.get_threshold()

    def begin(self) -> None:
        """Freeze from now on, until everyone who began it has ended it."""
        self._users += 1
        if self._users == 1:
            self._thawed_at = current().monotonic()
            self._before = gc.get_threshold()
            self._set = (*self._before[:2], FULL_AFTER)
            gc.set_threshold(*self._set)
            gc.callbacks.append(self._collected)

    def end(self) -> None:
        """Leave the collector as it was, unless others still need this."""
        self._users -= 1
        if not self._users:
            gc.callbacks.remove(self._collected)
            gc.unfreeze()
            if gc.get_threshold() == self._set:
                gc.set_threshold(*self._before)

    def _collected(self, phase: str, details: dict[str, Any]) -> None:
        if phase != "stop" or details["generation"] != 2:
            return
        now = current().monotonic()
        if now - self._thawed_at < THAW_AFTER:
            gc.freeze()
        else:
            # What has become garbage since then is found next time.
            self._thawed_at = now
            gc.unfreeze()


freezing: Final = Freezing()
