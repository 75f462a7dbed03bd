"""The verdict as an object: which recipients were sent what was expected, too little, or too much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sinch_sandbox.core import phone

Recipient = str | tuple[str, str | None]
"""The digits of a number; or number and ``client_reference``, if that was expected."""


@dataclass(frozen=True)
class Found:
    """What the store has about one recipient."""

    expected: int
    accepted: int
    batch_ids: tuple[str, ...]
    client_references: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """All recipients that were expected or were sent something, in four classes."""

    ok: frozenset[Recipient]
    """Accepted as often as expected."""
    lost: Mapping[Recipient, Found]
    """Accepted less often than expected."""
    duplicated: Mapping[Recipient, Found]
    """Accepted more often than expected."""
    unexpected: Mapping[Recipient, Found]
    """Accepted, and not expected at all."""

    @property
    def valid(self) -> bool:
        """Whether everyone is ``ok``."""
        return not (self.lost or self.duplicated or self.unexpected)


def read_verdict(expected: Iterable[str | tuple[str, str]], answer: Mapping[str, Any]) -> Verdict:
    """The verdict from the answer of ``POST /sandbox/ledger`` that lists the problems."""
    by_reference = False
    recipients: set[Recipient] = set()
    for each in expected:
        by_reference = not isinstance(each, str)
        recipients.add(_digits(each) if isinstance(each, str) else (_digits(each[0]), each[1]))
    problems: dict[str, dict[Recipient, Found]] = {"lost": {}, "duplicated": {}, "unexpected": {}}
    for each in answer["recipients"]:
        recipient = (each["to"], each["client_reference"]) if by_reference else each["to"]
        problems[each["verdict"]][recipient] = Found(
            each["expected"], each["accepted"], tuple(each["batch_ids"]), tuple(each["client_references"])
        )
    ok = frozenset(recipients - problems["lost"].keys() - problems["duplicated"].keys())
    if len(ok) != answer["totals"]["ok"]:
        raise RuntimeError(f"the sandbox counts {answer['totals']['ok']} recipients as ok, not {len(ok)}")
    return Verdict(ok, **problems)


def _digits(number: str) -> str:
    return phone.normalise_number(number) or number
