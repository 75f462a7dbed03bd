"""
Sends to the people of a campaign who were not reached yet, in batches of up to a thousand.

Every request writes an intent before it leaves, as a single send does. If an answer is lost, nothing more
leaves until Sinch's listing says what has become of it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account
from sinch_provider.sms.campaign.journal import CampaignJournal
from sinch_provider.sms.campaign.pace import Queue
from sinch_provider.sms.campaign.reached import SentBatch, people_of
from sinch_provider.sms.errors import (
    SinchBadRequestError,
    SinchError,
    SinchNotSentError,
    SinchUncertainError,
    SinchValidationError,
)
from sinch_provider.sms.runtime import current, utcnow
from sinch_provider.sms.sending.fence import Fence
from sinch_provider.sms.sending.listing import LISTED_FOR, SinchClock
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.matching import contradiction
from sinch_provider.sms.wire.call import Pause, Together
from sinch_provider.sms.wire.encoding import Echo

log = logging.getLogger(__name__)

#: How many requests are on their way at once. Each waits for Sinch for most of its time.
MAX_IN_FLIGHT: Final = 4
#: Errors of one request that say nothing about the others.
_OF_ONE: Final = (SinchBadRequestError, SinchValidationError)
#: How often a batch is sent again without the recipients that Sinch has refused.
_MOST_CORRECTIONS: Final = 20
_UNREAD: Final = frozenset({"parameters"})

#: The fields of one batch, as ``endpoints.send`` takes them.
Message = Mapping[str, Any]


@dataclass
class Refusals:
    """
    Requests that Sinch has refused for a reason of their own.

    :param people: How many people they were for.
    :param named: Digits of the numbers that Sinch has refused one by one, as whole numbers. All others of
        their batches were sent.
    :param errors: The different errors, each once.
    """

    people: int = 0
    named: set[int] = field(default_factory=set, repr=False)
    errors: dict[str, SinchError] = field(default_factory=dict, repr=False)

    @property
    def together(self) -> int:
        """How many people Sinch has refused with the whole of their batch."""
        return self.people - len(self.named)

    def add_named(self, error: SinchError, numbers: Collection[str]) -> None:
        """Note numbers that Sinch has refused one by one."""
        self.named.update(map(int, numbers))
        self.add(error, len(numbers))

    def add_all(self, others: Refusals) -> None:
        """Add what Sinch has refused in another round."""
        self.people += others.people
        self.named |= others.named
        self.errors |= others.errors

    def add(self, error: SinchError, people: int) -> None:
        """Count people whom Sinch has refused together."""
        self.people += people
        self.errors.setdefault(str(error), error)


@dataclass
class Round:
    """
    What came of sending.

    :param people: How many people are in batches that Sinch has accepted.
    :param batches: How many batches those are.
    :param refused: What Sinch has refused.
    :param lost: Why the answer to a request is lost; None: all are known.
    :param queued: Whether people at Sinch have to be texted before more are sent there.
    """

    people: int = 0
    batches: int = 0
    refused: Refusals = field(default_factory=Refusals)
    lost: str | None = None
    queued: bool = False


@dataclass
class _Answered:
    """
    What came of one batch.

    :param people: How many people are in the batch that Sinch has accepted.
    :param named: Why Sinch has refused some recipients of it, and which.
    :param error: Why nothing else of it was accepted; None: it was.
    :param unsent: How many people Sinch has refused together, because of that error.
    :param batch_id: The batch; None: Sinch has not accepted any.
    """

    people: int
    named: list[tuple[SinchError, list[str]]]
    error: SinchError | None = None
    unsent: int = 0
    batch_id: str | None = None


class Sending:
    """
    Sends the batches of a campaign.

    :param account: The account that sends.
    :param reference: The client reference of all batches.
    :param journal: Remembers intents for later attempts.
    :param settling: Measures how long what was sent may still take to be listed.
    :param stopped: Whether Airflow has asked the task to stop.
    :param max_in_flight: How many requests are on their way at once.
    :param rate: People a second, on average; None: as fast as Sinch answers.
    :param fail_fast: Whether a refused batch keeps those after it from being sent. Single numbers that Sinch
        refuses do not.
    """

    def __init__(
        self,
        account: Account,
        reference: str,
        journal: CampaignJournal,
        settling: Settling,
        *,
        stopped: Callable[[], bool] = lambda: False,
        max_in_flight: int = MAX_IN_FLIGHT,
        rate: float | None = None,
        fail_fast: bool = False,
    ) -> None:
        self._secret = account.credentials.secret
        self._reference = reference
        self._journal = journal
        self._settling = settling
        self._stopped = stopped
        self._max_in_flight = max_in_flight
        self._rate = rate
        self._fail_fast = fail_fast

    async def steps(
        self,
        messages: Iterable[Callable[[], Message | None]],
        progress: Callable[[Round], None],
        before: Sequence[SentBatch] = (),
    ) -> Round:
        """
        Send messages until there are none left, or until the answer to one is lost.

        :param messages: Each is made right before it is sent, for those who may still be texted then; None:
            nobody.
        :param progress: Called after each few batches.
        :param before: The batches of the campaign that Sinch has listed.
        :raises SinchError: The account as a whole cannot send now.
        """
        done = Round()
        left = iter(messages)
        began = current().monotonic()
        queue = None if self._rate is None else Queue(self._rate, before)
        # Without a journal, nothing but a look keeps an attempt from sending that Airflow has replaced.
        alone = self._journal.is_kept
        while cut := list(islice(left, self._max_in_flight if alone else 1)):
            if self._rate is not None:
                early = began + done.people / self._rate - current().monotonic()
                if early > 0:
                    await Pause(early)
            if queue is not None and await queue.full():
                done.queued = True
                break
            if not alone:
                await self._look_for_others(len(before) + done.batches)
            wave = [message for make in cut if (message := make()) is not None]
            outcomes = await Together([self._send(each) for each in wave])
            fatal: SinchError | None = None
            for answered in outcomes:
                done.people += answered.people
                done.batches += answered.people > 0
                if queue is not None and answered.batch_id is not None:
                    queue.add(answered.batch_id, answered.people)
                for error, numbers in answered.named:
                    done.refused.add_named(error, numbers)
                if answered.error is not None and answered.unsent:
                    done.refused.add(answered.error, answered.unsent)
                if isinstance(answered.error, SinchUncertainError):
                    done.lost = answered.error.what
                elif answered.error is not None and not answered.unsent:
                    fatal = answered.error
            progress(done)
            if fatal is not None and done.lost is None:
                raise fatal
            if done.lost is not None or (self._fail_fast and done.refused.together):
                break
        return done

    async def _look_for_others(self, known: int) -> None:
        """
        Look whether another attempt is sending this campaign.

        :raises SinchNotSentError: It is.
        """
        # One entry: only the count matters.
        page = await endpoints.list_batches(
            page_size=1, start_date=utcnow() - LISTED_FOR, client_reference=self._reference
        )
        if page.count > known:
            raise SinchNotSentError(
                "Another attempt of this campaign is sending: Sinch lists "
                f"{page.count} batches, and this attempt knows of {known}",
                operation="send",
                advice="A retry texts those who are left then.",
            )

    def _intend(self, people: str) -> None:
        self._journal.intend(people)
        self._settling.begin()

    async def _send(self, message: Message) -> _Answered:
        """
        Send one batch.

        If Sinch refuses it because of single recipients, and says which they are, the others are sent.
        """
        named: list[tuple[SinchError, list[str]]] = []
        while True:
            people = len(message["to"])
            answer = await self._post(message)
            if isinstance(answer, str):
                return _Answered(people, named, batch_id=answer)
            error = answer
            if not isinstance(error, _OF_ONE):
                return _Answered(0, named, error)
            wrong = _named_in(error, people) if len(named) < _MOST_CORRECTIONS else set()
            if not wrong:
                return _Answered(0, named, error, unsent=people)
            named.append((error, [message["to"][index] for index in wrong]))
            if len(wrong) == people:
                return _Answered(0, named)
            message = _without(message, wrong)

    async def _post(self, message: Message) -> str | SinchError:
        """Make one request, and return the id of its batch, or why Sinch has not accepted it."""
        numbers = message["to"]
        people = people_of(numbers, self._secret)
        fence = Fence(partial(self._intend, people), self._stopped)
        clock = SinchClock()
        try:
            call = endpoints.send(**message, client_reference=self._reference)
            body = call.body or {}
            batch = await replace(
                call,
                permit=fence,
                observe=clock.observe,
                unread=_UNREAD,
                echoes={"to": Echo(body["to"])},
            )
        except SinchUncertainError as error:
            log.warning("The answer to a batch was lost (%s).", error.what)
            return error
        except SinchError as error:
            if fence.passed:
                self._journal.note(people, accepted=False)
            return error
        if reason := contradiction(batch, body, frozenset(), None):
            return SinchUncertainError(f"the answer contradicts the request: {reason}", operation="send")
        self._journal.note(people, accepted=True)
        return batch.id


def _named_in(error: SinchError, recipients: int) -> set[int]:
    """The indexes of the recipients that a refusal names; none if it is about all of them."""
    found = {int(index) for index in re.findall(r"\bto\[(\d+)\]", error.text or "")}
    return found if all(index < recipients for index in found) else set()


def _without(message: Message, indexes: Collection[int]) -> Message:
    """The same batch without some of its recipients, and without what was filled in for them."""
    gone = {message["to"][index] for index in indexes}
    parameters = {
        name: {key: value for key, value in values.items() if key not in gone}
        for name, values in message.get("parameters", {}).items()
    }
    left = {**message, "to": [each for each in message["to"] if each not in gone]}
    return {**left, "parameters": parameters} if parameters else left
