"""The token endpoint of projects (OAuth2 client credentials)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.responses import Response

from sinch_sandbox.core.tokens import same
from sinch_sandbox.sinch.calls import Call, operation
from sinch_sandbox.sinch.errors import Refusal
from sinch_sandbox.sinch.responses import json_reply


def basic_credentials(authorization: str | None) -> tuple[str, str] | None:
    """User and password of an HTTP Basic header."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if separator else None


@operation("token")
def token(call: Call) -> Response:
    sandbox = call.sandbox
    if sandbox.settings.token_rate_limit and not sandbox.token_bucket.take(sandbox.clock.now()):
        raise Refusal(429)
    given = basic_credentials(call.request.headers.get("authorization"))
    # Always make both comparisons, so that the time does not reveal whether the key was right.
    key_id, key_secret = given or ("", "")
    known = same(key_id, sandbox.credentials.key_id) & same(key_secret, sandbox.credentials.key_secret)
    if given is None or not known:
        headers = {"www-authenticate": 'Basic realm="sinch"'}
        return json_reply(_oauth_error("invalid_client", "Client authentication failed."), 401, headers)
    form = parse_qs(call.body.decode("utf-8", "replace"))
    grants = form.get("grant_type")
    if grants is None:
        return json_reply(_oauth_error("invalid_request", "The form field 'grant_type' is missing."), 400)
    if grants != ["client_credentials"]:
        return json_reply(
            _oauth_error("unsupported_grant_type", "Only client_credentials is supported."), 400
        )
    lifetime = sandbox.settings.token_lifetime
    return json_reply(
        {
            "access_token": sandbox.tokens.issue(lifetime),
            "expires_in": lifetime,
            "scope": "",
            "token_type": "bearer",
        }
    )


def _oauth_error(error: str, description: str) -> Mapping[str, str]:
    return {"error": error, "error_description": description}
