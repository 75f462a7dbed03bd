"""
A plan: checked people and their texts in a file, for later attempts and for other tasks.

The file has a line about the campaign, the people, and a seal: an HMAC of all that, keyed with the account's
secret. Nobody can change a plan without the secret, and a file that was not written to its end has no seal.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import IO, Any, Final

from sinch_provider.sms.campaign.audience import Audience, Counts
from sinch_provider.sms.campaign.budget import Share
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.campaign.spool import Spool

#: Part of what is sealed. Who changes the format also changes this.
_VERSION: Final = "sinch campaign plan 1"


class PlanError(Exception):
    """A file is not the plan that was written for this."""


def write_plan(file: IO[bytes], audience: Audience, purpose: str, secret: str) -> str:
    """
    Write a plan, and return its seal.

    :param purpose: What it is for. Only who knows that reads it again.
    :param secret: The account's.
    """
    seal = _Seal(purpose, secret)
    for line in _lines(audience):
        seal.add(line)
        file.write(line)
    digest = seal.digest()
    file.write(digest.encode() + b"\n")
    return digest


def read_plan(file: Iterable[bytes], purpose: str, secret: str, seal: str | None = None) -> Audience:
    """
    Read a plan. Nothing of it is used before its seal was compared.

    :param file: Its lines.
    :param purpose: As it was written.
    :param seal: The only one that is right. By default, each that the secret has made.
    :raises PlanError: It was changed, was written for something else, or with another secret.
    """
    found = _Seal(purpose, secret)
    spool = Spool()
    try:
        head = last = b""
        for line in file:
            if last:
                found.add(last)
                if head:
                    spool.write_line(last)
                head = head or last
            last = line
        digest = found.digest()
        if not head or not hmac.compare_digest(last.strip(), digest.encode()):
            raise PlanError("was changed, or was written for something else or with another secret")
        if seal is not None and not hmac.compare_digest(seal.encode(), digest.encode()):
            raise PlanError("is not the one that was checked")
        return _audience(json.loads(head), spool)
    except BaseException:
        spool.close()
        raise


class _Seal:
    """An HMAC over lines."""

    def __init__(self, purpose: str, secret: str) -> None:
        begin = json.dumps([_VERSION, purpose]).encode() + b"\n"
        self._hash = hmac.new(secret.encode(), begin, "sha256")

    def add(self, line: bytes) -> None:
        self._hash.update(line)

    def digest(self) -> str:
        return self._hash.hexdigest()


def _lines(audience: Audience) -> Iterator[bytes]:
    layout, counts = audience.layout, audience.counts
    head = {
        "layout": vars(replace(layout, parameters=layout.constants() or None)),
        "names": audience.names,
        "rows": counts.rows,
        "invalid": counts.invalid,
        "duplicates": counts.duplicates,
        "people": counts.people,
        "totals": counts.totals,
    }
    yield json.dumps(head, default=dict).encode() + b"\n"
    yield from audience.lines()


def _audience(head: Mapping[str, Any], spool: Spool) -> Audience:
    counts = Counts(
        rows=head["rows"],
        invalid=head["invalid"],
        duplicates=head["duplicates"],
        people=head["people"],
        totals={country: Share(*share) for country, share in head["totals"].items()},
    )
    return Audience(Layout(**head["layout"]), head["names"], spool, counts)
