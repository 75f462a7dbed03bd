"""Time and chance: what the code asks of the machine, and tests replace, in one place."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pendulum


def _utc() -> pendulum.DateTime:
    return pendulum.now("UTC")


@dataclass(frozen=True)
class Runtime:
    """
    What the code asks of the machine.

    :param now: The wall clock, in UTC.
    :param monotonic: Seconds of a clock that never goes back.
    :param sleep: Pauses this thread for so many seconds.
    :param async_sleep: Pauses this coroutine for so many seconds.
    :param uniform: Draws a number between two others.
    """

    now: Callable[[], pendulum.DateTime] = _utc
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    async_sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.uniform


_runtime = Runtime()


def current() -> Runtime:
    """Give the runtime in use. Ask for it at each use, never when a module is imported."""
    return _runtime


@contextmanager
def using(runtime: Runtime) -> Iterator[None]:
    """Replace the runtime of this whole process for a while; meant for tests."""
    global _runtime  # noqa: PLW0603 - the one place that knows it
    before, _runtime = _runtime, runtime
    try:
        yield
    finally:
        _runtime = before
