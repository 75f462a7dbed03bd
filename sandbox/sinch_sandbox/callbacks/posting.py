"""Posts one callback: only to allowed addresses, signed if there is a secret, and with a time limit."""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import secrets
import socket

import aiohttp
from yarl import URL

import sinch_sandbox
from sinch_sandbox.callbacks.targets import TargetRefusedError, check_address, not_loopback
from sinch_sandbox.core.masking import masked
from sinch_sandbox.web.guards import CALLBACK_AGENT

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_MAX_REPLY = 64 * 1024
_ALGORITHM = "HmacSHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def signature_headers(body: bytes, secret: str, nonce: str, timestamp: int) -> dict[str, str]:
    """Sinch's signature: over the raw body, the nonce and Unix seconds, with the plan's secret."""
    signed = b".".join((body, nonce.encode(), str(timestamp).encode()))
    digest = hmac.digest(secret.encode(), signed, "sha256")
    return {
        "x-sinch-webhook-signature": base64.b64encode(digest).decode(),
        "x-sinch-webhook-signature-algorithm": _ALGORITHM,
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": str(timestamp),
    }


class Poster:
    """An HTTP client without redirects, proxies, cookies and netrc.

    :param allow_remote: whether it may call addresses other than loopback.
    :param allow_loopback: whether it may call loopback addresses. If other machines reach the sandbox, they
        could use callbacks to reach services that listen on loopback only.
    """

    def __init__(self, allow_remote: bool, allow_loopback: bool) -> None:
        self._allow_remote = allow_remote
        self._allow_loopback = allow_loopback
        self._session = aiohttp.ClientSession(
            timeout=_TIMEOUT,
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._session.close()

    async def post(self, url: str, body: str, secret: str | None, timestamp: int) -> int:
        """Post one callback; the HTTP status of the answer.

        :raises TargetRefusedError: Callbacks to this URL are not allowed.
        :raises Exception: The request failed, with the error of the HTTP client.
        """
        target = _parse(url)
        host, raw = target.host or "", body.encode()
        address = await self._address(host, target.port or _DEFAULT_PORTS[target.scheme])
        headers = {
            # The connection goes to the address that was checked; the name stays in the header and in TLS.
            "Host": target.host_port_subcomponent or "",
            "Content-Type": "application/json",
            "User-Agent": f"{CALLBACK_AGENT}{sinch_sandbox.__version__}",
        }
        if secret is not None:
            headers |= signature_headers(raw, secret, secrets.token_hex(16), timestamp)
        async with self._session.post(
            target.with_host(address),
            data=raw,
            headers=headers,
            allow_redirects=False,
            server_hostname=host if target.scheme == "https" else None,
        ) as reply:
            await reply.content.read(_MAX_REPLY)
            return reply.status

    async def _address(self, host: str, port: int) -> str:
        """Resolve a host once. Names other than localhost are looked up only if remote hosts are allowed."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            if host != "localhost" and not self._allow_remote:
                raise not_loopback(host) from None
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            address = ipaddress.ip_address(found[0][4][0])
        check_address(host, address, self._allow_remote, self._allow_loopback)
        return str(address)


def _parse(url: str) -> URL:
    try:
        target = URL(url)
        if target.scheme in _DEFAULT_PORTS and target.host:
            return target
    except ValueError:
        pass
    raise TargetRefusedError(
        f"{masked(url)!r} is not an http or https URL" if url else "there is no callback URL"
    )
