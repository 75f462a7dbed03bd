"""OAuth2 tokens of project credentials: fetched, kept per access key and process, renewed in time."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from sinch_provider.sms.account import Account, ProjectCredentials
from sinch_provider.sms.errors import MalformedAnswerError, SinchAuthError, SinchUnexpectedAnswerError
from sinch_provider.sms.runtime import current
from sinch_provider.sms.wire.answers import code_and_text, masked_excerpt, read_answer
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.http import TOKEN_PATH, Answer, Request

#: Seconds before its end from which a token is not used any more.
MARGIN: Final = 60.0
_DEFAULT_LIFETIME: Final = 3600.0


@dataclass(frozen=True)
class Grant:
    """
    What the token endpoint gives.

    :param token: The bearer token.
    :param lifetime: Seconds for which it is valid.
    """

    token: str = field(repr=False)
    lifetime: float


class TokenSlot:
    """
    The current token of one access key, shared by all clients of this process.

    A caller holds ``lock`` or ``async_lock()`` while it fetches a token, so that many callers fetch only one.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._token: str | None = None
        self._renew_at = 0.0
        self._async_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def current(self) -> str | None:
        """Return the token if it is valid for another minute, else None."""
        return self._token if current().monotonic() < self._renew_at else None

    def store(self, grant: Grant) -> str:
        """Keep a new token and return it."""
        self._renew_at = current().monotonic() + grant.lifetime - MARGIN
        self._token = grant.token
        return grant.token

    def drop(self, token: str) -> None:
        """Forget a token that has expired, unless another caller has already replaced it."""
        if self._token == token:
            self._token = None
            self._renew_at = 0.0

    def async_lock(self) -> asyncio.Lock:
        """Return the lock for callers on the running event loop."""
        return self._async_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())


_slots: dict[tuple[str, str, str], TokenSlot] = {}


def token_slot(account: Account, credentials: ProjectCredentials) -> TokenSlot:
    """Return the slot that all clients with the same key and token endpoint share."""
    digest = hashlib.sha256(credentials.secret.encode()).hexdigest()
    return _slots.setdefault((account.token_url, credentials.key_id, digest), TokenSlot())


def slot_of(account: Account) -> TokenSlot | None:
    """Return the slot of an account; None if its token does not expire."""
    credentials = account.credentials
    return token_slot(account, credentials) if isinstance(credentials, ProjectCredentials) else None


def token_request(account: Account, credentials: ProjectCredentials) -> Request:
    """Make the request for a token: HTTP Basic with the access key, form-encoded grant type."""
    headers = {
        "Authorization": f"Basic {credentials.basic}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return Request("POST", account.token_url, headers, b"grant_type=client_credentials")


def token_call(operation: str) -> Call[Grant]:
    """
    Describe the call that fetches a token.

    :param operation: The operation that needs the token. Errors name it.
    """
    return Call(operation, "POST", TOKEN_PATH, _parse_grant)


def read_grant(operation: str, answer: Answer, secrets: Iterable[str] = ()) -> Grant:
    """
    Read the token endpoint's answer.

    :param operation: The operation that needs the token. Errors name it.
    :param secrets: Tokens and keys. No error quotes them.
    :raises SinchAuthError: Sinch does not accept the access key.
    :raises SinchError: Any other failure.
    """
    if answer.status in {400, 401, 403}:
        code, text = (masked_excerpt(part, secrets) for part in code_and_text(answer))
        reason = ", ".join(part for part in (f"HTTP {answer.status}", code, text) if part)
        raise SinchAuthError(
            f"{operation}: the token endpoint does not accept the key id and key secret ({reason})",
            operation=operation,
            status=answer.status,
            code=code,
            text=text,
        )
    if 300 <= answer.status < 500 and answer.status not in {408, 429}:
        raise SinchUnexpectedAnswerError(
            f"{operation}: there is no token endpoint at auth_url (HTTP {answer.status})",
            operation=operation,
            status=answer.status,
            advice="Check that auth_url and base_url point to Sinch and not to a proxy or a login page.",
        )
    return read_answer(token_call(operation), answer, secrets)


def is_expired_token(answer: Answer) -> bool:
    """Whether an answer says that the token has expired."""
    return answer.status == 401 and "expired" in answer.headers.get("www-authenticate", "").lower()


def _parse_grant(body: Any) -> Grant:
    token = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token:
        raise MalformedAnswerError("it has no access_token")
    if not (token.isascii() and token.isprintable()) or " " in token:
        # It would end its header, or be refused by a library after the request counts as sent.
        raise MalformedAnswerError("its access_token has characters that a token cannot have")
    try:
        lifetime = float(body.get("expires_in", _DEFAULT_LIFETIME))
    except (TypeError, ValueError, OverflowError):
        lifetime = _DEFAULT_LIFETIME
    return Grant(token, lifetime)
