"""
What became of everybody in the batches of a campaign, from Sinch's full delivery reports.

Reports name numbers only. The audience knows the other things about a person, and is read again for them.
"""

from __future__ import annotations

import hmac
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, NamedTuple

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.audience import Audience
from sinch_provider.sms.campaign.reached import SentBatch
from sinch_provider.sms.delivery.codes import CANCELLED_BY_USER, canonical_status
from sinch_provider.sms.delivery.kinds import TEMPORARY, Kind, kind_of
from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.delivery.progress import Counts
from sinch_provider.sms.errors import SinchNotFoundError
from sinch_provider.sms.masking import mask_number
from sinch_provider.sms.wire.call import Together

log = logging.getLogger(__name__)

#: The status of somebody who is in a batch, but not in its report yet.
UNREPORTED: Final = "Unreported"
#: How many reports are read at once. Each names up to a thousand people.
AT_ONCE: Final = 4
_PAGE_SIZE: Final = 100
_MOST_PAGES: Final = 100_000
_DIGEST_SIZE: Final = 32
_ORDER: Final = {kind: place for place, kind in enumerate(Kind)}


class Outcome(NamedTuple):
    """
    What became of one text, or of several in a batch.

    :param batch_id: The batch.
    :param status: As Sinch documents it, or :data:`UNREPORTED`.
    :param code: The code of the delivery report.
    :param kind: What that means.
    """

    batch_id: str
    status: str
    code: int
    kind: Kind


class Result(NamedTuple):
    """
    What became of one person's text.

    :param number: Digits.
    :param id: What the id column says; empty: nothing, or nobody of the audience.
    :param batch_id: The batch.
    :param status: As Sinch documents it, or :data:`UNREPORTED`.
    :param code: The code of the delivery report.
    :param kind: What that means.
    :param parts: The parts of the text; None: nobody of the audience.
    :param at: When the last status was reached, in UTC; None: not known.
    """

    number: str
    id: str
    batch_id: str
    status: str
    code: int
    kind: Kind
    parts: int | None
    at: pendulum.DateTime | None

    def __repr__(self) -> str:
        return f"<{mask_number(self.number)}: {self.status} {self.code}>"


@dataclass(frozen=True)
class Tally:
    """
    How many people have which result. Nothing in it belongs to a person.

    :param counts: People by status and code.
    :param kinds: People by kind.
    """

    counts: Counts
    kinds: Counter[Kind]

    @property
    def statuses(self) -> Counter[str]:
        """People by status."""
        return Counter(self._summary.by_status)

    @property
    def codes(self) -> Counter[int]:
        """People by code."""
        codes: Counter[int] = Counter()
        for (_, code), people in self.counts.items():
            codes[code] += people
        return codes

    def table(self) -> str:
        """Write the counts as a table: status, code, meaning, count."""
        return self._summary.table()

    @property
    def _summary(self) -> Summary:
        return Summary((), self.counts)


class Results:
    """
    What became of everybody in some batches.

    A million people take 80 MB: for each of them a whole number, and a place in a table whose values they
    share.

    :param temporary: Codes of failures that may pass.
    """

    def __init__(self, temporary: Collection[int] = TEMPORARY) -> None:
        self._temporary = frozenset(temporary)
        self._people: dict[int, Outcome] = {}
        self._times: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<results of {len(self)} people>"

    def __len__(self) -> int:
        return len(self._people)

    async def read(self, batches: Iterable[SentBatch]) -> None:
        """
        Read the reports of batches, a few at once.

        Somebody in several batches has the best result of them, and of equal ones the latest.
        """
        left = iter(batches)
        while wave := list(islice(left, AT_ONCE)):
            for found in await Together([self._read(batch) for batch in wave]):
                for outcome, numbers in found:
                    self._add(outcome, numbers)

    async def _read(self, batch: SentBatch) -> list[tuple[Outcome, list[int]]]:
        try:
            report = await endpoints.get_delivery_report(batch.id, report_type="full")
            statuses = report.statuses
        except SinchNotFoundError:
            # The batch exists, but its report may come later.
            statuses = ()
        found = [
            (self._outcome(batch.id, each.status, each.code), _digits(each.recipients)) for each in statuses
        ]
        if sum(len(numbers) for _, numbers in found) < batch.recipients:
            # A batch that was cancelled before it left has an empty report.
            unsaid = ("Cancelled", CANCELLED_BY_USER) if batch.canceled and not found else (UNREPORTED, 0)
            sent = await replace(endpoints.get(batch.id), may_lag=True, unread=frozenset({"parameters"}))
            others = set(_digits(sent.to)).difference(*(numbers for _, numbers in found))
            found.append((self._outcome(batch.id, *unsaid), list(others)))
        return found

    def _outcome(self, batch_id: str, status: str, code: int) -> Outcome:
        kind = kind_of(status, code, self._temporary)
        shown = "Cancelled" if kind is Kind.CANCELLED else canonical_status(status)
        return Outcome(batch_id, shown, code, kind)

    def _add(self, outcome: Outcome, numbers: Iterable[int]) -> None:
        people = self._people
        for number in numbers:
            known = people.get(number)
            if known is None or _rank(outcome) > _rank(known):
                people[number] = outcome

    async def read_times(self, reference: str, since: pendulum.DateTime) -> None:
        """
        Read when people got their texts: ten calls for a thousand people, and as much memory again.

        Call it after :meth:`read`. Sinch tells this of texts that have a final status.

        :param reference: The client reference of the batches.
        :param since: A time before the first of them.
        """
        passed = 0
        for number in range(_MOST_PAGES):
            page = await endpoints.list_delivery_reports(
                page=number, page_size=_PAGE_SIZE, start_date=since, client_reference=reference
            )
            passed += len(page.items)
            for report in page.items:
                person = int(report.recipient.removeprefix("+"))
                known = self._people.get(person)
                at = report.operator_status_at or report.at
                if known is not None and at is not None and known.batch_id == report.batch_id:
                    self._times.setdefault(person, int(at.timestamp()))
            if not page.items or passed >= page.count:
                return

    def tally(self) -> Tally:
        """Count everybody by status, code and kind."""
        counts: Counts = Counter()
        kinds: Counter[Kind] = Counter()
        for outcome, people in Counter(self._people.values()).items():
            counts[outcome.status, outcome.code] += people
            kinds[outcome.kind] += people
        return Tally(counts, kinds)

    def of(self, kind: Kind) -> dict[str, list[str]]:
        """Return the digits of everybody with a kind of result, by batch."""
        found: dict[str, list[str]] = {}
        for number, outcome in self._people.items():
            if outcome.kind is kind:
                found.setdefault(outcome.batch_id, []).append(str(number))
        return found

    def rows(self, audience: Audience | None = None) -> Iterator[Result]:
        """
        Give the result of each person, those of the audience first. This can be done any number of times.

        Whoever is in the audience but in no batch has none.

        :param audience: The people as they are now. Others in the batches have no id and no parts.
        """
        listed = 0
        for portion in () if audience is None else audience.portions():
            for person in portion:
                if (outcome := self._people.get(int(person.number))) is not None:
                    listed += 1
                    yield self._result(person.number, person.id, outcome, person.parts)
        if listed == len(self):
            return
        others = set(self._people)
        for portion in () if audience is None else audience.portions():
            others.difference_update([int(person.number) for person in portion])
        for number in others:
            yield self._result(str(number), "", self._people[number], None)

    def _result(self, number: str, id_: str, outcome: Outcome, parts: int | None) -> Result:
        seconds = self._times.get(int(number)) if self._times else None
        at = None if seconds is None else pendulum.from_timestamp(seconds)
        return Result(number, id_, *outcome, parts, at)


def hashed(number: str, secret: str) -> str:
    """
    Hash a phone number, keyed with the account's secret: there are too few numbers for a plain hash.

    :param number: Digits.
    """
    return hmac.digest(secret.encode(), f"1 recipient\n{number}".encode(), "sha256").hex()[:_DIGEST_SIZE]


def _digits(numbers: Iterable[str]) -> list[int]:
    return [int(number.removeprefix("+")) for number in numbers]


def _rank(outcome: Outcome) -> tuple[int, str]:
    # Ids begin with the time.
    return -_ORDER[outcome.kind], outcome.batch_id
