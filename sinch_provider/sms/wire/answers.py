"""Turn HTTP answers and failed requests into results and errors."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from sinch_provider.sms.errors import (
    Effect,
    MalformedAnswerError,
    SinchAlreadyDispatchedError,
    SinchAuthError,
    SinchBadRequestError,
    SinchConnectionError,
    SinchError,
    SinchForbiddenError,
    SinchNotFoundError,
    SinchRateLimitError,
    SinchServerError,
    SinchUncertainError,
    SinchUnexpectedAnswerError,
)
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.runtime import current
from sinch_provider.sms.wire.call import Call, Kind
from sinch_provider.sms.wire.http import Answer

T = TypeVar("T")

_TOO_LATE: Final = frozenset({"batch_already_dispatched", "conflict_send_at"})
#: These do not prove a refusal: an earlier request of the same call may still take effect.
_NO_REFUSAL: Final = frozenset({408, 409, 425})
#: Characters of Sinch's own text that an error quotes.
_SHOWN: Final = 200
_PROXY: Final = "Check the user name and password of the proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY)."
#: Characters of an error text that are read: more than an error that quotes a whole message has.
_READ: Final = 8192


def read_answer(call: Call[T], answer: Answer, secrets: Iterable[str] = ()) -> T:
    """
    Turn an answer into the result of its call.

    :param secrets: Tokens and keys. No error quotes them.
    :raises SinchError: The answer is an error, or does not have the shape that the API documents.
    """
    if not 200 <= answer.status < 300:
        raise status_error(call, answer, secrets)
    if not answer.complete:
        raise _unreadable(
            call, answer, "it is longer than any answer of Sinch, so the client stopped reading"
        )
    try:
        # Accepted feedback (202) has no body to read. Every other success has JSON.
        return call.parse(
            answer.json(call.unread, call.echoes) if answer.body and answer.status != 202 else None
        )
    except ValueError as error:
        reason = str(error) if isinstance(error, MalformedAnswerError) else "it is not JSON"
    raise _unreadable(call, answer, reason)


def status_error(call: Call[Any], answer: Answer, secrets: Iterable[str] = ()) -> SinchError:
    """Return the error for an answer outside 2xx."""
    status = answer.status
    private, numbers = [*call.private(), *secrets], call.numbers()
    code, text = (masked_excerpt(part, private, numbers) for part in code_and_text(answer))
    details: dict[str, Any] = {"operation": call.operation, "status": status, "code": code, "text": text}
    reason = f"HTTP {status}" + (f", {code}" if code else "") + (f": {text.rstrip('.')}" if text else "")
    if status == 401:
        return SinchAuthError(
            f"{call.operation}: Sinch does not accept the credentials ({reason})", **details
        )
    if status == 429:
        return SinchRateLimitError(
            f"{call.operation}: too many requests ({reason})",
            retry_after=_retry_after(answer),
            repeatable=True,
            **details,
        )
    if status >= 500 or status == 408:
        return possible_effect_error(
            call,
            SinchServerError,
            f"{call.operation}: Sinch failed ({reason})",
            retry_after=_retry_after(answer),
            repeatable=call.repeatable,
            **details,
        )
    if status < 200:
        what = f"{call.operation}: the server sent only an interim answer (HTTP {status})"
        return possible_effect_error(call, SinchUnexpectedAnswerError, what, **details)
    too_late = code in _TOO_LATE or (status == 409 and call.operation in {"cancel", "update", "replace"})
    if call.kind is Kind.NOT_IDEMPOTENT and not _is_refusal(answer, too_late):
        return possible_effect_error(
            call,
            SinchUnexpectedAnswerError,
            f"{call.operation}: the answer does not prove that Sinch refused the request ({reason})",
            **details,
        )
    if too_late:
        return SinchAlreadyDispatchedError(
            f"{call.operation}: the batch has already left ({reason})", **details
        )
    if status == 403:
        return SinchForbiddenError(f"{call.operation}: Sinch refuses the request ({reason})", **details)
    if status == 404:
        return SinchNotFoundError(
            f"{call.operation}: not found ({reason})", repeatable=call.may_lag, **details
        )
    if 300 <= status < 400:
        effect = Effect.NONE if call.kind is Kind.SAFE else Effect.UNKNOWN
        return SinchUnexpectedAnswerError(
            f"{call.operation}: the server answered with a redirect ({reason})",
            effect=effect,
            **details,
        )
    if status == 407:
        what = f"{call.operation}: the proxy does not accept the credentials (HTTP 407)"
        return SinchBadRequestError(what, **details, advice=_PROXY)
    return SinchBadRequestError(f"{call.operation}: Sinch does not accept the request ({reason})", **details)


def possible_effect_error(call: Call[Any], kind: type[SinchError], what: str, **details: Any) -> SinchError:
    """
    Return the error for a request that left and has no usable answer, so that it may have taken effect.

    :param kind: Class of the error for a repeatable call. Otherwise it is :class:`SinchUncertainError`.
    :param what: What happened, one sentence without a full stop.
    """
    if call.repeatable:
        effect = Effect.NONE if call.kind is Kind.SAFE else Effect.UNKNOWN
        return kind(what, effect=effect, **details)
    advice = None if call.operation == "send" else "Read the batch (get) to see whether it was changed."
    return SinchUncertainError(what, **{**details, "repeatable": False, "advice": advice})


def connect_error(call: Call[Any], cause: BaseException | str) -> SinchError:
    """Return the error for a request that never left. Every call may be repeated after it."""
    return SinchConnectionError(
        f"{call.operation}: no connection to Sinch ({_name(cause)})",
        operation=call.operation,
        repeatable=True,
    )


def lost_answer_error(call: Call[Any], cause: BaseException | str) -> SinchError:
    """Return the error for a request that left and whose answer did not arrive."""
    return possible_effect_error(
        call,
        SinchConnectionError,
        f"{call.operation}: the connection broke before the answer arrived ({_name(cause)})",
        operation=call.operation,
        repeatable=call.repeatable,
    )


def environment_error(call: Call[Any], what: str) -> SinchError:
    """Return the error for a request that the proxy or certificate settings of this process prevent."""
    return SinchConnectionError(
        f"{call.operation}: {what}",
        operation=call.operation,
        advice="Correct the environment of the workers and the triggerer, or install the missing packages. "
        "A retry will not help.",
    )


def _name(cause: BaseException | str) -> str:
    if isinstance(cause, str):
        return cause
    # The libraries wrap what the system said.
    wrapped = cause.args[-1] if cause.args else None
    # Never the text of an error: the libraries quote URLs, which can contain phone numbers.
    return type(wrapped if isinstance(wrapped, OSError) else cause).__name__


def _unreadable(call: Call[Any], answer: Answer, reason: str) -> SinchError:
    content_type = masked_excerpt(answer.headers.get("content-type")) or "no content type"
    return possible_effect_error(
        call,
        SinchUnexpectedAnswerError,
        f"{call.operation}: the answer is not usable: {reason} "
        f"(HTTP {answer.status}, {content_type}, {len(answer.body)} bytes)",
        operation=call.operation,
        status=answer.status,
    )


def code_and_text(answer: Answer) -> tuple[str | None, str | None]:
    """
    Find the machine code and the text in an error body, in every format that Sinch uses.

    :returns: Both verbatim. Mask them with :func:`masked_excerpt` before they are shown.
    """
    try:
        body = answer.json()
    except ValueError:
        return None, answer.body[:_READ].decode("utf-8", "replace").strip() or None
    if not isinstance(body, Mapping):
        return None, None
    inner = body.get("error")
    if isinstance(inner, Mapping):
        return _text(inner.get("status")), _text(inner.get("message"))
    texts = (
        body.get(key) for key in ("text", "description", "error_description", "detail", "title", "message")
    )
    text = next((found for found in map(_text, texts) if found), None)
    code = _text(body.get("code"))
    if isinstance(inner, str) and inner:
        return (code or inner, text) if text else (code, inner)
    return code, text


def _text(value: Any) -> str | None:
    if isinstance(value, str) and value.strip():
        return value.strip()[:_READ]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _is_refusal(answer: Answer, too_late: bool) -> bool:
    # A proxy may answer after Sinch has carried out the request, so only Sinch's own error is a refusal.
    proves = 400 <= answer.status < 500 and (too_late or answer.status not in _NO_REFUSAL)
    return proves and _is_own_error(answer)


def _is_own_error(answer: Answer) -> bool:
    """Whether Sinch wrote the error, and not a proxy between us and Sinch."""
    try:
        body = answer.json()
    except ValueError:
        return False
    if not isinstance(body, Mapping):
        return False

    def has(fields: Mapping[Any, Any], *names: str) -> bool:
        return all(isinstance(fields.get(name), str) and fields[name] for name in names)

    inner = body.get("error")
    return (
        has(body, "code", "text")
        or has(body, "code", "description")
        or (
            isinstance(inner, Mapping)
            and has(inner, "status", "message")
            and inner.get("code") == answer.status
        )
        or (has(body, "type", "title", "detail") and body.get("status", answer.status) == answer.status)
    )


def masked_excerpt(
    part: str | None, private: Iterable[str] = (), numbers: Collection[str] = ()
) -> str | None:
    """Mask a text of an answer, then shorten it. The other way round, half a secret could pass."""
    return mask_text(part, private, numbers)[:_SHOWN] if part else None


def _retry_after(answer: Answer) -> float | None:
    value = answer.headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - current().now()).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None
