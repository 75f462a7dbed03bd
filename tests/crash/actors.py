"""
Processes that can be struck, and their time.

Every process of the model is a thread, but only one runs at any time: control is handed over, so that a
schedule always plays the same way. Time passes when somebody waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pendulum

if TYPE_CHECKING:
    from tests.crash.sandbox import Sandbox

AFTER_DEATH = "attempts after SIGKILL"
_here = threading.local()


class Killed(BaseException):
    """SIGKILL: nothing that the process does after this may take effect."""


class Clock:
    """The time of the model, which the sandbox's clock follows."""

    def __init__(self, sandbox: Sandbox, start: str) -> None:
        self._sandbox = sandbox
        self._start = pendulum.parse(start, exact=True)
        self.elapsed = 0.0
        self._behind = 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.elapsed += seconds
        self._behind += seconds

    def catch_up(self) -> None:
        """Have the sandbox see the time that has passed."""
        if self._behind:
            self._sandbox.advance(self._behind)
            self._behind = 0.0

    def now(self, skew: float = 0.0) -> Any:
        """Tell the time by a clock that goes wrong by so much."""
        return self._start.add(seconds=self.elapsed + skew)  # type: ignore[union-attr]


class Actor:
    """
    A process.

    :param body: What it does.
    :param owner: The task instance it works for.
    :param skew: How far its clock goes wrong.
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
        #: Points it may still pass after a SIGTERM.
        self.grace: int | None = None
        #: Since when it has not read its clock: a request under way reads it before its bytes leave.
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
        """Whether Airflow has given this one up."""
        return bool(self.instance_id != self.owner.id)

    def go(self) -> None:
        """Run until it ends or is stopped."""
        self._turn.release()
        self._handed_back.acquire()
        if self.done:
            self._thread.join()

    def stop(self) -> None:
        """SIGSTOP, from within; returns after SIGCONT."""
        self._handed_back.release()
        self._turn.acquire()

    def die(self) -> None:
        """SIGKILL, from within."""
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
    """The process that is running; None outside of the model."""
    return getattr(_here, "actor", None)


def point(name: str) -> None:
    """Pass a point at which the running process can be struck."""
    actor = current()
    if actor is not None:
        actor.world.pass_point(actor, name)
