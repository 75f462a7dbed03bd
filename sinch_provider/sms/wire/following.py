"""Follow procedures: make the calls and pauses that they await, one after the other or several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, Final, TypeVar

from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.wire.call import Call, Pause, Procedure, Together, check_step

T = TypeVar("T")

#: The most procedures that are followed at once.
AT_ONCE: Final = 16
#: The same with threads. The transport keeps no more connections than that.
THREADS: Final = 10


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

    def work() -> None:
        while not errors and (item := next(waiting, None)):
            at, procedure = item
            try:
                results[at] = follow(procedure, call, pause)
            except BaseException as error:
                errors.append(error)

    try:
        count = min(THREADS, len(procedures))
        with ThreadPoolExecutor(count) as threads:
            # Each has a copy of this context, so that its log lines go where those of this thread go.
            workers = [threads.submit(copy_context().run, work) for _ in range(count)]
            try:
                wait(workers)
            except BaseException as interruption:
                errors.append(interruption)
        if errors:
            raise errors[0]
        return [results[at] for at in range(len(procedures))]
    finally:
        _close(procedures)


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


def _close(procedures: Sequence[Procedure[Any]]) -> None:
    # Python would warn of those that did not begin.
    for procedure in procedures:
        procedure.close()
