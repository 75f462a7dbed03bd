"""Posts callbacks when they are due on the sandbox's clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING

from sinch_sandbox.callbacks import reporting
from sinch_sandbox.callbacks.targets import TargetRefusedError
from sinch_sandbox.core.masking import masked
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.callbacks import CallbackAttempt, CallbackState, DueCallback
from sinch_sandbox.core.times import HOUR, SECOND
from sinch_sandbox.sinch import planning
from sinch_sandbox.web.connections import Connections

if TYPE_CHECKING:
    from sinch_sandbox.callbacks.posting import Poster

RETRIES = tuple(5 * 2**doubled for doubled in range(15))
"""Seconds from the first failure to each retry: 5, 10, 20 ... 81920."""

_CONCURRENT = 32
_PATIENCE = 5.0
"""Real seconds without progress after which a waiting caller is answered."""
_LONGEST_WAIT = 20.0
"""Real seconds after which a waiting caller is answered even if there is progress."""
_MAX_ERROR = 300
_LONGEST_SLEEP = HOUR / SECOND


class Dispatcher:
    """A background task that turns events into callbacks, sends them, and sleeps until the next is due.

    Callbacks about the same recipient of a batch go one after the other, others side by side.
    """

    def __init__(self, sandbox: Sandbox, connections: Connections, is_reachable: bool) -> None:
        self._sandbox = sandbox
        self._is_reachable = is_reachable
        self._connections = connections
        self._progress = asyncio.Event()
        self._sending: dict[Hashable, asyncio.Task[None]] = {}
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        self._task.cancel()
        self.interrupt()
        await asyncio.gather(self._task, *self._sending.values(), return_exceptions=True)
        if "_poster" in self.__dict__:
            await self._poster.close()

    @cached_property
    def _poster(self) -> Poster:
        # Importing its HTTP client takes a third of the sandbox's start, and most runs post no callback.
        from sinch_sandbox.callbacks.posting import Poster

        return Poster(self._sandbox.options.allow_remote_callbacks, not self._is_reachable)

    def wake(self) -> None:
        """Look again: the clock was moved."""
        self._sandbox.changes.announce()

    def interrupt(self) -> None:
        """Stop the callbacks that are being sent."""
        for task in self._sending.values():
            task.cancel()

    async def settle(self) -> bool:
        """Wait until all due callbacks have been attempted; False if that takes too long."""
        now = self._sandbox.clock.now()
        give_up_at = time.monotonic() + _LONGEST_WAIT
        self.wake()
        while self._anything_due(now):
            if time.monotonic() > give_up_at or not await self._connections.until(self._progress, _PATIENCE):
                return False
        return True

    def _anything_due(self, now: int) -> bool:
        event = self._sandbox.store.reporting.next_event()
        return (event is not None and event <= now) or bool(self._sandbox.store.callbacks.due(now, 1))

    async def _run(self) -> None:
        with self._sandbox.changes.watch() as changed:
            while True:
                changed.clear()
                now = self._sandbox.clock.now()
                planning.settle(self._sandbox, now)
                while reporting.collect_next(self._sandbox, now):
                    self._note_progress()
                    await asyncio.sleep(0)
                self._start_sending(now)
                try:
                    await asyncio.wait_for(changed.wait(), self._until_next(now))
                except TimeoutError:
                    continue

    def _start_sending(self, now: int) -> None:
        # Read more than can be sent at once: some have to wait for another callback about their recipient.
        for callback in self._sandbox.store.callbacks.due(now, 8 * _CONCURRENT):
            lane = (callback.batch_id, callback.recipient) if callback.batch_id else callback.seq
            if len(self._sending) < _CONCURRENT and lane not in self._sending:
                self._sending[lane] = asyncio.create_task(self._send(lane, callback))

    async def _send(self, lane: Hashable, callback: DueCallback) -> None:
        try:
            await self._try(callback)
        finally:
            del self._sending[lane]
            self._note_progress()
            self.wake()

    async def _try(self, callback: DueCallback) -> None:
        clock = self._sandbox.clock
        # With a manual clock, the attempt counts at its due time, as if the clock had run.
        at = callback.due_at if clock.mode == "manual" else clock.now()
        secret, timestamp = self._sandbox.settings.callback_secret, clock.now() // SECOND
        status: int | None = None
        error: str | None = None
        state: CallbackState | None = None
        try:
            status = await self._poster.post(callback.url, callback.body, secret, timestamp)
        except TargetRefusedError as refusal:
            error, state = str(refusal), "refused"
        except Exception as failure:
            # The attempt counts after any error. Without a record, it would be repeated at once.
            error = f"{type(failure).__name__}: {failure}".removesuffix(": ")
        if error is not None:
            # The text may come from the receiver.
            error = masked(error)[:_MAX_ERROR]
        due_at = None
        if state is None:
            state, due_at = _conclude(callback, at, status)
        self._sandbox.store.callbacks.record(callback.seq, CallbackAttempt(at, status, error), state, due_at)

    def _until_next(self, now: int) -> float | None:
        """Real seconds to sleep; None with a manual clock, whose moves wake the dispatcher."""
        clock = self._sandbox.clock
        if clock.mode == "manual":
            return None
        times = (
            self._sandbox.store.callbacks.next_due(now),
            self._sandbox.store.reporting.next_event(),
            self._sandbox.store.queue.next_start(),
            self._sandbox.late.next_at,
        )
        next_at = min((at for at in times if at is not None), default=None)
        if next_at is None:
            return None
        # Clocks round down, so wake a moment later; a moment earlier would find nothing due.
        return min(_LONGEST_SLEEP, max(0, next_at + 1 - clock.now()) / SECOND / clock.speed)

    def _note_progress(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()


def _conclude(callback: DueCallback, at: int, status: int | None) -> tuple[CallbackState, int | None]:
    """The state of a callback after an attempt, and when the next attempt is due."""
    if status is not None and 200 <= status < 300:
        return "delivered", None
    if status is not None and status < 500 and status != 429:
        return "dropped", None
    first = at if callback.failed_at is None else callback.failed_at
    retries = (first + seconds * SECOND for seconds in RETRIES)
    # Attempts that were due while the sandbox was down are not repeated.
    next_at = next((retry for retry in retries if retry > at), None)
    return "given_up" if next_at is None else "waiting", next_at
