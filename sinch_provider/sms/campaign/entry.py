"""
One entry into a campaign, whole: who was reached, who may be texted now, a canary, and what to wait for.

Whatever led here, the first attempt, a retry, a clear or the end of a wait, the same is done.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.audience import Audience, totals_of
from sinch_provider.sms.campaign.budget import Budget, Share, Totals, together
from sinch_provider.sms.campaign.campaign import Campaign
from sinch_provider.sms.campaign.canary import Canary
from sinch_provider.sms.campaign.countries import country_of
from sinch_provider.sms.campaign.cut import MOST, Make, messages_for
from sinch_provider.sms.campaign.exclusions import Exclusions
from sinch_provider.sms.campaign.journal import CampaignJournal
from sinch_provider.sms.campaign.reached import Reached
from sinch_provider.sms.campaign.selection import Selection, sample
from sinch_provider.sms.campaign.sending import Refusals, Round, Sending
from sinch_provider.sms.campaign.verdict import judge
from sinch_provider.sms.campaign.window import SendWindow
from sinch_provider.sms.errors import (
    SinchCampaignError,
    SinchCampaignInterruptedError,
    SinchError,
    SinchValidationError,
)
from sinch_provider.sms.runtime import utcnow

log = logging.getLogger(__name__)

#: Seconds between two looks whether Sinch has sent what waits there.
_LOOK_AGAIN: Final = 300
#: How often first people are drawn, until enough of them are accepted.
_MOST_DRAWS: Final = 10
#: The most different errors of refused batches that a text names.
_NAMED: Final = 3


@dataclass(frozen=True)
class Wait:
    """
    What a campaign waits for.

    :param reason: What that is, for the log.
    :param until: When it goes on, at the latest.
    :param batch_ids: It goes on as soon as these have finished. None: only the time counts.
    """

    reason: str
    until: datetime
    batch_ids: Sequence[str] = ()


@dataclass
class Outcome:
    """
    What an entry has come to.

    :param found: Who was reached, as Sinch listed it last.
    :param before: How many people were reached before this entry.
    :param since: How many more people are in batches that were accepted after the last listing.
    :param batches_since: How many batches those are.
    :param refused: What Sinch has refused.
    :param selection: Who was left out.
    :param wait: What the campaign waits for; None: everybody who can be texted was.
    """

    found: Reached = field(repr=False)
    before: int
    since: int = 0
    batches_since: int = 0
    refused: Refusals = field(default_factory=Refusals)
    selection: Selection | None = None
    wait: Wait | None = None

    @property
    def reached(self) -> int:
        """How many people have the text, or will get it."""
        return len(self.found.people) + self.since

    @property
    def batches(self) -> int:
        """How many batches the campaign has, also cancelled ones."""
        return len(self.found.batches) + self.batches_since


class Entry:
    """
    One entry into a campaign.

    :param campaign: Finds who was reached.
    :param sending: Sends.
    :param journal: Remembers what later entries have to know.
    :param audience: Everybody.
    :param seed: Decides which people are the canary.
    :param exclusions: Makes the exclusions, given the sources in which there were some before.
    :param window: When people may be texted.
    :param canary: Whether a few people get the text first.
    :param budget: What the campaign may take, together with those who were reached.
    :param only_to: Beginnings of the only numbers that the account may text; none: it may text all.
    :param progress: Called after each few batches.
    :param most: The most people of a batch.
    """

    def __init__(
        self,
        campaign: Campaign,
        sending: Sending,
        journal: CampaignJournal,
        audience: Audience,
        *,
        seed: str,
        exclusions: Callable[[Collection[str]], Awaitable[Exclusions]] | None = None,
        window: SendWindow | None = None,
        canary: Canary | None = None,
        budget: Budget | None = None,
        only_to: Sequence[str] = (),
        progress: Callable[[Round], None] = lambda _: None,
        most: int = MOST,
    ) -> None:
        self._campaign = campaign
        self._sending = sending
        self._journal = journal
        self._audience = audience
        self._seed = seed
        self._make_exclusions = exclusions
        self._window = window
        self._canary = canary
        self._budget = budget
        self._only_to = only_to
        self._progress = progress
        self._most = most
        self._exclusions: Exclusions | None = None

    async def steps(self) -> Outcome:
        """
        Send to everybody who may be texted now and was not reached.

        :raises SinchCampaignError: It has ended before everybody was texted.
        :raises SinchValidationError: It would exceed its budget.
        :raises SinchError: It is unknown who was reached, or the exclusions cannot be read.
        """
        found = await self._campaign.find()
        outcome = Outcome(found, before=len(found.people))
        await self._read_exclusions()
        self._check_budget(outcome.found)
        if self._canary is None or await self._canary_passed(self._canary, outcome):
            await self._send(outcome)
        return outcome

    async def _read_exclusions(self) -> None:
        were_there: Collection[str] = ()
        if self._make_exclusions is not None:
            entry = self._journal.entry
            self._exclusions = await self._make_exclusions(() if entry is None else entry.excluding)
            self._exclusions.refresh()
            were_there = self._exclusions.were_there
        self._journal.exclude(were_there)

    def _check_budget(self, found: Reached) -> None:
        if self._budget is not None and (faults := self._budget.exceeded(self._totals(found))):
            raise SinchValidationError(faults, "send")

    def _totals(self, found: Reached) -> Totals:
        """Everybody who is to be texted, and everybody who was."""
        if not found.people and self._exclusions is None:
            return self._audience.counts.totals
        here: Counter[str] = Counter()
        shares = []
        for portion in self._audience.portions():
            numbers = {int(each.number) for each in portion}
            reached = numbers & found.people
            left_out = self._excluded_among(numbers - reached)
            shares.append(totals_of(each for each in portion if int(each.number) not in left_out))
            here.update(country_of(str(each)) for each in reached)
        # Those who were reached, and whose rows are gone, count as people with the usual text. They are only
        # counted: another set of so many numbers would need as much memory as the first.
        parts = max(1, round(self._audience.counts.all_parts / max(1, self._audience.counts.people)))
        if here.total() < len(found.people):
            gone = Counter(country_of(str(each)) for each in found.people) - here
            shares += [{country: Share(people, people * parts)} for country, people in gone.items()]
        return together(shares)

    def _excluded_among(self, numbers: Collection[int]) -> set[int]:
        return set() if self._exclusions is None else self._exclusions.among(numbers)

    async def _canary_passed(self, canary: Canary, outcome: Outcome) -> bool:
        """Send to a few people, and judge what came of that. False: the others are not texted now."""
        texts = frozenset(each.strip() for each in self._audience.layout.texts().values())
        for _ in range(_MOST_DRAWS):
            verdict = await judge(canary, outcome.found, texts)
            if verdict.stopped is not None:
                raise await self._stop(verdict.stopped, outcome.found, texts)
            if not verdict.lacking:
                break
            # Sinch may have refused numbers, and somebody may have opted out, since the last draw.
            selection = self._selection(outcome.found, outcome.refused.named)
            chosen = sample(self._audience, selection, verdict.lacking, self._seed)
            if not chosen:
                # Everybody was reached, or nobody's window is open now.
                outcome.selection, outcome.wait = selection, _opening(selection)
                return False
            log.info("%d people get the text first.", len(chosen))
            if await self._send(outcome, chosen):
                return False
            if outcome.refused.together:
                return False
            outcome.found = await self._campaign.find_again()
            outcome.since = outcome.batches_since = 0
        else:
            raise SinchCampaignInterruptedError(
                f"Of {_MOST_DRAWS} draws of first people, Sinch has not accepted enough", operation="send"
            )
        if verdict.wait_until is not None:
            reason = f"the reports of the first {verdict.people} people"
            outcome.wait = Wait(reason, verdict.wait_until, verdict.batch_ids)
            return False
        return True

    async def _stop(self, reason: str, found: Reached, texts: Collection[str]) -> SinchCampaignError:
        """Cancel what has not left."""
        cancelled = 0
        for batch in found.batches:
            if batch.canceled:
                continue
            try:
                cancelled += (await endpoints.cancel(batch.id)).canceled
            except SinchError as error:
                log.warning("Batch %s was not cancelled: %s", batch.id, error)
        same = sum(each.recipients for each in found.batches if each.body in texts and not each.canceled)
        others = sum(
            each.recipients for each in found.batches if each.body not in texts and not each.canceled
        )
        told = f", and {others} people an earlier one" if others else ""
        return SinchCampaignError(
            f"The canary has stopped the campaign: {reason}. {same} people were sent this text{told}; "
            f"{cancelled} batches were cancelled, as far as their texts had not left",
            operation="send",
            advice="If you clear the task with the same text, it fails again. With another text, that one "
            "goes to the others. To text everybody anew, use a new send_key.",
        )

    def _selection(self, found: Reached, refused: Collection[int] = ()) -> Selection:
        return Selection(self._audience, found, self._exclusions, self._window, self._only_to, refused)

    async def _send(self, outcome: Outcome, only: frozenset[str] | None = None) -> bool:
        """
        Send, and add what came of it to the outcome. Returns whether too many people wait at Sinch.

        :param only: Digits of the numbers of those who may be texted.
        """
        before = outcome.found
        selection = self._selection(before, outcome.refused.named)
        listed = accepted = 0

        def messages(found: Reached) -> Iterable[Make]:
            nonlocal selection, listed, accepted
            # A canary was sent before, and after a lost answer the listing has shown who was reached.
            listed = accepted = max(0, len(found.people) - outcome.before)
            selection = self._selection(found, outcome.refused.named)
            selection.only(only)
            return messages_for(self._audience, selection.choose, self._most, selection.still)

        def progress(done: Round) -> None:
            nonlocal accepted
            accepted = listed + done.people
            self._progress(done)

        try:
            found, done = await self._campaign.send(before, messages, self._sending, progress)
        except SinchError as error:
            if not accepted:
                raise
            raise _interrupted(error, accepted) from None
        if found is not before:
            # After a lost answer, the listing has shown who was reached by then.
            outcome.found, outcome.since, outcome.batches_since = found, 0, 0
        outcome.since += done.people
        outcome.batches_since += done.batches
        outcome.refused.add_all(done.refused)
        outcome.selection = selection
        outcome.wait = _opening(selection)
        if done.queued:
            # The first batch there may leave soon, and those behind it later: only the time counts.
            reason = "the texts that Sinch has accepted and not sent yet"
            outcome.wait = Wait(reason, utcnow().add(seconds=_LOOK_AGAIN))
        return done.queued


def _interrupted(error: SinchError, people: int) -> SinchCampaignError:
    what = f"{error.what}, after {people} people were sent their text by this attempt"
    if error.transient:
        return SinchCampaignInterruptedError(what, operation="send", retry_after=error.retry_after)
    return SinchCampaignError(what, operation="send", advice=error.advice)


def _opening(selection: Selection) -> Wait | None:
    if selection.opens is None:
        return None
    return Wait(f"the hours in which {selection.later} people may be texted", selection.opens)


def people(number: int) -> str:
    """Write how many people."""
    return "1 person" if number == 1 else f"{number} people"


def refusal(outcome: Outcome, bearable: int = 0) -> SinchCampaignError | None:
    """
    Return an error if Sinch has refused people. They have no text.

    :param bearable: How many people Sinch may refuse one by one.
    """
    refused = outcome.refused
    if not refused.people:
        return None
    if outcome.reached and not refused.together and refused.people <= bearable:
        return None
    errors = list(refused.errors.values())
    named = "; ".join(str(each.what) for each in errors[:_NAMED])
    more = f"; and {len(errors) - _NAMED} more errors" if len(errors) > _NAMED else ""
    return SinchCampaignError(
        f"Sinch has refused to text {people(refused.people)} ({named}{more}). "
        f"{people(outcome.reached)} were sent their text",
        operation="send",
        advice="If you clear the task, it tries again to text those who were refused.",
    )


def nobody(outcome: Outcome) -> SinchCampaignError | None:
    """Return an error if nobody was texted, and people were left out that are not excluded."""
    left_out = outcome.selection
    if outcome.reached or left_out is None or not (left_out.not_allowed or left_out.without_hour):
        return None
    reasons = []
    if left_out.not_allowed:
        reasons.append(f"the connection's extra only_to does not allow {people(left_out.not_allowed)}")
    if left_out.without_hour:
        reasons.append(f"the window is never open in all time zones of {people(left_out.without_hour)}")
    return SinchCampaignError(
        f"Nobody was texted: {' and '.join(reasons)}",
        operation="send",
        advice="Correct that, and clear the task.",
    )
