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

from sinch_provider.sms import endpoints
from sinch_provider.sms.delivery import counts_of
from sinch_provider.sms.errors import (
    SinchAlreadyDispatchedError,
    SinchBatchCanceledError,
    SinchError,
    SinchNotSentError,
    SinchPayloadChangedError,
    SinchSentTwiceError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.sms.http import Call
from sinch_provider.sms.journal import Entry, Fence, Journal, State
from sinch_provider.sms.lookup import LISTED, list_since, read, settled_look
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.payload import Fingerprint, Match, Payload
from sinch_provider.sms.steps import Pause, Step
from sinch_provider.sms.times import parse_time, utcnow, wire_time

log = logging.getLogger(__name__)

#: The last look at a held batch comes so long before it leaves.
HOLD_MARGIN: Final = timedelta(seconds=15)
MIN_HOLD: Final = timedelta(minutes=1)
MAX_HOLD: Final = timedelta(days=1)
_SENDS: Final = 3
_EARLIER_CYCLES: Final = 10

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
    :param cycle: The first try of this cycle; a new cycle begins with every clear.
    :param try_number: This try.
    :param since: No send of this run was tried before.
    :param moved: Whether mapped sends may have changed places since they were first tried.
    """

    task: str
    map_index: int
    cycle: int
    try_number: int
    since: pendulum.DateTime
    moved: bool = False

    @property
    def first(self) -> bool:
        """Whether no earlier try of this cycle can have sent anything."""
        return self.try_number <= self.cycle

    def reference(self, cycle: int) -> str:
        """Give the client reference of a cycle's send."""
        place = f".{self.map_index}" if self.map_index >= 0 else ""
        return f"af-{self.task}{place}-{cycle}"

    @property
    def mapped_prefix(self) -> str:
        """What the references of all mapped sends of this task begin with."""
        return f"af-{self.task}."


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
        own = call.body.get("client_reference")
        #: A label of the user's own may be shared with other batches.
        self._shared_reference = own is not None
        self.reference: str = own or attempt.reference(attempt.cycle)
        self._call = replace(call, body={**call.body, "client_reference": self.reference})
        self._payload = Payload.of_request(call.body)
        self._fingerprint = self._payload.fingerprint(secret)
        self._since = max(attempt.since, utcnow() - LISTED)
        self._entry: Entry | None = None

    def steps(self) -> Steps:
        """
        Send, unless an earlier request has done so.

        :raises SinchNotSentError: Nothing was sent, and a later try may.
        :raises SinchUnsettledError: It is unknown whether the batch was accepted, and a later try finds out.
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
            sent = yield from self._let_go(sent.batch)
        return sent

    # What has been sent before

    def _earlier_send(self) -> Generator[Step, Any, Sent | None]:
        entries = self._journal.read() if self._journal else []
        self._entry = next((each for each in entries if each.cycle == self._attempt.cycle), None)
        if self._entry is not None:
            return (yield from self._same_cycle(self._entry))
        unreadable = self._journal is not None and self._journal.unreadable
        if not self._attempt.first or unreadable:
            log.info("Try %d finds no trace of earlier ones; looking for %s.", self._try, self.reference)
            batches = yield from self._look([self.reference], self._since)
            if batches:
                return (yield from self._adopt(batches))
        if self._on_clear is OnClear.RESEND:
            return None
        others = [each for each in entries if each.cycle != self._attempt.cycle]
        found = yield from self._other_cycles(others)
        if found is None and self._attempt.moved and not self._shared_reference:
            found = yield from self._other_places()
        return found

    def _same_cycle(self, entry: Entry) -> Generator[Step, Any, Sent | None]:
        """Settle what an earlier try of this cycle has left open."""
        if entry.state is State.VOID:
            return None
        if entry.batch_id is None:
            log.info(
                "Try %d meant to send, and its outcome is unknown; looking for %s.",
                entry.try_number,
                self.reference,
            )
            batches = yield from self._look([entry.reference], entry.began, entry.payload)
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
                if batch is None and match is Match.SAME:
                    return self._keep(entry)
                batches = [batch] if batch else []
            else:
                batches = yield from self._look([entry.reference], entry.began, entry.payload)
            if match is Match.UNKNOWN:
                batches = self._same(batches)
            # What the journal calls the same stays so, even if the batch was changed on purpose since.
            if found := (yield from self._adopt_earlier(batches)):
                return found
        if entries or self._attempt.cycle <= 1 or self._shared_reference:
            return None
        # Without a journal, the references of earlier cycles are known all the same.
        first = max(1, self._attempt.cycle - _EARLIER_CYCLES)
        references = [self._attempt.reference(cycle) for cycle in range(first, self._attempt.cycle)]
        batches = yield from self._look(references, self._since)
        return (yield from self._adopt_earlier(self._same(batches)))

    def _other_places(self) -> Generator[Step, Any, Sent | None]:
        """Find this payload among the batches of the other mapped sends, whose items may have moved."""
        batches = yield from list_since(self._since)
        ours = [
            each for each in batches if (each.client_reference or "").startswith(self._attempt.mapped_prefix)
        ]
        return (yield from self._adopt_earlier(self._same(ours)))

    def _same(self, batches: Sequence[Batch]) -> list[Batch]:
        return [each for each in batches if self._payload.compare(Payload.of_batch(each)) is Match.SAME]

    def _adopt_earlier(self, batches: Sequence[Batch]) -> Generator[Step, Any, Sent | None]:
        """Adopt the batch of an earlier cycle, unless it was cancelled in time."""
        live = [each for each in batches if not each.canceled]
        if live:
            batch = _oldest(live)
            log.info(
                "Batch %s, sent before this task was cleared, says the same to the same recipients; "
                "not sending again (on_clear='adopt').",
                batch.id,
            )
            self._note_sent(batch.id)
            return Sent(batch.id, batch, adopted=True)
        for batch in batches:
            report: BatchDeliveryReport = yield endpoints.get_delivery_report(batch.id)
            stopped = sum(n for (status, _), n in counts_of(report).items() if status == "Cancelled")
            left = sum(counts_of(report).values()) - stopped
            if left:
                raise SinchBatchCanceledError(
                    f"Batch {batch.id} was cancelled after {left} of its messages had left",
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
                advice="Clear the task to send it again.",
            )
        batch = _oldest(live)
        match = self._payload.compare(Payload.of_batch(batch))
        if entry is not None and entry.batch_id == batch.id:
            # The batch may have been changed on purpose since; the journal knows what was sent.
            told = self._fingerprint.compare(entry.payload)
            match = match if told is Match.UNKNOWN else told
        if match is Match.OTHER_RECIPIENTS:
            raise SinchPayloadChangedError(
                f"An earlier try sent batch {batch.id} to {len(batch.to)} recipients, "
                f"and this one is asked to send to {len(self._payload.recipients)} others",
                operation="send",
            )
        if match is Match.OTHER_MESSAGE:
            log.warning("The message has changed since batch %s was sent; not sending again.", batch.id)
        if entry is not None and entry.batch_id == batch.id:
            log.info("Batch %s was accepted by try %d; not sending again.", batch.id, entry.try_number)
            return Sent(batch.id, batch, adopted=True)
        by = f" of try {entry.try_number}" if entry else ""
        log.info("Found batch %s%s by its reference; not sending again.", batch.id, by)
        yield from self._stop([each for each in live if each.id != batch.id], batch)
        # Only now: a try that knows the batch does not look for twins again.
        self._note_sent(batch.id)
        return Sent(batch.id, batch, adopted=True)

    def _keep(self, entry: Entry) -> Sent:
        """Trust the journal about a batch that Sinch does not show any more."""
        assert entry.batch_id is not None
        told = self._fingerprint.compare(entry.payload)
        if told is Match.OTHER_RECIPIENTS:
            raise SinchPayloadChangedError(
                f"An earlier try sent batch {entry.batch_id} to other recipients", operation="send"
            )
        log.warning(
            "Batch %s was accepted by try %d, and Sinch does not show it any more; not sending again.",
            entry.batch_id,
            entry.try_number,
        )
        self._note_sent(entry.batch_id)
        return Sent(entry.batch_id, None, adopted=True)

    def _stop(self, twins: Sequence[Batch], kept: Batch) -> Generator[Step, Any, None]:
        """Cancel what was accepted a second time, and fail if that comes too late."""
        if self._shared_reference:
            return
        late = []
        for twin in twins:
            log.error("Batch %s has the same reference as %s; cancelling it.", twin.id, kept.id)
            try:
                yield endpoints.cancel(twin.id)
            except SinchAlreadyDispatchedError:
                late.append(twin.id)
                continue
            report: BatchDeliveryReport = yield endpoints.get_delivery_report(twin.id)
            if any(status != "Cancelled" for status, _ in counts_of(report)):
                late.append(twin.id)
        if late:
            raise SinchSentTwiceError(
                f"Batch {kept.id} was sent a second time as {', '.join(late)}", operation="send"
            )

    def _look(
        self, references: Sequence[str], since: pendulum.DateTime, payload: Fingerprint | None = None
    ) -> Generator[Step, Any, list[Batch]]:
        """
        Look for batches by reference until they would be listed.

        :param payload: What was sent, as far as known; by default what this try is to send.
        """
        if not self._shared_reference:
            return (yield from settled_look(references, since))
        return (yield from settled_look(references, since, lambda batch: self._is(batch, payload)))

    def _is(self, batch: Batch, payload: Fingerprint | None) -> bool:
        """Tell whether a batch found by a shared reference is the one that was sent."""
        told = Payload.of_batch(batch).fingerprint(self._secret).compare(payload or self._fingerprint)
        return told is Match.SAME or (told is Match.UNKNOWN and bool(self._same([batch])))

    # Sending

    def _send(self) -> Steps:
        """Send under the fence; where the answer is lost, look before sending again."""
        for _ in range(_SENDS):
            fence = Fence(self._write_intent, self._stopped)
            try:
                batch: Batch = yield replace(self._held(), permit=fence)
            except SinchUncertainError as error:
                log.warning("%s; looking for the batch by its reference %s.", error.what, self.reference)
                lost = error
            except SinchError:
                if fence.passed:
                    self._note(State.VOID)
                raise
            else:
                log.info(
                    "Sinch accepted batch %s for %d recipients.", batch.id, len(self._payload.recipients)
                )
                self._note_sent(batch.id)
                return Sent(batch.id, batch)
            began = self._entry.began if self._entry else utcnow()
            try:
                batches = yield from self._look([self.reference], began)
            except SinchError as error:
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

    def _let_go(self, batch: Batch) -> Steps:
        """Look for twins of a held batch just before it leaves, and stop all but the oldest."""
        leaves = batch.send_at
        now = utcnow()
        if leaves is None or leaves <= now:
            return Sent(batch.id, batch, adopted=True)
        wait = (leaves - now - HOLD_MARGIN).total_seconds()
        if wait > 0:
            log.info("Batch %s leaves in %.0f s; looking for twins before that.", batch.id, wait)
            yield Pause(wait)
        began = self._entry.began if self._entry else batch.created_at or now
        twins = yield from list_since(began, self.reference)
        live = [each for each in twins if not each.canceled] or [batch]
        kept = _oldest(live)
        yield from self._stop([each for each in live if each.id != kept.id], kept)
        if kept.id != batch.id:
            self._note_sent(kept.id)
        return Sent(kept.id, kept, adopted=kept.id != batch.id)

    # The journal

    @property
    def _try(self) -> int:
        return self._attempt.try_number

    def _write_intent(self) -> None:
        entry = self._fresh_entry()
        if self._journal is not None:
            self._journal.write(entry)
        self._entry = entry

    def _note_sent(self, batch_id: str) -> None:
        self._note(State.SENT, batch_id)

    def _note(self, state: State, batch_id: str | None = None) -> None:
        self._entry = replace(self._fresh_entry(), state=state, batch_id=batch_id)
        if self._journal is not None:
            self._journal.try_to_write(self._entry)

    def _fresh_entry(self) -> Entry:
        now = utcnow()
        return Entry(
            cycle=self._attempt.cycle,
            reference=self.reference,
            try_number=self._try,
            began=min(self._entry.began, now) if self._entry else now,
            payload=self._fingerprint,
        )


def _oldest(batches: Sequence[Batch]) -> Batch:
    # Ids begin with the time and settle ties.
    return min(batches, key=lambda each: (each.created_at or pendulum.DateTime.max, each.id))
