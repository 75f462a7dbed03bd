"""One request on its way: whether it has left, how long it may take, and what its failure means."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sinch_provider.sms.account import LIMITS
from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.runtime import current
from sinch_provider.sms.wire.answers import lost_connection, no_connection, unusable_environment
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.environment import UnusableEnvironmentError

#: An event loop that comes back later than this has the permission asked for again.
_PROMPT_SECONDS: Final = 1.0
_RENEWALS: Final = 3


class Exchange:
    """
    One request and its answer.

    The transports call :meth:`leave` when all is ready - connected through whatever proxy, TLS agreed on -
    and the headers of this request go to the socket next. So it is known, and not guessed from the class of
    an error, whether a failed request may have reached Sinch.

    :param call: What is asked.
    :param timeout: Seconds for the connection, and for each read.
    :param until: When all must be over, by the monotonic clock.
    """

    def __init__(self, call: Call[Any], timeout: float, until: float) -> None:
        self._call = call
        self.timeout = timeout
        self.largest = call.largest_answer
        self._ends = min(current().monotonic() + LIMITS * timeout, until)
        #: Whether the headers were handed to the socket.
        self.left = False
        self._refusal: BaseException | None = None

    @property
    def unused_connection(self) -> bool:
        """
        Whether it needs a connection that no earlier request has used.

        One that the server is about to close would lose it, and then nobody knows.
        """
        return self._call.permit is not None or not self._call.repeatable

    def remaining(self) -> float:
        """Seconds until it must be over."""
        return self._ends - current().monotonic()

    def patience(self) -> float:
        """
        Tell how long to wait for the network now.

        :raises TimeoutError: The time for the whole exchange is over.
        """
        remaining = self.remaining()
        if remaining <= 0:
            raise TimeoutError("the exchange took too long")
        return min(self.timeout, remaining)

    def leave(self) -> None:
        """
        Ask for the permission; from its return on, the request counts as having left.

        :raises Exception: What the permit raises: the request must not leave.
        """
        self._check_first()
        self._ask()
        self.left = True

    async def leave_soon(self) -> None:
        """Do the same on an event loop, which a permit may not block."""
        self._check_first()
        if self._call.permit is not None:
            for _ in range(_RENEWALS):
                granted = await asyncio.to_thread(self._ask)
                if max(now - then for now, then in zip(_clocks(), granted, strict=True)) <= _PROMPT_SECONDS:
                    break
            else:
                self._refusal = SinchNotSentError(
                    "The event loop was too busy to use the permission to send in time", operation="send"
                )
                raise self._refusal
        self.left = True

    def failure(self, error: Exception) -> BaseException:
        """Tell what the failure of this exchange is to its caller."""
        if self._refusal is not None:
            return self._refusal
        if isinstance(error, UnusableEnvironmentError):
            return unusable_environment(self._call, str(error))
        cause = "it took too long" if self.remaining() <= 0 else error
        return (lost_connection if self.left else no_connection)(self._call, cause)

    def _check_first(self) -> None:
        if self.left:
            # Libraries repeat some requests by themselves; when to repeat is ours to say.
            raise ConnectionError("the connection broke")

    def _ask(self) -> tuple[float, float]:
        began = current().monotonic()
        if self._call.permit is not None:
            try:
                self._call.permit()
            except BaseException as error:
                # The libraries would wrap some errors in their own.
                self._refusal = error
                raise
        # The time limits are for the network.
        self._ends += current().monotonic() - began
        return _clocks()


def _clocks() -> tuple[float, float]:
    # The monotonic clock stands still while a machine sleeps; the wall clock may be set back.
    return current().monotonic(), current().now().timestamp()
