"""Recipients and text of a batch, and the comparison of two batches by them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final, Self

from sinch_provider.sms.models import Batch

_DIGEST_SIZE: Final = 32
_DEFAULT: Final = "default"
#: Sinch may replace these by similar characters, to save message parts.
_LOOK_ALIKES: Final = {
    **dict.fromkeys("«»“”ʺ‟❝❞〝", '"'),
    **dict.fromkeys("‘’ʻʼ", "'"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "),
}
_REPLACED: Final = str.maketrans(_LOOK_ALIKES)
#: Part of all hashes. Fingerprints of another version count as made with another secret.
_VERSION: Final = 2
#: Stands between texts that are hashed together.
_BETWEEN: Final = "\0"


class Match(Enum):
    """How another batch compares with a send."""

    SAME = "all recipients, same text"
    OTHER_TEXT = "all recipients, other text"
    SOME = "some of the recipients"
    NONE = "none of the recipients"


@dataclass(frozen=True)
class Fingerprint:
    """
    Hashes of a payload, which may be stored where others can read them.

    There are so few phone numbers that plain hashes of them could be reversed. So these are keyed with the
    account's secret.

    :param key: The same in two fingerprints that were made with the same secret.
    """

    key: str
    recipients: str
    text: str

    def same_recipients(self, other: Fingerprint) -> bool | None:
        """Whether both have the same recipients; None if the secret has changed in between."""
        return self.recipients == other.recipients if self.key == other.key else None

    def same_text(self, other: Fingerprint) -> bool | None:
        """Whether both have the same text; None if the secret has changed in between."""
        return self.text == other.text if self.key == other.key else None


@dataclass(frozen=True, eq=False)
class Payload:  # noqa: PLW1641 - it is compared, but never a key
    """
    Recipients, and the message with its parameters.

    Times, sender and report settings are not part of it: templates such as ``{{ macros.datetime.now() }}``
    make times differ between attempts, and Sinch fills in senders.

    Two are equal if they name the same recipients in any order, and the same text.

    :param listed: The distinct recipients: phone numbers as digits, and group ids.
    """

    listed: Collection[str] = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    parameters: Mapping[str, Mapping[str, str]] = field(repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Payload):
            return NotImplemented
        return (self.recipients, self.content, self.parameters) == (
            other.recipients,
            other.content,
            other.parameters,
        )

    @cached_property
    def recipients(self) -> frozenset[str]:
        """The recipients, to compare them with others."""
        return frozenset(self.listed)

    @classmethod
    def of_request(cls, body: Mapping[str, Any]) -> Self:
        """Return the payload of a checked request body. Its recipients are distinct."""
        return cls._of(_without_plus(body["to"]), body)

    @classmethod
    def of_batch(cls, batch: Batch) -> Self:
        """Return the payload of a batch as Sinch shows it."""
        return cls._of(list(dict.fromkeys(_without_plus(batch.to))), batch.raw)

    @classmethod
    def _of(cls, listed: Collection[str], fields: Mapping[str, Any]) -> Self:
        udh = fields.get("udh")
        content = {
            "type": fields.get("type") or "mt_text",
            "body": _plain(fields.get("body")),
            "udh": str(udh).lower() if udh else None,
        }
        return cls(listed, content, normal_parameters(fields.get("parameters"), listed))

    def compare(self, other: Payload) -> Match:
        """Return what another payload has in common with this one, for the recipients of this one."""
        if self.recipients <= other.recipients:
            return Match.SAME if self._has_same_text(other) else Match.OTHER_TEXT
        return Match.SOME if self.recipients & other.recipients else Match.NONE

    def _has_same_text(self, other: Payload) -> bool:
        if self.content != other.content:
            return False
        if self.parameters == other.parameters:
            return True
        return all(
            _value(self.parameters, name, recipient) == _value(other.parameters, name, recipient)
            for name in self.parameters.keys() | other.parameters.keys()
            for recipient in self.recipients
        )

    @cached_property
    def _hashes(self) -> tuple[bytes, bytes]:
        """Hashes of the recipients and of the text. Without a key, so they must not be stored."""
        # A list that is in order already is sorted ten times as fast as a set.
        recipients = sorted(self.listed)
        people = _hash(_joined(recipients))
        text = [_joined([json.dumps(self.content, sort_keys=True), *sorted(self.parameters)])]
        for name in sorted(self.parameters):
            column = self.parameters[name]
            keys, values = list(column), list(column.values())
            if keys != recipients:
                # Mostly every recipient has a value. Sorting takes longest.
                keys = recipients if column.keys() == self.recipients else sorted(column)
                values = list(map(column.__getitem__, keys))
            hashed = people if keys == recipients else _hash(_joined(keys))
            text += [hashed.hex(), _joined(values)]
        return people, _hash("".join(text))

    def fingerprint(self, secret: str) -> Fingerprint:
        """
        Hash it, keyed with the account's secret.

        What is hashed and the names of the purposes are part of the journal's format. Who changes them, also
        changes the version.
        """
        recipients, text = self._hashes

        def digest(purpose: str, hashed: bytes = b"") -> str:
            keyed = f"{_VERSION} {purpose}\n".encode() + hashed
            return hmac.digest(secret.encode(), keyed, "sha256").hex()[:_DIGEST_SIZE]

        return Fingerprint(digest("key"), digest("people", recipients), digest("text", text))


def _hash(text: str) -> bytes:
    # A text may hold half an emoji.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _joined(values: Sequence[Any]) -> str:
    """
    Write texts one after the other, so that no other texts give the same.

    JSON would do so too, and take ten times as long. Values that are not text, which only Sinch could show,
    are written as JSON.
    """
    kind, texts = "t", values
    try:
        joined = _BETWEEN.join(texts)
    except TypeError:
        kind, texts = "j", [json.dumps(value, sort_keys=True) for value in values]
        joined = _BETWEEN.join(texts)
    clear = joined.count(_BETWEEN) == len(texts) - 1
    lengths = "" if clear else ",".join(str(len(text)) for text in texts)
    return f"{kind}{len(texts)}:{len(joined)}:{lengths}:{joined}"


def same_text(ours: Any, theirs: Any) -> bool:
    """Whether two message bodies are the same, apart from outer blanks and similar characters."""
    return bool(_plain(ours) == _plain(theirs))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_REPLACED).strip()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    return value


def _value(parameters: Mapping[str, Mapping[str, str]], name: str, recipient: str) -> str | None:
    values = parameters.get(name, {})
    return values.get(recipient, values.get(_DEFAULT))


def normal_parameters(parameters: Any, digits: Collection[str] = ()) -> dict[str, Mapping[str, Any]]:
    """
    Write the numbers in the keys of parameters as digits, as Sinch does.

    :param digits: The numbers of the recipients as digits. Mostly those are the keys.
    """
    if not isinstance(parameters, Mapping):
        return {}
    return {
        name: _column(values, digits) for name, values in parameters.items() if isinstance(values, Mapping)
    }


def _column(values: Mapping[str, Any], numbers: Collection[str]) -> Mapping[str, Any]:
    """Return the values of one name with digits as keys. Mostly that is what they are already."""
    keys, said = list(values), list(values.values())
    digits = keys if keys == numbers else _without_plus(keys)
    try:
        joined = "".join(said)
    except TypeError:
        plain = list(map(_plain, said))
    else:
        simple = joined.isascii() or not any(map(joined.__contains__, _LOOK_ALIKES))
        plain = list(map(str.strip if simple else _plain, said))
    if digits is keys and plain == said:
        return values
    return dict(zip(digits, plain, strict=True))


def _without_plus(numbers: Collection[str]) -> Collection[str]:
    return [number.removeprefix("+") for number in numbers] if "+" in "".join(numbers) else numbers
