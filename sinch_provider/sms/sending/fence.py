"""The permission to send: asked right before the headers of a request leave, for every attempt at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.runtime import current

#: An older permission is renewed: a process that was paused may have been replaced.
FRESH_SECONDS: Final = 2.0
#: Pauses before the first, second and third write.
_PAUSES: Final = (0.0, 2.0, 8.0)


def _clocks() -> tuple[float, float]:
    # The monotonic clock stands still while a machine sleeps; the wall clock may be set back.
    return current().monotonic(), current().now().timestamp()


class Fence:
    """
    Lets a request pass if this attempt may still send.

    A store that refuses the writes of a replaced attempt, as Airflow's task state does, makes the write a
    permission: an attempt that cannot write does not send.

    :param renew: Writes the intent, or raises.
    :param stopped: Whether this task has been told to stop.
    :param pause: Waits before the intent is written again.
    """

    def __init__(
        self,
        renew: Callable[[], None],
        stopped: Callable[[], bool],
        pause: Callable[[float], None],
    ) -> None:
        self._renew = renew
        self._stopped = stopped
        self._pause = pause
        #: Whether a request may have left.
        self.passed = False

    def __call__(self) -> None:
        """
        Let the request pass.

        :raises SinchNotSentError: It must not leave.
        """
        for seconds in _PAUSES:
            if seconds:
                self._pause(seconds)
            began = _clocks()
            self._renew()
            if self._stopped():
                raise SinchNotSentError("The task was told to stop before its request left", operation="send")
            if max(now - then for now, then in zip(_clocks(), began, strict=True)) <= FRESH_SECONDS:
                self.passed = True
                return
        raise SinchNotSentError(
            f"Airflow took longer than {FRESH_SECONDS:g} s to write to the task state, "
            f"{len(_PAUSES)} times in a row",
            operation="send",
            advice="Airflow's API is too slow. A retry may succeed.",
        )
