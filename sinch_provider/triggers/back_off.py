"""One back-off for all calls of a poller: while Sinch is in trouble, one call at a time is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from copy import copy
from itertools import islice
from typing import Final, TypeVar

from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.runtime import current

T = TypeVar("T")

_FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
#: The longest pause in seconds that an answer can ask for.
LONGEST_ASKED_PAUSE: Final = 300.0
_ASKED_PAUSE_JITTER: Final = 1.0
#: So many waiting calls go on before the event loop does something else.
_PORTION: Final = 50


class BackOff:
    """
    Makes calls, at most so many at once, and none while Sinch is in trouble.

    After a call has failed for a passing reason (429, 5xx, no connection), all calls wait. Then one of them
    is tried. If it fails too, all that have waited get its error, and the next pause is longer. Otherwise
    they are made.

    :param at_once: The most calls under way.
    """

    def __init__(self, at_once: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._failures = 0
        self._pauses = 0
        self._ends_at = 0.0
        self._trying = False
        # In the order of their arrival. Each gets the error of the call that was tried, or None.
        self._waiting: dict[asyncio.Future[SinchError | None], None] = {}

    async def make(self, call: Callable[[], Awaitable[T]]) -> T:
        """
        Make a call when it is its turn, and return its result.

        :raises SinchError: It failed, or the one that was tried before it failed.
        """
        while True:
            while self._failures:
                if not self._trying:
                    return await self._try(call)
                if error := await self._tried():
                    # Each waiting call raises an error of its own: errors collect where they were raised.
                    raise copy(error)
            async with self._slots:
                # While the call waited for a slot, trouble may have begun.
                if not self._failures:
                    return await self._made(call)

    async def _made(self, call: Callable[[], Awaitable[T]]) -> T:
        pauses = self._pauses
        try:
            return await call()
        except SinchError as error:
            # Of several calls that were under way together, only the first failure counts.
            if error.transient and pauses == self._pauses:
                self._pause(error)
            raise

    async def _try(self, call: Callable[[], Awaitable[T]]) -> T:
        self._trying = True
        outcome: SinchError | None = None
        try:
            await current().async_sleep(max(self._ends_at - current().monotonic(), 0.0))
            async with self._slots:
                result = await call()
        except SinchError as error:
            if error.transient:
                outcome = error
                self._pause(error)
            else:
                # Sinch has answered.
                self._failures = 0
            self._release(outcome)
            raise
        except BaseException:
            # It was cancelled before it found out anything. Another one tries.
            self._trying = False
            if waiting := next((each for each in self._waiting if not each.done()), None):
                waiting.set_result(None)
            raise
        else:
            self._failures = 0
            self._release(None)
            return result

    def _pause(self, error: SinchError) -> None:
        uniform = current().uniform
        ceiling = min(_FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        pause = uniform(ceiling / 2, ceiling)
        if error.retry_after is not None:
            pause = min(error.retry_after, LONGEST_ASKED_PAUSE) + uniform(0, _ASKED_PAUSE_JITTER)
        self._failures += 1
        self._pauses += 1
        self._ends_at = current().monotonic() + pause

    async def _tried(self) -> SinchError | None:
        """Wait for the call that is tried; return its error."""
        outcome: asyncio.Future[SinchError | None] = asyncio.get_running_loop().create_future()
        self._waiting[outcome] = None
        try:
            return await outcome
        finally:
            self._waiting.pop(outcome, None)

    def _release(self, outcome: SinchError | None) -> None:
        self._trying = False
        waiting, self._waiting = self._waiting, {}
        self._release_some(waiting, outcome)

    def _release_some(
        self, waiting: dict[asyncio.Future[SinchError | None], None], outcome: SinchError | None
    ) -> None:
        # Thousands that go on at the same moment would block the event loop.
        for each in list(islice(waiting, _PORTION)):
            del waiting[each]
            if not each.done():
                each.set_result(outcome)
        if waiting:
            asyncio.get_running_loop().call_soon(self._release_some, waiting, outcome)
