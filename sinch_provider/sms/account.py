"""Which Sinch account to talk to, where, and as whom."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from sinch_provider.sms.errors import Fault, SinchValidationError

SERVICE_PLAN_REGIONS: Final = ("us", "eu", "au", "br", "ca")
PROJECT_REGIONS: Final = ("us", "eu")
DEFAULT_REGION: Final = "us"
DEFAULT_TIMEOUT: Final = 30.0
AUTH_URL: Final = "https://auth.sinch.com"


@dataclass(frozen=True)
class ServicePlanCredentials:
    """
    A service plan and its static API token.

    :param service_plan_id: As the dashboard shows it.
    :param api_token: The plan's token; never shown.
    """

    service_plan_id: str
    api_token: str = field(repr=False)

    regions = SERVICE_PLAN_REGIONS
    host_prefix = ""

    @property
    def secret(self) -> str:
        """What only the owner of the account knows."""
        return self.api_token

    @property
    def owner(self) -> str:
        """The id that stands in every path."""
        return self.service_plan_id

    def faults(self) -> list[Fault]:
        """Name what is missing or cannot be right."""
        return _faults_of(service_plan_id=self.service_plan_id, api_token=self.api_token)


@dataclass(frozen=True)
class ProjectCredentials:
    """
    A project and one of its access keys, exchanged for tokens by OAuth2.

    :param project_id: The project's id.
    :param key_id: Access key id.
    :param key_secret: The key's secret; never shown.
    """

    project_id: str
    key_id: str
    key_secret: str = field(repr=False)

    regions = PROJECT_REGIONS
    host_prefix = "zt."

    @property
    def secret(self) -> str:
        """What only the owner of the account knows."""
        return self.key_secret

    @property
    def owner(self) -> str:
        """The id that stands in every path."""
        return self.project_id

    def faults(self) -> list[Fault]:
        """Name what is missing or cannot be right."""
        return _faults_of(project_id=self.project_id, key_id=self.key_id, key_secret=self.key_secret)


Credentials = ServicePlanCredentials | ProjectCredentials


@dataclass(frozen=True, kw_only=True)
class Account:
    """
    Everything a client needs to know before its first call.

    :param credentials: Of a service plan or of a project.
    :param region: Where the account lives: us, eu, au, br, ca; for a project us, eu. Must match the account.
    :param base_url: Scheme and host of the API, instead of the region's.
    :param auth_url: Scheme and host of the token endpoint (project only). Left out, it is Sinch's own, or
        ``base_url`` where that leads to this machine, as the sandbox does.
    :param timeout: Seconds to wait for a connection, and for each read.
    :param sender: ``from`` of batches that name none.
    :param allow_insecure: Permit plain ``http://`` to other machines.
    :raises SinchValidationError: Names every setting that cannot be right.
    """

    credentials: Credentials
    region: str = DEFAULT_REGION
    base_url: str | None = None
    auth_url: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    sender: str | None = None
    allow_insecure: bool = False
    namespace: str = ""

    def __post_init__(self) -> None:
        faults = self.credentials.faults()
        if self.base_url is None and self.region not in self.credentials.regions:
            faults.append(
                Fault("region", f"must be one of {', '.join(self.credentials.regions)}", repr(self.region))
            )
        for name in ("base_url", "auth_url"):
            faults.extend(self._url_faults(name, getattr(self, name)))
        if not (isinstance(self.timeout, (int, float)) and 0 < self.timeout < math.inf):
            faults.append(Fault("timeout", "must be a number of seconds above 0", repr(self.timeout)))
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
        if parts.scheme == "http" and not (self.allow_insecure or is_loopback(host)):
            return [
                Fault(
                    name, "must be https: credentials would travel in the clear (allow_insecure permits it)"
                )
            ]
        return []

    @property
    def api_root(self) -> str:
        """URL that the paths of the operations are relative to."""
        host = f"https://{self.credentials.host_prefix}{self.region}.sms.api.sinch.com"
        return f"{(self.base_url or host).rstrip('/')}/xms/v1/{quote(self.credentials.owner, safe='')}"

    @property
    def token_url(self) -> str:
        """URL of the token endpoint."""
        auth_url = self.auth_url
        if (
            auth_url is None
            and self.base_url is not None
            and is_loopback(urlsplit(self.base_url).hostname or "")
        ):
            auth_url = self.base_url
        return f"{(auth_url or AUTH_URL).rstrip('/')}/oauth2/token"


def is_loopback(host: str) -> bool:
    """Whether a host name can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _faults_of(**values: str) -> list[Fault]:
    faults = []
    for name, value in values.items():
        if not value:
            faults.append(Fault(name, "is required"))
        elif not (value.isascii() and value.isprintable()) or " " in value:
            faults.append(Fault(name, "must not hold blanks, line breaks or characters outside ASCII"))
    return faults
