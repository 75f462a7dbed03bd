"""
Send once: Sinch accepts a batch one time, however often its send is attempted.

Every send carries a reference that all its attempts share. Before a request leaves, the intent is written to
a journal; afterwards, the batch id. An attempt looks for a batch with the reference, unless it is proved that
nothing was sent. ``decision.py`` holds the rules, ``docs/guarantees.md`` explains them.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
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
from sinch_provider.sms.fields.times import parse_time, utcnow, wire_time
from sinch_provider.sms.models import Batch
from sinch_provider.sms.runtime import current
from sinch_provider.sms.sending.decision import (
    OWN_LABEL,
    Action,
    Cycle,
    Found,
    Reference,
    Send,
    cycle,
    decide,
    proof,
)
from sinch_provider.sms.sending.fence import Fence
from sinch_provider.sms.sending.hold import seconds_to_wait
from sinch_provider.sms.sending.journal import Entry, Journal, State
from sinch_provider.sms.sending.looking import Look, Settling
from sinch_provider.sms.sending.lookup import SinchClock, list_by_reference, read
from sinch_provider.sms.sending.matching import Asked, Candidates, Matcher, OwnLabel, contradiction
from sinch_provider.sms.sending.memory import Memory, Stopwatch
from sinch_provider.sms.sending.payload import Payload, Relation
from sinch_provider.sms.sending.refusals import (
    cancelled_late,
    cancelled_while_held,
    cycle_unclear,
    no_journal_to_tell,
    one_of_several_changed,
    other_account,
    refusal,
    sent_to_others,
    unexplained,
)
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.sms.sending.twins import reached_nobody, stop_twins
from sinch_provider.sms.wire.call import Call, Step

log = logging.getLogger(__name__)

_SENDS: Final = 3
#: How often a held request may wait too long for its turn before the attempt gives up.
_HELD: Final = 5

#: So many cancelled batches of one send are remembered.
_SUPERSEDED: Final = 20
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
    :param again: The same send, executed before in this attempt: it failed.
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
        again: SendOnce | None = None,
        journal: Journal | None = None,
        on_clear: OnClear = OnClear.ADOPT,
        hold: timedelta | None = None,
        stopped: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        assert call.body is not None
        self._call = call
        self._send: Send = again._send if again else send
        self._again = again
        self._memory = memory or Memory()
        self._journal: Journal | None = again._journal if again else journal
        self._on_clear = on_clear
        self._hold = hold
        self._stopped = stopped
        self._sleep = sleep or current().sleep
        self._label: str | None = call.body.get("client_reference")
        self.reference = self._label or self._send.reference
        self._secret = account.credentials.secret
        self._account = hashlib.sha256(account.api_root.encode()).hexdigest()[:16]
        intent: Stopwatch | None = again._settling.intent if again else None
        self._settling: Settling = Settling(account, self._memory, intent)
        self.payload = Payload.of_request(call.body)
        self.fingerprint = self.payload.fingerprint(self._secret)
        self._token = ""
        self._leaves = utcnow()
        self._entry: Entry | None = None
        #: Cancelled batches that reached nobody, in whose place this send comes.
        self._superseded: tuple[str, ...] = ()

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
            sent = yield from self._let_go(sent.batch, self._hold)
        self._memory.batches.add(sent.batch_id)
        if self._send.keyed:
            self._memory.keyed[self.reference] = sent.batch_id
        return sent

    @property
    def may_have_left(self) -> bool:
        """Whether a request of this attempt may have taken effect, and nobody knows."""
        return self._settling.has_begun and self._entry is not None and self._entry.state is State.INTENT

    # What earlier attempts have sent

    def _earlier_send(self) -> Generator[Step, Any, Sent | None]:
        stored = self._journal.read() if self._journal else None
        if self._on_clear is OnClear.RESEND and self._is_new_cycle(stored):
            return None
        if stored is None and self._send.keyed and self.reference in self._memory.keyed:
            return (yield from self._known(self._memory.keyed[self.reference]))
        if stored is None and self._again is None:
            empty = self._journal is not None and not (self._journal.unreadable or self._journal.one_of_many)
            if reason := proof(self._send, empty_journal=empty):
                log.debug("No earlier attempt has sent anything: %s.", reason.value)
                return (yield from self._glance()) if self._send.keyed and self._send.mapped else None
        if stored is not None and (stored.reference == self.reference or self._is_ours(stored)):
            self._check_account(stored)
        if stored is None or not self._is_ours(stored):
            return (yield from self._listed())
        self._entry = stored
        self._superseded = stored.superseded
        if stored.state is State.VOID:
            return None
        if stored.state is State.SENT:
            return (yield from self._journalled(stored))
        log.info("Attempt %d was about to send; its outcome is unknown.", stored.attempt)
        return (yield from self._listed())

    def _check_account(self, entry: Entry) -> None:
        if entry.state is not State.VOID and entry.account != self._account:
            raise other_account(entry)

    def _is_new_cycle(self, entry: Entry | None) -> bool:
        """Whether ``on_clear="resend"`` asks for a send that no attempt has begun yet; sets the reference."""
        if self._journal is None or self._journal.unreadable:
            raise no_journal_to_tell()
        told = Cycle.NEW if entry is None else self._cycle_of(entry)
        if told is Cycle.UNCLEAR:
            raise cycle_unclear()
        if entry is None and any(self._cycle_of(each) is not Cycle.NEW for each in self._journal.others):
            raise one_of_several_changed()
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
        if self._kind is Reference.OWN or not self._send.cleared:
            return True
        return entry.state is State.SENT and entry.fingerprint == self.fingerprint

    def _journalled(self, entry: Entry) -> Generator[Step, Any, Sent | None]:
        """Go by the journal, which names a batch."""
        assert entry.batch_id is not None
        batch = yield from read(entry.batch_id)
        # What was asked for is compared with what was asked for: a batch may have been changed on purpose.
        if entry.fingerprint.same_people(self.fingerprint):
            same = entry.fingerprint.same_text(self.fingerprint)
            relation = Relation.SAME if same else Relation.OTHER_TEXT
        elif batch is not None:
            relation = self.payload.relation(Payload.of_batch(batch))
        else:
            known = entry.fingerprint.same_people(self.fingerprint) is not None
            relation = Relation.NONE if known else Relation.SAME
        if batch is not None and batch.canceled:
            return (yield from self._resolve(Found.CANCELLED, [batch], Reference.OWN))
        if batch is not None:
            return (yield from self._resolve(Found(relation.value), [batch], Reference.OWN))
        if relation is Relation.NONE:
            raise sent_to_others(entry)
        log.warning(
            "Batch %s was accepted, and Sinch does not show it any more; not sending again.", entry.batch_id
        )
        return Sent(entry.batch_id, None, adopted=True)

    def _known(self, batch_id: str) -> Generator[Step, Any, Sent | None]:
        """Go by the batch that a send of this attempt with the same key has brought about."""
        batch = yield from read(batch_id)
        if batch is None:
            return Sent(batch_id, None, adopted=True)
        relation = self.payload.relation(Payload.of_batch(batch))
        return (yield from self._resolve(Found(relation.value), [batch], Reference.OWN))

    def _glance(self) -> Generator[Step, Any, Sent | None]:
        """Look once for a batch that another task instance has sent under the same key."""
        matcher = self._matcher()
        listing = yield from list_by_reference(self.reference, self._send.since)
        candidates = matcher.match(listing, self._others)
        return (yield from self._resolve(candidates.found, candidates.batches, matcher.kind, candidates.live))

    def _listed(self) -> Generator[Step, Any, Sent | None]:
        """Go by what Sinch lists under the reference."""
        matcher = self._matcher()
        candidates = yield from self._look(matcher)
        if candidates.unexplained is not None:
            raise unexplained(candidates.unexplained)
        return (yield from self._resolve(candidates.found, candidates.batches, matcher.kind, candidates.live))

    def _matcher(self) -> Matcher:
        """Tell how to recognise this send among what is listed."""
        looked_for = self._entry.reference if self._entry else self.reference
        if looked_for == self._label or not looked_for.startswith(OWN_LABEL):
            return OwnLabel(self.payload, self._secret, self._entry)
        if self._kind is Reference.SHARED and self._entry is not None:
            # The journal of this place says what was asked for; batches of other items are not this one.
            return Asked(self.payload, self._secret, self._entry.fingerprint)
        return Matcher(self.payload, self._secret, self._kind)

    def _look(self, matcher: Matcher) -> Generator[Step, Any, Candidates]:
        return Look(
            # An earlier attempt may have used another one: a label, say, that holds the time.
            self._entry.reference if self._entry else self.reference,
            self._entry.began if self._entry else self._send.since,
            lambda listing: matcher.match(listing, self._others),
            lambda candidates: self._action(candidates.found, matcher.kind),
            self._settling,
            self._entry,
            wait_for_more=matcher.kind is Reference.SHARED,
        ).steps()

    @property
    def _others(self) -> frozenset[str]:
        """Batches that are not this send's, whatever they look like."""
        return frozenset(self._memory.batches).union(self._superseded)

    # What to do about it

    def _resolve(
        self, found: Found, batches: Sequence[Batch], kind: Reference, live: Sequence[Batch] = ()
    ) -> Generator[Step, Any, Sent | None]:
        """
        Do what the rules say about what was found.

        :param live: All batches found, the cancelled ones left out.
        """
        action = self._action(found, kind)
        if action is Action.SEND:
            return None
        if action is Action.SEND_IF_NOTHING_LEFT:
            for batch in batches:
                if not (yield from reached_nobody(batch)):
                    raise cancelled_late(batch)
            log.info("Batch %s was cancelled before anything left; sending again.", batches[0].id)
            self._superseded = (*self._superseded, *(each.id for each in batches))[-_SUPERSEDED:]
            self._entry = None
            return None
        if action is Action.FAIL:
            raise refusal(found, batches, self.payload.people)
        return (yield from self._keep(found, batches, live))

    def _action(self, found: Found, kind: Reference) -> Action:
        moved = self._send.kind is Reference.SHARED and self._send.cleared
        if found is Found.OTHER_TEXT and (moved or (self._journal is not None and self._journal.guessed)):
            # The journal may be that of another text to the same people.
            kind = Reference.SHARED
        return decide(found, kind, cleared=self._was_cleared())

    def _was_cleared(self) -> bool:
        """Whether a person has cleared this task since it sent."""
        entry = self._entry
        if entry is None:
            return self._send.max_tries != self._send.retries
        return self._cycle_of(entry) is Cycle.NEW

    def _cycle_of(self, entry: Entry) -> Cycle:
        return cycle(
            self._send, try_number=entry.try_number, max_tries=entry.max_tries, retries=entry.retries
        )

    def _keep(
        self, found: Found, batches: Sequence[Batch], live: Sequence[Batch]
    ) -> Generator[Step, Any, Sent]:
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
        if self._is_only_ours:
            yield from stop_twins([each for each in live if each.id != batch.id], batch)
        if journalled != batch.id or self._was_cleared():
            fingerprint = self._entry.fingerprint if self._entry else None
            if fingerprint is None:
                fingerprint = Payload.of_batch(batch).fingerprint(self._secret)
            self._note(State.SENT, batch.id, fingerprint)
        return Sent(batch.id, batch, adopted=True)

    @property
    def _is_only_ours(self) -> bool:
        """Whether a second batch with this reference can only be a duplicate."""
        return self._label is None and self._kind is Reference.OWN

    # Sending

    def _post(self) -> Steps:
        """Send under the fence; where the answer is lost, look before sending again."""
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
                if number == 0:
                    raise
                raise SinchUnsettledError(
                    f"An answer was lost, the batch is not listed, and then: {error.what}", operation="send"
                ) from None
            except SinchError:
                # If the outcome is uncertain, keep the intent so that the next attempt looks first.
                if fence.passed and number == 0:
                    self._note(State.VOID)
                raise
            else:
                reason = contradiction(batch, call.body or {}, self._others, self._intent_at(clock))
                if reason is None:
                    log.info("Sinch accepted batch %s for %d recipients.", batch.id, len(self.payload.people))
                    self._note(State.SENT, batch.id)
                    return Sent(batch.id, batch)
                lost = f"send: the answer contradicts the request: {reason}"
            log.warning("%s.", lost)
            self._settling.lose()
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

    def _let_go(self, batch: Batch, hold: timedelta) -> Steps:
        """Look for duplicates of a held batch just before it may leave, and cancel all but the oldest."""
        if (wait := seconds_to_wait(batch, hold)) is None:
            return Sent(batch.id, batch)
        yield from self._settling.pause(wait)
        began = self._entry.began if self._entry else utcnow()
        try:
            listing = yield from list_by_reference(self.reference, began)
        except SinchError as error:
            raise SinchUnsettledError(
                f"Batch {batch.id} was accepted, and a duplicate of it could not be looked for: {error.what}",
                operation="send",
            ) from None
        candidates = Matcher(self.payload, self._secret, self._kind).match(listing, self._others)
        live = [each for each in candidates.live if each.client_reference is not None]
        gone = any(each.id == batch.id and each.canceled for each in listing.batches)
        if not self._is_only_ours or not live:
            if gone:
                raise cancelled_while_held(batch)
            return Sent(batch.id, batch)
        kept = live[0]
        yield from stop_twins(live[1:], kept)
        if kept.id != batch.id:
            self._note(State.SENT, kept.id)
        return Sent(kept.id, kept, adopted=kept.id != batch.id)

    # The journal

    def _write_intent(self) -> None:
        if self._hold is not None and self._leaves - utcnow() < self._hold / 2:
            raise _HoldPassedError("The time of the held batch has come too near", operation="send")
        entry = self._fresh_entry()
        if self._journal is not None:
            self._journal.write(entry)
        self._entry = entry
        self._settling.begin()

    def _note(self, state: State, batch_id: str | None = None, fingerprint: Any = None) -> None:
        entry = replace(self._fresh_entry(), state=state, batch_id=batch_id)
        if self._entry is not None:
            entry = replace(entry, intended=self._entry.intended)
        self._entry = replace(entry, fingerprint=fingerprint or self.fingerprint)
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
            attempt=self._send.try_number,
            began=min(self._entry.began, now) if self._entry else now,
            intended=now,
            fingerprint=self.fingerprint,
            superseded=self._superseded,
        )
