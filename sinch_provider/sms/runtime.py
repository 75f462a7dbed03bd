"""Time and chance, in one place where tests can replace them."""

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
    Clocks, pauses and random numbers.

    :param now: Reads the wall clock, in UTC.
    :param monotonic: Reads a clock that never goes back, in seconds.
    :param sleep: Pauses this thread, in seconds.
    :param async_sleep: Pauses this coroutine, in seconds.
    :param uniform: Draws a random number between two others.
    """

    now: Callable[[], pendulum.DateTime] = _utc
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    async_sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.uniform


_runtime = Runtime()


def current() -> Runtime:
    """Return the runtime. Call this at each use, never when a module is imported."""
    return _runtime


def utcnow() -> pendulum.DateTime:
    """Give the current time in UTC."""
    return _runtime.now()


@contextmanager
def using(runtime: Runtime) -> Iterator[None]:
    """Replace the runtime of the whole process for a while. This is for tests."""
    global _runtime  # noqa: PLW0603 - the only place that replaces it
    before, _runtime = _runtime, runtime
    try:
        yield
    finally:
        _runtime = before
