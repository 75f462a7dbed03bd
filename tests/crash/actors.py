"""
Processes of the model that can be struck, and their clock.

Every process is a thread, but only one thread runs at any time. So a schedule always plays in the same way.
Time passes only in pauses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum

from sinch_provider.sms.fields.times import parse_time

if TYPE_CHECKING:
    from tests.crash.sandbox import Sandbox

AFTER_DEATH = "actions after SIGKILL"
_here = threading.local()


class Killed(BaseException):
    """SIGKILL. Nothing that the process does after this may take effect."""


class Clock:
    """The clock of the model. The sandbox's clock follows it."""

    def __init__(self, sandbox: Sandbox, start: str) -> None:
        self._sandbox = sandbox
        self._start = parse_time(start)
        self.elapsed = 0.0
        self._behind = 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.elapsed += seconds
        self._behind += seconds

    def catch_up(self) -> None:
        """Advance the sandbox's clock to the same time."""
        if self._behind:
            self._sandbox.advance(self._behind)
            self._behind = 0.0

    def now(self, skew: float = 0.0) -> pendulum.DateTime:
        """Return the time of a clock that is wrong by ``skew`` seconds."""
        return self._start + timedelta(seconds=self.elapsed + skew)


class Actor:
    """
    A process.

    :param body: The code that it runs.
    :param owner: The task instance that it works for.
    :param skew: Seconds by which its clock is wrong.
    """

    def __init__(self, world: Any, kind: str, owner: Any, body: Callable[[], None], skew: float) -> None:
        self.world = world
        self.kind = kind
        self.owner = owner
        self.instance_id = owner.id
        self.skew = skew
        self.operator: Any = None
        self.done = False
        self.dead = False
        self.crash: BaseException | None = None
        #: Number of points that it may still pass after a SIGTERM.
        self.grace: int | None = None
        #: The time it sees during a request: the client reads its clock before the bytes leave.
        self.unaware_since: float | None = None
        self.requests = 0
        self.began = world.clock.elapsed
        self._body = body
        self._turn = threading.Semaphore(0)
        self._handed_back = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def stale(self) -> bool:
        """Whether Airflow has replaced this process."""
        return bool(self.instance_id != self.owner.id)

    def go(self) -> None:
        """Run until the process ends or is stopped."""
        self._turn.release()
        self._handed_back.acquire()
        if self.done:
            self._thread.join()

    def stop(self) -> None:
        """SIGSTOP. Returns after SIGCONT."""
        self._handed_back.release()
        self._turn.acquire()

    def die(self) -> None:
        """SIGKILL."""
        self.dead = True
        raise Killed

    def alive(self) -> None:
        """Keep a dead process from doing anything more."""
        if self.dead:
            self.world.counts[AFTER_DEATH] += 1
            raise Killed

    def _run(self) -> None:
        self._turn.acquire()
        _here.actor = self
        try:
            self._body()
        except Killed:
            pass
        except BaseException as error:
            self.crash = error
        finally:
            self.done = True
            self._handed_back.release()


def current() -> Actor | None:
    """Return the process that is running, or None outside the model."""
    return getattr(_here, "actor", None)


def work_for(actor: Actor) -> None:
    """Make this thread one of a process."""
    _here.actor = actor


def point(name: str) -> None:
    """Pass a point at which the running process can be struck."""
    actor = current()
    if actor is not None:
        actor.world.pass_point(actor, name)
