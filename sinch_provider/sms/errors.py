"""
The errors of this package: one tree, with :class:`SinchError` at its root.

Every error says what happened, whether the call may have taken effect, and what to do next. No error contains
a phone number, a message text or a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple


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
    :param retry_after: Seconds that the server asked to wait, if it did.
    :param repeatable: Whether the client may repeat the call by itself.
    :param advice: What to do next, as full sentences. Each class has a default.
    """

    #: Whether the same call can succeed later without any change.
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
        # Copies and pickles would call __init__ with the arguments of Exception, which differ.
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


class Fault(NamedTuple):
    """
    One broken rule of a request.

    :param field: Path of the field, such as ``to[3]``.
    :param rule: The rule, such as ``must be a number``.
    :param shown: The wrong value, masked, or empty.
    """

    field: str
    rule: str
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}" + (f" (got {self.shown})" if self.shown else "")


class SinchValidationError(SinchError, ValueError):
    """
    The request breaks a rule of the API, so it was not made.

    The first line counts the faults and says that nothing was sent. Then there is one line for each fault.

    :param faults: Every broken rule, in the order of the fields.
    :param operation: The API operation of the request.
    :param subject: The name to begin with instead of the operation, such as that of an operator.
    """

    #: The most faults that the message lists. ``faults`` has all of them.
    SHOWN = 20

    def __init__(self, faults: Sequence[Fault], operation: str = "", subject: str = "") -> None:
        self.faults = tuple(faults)
        name = subject or operation
        plural = "fault" if len(self.faults) == 1 else "faults"
        super().__init__(
            f"{name}: {len(self.faults)} {plural}" if name else f"{len(self.faults)} {plural} in the request",
            operation=operation,
        )
        lines = [str(self), *(f"  {fault}" for fault in self.faults[: self.SHOWN])]
        if len(self.faults) > self.SHOWN:
            lines.append(f"  and {len(self.faults) - self.SHOWN} more")
        self.args = ("\n".join(lines),)


class SinchAuthError(SinchError):
    """Sinch does not accept the credentials (HTTP 401, or an error of the token endpoint)."""

    advice = "Check the login, the password and the region of the connection. A retry will not help."


class SinchBadRequestError(SinchError):
    """Sinch does not accept the request (HTTP 400, and any 4xx that has no class below)."""

    advice = "Correct the field that Sinch names. A retry without a change will not help."


class SinchForbiddenError(SinchError):
    """Sinch refuses the request (HTTP 403): unknown group, no callback URL, account blocked and so on."""

    advice = "Read the reason that Sinch gives. A retry without a change will not help."


class SinchNotFoundError(SinchError):
    """The batch, recipient or path does not exist in this account (HTTP 404)."""

    advice = (
        "Check the id. Check also that the connection has the same service plan or project, and the same "
        "region, as the one that created the batch."
    )


class SinchAlreadyDispatchedError(SinchError):
    """The batch cannot be changed or cancelled any more, because it has left (HTTP 403 or 409)."""

    advice = "The delivery report shows the status of each message."


class SinchRateLimitError(SinchError):
    """Too many requests (HTTP 429), even after repeating the call. ``retry_after`` says how long to wait."""

    transient = True
    advice = "Retry later, with fewer tasks at the same time (an Airflow pool limits them)."


class SinchServerError(SinchError):
    """Sinch failed or is unavailable (HTTP 5xx, 408), even after repeating the call."""

    transient = True
    advice = "Retry later."


class SinchConnectionError(SinchError):
    """The connection to Sinch could not be made, or it broke."""

    transient = True
    advice = "Check the network, the proxy, and base_url of the connection. Then retry."


class SinchUnexpectedAnswerError(SinchError):
    """The answer is not the one that the API documents: HTML, an empty body, another type, no id."""

    transient = True
    advice = "Check that base_url and region point to Sinch and not to a proxy or a login page."


class SinchUncertainError(SinchError):
    """It is unknown whether the request took effect: its answer was lost, or is not usable."""

    advice = (
        "Before you send again, list the batches by client_reference, with a start_date before this attempt, "
        "and check whether the batch is there."
    )
    default_effect = Effect.UNKNOWN


class SinchUnsettledError(SinchUncertainError):
    """It is unknown whether Sinch accepted the batch. A retry searches for it before it sends."""

    transient = True
    advice = "Retry the task: it searches for the batch by its reference before it sends."


class SinchPayloadChangedError(SinchError):
    """An earlier attempt sent another message, or sent it to other recipients."""

    default_effect = Effect.UNKNOWN
    advice = "To send to the whole current list, including people already reached, use a new send_key."

    def _consequence(self) -> str:
        return "Nothing more was sent."


class SinchBatchCanceledError(SinchError):
    """The batch was accepted and then cancelled. A person has to decide whether to send it again."""

    default_effect = Effect.UNKNOWN
    advice = "Clear the task to send it again."

    def _consequence(self) -> str:
        return "Nothing more was sent."


class SinchSentTwiceError(SinchError):
    """Two batches of the same send have left."""

    default_effect = Effect.UNKNOWN
    advice = "The delivery reports of both batches show whom they reached."

    def _consequence(self) -> str:
        return "Recipients may get two messages."


class SinchNotSentError(SinchError):
    """Airflow did not confirm that this attempt may send, so it sent nothing. A retry may succeed."""

    transient = True
    advice = "A retry may succeed. It checks first whether the batch was sent."

    def _consequence(self) -> str:
        return "This attempt sent nothing."


class SinchCampaignError(SinchError):
    """A campaign has ended before everybody was texted. A person has to decide how it goes on."""

    advice = "If you clear the task, it texts the others."

    def _consequence(self) -> str:
        return "Nobody else was texted."


class SinchCampaignInterruptedError(SinchCampaignError):
    """Something passing has ended a campaign before everybody was texted."""

    transient = True
    advice = "A retry texts the others."


class SinchAccountChangedError(SinchError):
    """An earlier attempt of this send used a different account than the connection has now."""

    default_effect = Effect.UNKNOWN
    advice = (
        "Change the connection back to the earlier account and retry. If the batch was not sent with that "
        "account, set on_clear='resend' and clear the task."
    )

    def _consequence(self) -> str:
        return "Nothing was sent with the new account."


class MalformedAnswerError(ValueError):
    """JSON of another shape than the API documents. Clients turn it into a :class:`SinchError`."""
