"""Whether two sends are the same: who would get a message, and what they would read."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from sinch_provider.sms.models import Batch

_CONTENT = ("type", "body", "parameters", "udh")
_DIGEST_SIZE = 32


class Match(Enum):
    """What two sends have in common."""

    SAME = "same recipients, same message"
    OTHER_MESSAGE = "same recipients, another message"
    OTHER_RECIPIENTS = "other recipients"
    UNKNOWN = "cannot be told: the credentials have changed since"


@dataclass(frozen=True)
class Fingerprint:
    """
    A payload's hashes, to be stored where others can read them.

    Phone numbers are few enough to be guessed from plain hashes, so these are keyed with the account's
    secret.

    :param key: Tells whether two fingerprints were made with the same secret.
    """

    key: str
    recipients: str
    message: str

    def compare(self, other: Fingerprint) -> Match:
        """Tell what two sends have in common."""
        if self.key != other.key:
            return Match.UNKNOWN
        return _match(self.recipients == other.recipients, self.message == other.message)


@dataclass(frozen=True)
class Payload:
    """
    What people get: recipients and message. Times, sender and reports are not part of it.

    Templates like ``{{ macros.datetime.now() }}`` make times differ from try to try, and Sinch fills in
    senders.
    """

    recipients: frozenset[str] = field(repr=False)
    message: str = field(repr=False)

    @classmethod
    def of_request(cls, body: Mapping[str, Any]) -> Self:
        """Take the payload of a request that was checked."""
        return cls._of(body["to"], {name: body.get(name) for name in _CONTENT})

    @classmethod
    def of_batch(cls, batch: Batch) -> Self:
        """Take the payload of a batch as Sinch shows it."""
        return cls._of(batch.to, {name: batch.raw.get(name) for name in _CONTENT})

    @classmethod
    def _of(cls, recipients: Iterable[str], content: dict[str, Any]) -> Self:
        content["type"] = content["type"] or "mt_text"
        content["udh"] = content["udh"] and str(content["udh"]).lower()
        content["parameters"] = normal_parameters(content["parameters"])
        message = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return cls(frozenset(number.removeprefix("+") for number in recipients), message)

    def compare(self, other: Payload) -> Match:
        """Tell what two sends have in common."""
        return _match(self.recipients == other.recipients, self.message == other.message)

    def fingerprint(self, secret: str) -> Fingerprint:
        """Hash it, keyed with the account's secret."""

        def digest(purpose: str, text: str) -> str:
            mac = hmac.new(secret.encode(), f"{purpose}\n{text}".encode(), hashlib.sha256)
            return mac.hexdigest()[:_DIGEST_SIZE]

        return Fingerprint(
            digest("key", ""),
            digest("to", ",".join(sorted(self.recipients))),
            digest("message", self.message),
        )


def _match(same_recipients: bool, same_message: bool) -> Match:
    if not same_recipients:
        return Match.OTHER_RECIPIENTS
    return Match.SAME if same_message else Match.OTHER_MESSAGE


def normal_parameters(parameters: Any) -> Any:
    """Write the numbers in the keys of parameters as digits, as Sinch writes recipients."""
    if not isinstance(parameters, Mapping):
        return parameters
    normal = {
        name: {key.removeprefix("+"): value for key, value in values.items()}
        for name, values in parameters.items()
        if isinstance(values, Mapping)
    }
    return normal or None
