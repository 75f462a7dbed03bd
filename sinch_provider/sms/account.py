"""A Sinch account: credentials, region, addresses and limits."""

from __future__ import annotations

import base64
import ipaddress
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.recipients import normalize_recipients
from sinch_provider.sms.fields.rules import shown_value
from sinch_provider.sms.secret import Secret, Unstorable

SERVICE_PLAN_REGIONS: Final = ("us", "eu", "au", "br", "ca")
PROJECT_REGIONS: Final = ("us", "eu")
DEFAULT_REGION: Final = "us"
DEFAULT_TIMEOUT: Final = 30.0
AUTH_URL: Final = "https://auth.sinch.com"
MAX_NAMESPACE: Final = 64
#: A whole exchange, from the connection to the last byte of the answer, takes at most this many timeouts.
LIMITS: Final = 3
_TOKEN_PATH: Final = "/oauth2/token"
_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
#: An address without credentials, of the characters that a URL has. Braces only around the id of the batch.
_PAGE: Final = re.compile(
    r"https?://(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:[/?#](?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]|\{batch_id\})*)?"
)
_INBOX: Final = "/#/batches/{batch_id}"
_PREFIX: Final = re.compile(r"[1-9][0-9]{0,14}")
#: The path of the API, perhaps with the account and the operation that a copied URL has.
_API_PATH: Final = re.compile(r"/xms(?:/v1(?:/(?P<owner>[^/?#]+)(?:/batches)?)?)?/?$")


@dataclass(frozen=True)
class ServicePlanCredentials(Unstorable):
    """
    A service plan and its static API token.

    :param service_plan_id: The id that the dashboard shows.
    :param api_token: The token of the plan. It is never shown.
    """

    service_plan_id: str
    api_token: str | Secret = field(repr=False)

    regions = SERVICE_PLAN_REGIONS
    host_prefix = ""

    def __post_init__(self) -> None:
        _hide(self, "api_token")

    @property
    def secret(self) -> str:
        """The token or key secret."""
        return _revealed(self.api_token)

    def secrets(self) -> tuple[str, ...]:
        """Texts that no error may quote."""
        return (self.secret,)

    @property
    def owner(self) -> str:
        """The id that is part of every path."""
        return self.service_plan_id

    def faults(self) -> list[Fault]:
        """Return a fault for every field that is missing or wrong."""
        return [
            *_id_faults("service_plan_id", self.service_plan_id),
            *_header_faults("api_token", self.secret),
        ]


@dataclass(frozen=True)
class ProjectCredentials(Unstorable):
    """
    A project and one of its access keys, exchanged for tokens by OAuth2.

    :param project_id: The id of the project.
    :param key_id: The id of the access key.
    :param key_secret: The secret of the access key. It is never shown.
    """

    project_id: str
    key_id: str
    key_secret: str | Secret = field(repr=False)

    regions = PROJECT_REGIONS
    host_prefix = "zt."

    def __post_init__(self) -> None:
        _hide(self, "key_secret")

    @property
    def secret(self) -> str:
        """The token or key secret."""
        return _revealed(self.key_secret)

    @property
    def basic(self) -> str:
        """Key id and secret as HTTP Basic writes them."""
        return base64.b64encode(f"{self.key_id}:{self.secret}".encode()).decode()

    def secrets(self) -> tuple[str, ...]:
        """Texts that no error may quote."""
        return self.secret, self.basic

    @property
    def owner(self) -> str:
        """The id that is part of every path."""
        return self.project_id

    def faults(self) -> list[Fault]:
        """Return a fault for every field that is missing or wrong."""
        return [
            *_id_faults("project_id", self.project_id),
            *_header_faults("key_id", self.key_id),
            *_header_faults("key_secret", self.secret),
        ]


Credentials = ServicePlanCredentials | ProjectCredentials


@dataclass(frozen=True, kw_only=True)
class Account(Unstorable):
    """
    The settings of a client.

    :param credentials: Credentials of a service plan or of a project.
    :param region: The region of the account: us, eu, au, br or ca, for a project us or eu.
    :param base_url: Scheme and host of the API. The default is Sinch in the region. The path of the API, as
        in ``https://eu.sms.api.sinch.com/xms/v1``, is left out.
    :param auth_url: Scheme and host of the token endpoint, for projects only. The default is Sinch's own, or
        ``base_url`` if that is this machine, as with the sandbox.
    :param timeout: Seconds to wait for a connection, and for each read. A whole exchange takes at most three
        times as long.
    :param sender: ``from`` of batches that have none.
    :param allow_insecure: Permit plain ``http://`` to other machines.
    :param namespace: Distinguishes installations that share an account, such as staging and production. It
        is part of every reference that is made for a send.
    :param only_to: The beginnings of the phone numbers that may be texted, as a list or as text with commas.
        Empty: no limit.
    :param alert_to: Recipients of alerts that name none, in any form that ``to`` may have.
    :param dashboard_url: A page that shows a batch, for links. ``{batch_id}`` stands for the id of the batch.
    :raises SinchValidationError: Settings are missing or wrong. The error lists all of them.
    """

    credentials: Credentials
    region: str = DEFAULT_REGION
    base_url: str | None = None
    auth_url: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    sender: str | None = None
    allow_insecure: bool = False
    namespace: str = ""
    only_to: tuple[str, ...] = ()
    alert_to: tuple[str, ...] = field(default=(), repr=False)
    dashboard_url: str | None = None

    def __post_init__(self) -> None:
        prefixes, wrong = _prefixes(self.only_to)
        object.__setattr__(self, "only_to", prefixes)
        object.__setattr__(self, "base_url", _without_api_path(self.base_url, self.credentials.owner))
        faults = self.credentials.faults()
        if self.base_url is None and self.region not in self.credentials.regions:
            faults.append(
                Fault(
                    "region",
                    f"must be one of {', '.join(self.credentials.regions)}",
                    shown_value(self.region),
                )
            )
        for name in ("base_url", "auth_url"):
            faults.extend(self._url_faults(name, getattr(self, name)))
        if not (isinstance(self.timeout, (int, float)) and 0 < self.timeout < math.inf):
            faults.append(Fault("timeout", "must be a number of seconds above 0", shown_value(self.timeout)))
        if len(self.namespace) > MAX_NAMESPACE:
            faults.append(Fault("namespace", f"must have at most {MAX_NAMESPACE} characters"))
        faults.extend(wrong)
        if self.alert_to:
            recipients, wrong = normalize_recipients(self.alert_to, "alert_to")
            object.__setattr__(self, "alert_to", tuple(recipients))
            faults.extend(wrong)
        if self.dashboard_url is not None and not is_page(self.dashboard_url):
            faults.append(Fault("dashboard_url", "must be a URL such as https://example.com/sms/{batch_id}"))
        if faults:
            raise SinchValidationError(faults)

    def _url_faults(self, name: str, url: str | None) -> list[Fault]:
        if url is None:
            return []
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        if parts.scheme not in {"http", "https"} or not host:
            return [Fault(name, "must be a URL with scheme and host, such as https://eu.sms.api.sinch.com")]
        if parts.username is not None or parts.query or parts.fragment:
            return [Fault(name, "must not carry credentials, a query or a fragment")]
        if "/xms" in parts.path:
            # A gateway may have its own path before /xms.
            return [Fault(name, "must end before /xms, because the path of the API is added to it")]
        if host.endswith(".sinch.com") and parts.path.rstrip("/").removesuffix(_TOKEN_PATH):
            return [Fault(name, "must end after the host, because Sinch's own paths are added to it")]
        if parts.scheme == "http" and not (self.allow_insecure or is_loopback(host)):
            return [
                Fault(
                    name,
                    "must be https, or credentials would be sent unencrypted (allow_insecure permits it)",
                )
            ]
        return []

    @property
    def longest_exchange(self) -> float:
        """Seconds after which every exchange has ended."""
        return LIMITS * self.timeout

    @property
    def api_root(self) -> str:
        """The URL to which the paths of the operations are added."""
        host = f"https://{self.credentials.host_prefix}{self.region}.sms.api.sinch.com"
        return f"{(self.base_url or host).rstrip('/')}/xms/v1/{self.credentials.owner}"

    def page_of(self, batch_id: str) -> str | None:
        """Return the address of a page that shows a batch; None if there is none."""
        page = self.dashboard_url
        if page is None and self.base_url and is_loopback(urlsplit(self.base_url).hostname or ""):
            # The sandbox shows its batches where its API is.
            page = self.base_url.rstrip("/") + _INBOX
        if page is None or not is_page(page):
            return None
        return page.replace("{batch_id}", batch_id)

    @property
    def token_url(self) -> str:
        """The URL of the token endpoint."""
        auth_url = self.auth_url
        if (
            auth_url is None
            and self.base_url is not None
            and is_loopback(urlsplit(self.base_url).hostname or "")
        ):
            auth_url = self.base_url
        return (auth_url or AUTH_URL).rstrip("/").removesuffix(_TOKEN_PATH) + _TOKEN_PATH


def is_page(url: str) -> bool:
    """Whether a text is the address of a page: http or https, and nothing that a browser would run."""
    return _PAGE.fullmatch(url) is not None


def is_loopback(host: str) -> bool:
    """Whether a host name can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _without_api_path(url: str | None, owner: str) -> str | None:
    # People copy the URL of an operation. That of another account is a contradiction, and is refused.
    found = _API_PATH.search(url or "")
    return url[: found.start()] if url and found and found["owner"] in {None, owner} else url


def _hide(credentials: Any, name: str) -> None:
    value = getattr(credentials, name)
    if not isinstance(value, Secret):
        object.__setattr__(credentials, name, Secret(value))


def _revealed(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _id_faults(name: str, value: str) -> list[Fault]:
    if not value:
        return [Fault(name, "is required")]
    # The id is part of every path, where ".." would point to another resource.
    if not _ID.fullmatch(value):
        return [Fault(name, "must consist of letters, digits, hyphens and underscores")]
    return []


def _header_faults(name: str, value: str) -> list[Fault]:
    if not value:
        return [Fault(name, "is required")]
    if not (value.isascii() and value.isprintable()) or " " in value:
        return [Fault(name, "must not contain spaces, line breaks or characters outside ASCII")]
    return []


def _prefixes(value: Any) -> tuple[tuple[str, ...], list[Fault]]:
    """Read the allowed beginnings of phone numbers. Return their digits, and faults."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        value = value.split(",") if value.strip() else ()
    if not isinstance(value, Iterable):
        return (), [Fault("only_to", "must be a list of beginnings of phone numbers, such as +44770090")]
    prefixes, faults = [], []
    for index, each in enumerate(value):
        digits = str(each).strip().removeprefix("+").replace(" ", "")
        if _PREFIX.fullmatch(digits):
            prefixes.append(digits)
        else:
            rule = "must be the beginning of an international number, such as +44770090"
            faults.append(Fault(f"only_to[{index}]", rule))
    return tuple(prefixes), faults
