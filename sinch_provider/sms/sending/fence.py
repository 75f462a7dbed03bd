"""The permission to send. Every HTTP request asks for it right before its headers leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.runtime import current

#: An older permission is asked for again: Airflow may have replaced a process that was paused.
FRESH_SECONDS: Final = 2.0
#: Pauses before the first, second and third write.
_PAUSES: Final = (0.0, 2.0, 8.0)


def _clocks() -> tuple[float, float]:
    # The monotonic clock stands still while a machine sleeps; the wall clock may be set back.
    return current().monotonic(), current().now().timestamp()


class Fence:
    """
    Lets a request leave only if this attempt may still send.

    Airflow's task state refuses the writes of an attempt that Airflow has replaced. So the write of the
    intent is the permission: an attempt that cannot write does not send.

    :param write_intent: Writes the intent, or raises.
    :param stopped: Whether Airflow has asked the task to stop.
    """

    def __init__(self, write_intent: Callable[[], None], stopped: Callable[[], bool]) -> None:
        self._write_intent = write_intent
        self._stopped = stopped
        #: Whether a request may have left.
        self.passed = False

    def __call__(self) -> None:
        """
        Let the request leave.

        :raises SinchNotSentError: It must not leave.
        """
        for seconds in _PAUSES:
            if seconds:
                current().sleep(seconds)
            began = _clocks()
            self._write_intent()
            if self._stopped():
                raise SinchNotSentError("The task was stopped before the request left", operation="send")
            if max(now - then for now, then in zip(_clocks(), began, strict=True)) <= FRESH_SECONDS:
                self.passed = True
                return
        raise SinchNotSentError(
            f"Airflow took longer than {FRESH_SECONDS:g} s to write to the task state, "
            f"{len(_PAUSES)} times in a row",
            operation="send",
            advice="Airflow's API is too slow. A retry may succeed.",
        )
