"""One back-off for all calls of a poller: while Sinch is in trouble, one call at a time is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from copy import copy
from typing import Final, TypeVar

from sinch_provider.sms.errors import SinchError, SinchUnexpectedAnswerError
from sinch_provider.sms.runtime import current

T = TypeVar("T")

_FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
_MOST_DOUBLED: Final = 6
#: The longest pause in seconds that an answer can ask for.
LONGEST_ASKED_PAUSE: Final = 300.0
_ASKED_PAUSE_JITTER: Final = 1.0
#: If the calls of so many callers fail, one after the other, the others' calls would fail too.
SPEAK_FOR_ALL: Final = 3


class BackOff:
    """
    Makes calls, at most so many at once, and none while Sinch is in trouble.

    After a call has failed for a passing reason (429, 5xx, no connection), all calls wait. After a pause, the
    one that has waited longest is tried. If it fails too, the next pause is longer, and then the next one is
    tried: the failure may concern only that call. After the calls of three callers have failed, all that have
    waited get the error of the last one. As soon as one succeeds, all are made.

    :param at_once: The most calls under way.
    """

    def __init__(self, at_once: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        # Held by the call that is tried. It goes from one to the next in the order of their arrival.
        self._turn = asyncio.Lock()
        self._failures = 0
        self._failed: set[object] = set()
        self._pauses = 0
        self._ends_at = 0.0
        self._shared: SinchError | None = None
        self._times_shared = 0

    async def make(self, call: Callable[[], Awaitable[T]], caller: object) -> T:
        """
        Make a call when it is its turn, and return its result.

        :param caller: Who makes it.
        :raises SinchError: It failed, or three others that were tried before it failed.
        """
        while True:
            if self._failures:
                before = self._times_shared
                async with self._turn:
                    if self._shared is not None and before != self._times_shared:
                        # Each raises an error of its own: errors collect where they were raised.
                        raise copy(self._shared)
                    if self._failures:
                        await current().async_sleep(max(self._ends_at - current().monotonic(), 0.0))
                        async with self._slots:
                            return await self._made(call, caller)
            async with self._slots:
                # While the call waited for a slot, trouble may have begun.
                if not self._failures:
                    return await self._made(call, caller)

    async def _made(self, call: Callable[[], Awaitable[T]], caller: object) -> T:
        pauses = self._pauses
        try:
            result = await call()
        except SinchError as error:
            # Of several calls that were under way together, only the first failure counts.
            if pauses == self._pauses:
                if _is_trouble(error):
                    self._pause(error, caller)
                else:
                    self._end()
            raise
        if pauses == self._pauses:
            self._end()
        return result

    def _pause(self, error: SinchError, caller: object) -> None:
        uniform = current().uniform
        ceiling = min(_FIRST_PAUSE * 2 ** min(self._failures, _MOST_DOUBLED), LONGEST_PAUSE)
        pause = uniform(ceiling / 2, ceiling)
        if error.retry_after is not None:
            pause = min(error.retry_after, LONGEST_ASKED_PAUSE) + uniform(0, _ASKED_PAUSE_JITTER)
        self._failures += 1
        self._failed.add(caller)
        self._pauses += 1
        self._ends_at = current().monotonic() + pause
        if len(self._failed) >= SPEAK_FOR_ALL:
            self._shared = error
            self._times_shared += 1

    def _end(self) -> None:
        self._failures = 0
        self._failed.clear()
        self._shared = None


def _is_trouble(error: SinchError) -> bool:
    # An answer that cannot be read may concern only what was asked for.
    return error.transient and not isinstance(error, SinchUnexpectedAnswerError)
