"""The verdict of a canary: what Sinch reports about the first people decides about the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.canary import Canary
from sinch_provider.sms.campaign.reached import Reached, SentBatch
from sinch_provider.sms.delivery.codes import FINAL, meaning
from sinch_provider.sms.delivery.kinds import STOPS
from sinch_provider.sms.delivery.progress import Counts, counts_of
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.wire.call import Together

#: The most failures that a text names.
_NAMED: Final = 3


@dataclass(frozen=True)
class Verdict:
    """
    What a canary says at this moment.

    :param lacking: How many people have still to get the text before the reports count.
    :param wait_until: When the time for reports is over; None: it need not be waited for.
    :param stopped: Why nothing more may be sent; None: that is not so.
    :param batch_ids: The batches of those who got the text first.
    :param people: How many people that are.
    """

    lacking: int = 0
    wait_until: datetime | None = None
    stopped: str | None = None
    batch_ids: tuple[str, ...] = ()
    people: int = 0

    @property
    def passed(self) -> bool:
        """Whether everybody else may get the text."""
        return not self.lacking and self.wait_until is None and self.stopped is None


async def judge(canary: Canary, found: Reached, texts: Collection[str]) -> Verdict:
    """
    Judge a canary by what Sinch lists and reports now. Nothing is remembered between two judgements.

    :param found: What Sinch lists of the campaign.
    :param texts: Its present texts. Batches with another text say nothing about these.
    """
    batches = _first(canary.people, [each for each in found.batches if each.body in texts])
    people = sum(each.recipients for each in batches)
    reports = await Together([_counts(each.id) for each in batches])
    counts: Counts = sum(reports, Counter())
    if reason := _stopped(canary, counts, max(people, canary.people)):
        return Verdict(stopped=reason)
    if people < canary.people:
        return Verdict(lacking=canary.people - people)
    delivered = _with_status(counts, "Delivered")
    if delivered >= canary.min_delivered * people:
        return Verdict()
    known = sum(count for (status, _), count in counts.items() if status in FINAL)
    until = max(each.created_at for each in batches) + canary.within
    if known < people and utcnow() < until:
        return Verdict(wait_until=until, batch_ids=tuple(each.id for each in batches), people=people)
    return Verdict(
        stopped=f"{delivered} of the first {people} texts were delivered, below "
        f"min_delivered={canary.min_delivered:g}{_failures(counts)}"
    )


async def _counts(batch_id: str) -> Counts:
    return counts_of(await endpoints.get_delivery_report(batch_id))


def _first(people: int, batches: list[SentBatch]) -> list[SentBatch]:
    """The oldest batches that have so many people together."""
    taken: list[SentBatch] = []
    for batch in sorted(batches, key=lambda each: (each.created_at, each.id)):
        if sum(each.recipients for each in taken) >= people:
            break
        taken.append(batch)
    return taken


def _stopped(canary: Canary, counts: Counts, people: int) -> str | None:
    codes = {code: count for (_, code), count in counts.items() if code in STOPS}
    if codes:
        code, count = max(codes.items(), key=lambda each: each[1])
        return f"Sinch reports code {code} ({meaning(code)}) for {count} texts, which concerns all of them"
    lost = sum(count for (status, _), count in counts.items() if status in FINAL and status != "Delivered")
    if people - lost < canary.min_delivered * people:
        return (
            f"{lost} of the first {people} texts were not delivered, so "
            f"min_delivered={canary.min_delivered:g} cannot be reached{_failures(counts)}"
        )
    return None


def _with_status(counts: Counts, wanted: str) -> int:
    return sum(count for (status, _), count in counts.items() if status == wanted)


def _failures(counts: Counts) -> str:
    """The most frequent failures, for the end of a sentence."""
    failures = Counter({each: count for each, count in counts.items() if each[0] in FINAL - {"Delivered"}})
    named = [
        f"{count} {status} with code {code}, {meaning(code)}"
        for (status, code), count in failures.most_common(_NAMED)
    ]
    return f" ({'; '.join(named)})" if named else ""
