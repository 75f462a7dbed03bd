"""When to make a call again, how often, and after how long: one policy for both clients."""

from __future__ import annotations

from typing import Any, Final

from tenacity import RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.stop import stop_base

from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.runtime import current

ATTEMPTS: Final = 5
#: Longest pause the client makes by itself; a server that asks for more gets its error raised instead.
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


def policy(attempts: int = ATTEMPTS) -> dict[str, Any]:
    """
    Arguments for ``tenacity.Retrying`` and ``tenacity.AsyncRetrying``.

    Exponential backoff with full jitter (ceilings of 1, 2, 4, 8 s), a server's Retry-After taken as it is;
    only errors that say a repetition is safe are repeated.

    :param attempts: How often a call is made at most.
    """
    return {
        "retry": retry_if_exception(lambda error: isinstance(error, SinchError) and error.repeatable),
        "stop": stop_after_attempt(attempts) | _AskedToWaitTooLong(),
        "wait": _pause,
        "reraise": True,
    }
