"""
Requests that are on their way at once, each in a thread of its own, of which only one runs at any time.

Chance decides which one goes on after each point, by the seed of the schedule.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any

from sinch_provider.sms.wire import following
from tests.crash.actors import Actor, Killed, current, work_for

#: Where another request may go on. At others, the journal may be locked.
PASSING = frozenset({"before intent", "reply sent, not read", "read, not journalled"})
#: Here too, if nothing is ever paused: a pause between the fence and the last byte is a known gap.
LEAVING = "leaving"

_here = threading.local()
_together = following._together


class Strand:
    """A procedure in a thread of its own."""

    def __init__(self, actor: Actor, work: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self._actor = actor
        self._work = work
        self._turn = threading.Semaphore(0)
        self._handed_back = threading.Semaphore(0)
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), daemon=True)
        self._thread.start()

    def go(self) -> None:
        """Run until the next point where another one may go on, or to the end."""
        self._turn.release()
        self._handed_back.acquire()
        if self.done:
            self._thread.join()

    def pass_on(self) -> None:
        """Let another one go on."""
        self._handed_back.release()
        self._turn.acquire()
        if self._actor.dead:
            raise Killed

    def _run(self) -> None:
        self._turn.acquire()
        _here.strand = self
        work_for(self._actor)
        try:
            if not self._actor.dead:
                self.result = self._work()
        except BaseException as error:
            self.error = error
        finally:
            self.done = True
            self._handed_back.release()


def begin(people: list[str]) -> None:
    """Note whom this thread sends to."""
    _here.people = people


def sending_to() -> list[str]:
    """Return whom this thread sends to."""
    return list(_here.people)


def pass_on(name: str) -> None:
    """Let another request go on if this is a point for it."""
    strand = getattr(_here, "strand", None)
    actor = current()
    if strand is None or actor is None:
        return
    if name in PASSING or (name == LEAVING and "stop" not in actor.world.schedule.acts):
        strand.pass_on()


def together(procedures: Sequence[Any], call: Callable[[Any], Any], pause: Callable[[float], None]) -> Any:
    """Follow several procedures, as the client does with threads."""
    actor = current()
    if actor is None or len(procedures) <= 1:
        return _together(procedures, call, pause)
    strands = [Strand(actor, partial(following.follow, each, call, pause)) for each in procedures]
    while left := [each for each in strands if not each.done]:
        # A killed process has none that goes on: they only end.
        (left[0] if actor.dead else actor.world.random.choice(left)).go()
    for procedure in procedures:
        procedure.close()
    if actor.dead:
        raise Killed
    for strand in strands:
        if strand.error is not None:
            raise strand.error
    return [each.result for each in strands]
