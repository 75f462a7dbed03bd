"""Checks tokens: static ones of service plans, and OAuth2 access tokens of projects."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any

from sinch_sandbox.core.settings import Credentials
from sinch_sandbox.core.times import SECOND


class TokenRefusedError(Exception):
    """A call without a valid token; ``reason`` is ``invalid_token``, ``expired``, or None for no token."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason


def same(given: str, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


class Tokens:
    """Signed access tokens that contain their expiry: nothing is stored, and they survive a restart.

    Fetching a new token leaves the earlier ones valid, as at Sinch.
    """

    def __init__(self, secret: bytes, credentials: Credentials, now: Callable[[], int]) -> None:
        self._secret = secret
        self._credentials = credentials
        self._now = now
        self._key = self._sign(json.dumps([credentials.key_id, credentials.key_secret]))
        """Identifies the key that tokens are issued to, so that they become invalid with another key."""

    def issue(self, lifetime: int) -> str:
        header = _encode({"alg": "HS256", "typ": "JWT"})
        issued = self._now() // SECOND
        payload = _encode(
            {
                "project": self._credentials.project_id,
                "key": self._key,
                "iat": issued,
                "exp": issued + lifetime,
                "jti": secrets.token_hex(8),
            }
        )
        return f"{header}.{payload}.{self._sign(f'{header}.{payload}')}"

    def check(self, account: str, authorization: str | None) -> None:
        """Check the token of a call to ``account``.

        :raises TokenRefusedError: The call has no token, a wrong one, or one that has expired.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefusedError
        if same(account, self._credentials.service_plan_id) and same(token, self._credentials.api_token):
            return
        claims = self._claims(token)
        if claims is None or not (
            same(account, claims["project"]) and same(claims.get("key", ""), self._key)
        ):
            raise TokenRefusedError("invalid_token")
        if claims["exp"] * SECOND <= self._now():
            raise TokenRefusedError("expired")

    def _sign(self, text: str) -> str:
        digest = hmac.digest(self._secret, text.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _claims(self, token: str) -> dict[str, Any] | None:
        body, _, signature = token.rpartition(".")
        if not same(signature, self._sign(body)):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body.split(".")[1] + "=="))
        return claims


class TokenBucket:
    """The token endpoint's rate limit: 30 requests at once, refilled by 10 a second."""

    CAPACITY = 30.0
    REFILL_PER_SECOND = 10.0

    def __init__(self) -> None:
        self._level = self.CAPACITY
        self._at: int | None = None

    def take(self, now: int) -> bool:
        if self._at is not None:
            refill = max(0, now - self._at) / SECOND * self.REFILL_PER_SECOND
            self._level = min(self.CAPACITY, self._level + refill)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


def _encode(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
