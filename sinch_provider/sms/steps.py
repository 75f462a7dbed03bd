"""
Procedures of several calls, written once for both clients.

A procedure is a generator: it yields the :class:`~sinch_provider.sms.http.Call` it wants made, or a
:class:`Pause`, and is sent the call's result. ``SinchClient.follow`` and ``AsyncSinchClient.follow`` carry it
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sinch_provider.sms.http import Call


@dataclass(frozen=True)
class Pause:
    """Wait before going on."""

    seconds: float


Step = Call[Any] | Pause
