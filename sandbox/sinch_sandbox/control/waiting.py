"""Waits, in real time, until enough messages have been accepted."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from sinch_sandbox.control.filters import MessageFilters
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.web.connections import Connections, Seats

MAX_WAITING = 32
_PAUSE = 0.02
"""Real seconds between two looks, so that many changes at once cause one look."""
_CLOCK_TICK = 0.1
"""Real seconds after which to look even without a change, because time alone changes statuses."""
_SHARE = 0.2
"""The share of the sandbox's time that the looks of all waiting callers may take."""
_LONGEST_REST = 1.0
"""Longest pause between two looks, in real seconds."""
_BATCHES_AT_ONCE = 20
"""Batches after which other calls are answered."""


class Lookout:
    """Looks for messages on behalf of all waiting callers, one look after the other."""

    def __init__(self) -> None:
        self.seats = Seats(MAX_WAITING)
        self._turn = asyncio.Lock()
        self._free_at = 0.0

    async def look(self, search: Search) -> bool:
        """Whether there are enough messages."""
        async with self._turn:
            await asyncio.sleep(self._free_at - time.monotonic())
            began = time.monotonic()
            found = await search.has_enough()
            took = time.monotonic() - began
            self._free_at = time.monotonic() + min(took * (1 / _SHARE - 1), _LONGEST_REST)
        return found


class Search:
    """Counts the messages that pass some filters; each further look counts only new batches."""

    def __init__(self, sandbox: Sandbox, filters: MessageFilters, wanted: int) -> None:
        self._sandbox = sandbox
        self._filters = filters
        self._wanted = wanted
        self._start_over()

    def _start_over(self) -> None:
        self._found = 0
        self._last = 0
        """The newest batch that was looked at."""
        self._basis = self._sandbox.store.batches.rewritten, self._sandbox.settings

    def _is_stale(self) -> bool:
        """Whether an earlier count is no longer valid, because messages or settings have changed."""
        return self._basis != (self._sandbox.store.batches.rewritten, self._sandbox.settings)

    async def has_enough(self) -> bool:
        if self._filters.status or self._is_stale():
            self._start_over()
        messages = self._filters.messages(self._sandbox)
        while self._found < self._wanted:
            high = self._sandbox.store.batches.stride(self._last, _BATCHES_AT_ONCE)
            if high is None:
                break
            low, self._last = self._last, high
            self._found += messages.count_in(low, high)
            await asyncio.sleep(0)
        # If the count became stale meanwhile, that change causes another look.
        return self._found >= self._wanted and not self._is_stale()

    async def until_enough(self, lookout: Lookout, connections: Connections) -> None:
        tick = _CLOCK_TICK if self._filters.status else None
        with self._sandbox.changes.watch() as changed:
            while True:
                changed.clear()
                if await lookout.look(self):
                    return
                await connections.until(changed, tick)
                await connections.pause(_PAUSE)


async def enough_messages(
    lookout: Lookout, search: Search, connections: Connections, receive: Receive, seconds: float
) -> None:
    """Return once there are enough messages, the time has passed, or the server ends."""
    lookout.seats.check()
    with lookout.seats.one():
        looking = asyncio.ensure_future(search.until_enough(lookout, connections))
        gone = asyncio.ensure_future(connections.gone(receive))
        await connections.first_of((looking, gone), seconds)
        if looking.done():
            looking.result()
        elif gone.done():
            raise ClientDisconnect
