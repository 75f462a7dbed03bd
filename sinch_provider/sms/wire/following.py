"""Follow procedures: make the calls and pauses that they await, one after the other or several at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from contextvars import ContextVar, copy_context
from typing import Any, Final, TypeVar

from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.wire.call import Call, Pause, Procedure, Together, check_step

T = TypeVar("T")

#: The most procedures that are followed at once.
AT_ONCE: Final = 16
#: The same with threads. The transport keeps no more connections than that.
THREADS: Final = 10
THREAD_NAME: Final = "sinch-procedures"

#: Set when those who wait for this thread have been interrupted, the outermost first.
_abandoned: Final[ContextVar[tuple[threading.Event, ...]]] = ContextVar("_abandoned", default=())


class _Abandoned(BaseException):
    """Nobody waits for this thread any more. It is no error, so that nothing handles or logs it."""


def end_if_abandoned() -> None:
    """End this thread if nobody waits for it any more. Call this before each request and each pause."""
    if any(each.is_set() for each in _abandoned.get()):
        raise _Abandoned


def within(seconds: float, work: Callable[[], T]) -> T:
    """
    Do work in a thread, and leave it behind if it takes too long: nothing can interrupt a name look-up.

    What is left behind begins no further request.

    :raises TimeoutError: It took longer.
    """
    result: Future[T] = Future()
    abandoned = threading.Event()

    def run() -> None:
        _abandoned.set((*_abandoned.get(), abandoned))
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=copy_context().run, args=(run,), name=THREAD_NAME, daemon=True).start()
    try:
        return result.result(seconds)
    finally:
        abandoned.set()


def follow(procedure: Procedure[T], call: Callable[[Call[Any]], Any], pause: Callable[[float], None]) -> T:
    """
    Follow a procedure in this thread, and return its result.

    :param call: Makes a call.
    :param pause: Pauses for as many seconds.
    :raises SinchError: A call failed, and the procedure did not handle the error.
    :raises TypeError: The procedure awaits something else.
    """
    try:
        step = check_step(procedure.send(None))
        while True:
            result: Any = None
            try:
                if isinstance(step, Pause):
                    pause(step.seconds)
                elif isinstance(step, Together):
                    result = _together(step.procedures, call, pause)
                else:
                    result = call(step)
            except SinchError as error:
                step = check_step(procedure.throw(error))
            else:
                step = check_step(procedure.send(result))
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        procedure.close()


async def follow_async(
    procedure: Procedure[T],
    call: Callable[[Call[Any]], Awaitable[Any]],
    pause: Callable[[float], Awaitable[None]],
) -> T:
    """
    Follow a procedure in this task, and return its result.

    :param call: Makes a call.
    :param pause: Pauses for as many seconds.
    :raises SinchError: A call failed, and the procedure did not handle the error.
    :raises TypeError: The procedure awaits something else.
    """
    try:
        step = check_step(procedure.send(None))
        while True:
            result: Any = None
            try:
                if isinstance(step, Pause):
                    await pause(step.seconds)
                elif isinstance(step, Together):
                    result = await _together_async(step.procedures, call, pause)
                else:
                    result = await call(step)
            except SinchError as error:
                step = check_step(procedure.throw(error))
            else:
                step = check_step(procedure.send(result))
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        procedure.close()


def _together(
    procedures: Sequence[Procedure[T]], call: Callable[[Call[Any]], Any], pause: Callable[[float], None]
) -> list[T]:
    if len(procedures) <= 1:
        return [follow(procedure, call, pause) for procedure in procedures]
    results: dict[int, T] = {}
    errors: list[BaseException] = []
    waiting = iter(enumerate(procedures))
    abandoned = threading.Event()

    def work() -> None:
        _abandoned.set((*_abandoned.get(), abandoned))
        while not errors and (item := next(waiting, None)):
            at, procedure = item
            try:
                results[at] = follow(procedure, _unless_abandoned(call), _unless_abandoned(pause))
            except BaseException as error:
                errors.append(error)

    try:
        threads = []
        for _ in range(min(THREADS, len(procedures))):
            # Each has a copy of this context, so that its log lines go where those of this thread go. Python
            # does not wait for daemons when it ends: an interrupted task must not wait for a slow answer.
            run = copy_context().run
            thread = threading.Thread(target=run, args=(work,), name=THREAD_NAME, daemon=True)
            threads.append(thread)
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        # Requests under way end by themselves.
        abandoned.set()
        raise
    finally:
        # Those that began are closed by their threads.
        _close(procedure for _, procedure in waiting)
    if errors:
        raise errors[0]
    return [results[at] for at in range(len(procedures))]


def _unless_abandoned(step: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def take(argument: Any) -> Any:
        end_if_abandoned()
        try:
            return step(argument)
        finally:
            # Procedures may log what they learn, and the task that this is about is over.
            end_if_abandoned()

    return take


async def _together_async(
    procedures: Sequence[Procedure[T]],
    call: Callable[[Call[Any]], Awaitable[Any]],
    pause: Callable[[float], Awaitable[None]],
) -> list[T]:
    if len(procedures) <= 1:
        return [await follow_async(procedure, call, pause) for procedure in procedures]
    results: dict[int, T] = {}
    errors: list[Exception] = []
    waiting = iter(enumerate(procedures))

    async def work() -> None:
        while not errors and (item := next(waiting, None)):
            at, procedure = item
            try:
                results[at] = await follow_async(procedure, call, pause)
            except Exception as error:
                errors.append(error)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(procedures))):
                group.create_task(work())
        if errors:
            raise errors[0]
        return [results[at] for at in range(len(procedures))]
    finally:
        _close(procedures)


def _close(procedures: Iterable[Procedure[Any]]) -> None:
    # Python would warn of those that did not begin.
    for procedure in procedures:
        procedure.close()
