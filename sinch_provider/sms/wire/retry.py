"""When a call is repeated, how often, and after how long. Both clients use this policy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.stop import stop_base

from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.runtime import current

T = TypeVar("T")

ATTEMPTS: Final = 5
#: The longest pause in seconds. If the server asks for a longer one, its error is raised instead.
LONGEST_PAUSE: Final = 60.0
_FIRST_CEILING: Final = 1.0
_RETRY_AFTER_JITTER: Final = 0.25


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _pause(state: RetryCallState) -> float:
    uniform = current().uniform
    retry_after = getattr(_error(state), "retry_after", None)
    if retry_after is not None:
        return float(retry_after) + uniform(0, _RETRY_AFTER_JITTER)
    return uniform(0, min(_FIRST_CEILING * 2 ** (state.attempt_number - 1), LONGEST_PAUSE))


class _AskedToWaitTooLong(stop_base):
    def __call__(self, retry_state: RetryCallState) -> bool:
        return (getattr(_error(retry_state), "retry_after", None) or 0) > LONGEST_PAUSE


class Repeats:
    """
    Makes a call again where that is safe.

    Only errors that allow a repeat are repeated. The pauses grow exponentially with full jitter (at most
    1, 2, 4, 8 s), unless the server says in Retry-After how long to wait.

    :param attempts: The most requests for one call.
    """

    def __init__(self, attempts: int = ATTEMPTS) -> None:
        self._policy: dict[str, Any] = {
            "retry": retry_if_exception(lambda error: isinstance(error, SinchError) and error.repeatable),
            "stop": stop_after_attempt(attempts) | _AskedToWaitTooLong(),
            "wait": _pause,
            "reraise": True,
        }

    def call(self, attempt: Callable[[], T], sleep: Callable[[float], None]) -> T:
        """
        Make an attempt, and others if it fails.

        :raises SinchError: The last attempt failed.
        """
        # Nearly all calls succeed at once, and tenacity costs as much as a request.
        try:
            return attempt()
        except SinchError as error:
            failed = [error]

        def again() -> T:
            if failed:
                raise failed.pop()
            return attempt()

        result: T = Retrying(**self._policy, sleep=sleep)(again)
        return result

    async def call_async(
        self, attempt: Callable[[], Awaitable[T]], sleep: Callable[[float], Awaitable[None]]
    ) -> T:
        """
        Do the same asynchronously.

        :raises SinchError: The last attempt failed.
        """
        try:
            return await attempt()
        except SinchError as error:
            failed = [error]

        async def again() -> T:
            if failed:
                raise failed.pop()
            return await attempt()

        # A new one for each call, because several of one event loop cannot use the same.
        result: T = await AsyncRetrying(**self._policy, sleep=sleep)(again)
        return result
