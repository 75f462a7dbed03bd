"""Settings and credentials: what can differ where Sinch's sources disagree or are silent, and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, get_type_hints

from sinch_sandbox.core.masking import masked

_LARGEST = 10**9
HIDDEN = "********"
"""Shown in place of a secret."""


@dataclass(frozen=True)
class Credentials:
    """The sandbox's two accounts; neither sees the batches of the other."""

    service_plan_id: str = "sandbox-plan"
    api_token: str = "sandbox-token"
    project_id: str = "sandbox-project"
    key_id: str = "sandbox-key"
    key_secret: str = "sandbox-secret"

    def plan_connection(self, url: str) -> dict[str, Any]:
        """The Airflow connection with the service plan's token, to a sandbox at ``url``."""
        return {
            "conn_type": "sinch",
            "login": self.service_plan_id,
            "password": self.api_token,
            "extra": {"base_url": url, "auth_url": url},
        }

    def project_connection(self, url: str) -> dict[str, Any]:
        """The Airflow connection with the project's key, to a sandbox at ``url``."""
        return {
            "conn_type": "sinch",
            "login": self.key_id,
            "password": self.key_secret,
            "extra": {"project_id": self.project_id, "base_url": url, "auth_url": url},
        }


def _setting(default: Any, doc: str, *choices: Any, least: float = 0, secret: bool = False) -> Any:
    metadata = {"doc": doc, "choices": choices, "least": least, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Every setting, with the default that most of Sinch's sources support."""

    dispatch_delay: float = _setting(1.0, "Seconds a message stays Queued once its batch has started.")
    delivery_delay: float = _setting(2.0, "Seconds from Dispatched to the receipt.")
    plan_rate: float | None = _setting(
        None,
        "Messages a second that leave each account's queue, first in, first out. None: unlimited.",
        least=0.001,
    )
    token_lifetime: int = _setting(3599, "Seconds for which an OAuth2 access token is valid.")
    token_rate_limit: bool = _setting(
        True, "Token endpoint: 30 requests at once, then 10 a second; 429 for more."
    )
    default_originator: str | None = _setting(
        "447700900100",
        "Sender used when a batch names none (automatic default originator). None: `from` is required.",
    )
    default_callback_url: str | None = _setting(
        None,
        "Callback URL of the plan. None: reports without a `callback_url` are 403 missing_callback_url.",
    )
    inbound_callback_url: str | None = _setting(
        None, "Where inbound messages are posted to. None: to `default_callback_url`, if there is one."
    )
    callback_secret: str | None = _setting(
        None, "Secret with which callbacks are signed (HMAC). None: no signature.", secret=True
    )
    report_queued: bool = _setting(
        False,
        "Whether `per_recipient` reports begin with Queued (undocumented), or with the change after it.",
    )
    default_max_parts: int | None = _setting(None, "Limit of message parts for the plan; more: code 411.")
    duplicate_recipients: str = _setting(
        "one",
        "A number named twice in `to` (undocumented): one message, or one for each mention.",
        "one",
        "each",
    )
    refused_number: str | None = _setting(
        None, "The beginning of numbers that are refused as no valid MSISDN. None: only by their form."
    )
    cancel_after_dispatch: int = _setting(
        200, "Answer to a cancel that is too late: 200 with the batch, or 409.", 200, 409
    )
    cancelled_status: str = _setting(
        "Cancelled", "Status that goes with code 407; older references say Aborted.", "Cancelled", "Aborted"
    )
    expire_beyond_max: str = _setting(
        "refuse", "`expire_at` later than three days after the start (undocumented).", "refuse", "cap"
    )
    scheduled_report: str = _setting(
        "empty",
        "Delivery report of a batch before its `send_at` (undocumented): no statuses, or Queued.",
        "empty",
        "queued",
    )
    empty_report_total: str = _setting(
        "zero", "`total_message_count` of a report without statuses (undocumented).", "zero", "planned"
    )
    undefined_parameter: str = _setting(
        "abort",
        "A `${key}` that `parameters` does not define (undocumented): 405 for everyone, or left as it is.",
        "abort",
        "verbatim",
    )
    bad_report_type: int = _setting(
        400, "Unknown `type` of a delivery report: 400, or 404 (2021 guide).", 400, 404
    )
    malformed_batch_id: int = _setting(
        404, "A batch id that cannot be one: 404, or 400 syntax_invalid_parameter_format.", 404, 400
    )
    feedback_unknown_recipient: str = _setting(
        "refuse",
        "Delivery feedback for a number outside the batch (undocumented): 400, or accepted.",
        "refuse",
        "accept",
    )
    delivery_report_required: bool = _setting(
        False,
        "Require `delivery_report` in a send, as the reference says. At Sinch the default is none.",
    )
    inbound_client_reference: bool = _setting(
        False,
        "Whether an inbound message carries the `client_reference` of the latest batch it answers;"
        " Sinch turns this on per account.",
    )
    text_limit: int = _setting(2000, "Longest text body; 1600 in older references.")
    text_limit_unit: str = _setting(
        "characters",
        "What the text limit counts (undocumented): characters or UTF-16 units.",
        "characters",
        "utf16",
    )
    trim_bodies: bool = _setting(
        False, "Whether leading and trailing blanks of a text are removed (undocumented)."
    )
    client_reference_limit: int = _setting(2048, "Longest `client_reference`; 128 in older references.")
    history_days: int = _setting(14, "How far back lists reach; 35 in the 2021 guide.")
    page_size_answer: str = _setting(
        "returned", "`page_size` in a page: items on it, or the size asked for.", "returned", "requested"
    )
    error_text_key: str = _setting(
        "text", "Key of the human text in an error; some examples print description.", "text", "description"
    )

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """A copy with other values.

        :raises ValueError: A name is unknown, or a value does not fit.
        """
        hints = get_type_hints(type(self))
        known = {each.name: each for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"there is no setting {name!r}; the settings are {', '.join(sorted(known))}")
            _check(known[name], hints[name], value)
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Names and values, without secrets."""
        return {each.name: _shown(each, getattr(self, each.name)) for each in fields(self)}


def _shown(setting: Field[Any], value: Any) -> Any:
    if setting.metadata["secret"] and value is not None:
        return HIDDEN
    return masked(value) if isinstance(value, str) else value


def _check(setting: Field[Any], hint: Any, value: Any) -> None:
    choices = setting.metadata["choices"]
    if choices:
        if value not in choices or isinstance(value, bool):
            raise ValueError(f"{setting.name} must be one of {', '.join(map(str, choices))}")
        return
    kinds = {float: float | int, float | None: float | int | None}
    is_bool = isinstance(value, bool)
    if is_bool != (hint is bool) or not isinstance(value, kinds.get(hint, hint)):
        shown = "of that type" if setting.metadata["secret"] else repr(value)
        raise ValueError(f"{setting.name} cannot be {shown}")
    least = setting.metadata["least"]
    if isinstance(value, int | float) and not least <= value <= _LARGEST:
        raise ValueError(f"{setting.name} must be between {least} and {_LARGEST}")


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read ``name=value`` from the command line; numbers, true, false and none are recognised."""
    name, separator, raw = text.partition("=")
    if not separator:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    words = {"true": True, "false": False, "none": None}
    if raw.lower() in words:
        return name, words[raw.lower()]
    for convert in (int, float):
        try:
            return name, convert(raw)
        except ValueError:
            continue
    return name, raw
