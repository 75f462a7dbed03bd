"""
Send once: Sinch accepts a batch one time, however often its send is attempted.

Every send carries a reference that all its attempts share. Before a request leaves, the intent is written to
a journal; afterwards, the batch id. An attempt looks for a batch with the reference, unless it is proved that
nothing was sent. ``decision.py`` holds the rules, ``docs/guarantees.md`` explains them.
"""

from __future__ import annotations

import hashlib
import logging
import math
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from typing import Any, Final

import pendulum

from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import (
    SinchAccountChangedError,
    SinchBatchCanceledError,
    SinchError,
    SinchNotSentError,
    SinchPayloadChangedError,
    SinchSentTwiceError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.sms.http import Call
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import Action, Cycle, Found, Reference, Send, cycle, decide, proof
from sinch_provider.sms.sending.fence import Fence
from sinch_provider.sms.sending.journal import Entry, Journal, State
from sinch_provider.sms.sending.lookup import (
    CLOCK_MARGIN,
    LISTED,
    LISTING_LAG,
    Listing,
    SinchClock,
    list_by_reference,
    read,
)
from sinch_provider.sms.sending.matching import Asked, Candidates, Matcher, OwnLabel, contradiction
from sinch_provider.sms.sending.memory import Memory, Stopwatch
from sinch_provider.sms.sending.payload import Payload, Relation
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.sms.sending.twins import reached_nobody, stop_twins
from sinch_provider.sms.steps import Pause, Step
from sinch_provider.sms.times import parse_time, utcnow, wire_time

log = logging.getLogger(__name__)

MIN_HOLD: Final = timedelta(minutes=2)
MAX_HOLD: Final = timedelta(days=1)
#: The last look at a held batch comes so long before it may leave.
HOLD_MARGIN: Final = timedelta(seconds=15)
#: Pauses between looks for a batch that may have been accepted; the last one is repeated.
_LOOKS: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
_SENDS: Final = 3
#: How often a held request may wait too long for its turn before the attempt gives up.
_HELD: Final = 5

#: So many cancelled batches of one send are remembered.
_SUPERSEDED: Final = 20
_SENDING: Final = frozenset({Action.SEND, Action.SEND_IF_NOTHING_LEFT})
_KEEPING: Final = frozenset({Action.KEEP, Action.WARN})

Steps = Generator[Step, Any, "Sent"]


class OnClear(Enum):
    """What a cleared task does about the batch it sent before."""

    ADOPT = "adopt"
    RESEND = "resend"


_OUTCOMES = (
    SinchNotSentError,
    SinchPayloadChangedError,
    SinchBatchCanceledError,
    SinchSentTwiceError,
    SinchUncertainError,
    SinchAccountChangedError,
)


class _HoldPassedError(SinchNotSentError):
    """A held request waited so long for its turn that its time to leave has come too near."""


class SendOnce:
    """
    One attempt of a send.

    :param call: The send, as ``endpoints.send`` describes it.
    :param send: Which send it is, and what is known of its earlier attempts.
    :param account: The account it is sent with.
    :param memory: What other sends of this attempt have done.
    :param journal: What earlier attempts have left behind; without it, an attempt looks at Sinch instead.
    :param on_clear: What to do about batches of earlier cycles.
    :param hold: Delay the batch by this long, and cancel any duplicate just before it leaves.
    :param stopped: Whether this task has been told to stop.
    :param sleep: Waits before an intent is written again; tests pass something faster.
    """

    def __init__(
        self,
        call: Call[Batch],
        send: Send,
        account: Account,
        *,
        memory: Memory | None = None,
        journal: Journal | None = None,
        on_clear: OnClear = OnClear.ADOPT,
        hold: timedelta | None = None,
        stopped: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        assert call.body is not None
        self._call = call
        self._send = send
        self._memory = memory or Memory()
        self._journal = journal
        self._on_clear = on_clear
        self._hold = hold
        self._stopped = stopped
        self._sleep = sleep or time.sleep
        self._label: str | None = call.body.get("client_reference")
        self.reference = self._label or send.reference
        self._secret = account.credentials.secret
        self._account = hashlib.sha256(account.api_root.encode()).hexdigest()[:16]
        # Nothing is posted later than the longest exchange after an intent, nor listed later than the lag.
        self._settle = 3 * account.timeout + LISTING_LAG.total_seconds()
        self._payload = Payload.of_request(call.body)
        self._fingerprint = self._payload.fingerprint(self._secret)
        self._token = ""
        self._leaves = utcnow()
        self._entry: Entry | None = None
        #: Cancelled batches that reached nobody, in whose place this send comes.
        self._superseded: tuple[str, ...] = ()
        #: Runs since the latest intent of this attempt.
        self._intent: Stopwatch | None = None

    @property
    def batch_id(self) -> str | None:
        """The batch, as soon as it is known."""
        return self._entry.batch_id if self._entry else None

    def steps(self) -> Steps:
        """
        Send, unless an earlier request has done so.

        :raises SinchNotSentError: This attempt sent nothing, and a later one may.
        :raises SinchUnsettledError: It is unknown whether the batch was accepted; a retry finds out.
        :raises SinchUncertainError: Likewise, and only a person can find out.
        :raises SinchPayloadChangedError: An earlier attempt has sent something else.
        :raises SinchBatchCanceledError: The batch was cancelled meanwhile.
        :raises SinchSentTwiceError: Two batches have left.
        :raises SinchAccountChangedError: An earlier attempt used another account.
        """
        try:
            found = yield from self._earlier_send()
        except _OUTCOMES:
            raise
        except SinchError as error:
            kind = SinchUnsettledError if error.transient else SinchUncertainError
            raise kind(
                f"It could not be found out whether an earlier attempt has sent this: {error.what}",
                operation="send",
                status=error.status,
                code=error.code,
                advice=None if error.transient else error.advice,
            ) from None
        sent = found or (yield from self._post())
        if self._hold is not None and sent.batch is not None:
            sent = yield from self._let_go(sent, self._hold)
        self._memory.batches.add(sent.batch_id)
        return sent

    # What earlier attempts have sent

    def _earlier_send(self) -> Generator[Step, Any, Sent | None]:
        stored = self._journal.read() if self._journal else None
        if self._on_clear is OnClear.RESEND and self._is_new_cycle(stored):
            return None
        if stored is not None and stored.reference == self.reference:
            self._check_account(stored)
        if stored is None and self.reference not in self._memory.unsettled:
            empty = self._journal is not None and not (self._journal.unreadable or self._journal.one_of_many)
            if reason := proof(self._send, empty_journal=empty):
                log.debug("No earlier attempt has sent anything: %s.", reason.value)
                return None
        if stored is None or not self._is_ours(stored):
            return (yield from self._listed())
        self._entry = stored
        self._superseded = stored.superseded
        if stored.state is State.VOID:
            return None
        if stored.state is State.SENT:
            return (yield from self._journalled(stored))
        log.info("Attempt %d was about to send; its outcome is unknown.", stored.try_number)
        return (yield from self._listed())

    def _check_account(self, entry: Entry) -> None:
        if entry.state is not State.VOID and entry.account != self._account:
            sent = f"Batch {entry.batch_id} was sent" if entry.batch_id else "A batch may have been sent"
            raise SinchAccountChangedError(
                f"{sent} with another account than the one that the connection has now", operation="send"
            )

    def _is_new_cycle(self, entry: Entry | None) -> bool:
        """Whether ``on_clear="resend"`` asks for a send that no attempt has begun yet; sets the reference."""
        if self._journal is None or self._journal.unreadable:
            raise SinchUncertainError(
                "Without a journal that can be read, on_clear='resend' cannot tell a retry from a clear",
                operation="send",
                advice="Use a new send_key for a new send.",
            )
        told = Cycle.NEW
        if entry is not None:
            told = cycle(
                self._send, try_number=entry.try_number, max_tries=entry.max_tries, retries=entry.retries
            )
        if told is Cycle.UNCLEAR:
            raise SinchUncertainError(
                "The task's retries have changed, so it cannot be told whether it was cleared since it sent",
                operation="send",
                advice="To send again, clear the task once more, or use a new send_key.",
            )
        self._token = secrets.token_hex(4) if told is Cycle.NEW or entry is None else entry.token
        if self._token and self._label is None:
            self.reference = f"{self._send.reference}-{self._token}"
        return told is Cycle.NEW

    @property
    def _kind(self) -> Reference:
        return Reference.OWN if self._token else self._send.kind

    def _is_ours(self, entry: Entry) -> bool:
        """
        Whether the journal of this place tells of this very send.

        After a clear, mapped items may have moved: then it does only if people and text are the same.
        """
        if entry.reference != self.reference:
            return False
        if self._kind is Reference.OWN or not self._send.cleared:
            return True
        return entry.state is State.SENT and entry.fingerprint == self._fingerprint

    def _journalled(self, entry: Entry) -> Generator[Step, Any, Sent | None]:
        """Go by the journal, which names a batch."""
        assert entry.batch_id is not None
        batch = yield from read(entry.batch_id)
        # What was asked for is compared with what was asked for: a batch may have been changed on purpose.
        if entry.fingerprint.same_people(self._fingerprint):
            same = entry.fingerprint.same_text(self._fingerprint)
            relation = Relation.SAME if same else Relation.OTHER_TEXT
        elif batch is not None:
            relation = self._payload.relation(Payload.of_batch(batch))
        else:
            known = entry.fingerprint.same_people(self._fingerprint) is not None
            relation = Relation.NONE if known else Relation.SAME
        if batch is not None and batch.canceled:
            return (yield from self._resolve(Found.CANCELLED, [batch], Reference.OWN))
        if batch is not None:
            return (yield from self._resolve(Found(relation.value), [batch], Reference.OWN))
        if relation is Relation.NONE:
            raise SinchPayloadChangedError(
                f"An earlier attempt sent batch {entry.batch_id} to other recipients", operation="send"
            )
        log.warning(
            "Batch %s was accepted, and Sinch does not show it any more; not sending again.", entry.batch_id
        )
        return Sent(entry.batch_id, None, adopted=True)

    def _listed(self) -> Generator[Step, Any, Sent | None]:
        """Go by what Sinch lists under the reference."""
        matcher = self._matcher()
        candidates = yield from self._look(matcher)
        if candidates.unexplained is not None:
            raise SinchUncertainError(
                f"Batch {candidates.unexplained.id} has the same client_reference and recipients, and may or "
                "may not be this send",
                operation="send",
                advice="If it is, mark the task as success. If not, give this send a client_reference of its "
                "own. Without one, the operator can tell by itself.",
            )
        return (yield from self._resolve(candidates.found, candidates.batches, matcher.kind))

    def _matcher(self) -> Matcher:
        """Tell how to recognise this send among what is listed."""
        if self._label is not None:
            return OwnLabel(self._payload, self._secret, self._entry)
        if self._kind is Reference.SHARED and self._entry is not None:
            # The journal of this place says what was asked for; batches of other items are not this one.
            return Asked(self._payload, self._secret, self._entry.fingerprint)
        return Matcher(self._payload, self._secret, self._kind)

    def _look(self, matcher: Matcher) -> Generator[Step, Any, Candidates]:
        """
        List by the reference until our batch is there, or would be there if it had been accepted.

        :raises SinchUnsettledError: The listing cannot be relied on.
        :raises SinchUncertainError: That was longer ago than Sinch lists batches.
        """
        since = self._entry.began if self._entry else self._send.since
        known = self._memory.listings.get(self.reference) if self._intent is None else None
        if known is not None:
            candidates = matcher.match(known, self._others)
        else:
            log.info("Looking for the batch by its reference %s.", mask_text(self.reference))
            candidates = yield from self._look_until_settled(matcher, since)
        if candidates.unexplained or self._action(candidates.found, matcher.kind) not in _SENDING:
            return candidates
        if not candidates.complete:
            raise SinchUnsettledError(
                "Sinch's listing is not complete, so it is unknown whether the batch was accepted",
                operation="send",
            )
        if since < utcnow() - LISTED:
            raise SinchUncertainError(
                f"An attempt of {since.to_date_string()} may have sent this; Sinch lists nothing that old",
                operation="send",
                advice="Look for the batch in Sinch's dashboard. If it is there, mark the task as success. "
                "If not, clear the task with on_clear='resend'.",
            )
        return candidates

    def _look_until_settled(
        self, matcher: Matcher, since: pendulum.DateTime
    ) -> Generator[Step, Any, Candidates]:
        looks = 0
        while True:
            left = self._unsettled_seconds()
            listing: Listing = yield from list_by_reference(self.reference, since)
            candidates = matcher.match(listing, self._others)
            action = self._action(candidates.found, matcher.kind)
            if left <= 0:
                break
            if not candidates.unexplained and (
                action in _KEEPING or (action is Action.FAIL and matcher.kind is Reference.OWN)
            ):
                return candidates
            if looks == 0:
                log.info("It is not listed yet. Sinch may take %.0f s more.", left)
            pause = _LOOKS[min(looks, len(_LOOKS) - 1)]
            # Without an intent a batch is unlikely, so one more look at the end is enough.
            rest = math.ceil(left)
            yield from self._pause(min(pause, rest) if self._entry else rest)
            looks += 1
        if self._intent is None:
            self._memory.listings[self.reference] = listing
        if candidates.found is Found.NOTHING and candidates.complete:
            log.info("It is not listed, so it was not accepted.")
        return candidates

    def _pause(self, seconds: float) -> Generator[Step, Any, None]:
        yield Pause(seconds)
        for watch in (self._intent, self._memory.watch):
            if watch is not None:
                watch.paused(seconds)

    @property
    def _others(self) -> frozenset[str]:
        """Batches that are not this send's, whatever they look like."""
        return frozenset(self._memory.batches).union(self._superseded)

    def _unsettled_seconds(self) -> float:
        """
        How long a batch of an earlier request may still take to be listed.

        Another process may have written the intent, by another clock. So this process waits by its own clock,
        unless the intent is so old that no clock can be that wrong.
        """
        if self._intent is not None:
            return self._settle - self._intent.seconds
        waited = self._settle - self._memory.watch.seconds
        if self._entry is None:
            return waited
        by_intent = self._entry.intended + timedelta(seconds=self._settle) + CLOCK_MARGIN - utcnow()
        return min(waited, by_intent.total_seconds())

    # What to do about it

    def _resolve(
        self, found: Found, batches: Sequence[Batch], kind: Reference
    ) -> Generator[Step, Any, Sent | None]:
        """Do what the rules say about what was found."""
        action = self._action(found, kind)
        if action is Action.SEND:
            return None
        if action is Action.SEND_IF_NOTHING_LEFT:
            for batch in batches:
                if not (yield from reached_nobody(batch)):
                    raise SinchBatchCanceledError(
                        f"Batch {batch.id} was cancelled when some of its messages may have left",
                        operation="send",
                        advice="Use a new send_key to send to all recipients again.",
                    )
            log.info("Batch %s was cancelled before anything left; sending again.", batches[0].id)
            self._superseded = (*self._superseded, *(each.id for each in batches))[-_SUPERSEDED:]
            self._entry = None
            return None
        if action is Action.FAIL:
            raise self._failure(found, batches)
        return (yield from self._keep(found, batches))

    def _action(self, found: Found, kind: Reference) -> Action:
        if found is Found.OTHER_TEXT and self._journal is not None and self._journal.guessed:
            # The journal may be that of another text to the same people.
            kind = Reference.SHARED
        return decide(found, kind, cleared=self._was_cleared())

    def _was_cleared(self) -> bool:
        """Whether a person has cleared this task since it sent."""
        entry = self._entry
        if entry is None:
            return self._send.max_tries != self._send.retries
        told = cycle(
            self._send, try_number=entry.try_number, max_tries=entry.max_tries, retries=entry.retries
        )
        return told is Cycle.NEW

    def _keep(self, found: Found, batches: Sequence[Batch]) -> Generator[Step, Any, Sent]:
        journalled = self.batch_id
        batch = next((each for each in batches if each.id == journalled), batches[0])
        if found is Found.OTHER_TEXT:
            log.warning(
                "Batch %s has the same recipients and another text; keeping it. The new text is not sent. "
                "To send it as well, give the task a new send_key.",
                batch.id,
            )
        else:
            log.info(
                "Batch %s of an earlier request has the same message and recipients; keeping it.", batch.id
            )
        if len(batches) > 1 and self._may_cancel:
            yield from stop_twins(batches, batch)
        if journalled != batch.id or self._was_cleared():
            fingerprint = self._entry.fingerprint if self._entry else None
            if fingerprint is None:
                fingerprint = Payload.of_batch(batch).fingerprint(self._secret)
            self._note(State.SENT, batch.id, fingerprint)
        self._memory.unsettled.discard(self.reference)
        return Sent(batch.id, batch, adopted=True)

    @property
    def _may_cancel(self) -> bool:
        """Whether a second batch with this reference, these people and this text can only be a duplicate."""
        return self._label is None and self._kind is Reference.OWN

    def _failure(self, found: Found, batches: Sequence[Batch]) -> SinchError:
        names = ", ".join(each.id for each in batches[:5]) + (", ..." if len(batches) > 5 else "")
        ours = self._payload.people
        if found is Found.CANCELLED:
            return SinchBatchCanceledError(f"Batch {names} of this task was cancelled", operation="send")
        if found is Found.OTHER_TEXT:
            return SinchPayloadChangedError(
                f"Batch {names} of this task has all {len(ours)} recipients and another text, and may or may "
                "not be this send",
                operation="send",
                advice="If it is, mark the task as success. To send the new text too, use a new send_key.",
            )
        theirs = frozenset[str]().union(*(Payload.of_batch(each).people for each in batches))
        reached = len(ours & theirs)
        if not reached:
            return SinchPayloadChangedError(
                f"An earlier attempt sent batch {names} to {len(theirs)} recipients. None of the {len(ours)} "
                "recipients of this one is among them",
                operation="send",
                advice="To send to these recipients as well, use a new send_key.",
            )
        return SinchPayloadChangedError(
            f"An earlier attempt sent batch {names} to {len(theirs)} recipients. "
            f"Of the {len(ours)} recipients of this one, {reached} are among them",
            operation="send",
            advice=f"To reach the other {len(ours) - reached}, send to them in a task of their own. A new "
            "send_key sends to all.",
        )

    # Sending

    def _post(self) -> Steps:
        """Send under the fence; where the answer is lost, look before sending again."""
        settled = self.reference not in self._memory.unsettled
        number = held = 0
        while number < _SENDS:
            fence = Fence(self._write_intent, self._stopped, self._sleep)
            clock = SinchClock()
            try:
                call = self._request()
                batch: Batch = yield replace(call, permit=fence, observe=clock.observe)
            except _HoldPassedError:
                held += 1
                if held == _HELD:
                    raise
                continue
            except SinchUncertainError as error:
                lost = error.what
            except SinchNotSentError as error:
                if settled and number == 0:
                    raise
                raise SinchUnsettledError(
                    f"An answer was lost, the batch is not listed, and then: {error.what}", operation="send"
                ) from None
            except SinchError:
                # If the outcome is uncertain, keep the intent so that the next attempt looks first.
                if fence.passed and settled and number == 0:
                    self._note(State.VOID)
                    self._memory.unsettled.discard(self.reference)
                raise
            else:
                reason = contradiction(batch, call.body or {}, self._others, self._intent_at(clock))
                if reason is None:
                    log.info(
                        "Sinch accepted batch %s for %d recipients.", batch.id, len(self._payload.people)
                    )
                    self._note(State.SENT, batch.id)
                    self._memory.unsettled.discard(self.reference)
                    return Sent(batch.id, batch)
                lost = f"send: the answer contradicts the request: {reason}"
            log.warning("%s.", lost)
            number += 1
            if found := (yield from self._after_lost_answer(lost)):
                return found
        raise SinchUnsettledError(f"The answer was lost {_SENDS} times", operation="send")

    def _after_lost_answer(self, lost: str) -> Generator[Step, Any, Sent | None]:
        try:
            return (yield from self._listed())
        except _OUTCOMES:
            raise
        except SinchError as error:
            raise SinchUnsettledError(
                f"{lost}, and it cannot be looked up: {error.what}", operation="send"
            ) from None

    def _intent_at(self, clock: SinchClock) -> pendulum.DateTime | None:
        """When the intent was written, by Sinch's clock, if that is known."""
        if clock.skew is None or self._entry is None:
            return None
        return self._entry.intended + clock.skew

    def _request(self) -> Call[Batch]:
        body = {**(self._call.body or {}), "client_reference": self.reference}
        if self._hold is not None:
            # Set anew for each attempt at the request, which may have waited for its turn.
            self._leaves = utcnow() + self._hold
            wanted = parse_time(body["send_at"]) if "send_at" in body else self._leaves
            body["send_at"] = wire_time(max(wanted, self._leaves))
        return replace(self._call, body=body)

    def _let_go(self, sent: Sent, hold: timedelta) -> Steps:
        """Look for duplicates of a held batch just before it may leave, and cancel all but the oldest."""
        batch = sent.batch
        assert batch is not None
        now = utcnow()
        remaining = batch.send_at - now if batch.send_at else timedelta()
        if remaining <= timedelta():
            log.warning("Batch %s has left already; no duplicate of it can be stopped.", batch.id)
            return sent
        if remaining < LISTING_LAG:
            log.warning(
                "Batch %s leaves in %.0f s, sooner than a duplicate would be listed.",
                batch.id,
                remaining.total_seconds(),
            )
        wait = (min(remaining, hold) - HOLD_MARGIN).total_seconds()
        if wait > 0:
            log.info("Batch %s is held; looking for duplicates in %.0f s.", batch.id, wait)
            yield from self._pause(wait)
        try:
            listing = yield from list_by_reference(self.reference, self._entry.began if self._entry else now)
        except SinchError as error:
            raise SinchUnsettledError(
                f"Batch {batch.id} was accepted, and a duplicate of it could not be looked for: {error.what}",
                operation="send",
            ) from None
        alike = Matcher(self._payload, self._secret, self._kind).match(listing, self._others)
        same = alike.batches if alike.found is Found.SAME and self._may_cancel else ()
        listed = {each.id: each for each in listing.batches}
        if listed.get(batch.id, batch).canceled and not same:
            raise SinchBatchCanceledError(
                f"Batch {batch.id} was cancelled while it was held", operation="send"
            )
        if not same:
            return sent
        kept = same[0]
        yield from stop_twins(same, kept)
        if kept.id == batch.id:
            return sent
        self._note(State.SENT, kept.id)
        return Sent(kept.id, kept, adopted=True)

    # The journal

    def _write_intent(self) -> None:
        if self._hold is not None and self._leaves - utcnow() < self._hold / 2:
            raise _HoldPassedError("The time of the held batch has come too near", operation="send")
        entry = self._fresh_entry()
        if self._journal is not None:
            self._journal.write(entry)
        self._entry = entry
        self._intent = Stopwatch()
        self._memory.unsettled.add(self.reference)

    def _note(self, state: State, batch_id: str | None = None, fingerprint: Any = None) -> None:
        entry = replace(self._fresh_entry(), state=state, batch_id=batch_id)
        if self._entry is not None:
            entry = replace(entry, intended=self._entry.intended)
        self._entry = replace(entry, fingerprint=fingerprint or self._fingerprint)
        if self._journal is not None:
            self._journal.try_to_write(self._entry)

    def _fresh_entry(self) -> Entry:
        now = utcnow()
        same = self._entry is not None and not self._was_cleared()
        first = self._entry if same else None
        return Entry(
            account=self._account,
            reference=self.reference,
            token=self._token,
            try_number=first.try_number if first else self._send.try_number,
            max_tries=first.max_tries if first else self._send.max_tries,
            retries=first.retries if first else self._send.retries,
            began=min(self._entry.began, now) if self._entry else now,
            intended=now,
            fingerprint=self._fingerprint,
            superseded=self._superseded,
        )
