"""What the environment says about the way to Sinch, read once for both clients: proxies and certificates."""

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

#: Variables that may name a file or directory of certificates; the first that is set counts.
CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
SOCKS: Final = frozenset({"socks4", "socks4a", "socks5", "socks5h"})
_PACKAGES: Final = ("socks", "aiohttp_socks")


class UnusableEnvironmentError(Exception):
    """The environment asks for what cannot be had; trying again will not help."""


def proxy_for(url: str) -> str | None:
    """
    Tell through which proxy a URL is reached; None: directly, as this machine always is.

    Obeyed are HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case.

    :raises UnusableEnvironmentError: The proxy is of a kind that is unknown, or whose packages are missing.
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
            "the proxy of the environment must be a URL that begins with http://, https://, socks4://, "
            "socks4a://, socks5:// or socks5h:// (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY)"
        )
    if parts.scheme in SOCKS and not all(map(find_spec, _PACKAGES)):
        raise UnusableEnvironmentError(
            "the environment names a SOCKS proxy, which needs more packages: "
            "pip install 'airflow-provider-sinch[socks]'"
        )
    return proxy


def tls_context() -> ssl.SSLContext:
    """
    Trust the certificates that the environment names, else those of certifi.

    :raises UnusableEnvironmentError: They cannot be read.
    """
    variable = next((name for name in CA_VARIABLES if os.environ.get(name)), None)
    path = os.environ[variable] if variable else certifi.where()
    try:
        return _tls_context(path, os.stat(path).st_mtime_ns)
    except OSError as error:
        failure = UnusableEnvironmentError(
            f"the certificates that {variable or 'certifi'} names cannot be read ({type(error).__name__})"
        )
    raise failure


@lru_cache(maxsize=4)
def _tls_context(path: str, changed: int) -> ssl.SSLContext:
    # Reading the bundle takes longer than everything else on this side of a request.
    if os.path.isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)
