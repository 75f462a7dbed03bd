"""Proxy and certificates as the environment sets them, the same for both clients."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

import certifi
from requests.utils import get_environ_proxies, select_proxy

from sinch_provider.sms.account import is_loopback

#: Variables that name a file or directory of certificates. The first one that is set counts.
CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
SOCKS: Final = frozenset({"socks4", "socks4a", "socks5", "socks5h"})
_PACKAGES: Final = ("socks", "aiohttp_socks")


class UnusableEnvironmentError(Exception):
    """The environment asks for a proxy or certificates that cannot be used. A retry will not help."""


@dataclass(frozen=True)
class Way:
    """
    How a host is reached.

    :param proxy: URL of the proxy, which may hold a password; None for a direct connection.
    :param socks: Whether the proxy speaks SOCKS.
    :param encrypted: Whether the host or the proxy speaks TLS.
    """

    proxy: str | None = field(repr=False)
    socks: bool
    encrypted: bool


class Ways:
    """The ways to hosts, as the environment had them when each host was asked for first."""

    def __init__(self) -> None:
        self._ways: dict[str, Way] = {}

    def to(self, origin: str) -> Way:
        """
        Return the way to a host.

        :param origin: Scheme, host and port of URLs.
        :raises UnusableEnvironmentError: The kind of proxy is unknown, or packages for it are missing.
        """
        way = self._ways.get(origin)
        if way is None:
            proxy = _proxy_for(origin)
            scheme = urlsplit(proxy or "").scheme
            encrypted = "https" in {urlsplit(origin).scheme, scheme}
            way = self._ways[origin] = Way(proxy, scheme in SOCKS, encrypted)
        return way


def origin_of(url: str) -> str:
    """Return scheme, host and port of an absolute URL."""
    return "/".join(url.split("/", 3)[:3])


def _proxy_for(url: str) -> str | None:
    """
    Return the proxy for a URL, or None for a direct connection.

    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY count, in upper and lower case. This machine itself is
    always reached directly.
    """
    if is_loopback(urlsplit(url).hostname or ""):
        return None
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in {"http", "https", *SOCKS}:
        raise UnusableEnvironmentError(
            "the proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) must be a URL that begins with http://, "
            "https://, socks4://, socks4a://, socks5:// or socks5h://"
        )
    if parts.scheme in SOCKS and not all(map(find_spec, _PACKAGES)):
        raise UnusableEnvironmentError(
            "the environment sets a SOCKS proxy, for which packages are missing: "
            "pip install 'airflow-provider-sinch[socks]'"
        )
    return proxy


def tls_context() -> ssl.SSLContext:
    """
    Return a TLS context that trusts the certificates of the environment, or else those of certifi.

    All clients share it. A file that has changed is read again.

    :raises UnusableEnvironmentError: The certificates cannot be read.
    """
    variable, path = _certificates()
    try:
        key = path, os.stat(path).st_mtime_ns
        with _reading:
            context = _contexts.get(key)
            if context is None:
                while len(_contexts) >= _MOST_CONTEXTS:
                    del _contexts[next(iter(_contexts))]
                context = _contexts[key] = _read(path)
        return context
    except OSError as error:
        failure = UnusableEnvironmentError(
            f"the certificates in {variable or 'certifi'} cannot be read ({type(error).__name__})"
        )
    raise failure


async def tls_context_from_loop() -> ssl.SSLContext:
    """
    Return the same without blocking the event loop while certificates are read.

    :raises UnusableEnvironmentError: The certificates cannot be read.
    """
    _, path = _certificates()
    with suppress(OSError):
        if known := _contexts.get((path, os.stat(path).st_mtime_ns)):
            return known
    return await asyncio.to_thread(tls_context)


def _certificates() -> tuple[str | None, str]:
    """Return the variable that names the certificates, and their path."""
    variable = next((name for name in CA_VARIABLES if os.environ.get(name)), None)
    return variable, os.environ[variable] if variable else certifi.where()


def _read(path: str) -> ssl.SSLContext:
    if os.path.isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


_MOST_CONTEXTS: Final = 4
#: By path and time of change. Reading certificates takes longer than everything else in making a request.
_contexts: dict[tuple[str, int], ssl.SSLContext] = {}
_reading: Final = threading.Lock()
