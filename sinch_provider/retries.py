"""``SinchRetryPolicy``: when Airflow tries a task again that Sinch has asked to wait. Needs Airflow 3.3."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

from sinch_provider.sms.errors import SinchError, SinchUncertainError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: A server that asks for a longer wait means something else.
_LONGEST: Final = timedelta(days=1)


class SinchRetryPolicy(RetryPolicy):
    """
    Wait as long as Sinch asks to (``Retry-After``) before the next attempt, instead of ``retry_delay``.

    All other failures are retried as the task says; those that no retry can heal never come here. It is the
    default of this provider's operators. It changes neither ``retries`` nor the way in which a send looks for
    what earlier attempts have sent, and leaves a send whose outcome is unknown to ``retry_delay``.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide when to try again."""
        # An error while waiting for a batch has the error of the request.
        error = getattr(exception, "error", None) or exception
        if not isinstance(error, SinchError) or isinstance(error, SinchUncertainError):
            return RetryDecision.default()
        seconds = error.retry_after or 0
        if not 0 < seconds <= _LONGEST.total_seconds():
            return RetryDecision.default()
        return RetryDecision.retry(timedelta(seconds=seconds), f"Sinch asked to wait {seconds:g} seconds.")

    def serialize(self) -> dict[str, Any]:
        """Describe the policy, which has no arguments."""
        return {"__type": "SinchRetryPolicy"}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        """Make the policy again."""
        return cls()
