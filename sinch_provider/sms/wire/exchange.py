"""One request and its answer: the time limit, whether the request has left, and what its failure means."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sinch_provider.sms.account import LIMITS
from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.runtime import current
from sinch_provider.sms.wire.answers import connect_error, environment_error, lost_answer_error
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.environment import UnusableEnvironmentError

#: If the event loop continues later than this after a permission, the permission is asked for again.
_PROMPT_SECONDS: Final = 1.0
_RENEWALS: Final = 3


class Exchange:
    """
    One request and its answer.

    The transports call :meth:`leave` when the connection is ready (proxy passed, TLS agreed on) and the next
    bytes on the socket are the headers of this request. So the exchange knows whether a failed request may
    have reached Sinch, and does not have to guess it from the class of an error.

    :param call: The call that the request is for.
    :param timeout: Seconds for the connection, and for each read.
    :param until: When the exchange must be over, in seconds of the monotonic clock.
    """

    def __init__(self, call: Call[Any], timeout: float, until: float) -> None:
        self._call = call
        self.timeout = timeout
        self.largest = call.largest_answer
        self._until = until
        self.begin()
        #: Whether the headers were given to the socket.
        self.left = False
        self._refusal: BaseException | None = None

    @property
    def unused_connection(self) -> bool:
        """
        Whether the request needs a connection that no earlier request has used.

        The server may be about to close a used one, and the outcome of the request would be unknown. Or late
        bytes of another answer may still arrive on it, and count as the answer to this request.
        """
        return self._call.permit is not None or not self._call.repeatable

    def begin(self) -> None:
        """Begin the time limit anew, after a wait that was not for the network."""
        now = current().monotonic()
        #: Seconds for all of it.
        self.whole = min(LIMITS * self.timeout, self._until - now)
        self._ends = now + self.whole

    def longest_wait(self) -> float:
        """Seconds that the exchange may wait before it begins."""
        return self._until - current().monotonic()

    def remaining(self) -> float:
        """Seconds until the exchange must be over."""
        return self._ends - current().monotonic()

    def patience(self) -> float:
        """
        Seconds to wait for the network now.

        :raises TimeoutError: The time for the whole exchange is over.
        """
        remaining = self.remaining()
        if remaining <= 0:
            raise TimeoutError("the exchange took too long")
        return min(self.timeout, remaining)

    def leave(self) -> None:
        """
        Ask for the permission. After this, the request counts as sent.

        :raises Exception: Any error of the permit. The request must not leave.
        """
        self._refuse_repeat()
        self._ask_permit()
        self.left = True

    @property
    def asks(self) -> bool:
        """Whether there is a permission to ask for."""
        return self._call.permit is not None

    async def leave_from_loop(self) -> None:
        """Do the same without blocking the event loop."""
        self._refuse_repeat()
        if self.asks:
            for _ in range(_RENEWALS):
                granted = await asyncio.to_thread(self._ask_permit_at)
                if max(now - then for now, then in zip(_clocks(), granted, strict=True)) <= _PROMPT_SECONDS:
                    break
            else:
                self._refusal = SinchNotSentError(
                    "The event loop was too slow, so the permission to send expired", operation="send"
                )
                raise self._refusal
        self.left = True

    def failure(self, error: Exception) -> BaseException:
        """Return the error that the caller gets for the failure of this exchange."""
        if self._refusal is not None:
            return self._refusal
        if isinstance(error, UnusableEnvironmentError):
            return environment_error(self._call, str(error))
        cause = "it took too long" if self.remaining() <= 0 else error
        return (lost_answer_error if self.left else connect_error)(self._call, cause)

    def _refuse_repeat(self) -> None:
        if self.left:
            # Libraries repeat some requests by themselves. Only this client may decide to repeat one.
            raise ConnectionError("the connection broke")

    def _ask_permit_at(self) -> tuple[float, float]:
        """Ask for the permit, and return when it was granted."""
        self._ask_permit()
        return _clocks()

    def _ask_permit(self) -> None:
        began = current().monotonic()
        if self._call.permit is not None:
            try:
                self._call.permit()
            except BaseException as error:
                # The libraries would wrap some errors in their own.
                self._refusal = error
                raise
        # The time limit is for the network only.
        self._ends += current().monotonic() - began


def _clocks() -> tuple[float, float]:
    # The monotonic clock stops while a machine sleeps, and the wall clock may be set back.
    return current().monotonic(), current().now().timestamp()
