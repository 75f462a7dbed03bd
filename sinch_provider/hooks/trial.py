"""Tries an account with one read, and says what came of it in the words of the connection form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from sinch_provider.get_provider_info import get_provider_info
from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ProjectCredentials, is_loopback
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import (
    SinchAuthError,
    SinchConnectionError,
    SinchError,
    SinchForbiddenError,
    SinchNotFoundError,
    SinchUnexpectedAnswerError,
)
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.runtime import current
from sinch_provider.sms.wire.following import within
from sinch_provider.sms.wire.http import Answer
from sinch_provider.sms.wire.tokens import slot_of

#: Of the time, this much is for the network. The rest is for what a client cannot interrupt.
_SHARE: Final = 0.9
_REFUSED: Final = (SinchAuthError, SinchForbiddenError, SinchNotFoundError)
#: Any server may answer so: the proxy wants a password, the request took too long, there were too many.
_ANYBODY: Final = frozenset({407, 408, 429})
_KEY_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: A URL that every library reads alike. Some end a host name at a backslash, and some leave out tabs.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?:(?P<name>[a-z0-9._-]+)|\[(?P<address>[0-9a-f:.]+)\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
#: The codes of Sinch, and of OAuth2 (RFC 6749). In any other, a host could spell the token that it was sent.
_CODES: Final = frozenset(
    {
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "missing_callback_url",
        "syntax_constraint_violation",
        "syntax_invalid_json",
        "syntax_invalid_parameter_format",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
_OK: Final = 200
#: Users know the fields by the labels of the form.
_TYPE: Final = get_provider_info()["connection-types"][0]
_FORM: Final = _TYPE["conn-fields"]
_HOST: Final[str] = _TYPE["ui-field-behaviour"]["relabeling"]["host"]
_REGION: Final[str] = _FORM["region"]["label"]
_PROJECT: Final[str] = _FORM["project_id"]["label"]
_SENDER: Final[str] = _FORM["from"]["label"]
_BASE: Final = f"{_HOST} or base_url"
_AUTH: Final[str] = _FORM["auth_url"]["label"]


@dataclass(frozen=True)
class _Read:
    """
    What came of a read.

    :param error: Why it failed; None: it did not.
    :param answer: The answer of the API, if there was one.
    :param has_token: Whether there was a token to read with.
    """

    error: SinchError | None
    answer: Answer | None
    has_token: bool


def try_account(
    account: Account, conceal: Callable[[str], None], seconds: float, host: str | None = None
) -> tuple[bool, str]:
    """
    Make one cheap read, if the credentials go only where they may.

    Where Sinch refuses it, the other regions are asked as well: Sinch gives the same answer for a wrong token
    and for a wrong region.

    :param account: The account.
    :param conceal: Called with every token that is fetched, so that logs can mask it.
    :param seconds: Time limit for all of it.
    :param host: The URL in the connection's ``host``. It may get the credentials.
    :returns: Whether the account works, and what is right or wrong. It has no secrets and no numbers.
    """
    if elsewhere := _elsewhere(account, host):
        return False, elsewhere
    ends = current().monotonic() + seconds * _SHARE
    try:
        return within(seconds, lambda: _try(account, conceal, ends))
    except TimeoutError:
        has_token = (slot := slot_of(account)) is None or slot.current() is not None
        url, label = (account.api_root, _BASE) if has_token else (account.token_url, _AUTH)
        return False, f"{_host(url)} did not answer in time. {_correct(account, label)}"


class _Origin(NamedTuple):
    """Where a request goes."""

    scheme: str
    name: str
    port: int

    @classmethod
    def of(cls, url: str) -> _Origin | None:
        """Read a URL; None if libraries may read it differently."""
        found = _URL.fullmatch(url)
        if found is None:
            return None
        scheme = found["scheme"].lower()
        port = int(found["port"] or (443 if scheme == "https" else 80))
        return cls(scheme, (found["name"] or found["address"]).lower(), port)

    @property
    def is_sinch(self) -> bool:
        """Whether only Sinch can answer there."""
        return self.scheme == "https" and f".{self.name}".endswith(".sinch.com")


def _elsewhere(account: Account, host: str | None) -> str:
    """Say which setting would lead the credentials to another host than they may go to; empty: none."""
    places = {"base_url": account.api_root}
    if isinstance(account.credentials, ProjectCredentials):
        places[_AUTH] = account.token_url
    stored = _Origin.of(host) if host else None
    for label, url in places.items():
        to = _Origin.of(url)
        if to is None or not (to.is_sinch or is_loopback(to.name) or to == stored):
            return (
                f"Nothing was tested. The test sends credentials only to Sinch, to this machine, and to the "
                f"host in {_HOST}. {label} leads elsewhere: put its URL into {_HOST}."
            )
    return ""


def _try(account: Account, conceal: Callable[[str], None], ends: float) -> tuple[bool, str]:
    read = _read(account, conceal, ends, fresh=True)
    host = _host(account.api_root)
    if read.error is None:
        return True, _works(account)
    if read.answer is None and not read.has_token:
        return False, _without_token(account, read.error)
    if isinstance(read.error, SinchConnectionError):
        return False, _unreachable(read.error, host, _correct(account, _BASE))
    if read.answer is not None and _is_foreign(account, read.error, read.answer):
        return False, f"{host} is not Sinch (HTTP {read.answer.status}). {_correct(account, _BASE)}"
    if isinstance(read.error, _REFUSED):
        return False, _refused(account, read.error, _other_regions(account, conceal, ends))
    return False, _told(read.error, account.api_root)


def _read(account: Account, conceal: Callable[[str], None], ends: float, *, fresh: bool) -> _Read:
    slot = slot_of(account)
    if fresh and slot is not None and (token := slot.current()):
        # The key may have been revoked since.
        slot.drop(token)
    answers: list[Answer] = []
    call = replace(endpoints.list_batches(page_size=1), observe=answers.append)
    error: SinchError | None = None
    with SinchClient(account, attempts=1, seconds=ends - current().monotonic(), conceal=conceal) as client:
        try:
            client.call(call)
        except SinchError as failed:
            error = failed
    if error is None and answers[-1].status != _OK:
        error = SinchUnexpectedAnswerError("list: the answer is not usable", status=answers[-1].status)
    return _Read(error, answers[-1] if answers else None, slot is None or slot.current() is not None)


def _other_regions(account: Account, conceal: Callable[[str], None], ends: float) -> tuple[str | None, bool]:
    """Ask the other regions. Return the one that accepts the account, and whether all have answered."""
    if account.base_url is not None:
        return None, False
    everyone = True
    for region in account.credentials.regions:
        if region != account.region:
            read = _read(replace(account, region=region), conceal, ends, fresh=False)
            if read.error is None:
                return region, everyone
            everyone = everyone and isinstance(read.error, _REFUSED)
    return None, everyone


def _works(account: Account) -> str:
    project = isinstance(account.credentials, ProjectCredentials)
    what = "access key of project" if project else "API token of service plan"
    region = account.region if account.base_url is None else f"that of the host, because {_BASE} is set"
    sender = mask_text(account.sender) if account.sender else "that of the account"
    return (
        f"{_who(account)} accepts the {what} {account.credentials.owner}. {_REGION}: {region}. "
        f"Host: {_host(account.api_root)}. {_SENDER}: {sender}."
    )


def _without_token(account: Account, error: SinchError) -> str:
    host, correct = _host(account.token_url), _correct(account, _AUTH)
    if isinstance(error, SinchConnectionError):
        return _unreachable(error, host, correct)
    # A token endpoint gives the code of OAuth2. Sinch's own host is believed.
    foreign = _auth_host_is_given(account) and not error.code
    if isinstance(error, SinchAuthError) and not foreign:
        reason = _reason(error, account.token_url)
        return (
            f"{host} does not accept the access key{reason}. Correct login (key id) or password "
            "(key secret): dashboard.sinch.com, Settings, Access keys."
        )
    if isinstance(error, SinchAuthError | SinchUnexpectedAnswerError):
        return f"{host} is not Sinch's token endpoint (HTTP {error.status}). {correct}"
    return _told(error, account.token_url)


def _unreachable(error: SinchError, host: str, correct: str) -> str:
    what = error.what.partition(": ")[2]
    if "took too long" in what:
        return f"{host} did not answer in time. {correct}"
    if "gaierror" in what:
        return f"There is no host {host}. {correct}"
    # Where the environment prevents every request, the error says what to do.
    return f"{host}: {what}. {correct if error.repeatable else error.advice}"


def _refused(account: Account, error: SinchError, regions: tuple[str | None, bool]) -> str:
    region, everyone = regions
    project = isinstance(account.credentials, ProjectCredentials)
    reason = _reason(error, account.api_root)
    if region is not None:
        return (
            f"Sinch accepts these credentials in region {region}, not in {account.region}. "
            f"Set {_REGION} to {region}."
        )
    where = " in any region" if everyone else ""
    # Sinch gives the same answer in another region than the account's.
    doubt = "" if everyone or account.base_url is not None else f", or {_REGION}"
    if project:
        return (
            f"{_who(account)} accepts the access key, but not the project{where}{reason}. "
            f"Correct {_PROJECT}{doubt}: dashboard.sinch.com, Settings, Access keys."
        )
    hint = ""
    if _KEY_ID.fullmatch(account.credentials.owner):
        hint = f" If the login is the key id of an access key, fill in {_PROJECT}."
    return (
        f"{_who(account)} does not accept the credentials{where}{reason}. Correct login (service "
        f"plan id) or password (API token){doubt}: dashboard.sinch.com, SMS, APIs.{hint}"
    )


def _is_foreign(account: Account, error: SinchError, answer: Answer) -> bool:
    """Whether something else than Sinch has answered."""
    if isinstance(error, SinchUnexpectedAnswerError):
        return True
    if not 400 <= answer.status < 500 or answer.status in _ANYBODY:
        return False
    if answer.status == 401 and not answer.body.strip():
        # Sinch's 401 has no body.
        return not answer.headers.get("www-authenticate", "bearer").lower().startswith("bearer")
    try:
        is_json = isinstance(answer.json(), Mapping)
    except ValueError:
        is_json = False
    if account.base_url is None:
        # Its own hosts are believed, unless there is a page of a proxy.
        return bool(answer.body.strip()) and not is_json
    problem = "problem+json" in answer.headers.get("content-type", "")
    return not is_json or not (error.code or problem)


def _correct(account: Account, label: str) -> str:
    if label == _AUTH and account.auth_url is None and _auth_host_is_given(account):
        label = f"{_HOST}, base_url or {_AUTH}"
    elif (account.auth_url if label == _AUTH else account.base_url) is None:
        return "Check the network, and the proxy of the Airflow server."
    return f"Correct {label}, or check the network and the proxy of the Airflow server."


def _auth_host_is_given(account: Account) -> bool:
    return not _is_sinch(account.token_url)


def _who(account: Account) -> str:
    return "Sinch" if account.base_url is None else _host(account.api_root)


def _told(error: SinchError, url: str) -> str:
    if _is_sinch(url) or error.status is None:
        return str(error)
    return f"{_host(url)} answers with an error{_reason(error, url)}. {error.advice}"


def _reason(error: SinchError, url: str) -> str:
    # Texts of another host than Sinch's may spell the token.
    code, text = error.code, error.text
    if not _is_sinch(url):
        code, text = code if code in _CODES else None, None
    said = ", ".join(part for part in (f"HTTP {error.status}", code, text) if part)
    return f" ({said.rstrip('.')})"


def _is_sinch(url: str) -> bool:
    to = _Origin.of(url)
    return to is not None and to.is_sinch


def _host(url: str) -> str:
    return urlsplit(url).netloc
