"""Whether two sends are the same: who gets a message, and what they read."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final, Self

from sinch_provider.sms.models import Batch

_DIGEST_SIZE: Final = 32
_DEFAULT: Final = "default"
#: Sinch may write these as their look-alikes when it accepts a text, to save parts.
_LOOK_ALIKES: Final = str.maketrans(
    {
        **dict.fromkeys("«»“”ʺ‟❝❞〝", '"'),
        **dict.fromkeys("‘’ʻʼ", "'"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "),
    }
)


class Relation(Enum):
    """What the people and the text of another batch have in common with ours."""

    SAME = "all our people, same text"
    OTHER_TEXT = "all our people, other text"
    SOME = "some of our people"
    NONE = "none of our people"


@dataclass(frozen=True)
class Fingerprint:
    """
    Hashes of a payload, to be stored where others can read them.

    Phone numbers are few enough to be guessed from plain hashes, so these are keyed with the account's
    secret.

    :param key: Tells whether two fingerprints were made with the same secret.
    """

    key: str
    people: str
    text: str

    def same_people(self, other: Fingerprint) -> bool | None:
        """Whether both have the same people; None if the secret has changed in between."""
        return self.people == other.people if self.key == other.key else None

    def same_text(self, other: Fingerprint) -> bool | None:
        """Whether both have the same text; None if the secret has changed in between."""
        return self.text == other.text if self.key == other.key else None


@dataclass(frozen=True)
class Payload:
    """
    What people get: recipients, and the message with its parameters.

    Times, sender and reports are not part of it: templates such as ``{{ macros.datetime.now() }}`` make times
    differ between attempts, and Sinch fills in senders.
    """

    people: frozenset[str] = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    parameters: Mapping[str, Mapping[str, str]] = field(repr=False)

    @classmethod
    def of_request(cls, body: Mapping[str, Any]) -> Self:
        """Take the payload of a checked request."""
        return cls._of(body["to"], body)

    @classmethod
    def of_batch(cls, batch: Batch) -> Self:
        """Take the payload of a batch as Sinch shows it."""
        return cls._of(batch.to, batch.raw)

    @classmethod
    def _of(cls, recipients: Iterable[str], fields: Mapping[str, Any]) -> Self:
        udh = fields.get("udh")
        content = {
            "type": fields.get("type") or "mt_text",
            "body": _plain(fields.get("body")),
            "udh": str(udh).lower() if udh else None,
        }
        return cls(
            frozenset(number.removeprefix("+") for number in recipients),
            content,
            normal_parameters(fields.get("parameters")),
        )

    def relation(self, other: Payload) -> Relation:
        """Tell what another payload has in common with this one: the people of this one decide."""
        if self.people <= other.people:
            return Relation.SAME if self._says_the_same(other) else Relation.OTHER_TEXT
        return Relation.SOME if self.people & other.people else Relation.NONE

    def _says_the_same(self, other: Payload) -> bool:
        if self.content != other.content:
            return False
        if self.parameters == other.parameters:
            return True
        return all(
            _value(self.parameters, name, person) == _value(other.parameters, name, person)
            for name in self.parameters.keys() | other.parameters.keys()
            for person in self.people
        )

    @cached_property
    def _text(self) -> str:
        return json.dumps([self.content, self.parameters], sort_keys=True, ensure_ascii=False)

    def fingerprint(self, secret: str) -> Fingerprint:
        """Hash it, keyed with the account's secret."""

        def digest(purpose: str, text: str) -> str:
            mac = hmac.new(secret.encode(), f"{purpose}\n{text}".encode(), hashlib.sha256)
            return mac.hexdigest()[:_DIGEST_SIZE]

        return Fingerprint(
            digest("key", ""), digest("people", ",".join(sorted(self.people))), digest("text", self._text)
        )


def same_text(ours: Any, theirs: Any) -> bool:
    """Whether two bodies read the same, whatever Sinch does to blanks around them and to quotation marks."""
    return bool(_plain(ours) == _plain(theirs))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_LOOK_ALIKES).strip()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    return value


def _value(parameters: Mapping[str, Mapping[str, str]], name: str, person: str) -> str | None:
    values = parameters.get(name, {})
    return values.get(person, values.get(_DEFAULT))


def normal_parameters(parameters: Any) -> dict[str, dict[str, str]]:
    """Write the numbers in the keys of parameters as digits, as Sinch writes recipients."""
    if not isinstance(parameters, Mapping):
        return {}
    return {
        name: {key.removeprefix("+"): _plain(value) for key, value in values.items()}
        for name, values in parameters.items()
        if isinstance(values, Mapping)
    }
