"""
What can go wrong between here and Sinch: one tree, :class:`SinchError`.

Every error says what happened, whether the call may have taken effect, and what to do next; none carries a
phone number, a message text or a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Effect(Enum):
    """Whether a failed call may have changed anything at Sinch."""

    NONE = "none"
    UNKNOWN = "unknown"


class SinchError(Exception):
    """
    Base of all errors of this package.

    :param what: What happened, one sentence without a full stop.
    :param operation: The API operation, as the methods are named (``send``, ``get`` ...), or empty.
    :param status: HTTP status of the answer, if there was one.
    :param code: Sinch's machine code (``syntax_invalid_parameter_format`` ...), verbatim, if there was one.
    :param text: Sinch's own explanation, numbers masked, if there was one.
    :param effect: Whether the call may have taken effect.
    :param retry_after: Seconds the server asked to wait, if it said so.
    :param repeatable: Whether the client may make the same call again by itself.
    :param advice: What to do next; each class has a default.
    """

    #: Whether the same call can succeed later although nobody changed anything.
    transient = False
    advice = ""
    default_effect = Effect.NONE

    def __init__(
        self,
        what: str,
        *,
        operation: str = "",
        status: int | None = None,
        code: str | None = None,
        text: str | None = None,
        effect: Effect | None = None,
        retry_after: float | None = None,
        repeatable: bool = False,
        advice: str | None = None,
    ) -> None:
        self.what = what
        self.operation = operation
        self.status = status
        self.code = code
        self.text = text
        self.effect = effect or self.default_effect
        self.retry_after = retry_after
        self.repeatable = repeatable
        if advice is not None:
            self.advice = advice
        super().__init__(" ".join(part for part in (f"{what}.", self._consequence(), self.advice) if part))

    def __reduce__(self) -> tuple[Any, ...]:
        # The arguments of __init__ are not those of Exception, with which copies and pickles would be made.
        return _remake, (type(self), self.args, self.__dict__)

    def _consequence(self) -> str:
        if self.operation == "send":
            if self.effect is Effect.UNKNOWN:
                return "The batch may or may not have been sent."
            return "Nothing was sent."
        if self.operation in {"update", "replace", "cancel", "send_delivery_feedback"}:
            if self.effect is Effect.UNKNOWN:
                return "The change may or may not have been made."
            return "Nothing was changed."
        return ""


def _remake(kind: type[SinchError], args: tuple[Any, ...], state: dict[str, Any]) -> SinchError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


@dataclass(frozen=True)
class Fault:
    """
    One broken rule of a request.

    :param field: Path of the field, such as ``to[3]``.
    :param rule: What the field has to be.
    :param shown: The offending value as it may be shown (masked), or empty.
    """

    field: str
    rule: str
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}" + (f" (got {self.shown})" if self.shown else "")


class SinchValidationError(SinchError, ValueError):
    """
    The request breaks a rule of the API and never left this machine.

    Its first line counts the faults and says that nothing was sent; each fault has a line of its own.

    :param faults: Every broken rule, in the order of the fields.
    :param operation: The API operation the request was meant for.
    :param subject: Whose arguments these are, where that tells more than the operation.
    """

    #: How many faults the message spells out; ``faults`` has all of them.
    SHOWN = 20

    def __init__(self, faults: Sequence[Fault], operation: str = "", subject: str = "") -> None:
        self.faults = tuple(faults)
        name = subject or operation
        plural = "fault" if len(self.faults) == 1 else "faults"
        super().__init__(
            f"{name}: {len(self.faults)} {plural} in the request"
            if name
            else f"{len(self.faults)} {plural} in the request",
            operation=operation,
        )
        lines = [str(self), *(f"  {fault}" for fault in self.faults[: self.SHOWN])]
        if len(self.faults) > self.SHOWN:
            lines.append(f"  and {len(self.faults) - self.SHOWN} more")
        self.args = ("\n".join(lines),)


class SinchAuthError(SinchError):
    """Sinch does not accept the credentials (HTTP 401, or an error of the token endpoint)."""

    advice = (
        "Check login and password of the connection, and that the region is the one the account lives in; "
        "trying again will not help."
    )


class SinchBadRequestError(SinchError):
    """Sinch found the request malformed or out of bounds (HTTP 400 and other 4xx without a class of their
    own)."""

    advice = "Correct the named field; trying again unchanged will not help."


class SinchForbiddenError(SinchError):
    """Sinch understood the request and refuses it (HTTP 403): unknown group, no callback URL, account blocked
    ..."""

    advice = "See Sinch's reason; trying again unchanged will not help."


class SinchNotFoundError(SinchError):
    """The batch, recipient or path does not exist in this account (HTTP 404)."""

    advice = (
        "Check the id, and that service plan or project and region of the connection are those it was "
        "created with: batches cannot be seen from another plan."
    )


class SinchAlreadyDispatchedError(SinchError):
    """Too late to change or cancel: the batch has left (HTTP 403 or 409)."""

    advice = "Its delivery report tells what became of each message."


class SinchRateLimitError(SinchError):
    """Too many requests at once (HTTP 429), still so after the retries; ``retry_after`` says how long to
    wait."""

    transient = True
    advice = "Try again later, with fewer tasks at once (an Airflow pool bounds them)."


class SinchServerError(SinchError):
    """Sinch failed or is unavailable (HTTP 5xx, 408), still so after the retries."""

    transient = True
    advice = "Try again later."


class SinchConnectionError(SinchError):
    """No connection to Sinch could be made, or it broke."""

    transient = True
    advice = "Check network, proxy and base_url of the connection; then try again."


class SinchUnexpectedAnswerError(SinchError):
    """The answer is not what the API promises: HTML, empty, of another type, without an id."""

    transient = True
    advice = "Check that base_url and region lead to Sinch and not to a proxy or a log-in page."


class SinchUncertainError(SinchError):
    """A request was sent off, and nobody knows whether it took effect: the answer is lost or useless."""

    advice = (
        "Do not repeat it blindly: list the batches by client_reference, with a start_date before this "
        "attempt, and look whether it is there."
    )
    default_effect = Effect.UNKNOWN


class SinchUnsettledError(SinchUncertainError):
    """Nobody knows whether the batch was accepted; a retry looks for it before it sends."""

    transient = True
    advice = "A retry of this task looks for the batch by its reference first; it does not send blindly."


class SinchPayloadChangedError(SinchError):
    """An earlier attempt has sent something else than this one is asked to."""

    default_effect = Effect.UNKNOWN
    advice = "To send to the whole list as it is now, to those reached before too, use a new send_key."

    def _consequence(self) -> str:
        return "Nothing more was sent."


class SinchBatchCanceledError(SinchError):
    """The batch was accepted and then cancelled; sending it again is for a human to decide."""

    default_effect = Effect.UNKNOWN
    advice = "Clear the task to send it again."

    def _consequence(self) -> str:
        return "Nothing more was sent."


class SinchSentTwiceError(SinchError):
    """Two batches with the same reference have left."""

    default_effect = Effect.UNKNOWN
    advice = "The delivery reports of both batches tell whom they reached."

    def _consequence(self) -> str:
        return "Recipients may have two messages."


class SinchNotSentError(SinchError):
    """Airflow did not confirm that this attempt may send, so it sent nothing; a retry may succeed."""

    transient = True
    advice = "A retry of this task may send. It looks first where it cannot know."

    def _consequence(self) -> str:
        return "This attempt sent nothing."


class SinchAccountChangedError(SinchError):
    """An earlier attempt of this send used another account than the connection has now."""

    default_effect = Effect.UNKNOWN
    advice = (
        "Give the connection the account it had, and retry. If the batch was not sent there, clear the task "
        "with on_clear='resend'."
    )

    def _consequence(self) -> str:
        return "Nothing was sent with the new account."


class MalformedAnswerError(ValueError):
    """JSON of another shape than the API promises; raised while parsing, never shown to users as such."""
