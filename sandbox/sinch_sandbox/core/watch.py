"""Notifies watchers that something changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Changes:
    """Counts changes and wakes watchers; watchers find out what changed."""

    def __init__(self) -> None:
        self.count = 0
        self._watching: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def announce(self) -> None:
        """May be called from any thread."""
        self.count += 1
        for loop, event in tuple(self._watching):
            loop.call_soon_threadsafe(event.set)

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        """An event that is set at every change; clear it before looking."""
        watcher = asyncio.get_running_loop(), asyncio.Event()
        self._watching.add(watcher)
        try:
            yield watcher[1]
        finally:
            self._watching.discard(watcher)
