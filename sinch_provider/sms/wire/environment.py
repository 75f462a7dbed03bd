"""Proxy and certificates as the environment sets them, the same for both clients."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
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


def proxy_for(url: str) -> str | None:
    """
    Return the proxy for a URL, or None for a direct connection.

    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY count, in upper and lower case. This machine itself is
    always reached directly.

    :raises UnusableEnvironmentError: The kind of proxy is unknown, or packages for it are missing.
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

    :raises UnusableEnvironmentError: The certificates cannot be read.
    """
    variable = next((name for name in CA_VARIABLES if os.environ.get(name)), None)
    path = os.environ[variable] if variable else certifi.where()
    try:
        return _tls_context(path, os.stat(path).st_mtime_ns)
    except OSError as error:
        failure = UnusableEnvironmentError(
            f"the certificates in {variable or 'certifi'} cannot be read ({type(error).__name__})"
        )
    raise failure


@lru_cache(maxsize=4)
def _tls_context(path: str, changed: int) -> ssl.SSLContext:
    # Reading the certificates takes longer than everything else in making a request.
    if os.path.isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)
