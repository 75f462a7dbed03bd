"""Reads an Airflow connection into an account."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from sinch_provider.get_provider_info import get_provider_info
from sinch_provider.sms.account import DEFAULT_REGION, DEFAULT_TIMEOUT, Account
from sinch_provider.sms.account import ProjectCredentials as Project
from sinch_provider.sms.account import ServicePlanCredentials as ServicePlan
from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.rules import shown_value

log = logging.getLogger(__name__)
_warned: set[str] = set()

_WORD: Final = r"[A-Za-z_-]{1,24}"


def account_of(connection: Any, extra: Mapping[str, Any]) -> Account:
    """
    Read a connection. Extras may be text throughout, as connections written as URIs have them.

    :param connection: The connection's login, password and host.
    :param extra: Its extras.
    :raises SinchValidationError: Names every faulty field.
    """
    faults: list[Fault] = []
    _warn_of_unknown(extra)
    if not (only_to := extra.get("only_to")) and only_to is not None:
        faults.append(Fault("only_to", "must not be empty; leave it out to allow all recipients"))
    login, password = (connection.login or "").strip(), (connection.password or "").strip()
    project_id = _text(extra, "project_id")
    credentials = Project(project_id, login, password) if project_id else ServicePlan(login, password)
    base_url, is_host = _text(extra, "base_url"), False
    if not base_url and connection.host:
        base_url, is_host = url_of_host(connection), True
        if base_url is None:
            faults.append(
                Fault("host", "must begin with a scheme (https://...), or be given as the extra base_url")
            )
    timeout = extra.get("timeout")
    try:
        seconds = DEFAULT_TIMEOUT if timeout in (None, "") else float(timeout)
    except (TypeError, ValueError):
        faults.append(Fault("timeout", "must be a number of seconds", shown_value(timeout)))
        seconds = DEFAULT_TIMEOUT
    try:
        account = Account(
            credentials=credentials,
            region=(_text(extra, "region") or DEFAULT_REGION).lower(),
            base_url=base_url,
            auth_url=_text(extra, "auth_url"),
            timeout=seconds,
            sender=_text(extra, "from"),
            allow_insecure=str(extra.get("allow_insecure", False)).lower() in {"true", "1", "yes"},
            namespace=_text(extra, "namespace") or "",
            only_to=only_to or (),
            alert_to=extra.get("alert_to") or (),
            dashboard_url=_text(extra, "dashboard_url"),
        )
    except SinchValidationError as error:
        faults.extend(error.faults)
    if faults:
        shown = [_in_form(fault, bool(project_id), is_host) for fault in faults]
        raise SinchValidationError(shown, "connection")
    return account


def url_of_host(connection: Any) -> str | None:
    """Return the URL that a connection's host and port are; None if the host has no scheme."""
    host = (connection.host or "").strip()
    if "://" not in host:
        return None
    return f"{host.rstrip('/')}:{connection.port}" if connection.port else host


def unknown_extras(extra: Mapping[str, Any]) -> str:
    """Name the extras that mean nothing; empty if there are none."""
    # The form has Host instead of base_url.
    known = {*get_provider_info()["connection-types"][0]["conn-fields"], "base_url"}
    # The Test button of Airflow 2 sends each extra of the form twice, once under this longer name.
    twice = {f"extra__sinch__{name}" for name in known if name in extra}
    names = sorted(name for name in map(str, extra) if name not in known and name not in twice)
    return ", ".join(
        name if re.fullmatch(_WORD, name) else f"one with {len(name)} characters" for name in names
    )


def _warn_of_unknown(extra: Mapping[str, Any]) -> None:
    if (names := unknown_extras(extra)) and names not in _warned:
        _warned.add(names)
        log.warning("The connection has unknown extras, which are ignored: %s.", names)


def _text(extra: Mapping[str, Any], name: str) -> str | None:
    return str(extra.get(name) or "").strip() or None


def _in_form(fault: Fault, project: bool, is_host: bool) -> Fault:
    # Users know these fields by the names of the connection form.
    names = (
        {"key_id": "login (key id)", "key_secret": "password (key secret)"}
        if project
        else {"service_plan_id": "login (service plan id)", "api_token": "password (API token)"}
    )
    if is_host:
        names["base_url"] = "host"
    return Fault(names.get(fault.field, fault.field), fault.rule, fault.shown)
