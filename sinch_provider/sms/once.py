"""
Send once: a batch is accepted by Sinch one time, however often and wherever its send is tried.

Every send carries a reference that all its tries share. Before a request leaves, the intent to send is
written to a journal; afterwards, the batch id. A try that finds an intent without an outcome, and one whose
own answer is lost, looks for a batch with the reference before it may send. What this guarantees, and what
it rests on, is described in docs/guarantees.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Any, Final

import pendulum

from sinch_provider.sms import endpoints, lookup
from sinch_provider.sms.delivery import counts_of
from sinch_provider.sms.errors import (
    SinchAlreadyDispatchedError,
    SinchBatchCanceledError,
    SinchError,
    SinchNotFoundError,
    SinchNotSentError,
    SinchPayloadChangedError,
    SinchSentTwiceError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.sms.http import Call
from sinch_provider.sms.journal import Entry, Fence, Journal, State
from sinch_provider.sms.lookup import clamped, list_since, read, settled_look
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.payload import Fingerprint, Match, Payload
from sinch_provider.sms.steps import Pause, Step
from sinch_provider.sms.times import parse_time, utcnow, wire_time

log = logging.getLogger(__name__)

#: The last look at a held batch comes so long before it may leave.
HOLD_MARGIN: Final = timedelta(seconds=15)
MIN_HOLD: Final = timedelta(minutes=2)
MAX_HOLD: Final = timedelta(days=1)
#: A batch with a shared reference that is older than the intent by more than this may be another send's.
SAME_MOMENT: Final = timedelta(minutes=1)
_SENDS: Final = 3

Steps = Generator[Step, Any, "Sent"]


class OnClear(Enum):
    """What a cleared task does about the batch it sent before."""

    ADOPT = "adopt"
    RESEND = "resend"


_OUTCOMES = (SinchPayloadChangedError, SinchBatchCanceledError, SinchSentTwiceError, SinchUncertainError)


@dataclass(frozen=True)
class Attempt:
    """
    Who is sending.

    :param task: What all sends of the task in this run share: letters and digits that give nothing away.
    :param map_index: Which of several mapped sends, or -1.
    :param cycle: Stays the same over automatic retries, and changes with every clear.
    :param try_number: This try.
    :param since: No send of this run was tried before.
    :param cleared: Whether this may be a new cycle, or the places of mapped sends may have changed.
    """

    task: str
    map_index: int
    cycle: int
    try_number: int
    since: pendulum.DateTime
    cleared: bool = False

    @property
    def reference(self) -> str:
        """The client reference of this cycle's send."""
        place = f".{self.map_index}" if self.map_index >= 0 else ""
        return f"{self.prefix}{place}-{self.cycle}"

    @property
    def first(self) -> bool:
        """Whether there was no earlier try."""
        return self.try_number <= 1

    @property
    def prefix(self) -> str:
        """What the references of all sends of this task in this run begin with."""
        return f"af-{self.task}"


def task_hash(*names: str) -> str:
    """Hash what identifies a task in a run, for :attr:`Attempt.task`."""
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Sent:
    """
    The one batch of a send.

    :param batch: The batch as Sinch shows it; None if it was sent too long ago to be shown.
    :param adopted: Whether an earlier request, and not this try's own answered one, has brought it about.
    """

    batch_id: str
    batch: Batch | None
    adopted: bool = False


class SendOnce:
    """
    One try of a send.

    :param call: The send, as ``endpoints.send`` describes it.
    :param attempt: Who is sending.
    :param secret: Keys the fingerprints in the journal.
    :param journal: What earlier tries have left behind; without it, every try but the first looks at Sinch.
    :param on_clear: What to do about batches of earlier cycles.
    :param hold: Let the batch leave so much later, and look for a twin just before.
    :param stopped: Whether this task has been told to stop.
    """

    def __init__(
        self,
        call: Call[Batch],
        attempt: Attempt,
        *,
        secret: str,
        journal: Journal | None = None,
        on_clear: OnClear = OnClear.ADOPT,
        hold: timedelta | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        assert call.body is not None
        self._attempt = attempt
        self._secret = secret
        self._journal = journal
        self._on_clear = on_clear
        self._hold = hold
        self._stopped = stopped
        self.reference: str = call.body.get("client_reference") or attempt.reference
        self._call = replace(call, body={**call.body, "client_reference": self.reference})
        self._payload = Payload.of_request(call.body)
        self._fingerprint = self._payload.fingerprint(secret)
        self._entry: Entry | None = None

    @property
    def batch_id(self) -> str | None:
        """The batch, as soon as it is known."""
        return self._entry.batch_id if self._entry else None

    def steps(self) -> Steps:
        """
        Send, unless an earlier request has done so.

        :raises SinchNotSentError: This try sent nothing, and a later one may.
        :raises SinchUnsettledError: It is unknown whether the batch was accepted, and a later try finds out.
        :raises SinchUncertainError: Likewise, and only a human can find out.
        :raises SinchPayloadChangedError: An earlier try has sent to others.
        :raises SinchBatchCanceledError: The batch was cancelled meanwhile.
        :raises SinchSentTwiceError: Two batches have left.
        """
        try:
            found = yield from self._earlier_send()
        except SinchError as error:
            if isinstance(error, (SinchNotSentError, *_OUTCOMES)):
                raise
            kind = SinchUnsettledError if error.transient else SinchUncertainError
            raise kind(
                f"It could not be found out whether an earlier try has sent this: {error.what}",
                operation="send",
                status=error.status,
                code=error.code,
                advice=None if error.transient else error.advice,
            ) from None
        sent = found or (yield from self._send())
        if self._hold is not None and sent.batch is not None:
            sent = yield from self._let_go(sent, self._hold)
        return sent

    # What has been sent before

    def _earlier_send(self) -> Generator[Step, Any, Sent | None]:
        entries = self._journal.read() if self._journal else []
        self._entry = next((each for each in entries if each.cycle == self._attempt.cycle), None)
        if self._entry is not None:
            return (yield from self._same_cycle(self._entry))
        unreadable = self._journal is not None and self._journal.unreadable
        look = not entries and (not self._attempt.first or unreadable)
        if look:
            log.info("Try %d finds no trace of earlier ones.", self._attempt.try_number)
            batches = yield from self._look(self.reference, clamped(self._attempt.since))
            if batches:
                return (yield from self._adopt(batches))
        if self._on_clear is OnClear.RESEND:
            return None
        found = yield from self._other_cycles(entries)
        if found is None and self._attempt.cleared:
            mapped = self._attempt.map_index >= 0
            found = yield from self._anywhere(settle=not look and (mapped or not entries))
        return found

    def _same_cycle(self, entry: Entry) -> Generator[Step, Any, Sent | None]:
        """Settle what an earlier try of this cycle has left open."""
        if entry.state is State.VOID:
            return None
        if entry.batch_id is None:
            log.info("Try %d meant to send, and its outcome is unknown.", entry.try_number)
            batches = yield from self._look(entry.reference, entry.began, entry.payload)
            return (yield from self._adopt(batches, entry)) if batches else None
        batch = yield from read(entry.batch_id)
        return (yield from self._adopt([batch], entry)) if batch else self._keep(entry)

    def _other_cycles(self, entries: Sequence[Entry]) -> Generator[Step, Any, Sent | None]:
        """Find the batch of this task before it was cleared, if that said the same to the same people."""
        for entry in sorted(entries, key=lambda each: each.began, reverse=True):
            match = self._fingerprint.compare(entry.payload)
            if entry.state is State.VOID or match in {Match.OTHER_MESSAGE, Match.OTHER_RECIPIENTS}:
                continue
            if entry.batch_id is not None:
                batch = yield from read(entry.batch_id)
                if batch is None:
                    return self._keep(entry)
                batches = [batch]
            else:
                batches = yield from self._look(entry.reference, entry.began, entry.payload)
            if match is Match.UNKNOWN:
                batches = self._same(batches)
            # What the journal calls the same stays so, even if the batch was changed on purpose since.
            if found := (yield from self._adopt_earlier(batches)):
                return found
        return None

    def _anywhere(self, *, settle: bool) -> Generator[Step, Any, Sent | None]:
        """
        Find a batch of this task in this run with this payload, whatever its cycle and place.

        Mapped items may have moved, so that this one was sent at another index, and a journal may have gaps.

        :param settle: Look once more when all would be listed.
        """
        shared = self._is_shared(self.reference)
        for pause in (0.0, sum(lookup.LOOKS)) if settle else (0.0,):
            if pause:
                yield Pause(pause)
            listed = yield from list_since(clamped(self._attempt.since), self.reference if shared else None)
            batches = [each for each in listed if shared or self._is_of_task(each)]
            if found := (yield from self._adopt_earlier(self._same(batches))):
                return found
        return None

    def _is_of_task(self, batch: Batch) -> bool:
        reference = batch.client_reference or ""
        return reference.startswith((f"{self._attempt.prefix}-", f"{self._attempt.prefix}."))

    def _is_shared(self, reference: str) -> bool:
        """Tell whether a reference is a label of the user's own, which other batches may have too."""
        return not reference.startswith(self._attempt.prefix)

    def _same(self, batches: Sequence[Batch]) -> list[Batch]:
        return [each for each in batches if self._payload.compare(Payload.of_batch(each)) is Match.SAME]

    def _adopt_earlier(self, batches: Sequence[Batch]) -> Generator[Step, Any, Sent | None]:
        """Adopt the batch of an earlier cycle, unless it was cancelled in time."""
        live = [each for each in batches if not each.canceled]
        if live:
            batch = _oldest(live)
            log.info(
                "Batch %s of this run says the same to the same recipients; not sending again "
                "(on_clear='adopt').",
                batch.id,
            )
            self._note_sent(batch)
            return Sent(batch.id, batch, adopted=True)
        for batch in batches:
            if not (yield from self._reached_nobody(batch)):
                raise SinchBatchCanceledError(
                    f"Batch {batch.id} was cancelled when some of its messages may have left",
                    operation="send",
                    advice="To send to all recipients again, clear the task with on_clear='resend'.",
                )
            log.info("Batch %s was cancelled before anything left; sending anew.", batch.id)
        return None

    def _adopt(self, batches: Sequence[Batch], entry: Entry | None = None) -> Generator[Step, Any, Sent]:
        """Take the batch of an earlier request of this cycle as this try's own."""
        live = [each for each in batches if not each.canceled]
        if not live:
            raise SinchBatchCanceledError(
                f"Batch {batches[0].id} of this task was cancelled",
                operation="send",
            )
        batch = _oldest(live)
        known = entry is not None and entry.batch_id == batch.id
        match = self._payload.compare(Payload.of_batch(batch))
        if entry is not None:
            # The batch may have been changed on purpose since; the journal knows what was sent.
            told = self._fingerprint.compare(entry.payload)
            match = match if told is Match.UNKNOWN or not known else told
        if match is Match.OTHER_RECIPIENTS:
            theirs = Payload.of_batch(batch).recipients
            new = len(self._payload.recipients - theirs)
            raise SinchPayloadChangedError(
                f"An earlier try sent batch {batch.id} to {len(theirs)} recipients; of the "
                f"{len(self._payload.recipients)} this one is asked to send to, {new} are not among them",
                operation="send",
            )
        if match is Match.OTHER_MESSAGE:
            log.warning("The message has changed since batch %s was sent; not sending again.", batch.id)
        by = f" of try {entry.try_number}" if entry else ""
        if known:
            log.info("Batch %s%s was accepted; not sending again.", batch.id, by)
            return Sent(batch.id, batch, adopted=True)
        log.info("Found batch %s%s by its reference; not sending again.", batch.id, by)
        yield from self._stop([each for each in live if each.id != batch.id], batch)
        # Only now: a try that knows the batch does not look for twins again.
        self._note_sent(batch)
        return Sent(batch.id, batch, adopted=True)

    def _keep(self, entry: Entry) -> Sent:
        """Trust the journal about a batch that Sinch does not show any more."""
        assert entry.batch_id is not None
        told = self._fingerprint.compare(entry.payload)
        if told is Match.UNKNOWN:
            raise SinchUncertainError(
                f"Batch {entry.batch_id} was accepted, and these credentials do not show it",
                operation="send",
                advice="Give the connection the account it was sent with, or clear the task with "
                "on_clear='resend'.",
            )
        if told is Match.OTHER_RECIPIENTS:
            raise SinchPayloadChangedError(
                f"An earlier try sent batch {entry.batch_id} to other recipients", operation="send"
            )
        log.warning(
            "Batch %s was accepted by try %d, and Sinch does not show it any more; not sending again.",
            entry.batch_id,
            entry.try_number,
        )
        self._note(State.SENT, entry.batch_id, entry.payload)
        return Sent(entry.batch_id, None, adopted=True)

    def _stop(self, twins: Sequence[Batch], kept: Batch) -> Generator[Step, Any, None]:
        """Cancel what was accepted a second time, and fail if that comes too late."""
        late = []
        for twin in self._same(twins):
            if self._is_shared(twin.client_reference or ""):
                continue
            log.error("Batch %s has the same reference as %s; cancelling it.", twin.id, kept.id)
            try:
                canceled = yield endpoints.cancel(twin.id)
                harmless = yield from self._reached_nobody(canceled)
            except SinchAlreadyDispatchedError:
                harmless = False
            except SinchError as error:
                raise SinchUnsettledError(
                    f"Batch {kept.id} was accepted a second time as {twin.id}, which could not be stopped: "
                    f"{error.what}",
                    operation="send",
                ) from None
            if not harmless:
                late.append(twin.id)
        if late:
            raise SinchSentTwiceError(
                f"Batch {kept.id} was sent a second time as {', '.join(late)}", operation="send"
            )

    def _reached_nobody(self, batch: Batch) -> Generator[Step, Any, bool]:
        """Tell whether a cancelled batch was cancelled before anything left."""
        if batch.canceled and batch.send_at and batch.modified_at and batch.modified_at < batch.send_at:
            return True
        try:
            report: BatchDeliveryReport = yield endpoints.get_delivery_report(batch.id)
        except SinchNotFoundError:
            return False
        counts = counts_of(report)
        # An empty report of a batch whose time has come may just not be written yet.
        return bool(counts) and all(status == "Cancelled" for status, _ in counts)

    def _look(
        self, reference: str, since: pendulum.DateTime, payload: Fingerprint | None = None
    ) -> Generator[Step, Any, list[Batch]]:
        """
        Look for the batches of a cycle until they would be listed.

        :param payload: What was sent, as far as known; by default what this try is to send.
        """
        log.info("Looking for the batch by its reference %s.", mask_text(reference))
        if not self._is_shared(reference):
            return (yield from settled_look(reference, since))
        alike: list[Batch] = []

        def is_it(batch: Batch) -> bool:
            # A label of the user's own: other sends, and other runs of this one, may have it too.
            told = Payload.of_batch(batch).fingerprint(self._secret).compare(payload or self._fingerprint)
            if told is Match.UNKNOWN:
                told = self._payload.compare(Payload.of_batch(batch))
            if told is Match.OTHER_RECIPIENTS:
                return False
            created = batch.created_at
            certain = told is Match.SAME and created is not None and created >= since - SAME_MOMENT
            if not certain:
                alike.append(batch)
            return certain

        found = yield from settled_look(reference, since, is_it)
        if not found and alike:
            raise SinchUncertainError(
                f"Batch {alike[-1].id} has the same client_reference and recipients, and may or may not be "
                "this send",
                operation="send",
                advice="Is it, mark the task as success; is it not, clear the task with on_clear='resend'. "
                "Without a client_reference of your own, the operator can tell by itself.",
            )
        return found

    # Sending

    def _send(self) -> Steps:
        """Send under the fence; where the answer is lost, look before sending again."""
        settled = self._entry is None or self._entry.state is State.VOID
        for number in range(_SENDS):
            fence = Fence(self._write_intent, self._stopped)
            try:
                batch: Batch = yield replace(self._held(), permit=fence)
            except SinchUncertainError as error:
                log.warning("%s.", error.what)
                lost = error
            except SinchNotSentError as error:
                if number == 0:
                    raise
                raise SinchUnsettledError(
                    f"An answer was lost, the batch is not listed, and then: {error.what}", operation="send"
                ) from None
            except SinchError:
                # What is not certain stays an intent: a later try had better look.
                if fence.passed and settled and number == 0:
                    self._note(State.VOID)
                raise
            else:
                log.info(
                    "Sinch accepted batch %s for %d recipients.", batch.id, len(self._payload.recipients)
                )
                self._note_sent(batch)
                return Sent(batch.id, batch)
            began = self._entry.began if self._entry else utcnow()
            try:
                batches = yield from self._look(self.reference, began)
            except SinchError as error:
                if isinstance(error, _OUTCOMES):
                    raise
                raise SinchUnsettledError(
                    f"{lost.what}, and it cannot be looked up: {error.what}", operation="send"
                ) from None
            if batches:
                return (yield from self._adopt(batches))
        raise SinchUnsettledError(f"The answer was lost {_SENDS} times", operation="send")

    def _held(self) -> Call[Batch]:
        if self._hold is None:
            return self._call
        body = dict(self._call.body or {})
        earliest = utcnow() + self._hold
        wanted = parse_time(body["send_at"]) if "send_at" in body else earliest
        body["send_at"] = wire_time(max(wanted, earliest))
        return replace(self._call, body=body)

    def _let_go(self, sent: Sent, hold: timedelta) -> Steps:
        """Look for twins of a held batch just before it may leave, and stop all but the oldest."""
        batch = sent.batch
        assert batch is not None
        now = utcnow()
        remaining = batch.send_at - now if batch.send_at else timedelta()
        if remaining <= timedelta():
            return sent
        if remaining.total_seconds() < sum(lookup.LOOKS):
            log.warning(
                "Batch %s leaves in %.0f s, sooner than a twin would be listed.",
                batch.id,
                remaining.total_seconds(),
            )
        wait = (min(remaining, hold) - HOLD_MARGIN).total_seconds()
        if wait > 0:
            log.info("Batch %s is held; looking for twins in %.0f s.", batch.id, wait)
            yield Pause(wait)
        began = self._entry.began if self._entry else now
        try:
            listed = yield from list_since(began, self.reference)
        except SinchError as error:
            raise SinchUnsettledError(
                f"Batch {batch.id} was accepted, and a twin of it could not be looked for: {error.what}",
                operation="send",
            ) from None
        every = {each.id: each for each in [batch, *self._same(listed)]}
        twins = [each for each in every.values() if not each.canceled]
        if self._is_shared(self.reference):
            twins = [each for each in twins if each.id == batch.id]
        if not twins:
            raise SinchBatchCanceledError(
                f"Batch {batch.id} was cancelled while it was held",
                operation="send",
            )
        kept = _oldest(twins)
        yield from self._stop([each for each in twins if each.id != kept.id], kept)
        if kept.id == batch.id:
            return sent
        self._note_sent(kept)
        return Sent(kept.id, kept, adopted=True)

    # The journal

    def _write_intent(self) -> None:
        entry = self._fresh_entry()
        if self._journal is not None:
            self._journal.write(entry)
        self._entry = entry

    def _note_sent(self, batch: Batch) -> None:
        self._note(State.SENT, batch.id, Payload.of_batch(batch).fingerprint(self._secret))

    def _note(self, state: State, batch_id: str | None = None, payload: Fingerprint | None = None) -> None:
        self._entry = replace(
            self._fresh_entry(), state=state, batch_id=batch_id, payload=payload or self._fingerprint
        )
        if self._journal is not None:
            self._journal.try_to_write(self._entry)

    def _fresh_entry(self) -> Entry:
        now = utcnow()
        return Entry(
            cycle=self._attempt.cycle,
            reference=self.reference,
            try_number=self._attempt.try_number,
            began=min(self._entry.began, now) if self._entry else now,
            payload=self._fingerprint,
        )


def _oldest(batches: Sequence[Batch]) -> Batch:
    # Ids begin with the time and settle ties.
    return min(batches, key=lambda each: (each.created_at or pendulum.DateTime.max, each.id))
