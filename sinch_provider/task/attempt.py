"""What one attempt of a task has executed so far, in this process."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sinch_provider.sms.sending.memory import Memory

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.sms.sending.send_once import SendOnce


@dataclass
class Attempt:
    """
    What one attempt of a task has executed so far. Operators are named by their task ids.

    :param executions: How often each operator was executed.
    :param places: Numbers of the journals that the sends of each operator use.
    :param guesses: How many sends of each operator use a journal that may be another send's.
    :param failed: Sends of each operator that raised an error. Executed again, they are the same sends.
    :param campaigns: The references of campaigns that were entered.
    :param memory: What the sends know of each other.
    :param lock: Held while a send finds its place.
    """

    executions: Counter[str] = field(default_factory=Counter)
    places: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    guesses: Counter[str] = field(default_factory=Counter)
    failed: dict[str, list[SendOnce]] = field(default_factory=lambda: defaultdict(list))
    campaigns: set[str] = field(default_factory=set)
    memory: Memory = field(default_factory=Memory)
    lock: threading.Lock = field(default_factory=threading.Lock)


#: The latest attempts of this process, each with its task instance and ``try_number``.
_attempts: Final[deque[tuple[Any, int, Attempt]]] = deque(maxlen=32)


def attempt_of(context: Context) -> Attempt:
    """Return the attempt that runs; outside a task, a new one."""
    if "ti" not in context:
        return Attempt()
    ti: Any = context["ti"]
    for known, try_number, attempt in _attempts:
        if known is ti and try_number == ti.try_number:
            return attempt
    attempt = Attempt()
    _attempts.append((ti, ti.try_number, attempt))
    return attempt
