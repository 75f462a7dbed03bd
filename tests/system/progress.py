"""Lines that say how far a test is."""

from __future__ import annotations

import time

_BEGAN = time.monotonic()


def elapsed() -> float:
    """Return the seconds since the test began."""
    return time.monotonic() - _BEGAN


def say(text: str) -> None:
    """Print a line with the time since the test began."""
    print(f"[{elapsed():6.0f} s] {text}", flush=True)
