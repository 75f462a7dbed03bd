"""
Send once: Sinch accepts one batch for each send, however many attempts the send takes.

All attempts of a send use the same reference. Before a request leaves, the attempt writes an intent to the
journal; afterwards it writes the batch id. An attempt looks for a batch with the reference first, unless it
is proved that nothing was sent. ``decision.py`` holds the rules, ``docs/guarantees.md`` explains them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import SinchError, SinchNotSentError, SinchUncertainError, SinchUnsettledError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import OnClear, Send
from sinch_provider.sms.sending.earlier import EarlierRequests
from sinch_provider.sms.sending.fence import Fence
from sinch_provider.sms.sending.hold import Hold, HoldPassedError
from sinch_provider.sms.sending.journal import Journal
from sinch_provider.sms.sending.listing import SinchClock
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.matching import contradiction
from sinch_provider.sms.sending.memory import Memory
from sinch_provider.sms.sending.payload import Fingerprint, Payload
from sinch_provider.sms.sending.record import Record
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.encoding import Echo

log = logging.getLogger(__name__)

#: The attempt gives up after this many lost answers in a row.
_MOST_LOST: Final = 3
#: Sinch repeats the parameters. Reading a thousand of them takes longer than the rest of the answer, and
#: recipients, text and reference show which request an answer belongs to.
_UNREAD: Final = frozenset({"parameters"})
#: The attempt gives up after a held request has waited too long this many times.
_MOST_HELD: Final = 5


class SendOnce:
    """
    One attempt of a send.

    :param call: The send, as ``endpoints.send`` describes it.
    :param send: Which send it is, and what Airflow says about its earlier attempts.
    :param account: The account that sends it.
    :param payload: Recipients and text of the call, if somebody has put them together already.
    :param memory: What the sends of this attempt know of each other.
    :param again: The failed execution of the same send, earlier in this attempt.
    :param journal: What earlier attempts have written down. Without it, this attempt looks at Sinch instead.
    :param on_clear: What to do about batches of earlier cycles.
    :param hold: Delay the batch by this long, and cancel any duplicate just before it leaves.
    :param stopped: Whether Airflow has asked the task to stop.
    """

    def __init__(
        self,
        call: Call[Batch],
        send: Send,
        account: Account,
        *,
        payload: Payload | None = None,
        memory: Memory | None = None,
        again: SendOnce | None = None,
        journal: Journal | None = None,
        on_clear: OnClear = OnClear.ADOPT,
        hold: timedelta | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        assert call.body is not None
        if again is not None:
            send, journal = again._record.send, again._record.journal
        memory = memory or Memory()
        self._call = call
        self._body = call.body
        self._hold = None if hold is None else Hold(hold)
        payload = payload or Payload.of_request(call.body)
        self._record: Record = Record(send, call.body, account, journal, memory, payload)
        self._settling: Settling = Settling(account, memory, again._settling.intent if again else None)
        self._earlier = EarlierRequests(
            self._record, self._settling, on_clear, executed_before=again is not None
        )
        # No method: the two would hold each other, and all numbers, until the garbage collector runs.
        self._fence = Fence(partial(_write_intent, self._record, self._settling, self._hold), stopped)

    @property
    def batch_id(self) -> str | None:
        """The id of the batch, as soon as it is known."""
        return self._record.batch_id

    @property
    def reference(self) -> str:
        """The ``client_reference`` of the batch."""
        return self._record.reference

    @property
    def payload(self) -> Payload:
        """The recipients and the message."""
        return self._record.payload

    @property
    def fingerprint(self) -> Fingerprint:
        """The keyed hash of the payload."""
        return self._record.fingerprint

    @property
    def may_have_left(self) -> bool:
        """Whether a request of this attempt may have taken effect, and its outcome is unknown."""
        return self._settling.has_begun and self._record.is_open

    async def steps(self) -> Sent:
        """
        Find the batch of an earlier request, or send.

        :raises SinchNotSentError: This attempt sent nothing; a later one may.
        :raises SinchUnsettledError: It is unknown whether Sinch has accepted the batch; a retry finds out.
        :raises SinchUncertainError: The same, but only a person can find out.
        :raises SinchPayloadChangedError: An earlier attempt has sent something else.
        :raises SinchBatchCanceledError: The batch was cancelled meanwhile.
        :raises SinchSentTwiceError: Two batches have left.
        :raises SinchAccountChangedError: An earlier attempt used another account.
        """
        sent = await self._earlier.find() or await self._send()
        if self._hold is not None and sent.batch is not None:
            sent = await self._hold.release(sent.batch, self._record, self._settling)
        self._remember(sent)
        return sent

    async def _send(self) -> Sent:
        """Send. If the answer is lost, look for the batch before sending again."""
        for lost_before in range(_MOST_LOST):
            try:
                batch = await self._post_in_time()
            except SinchUncertainError as error:
                lost = error.what
            except SinchNotSentError as error:
                if not lost_before:
                    raise
                raise SinchUnsettledError(
                    "An answer was lost, and the batch is not listed. "
                    f"The next request was not sent: {error.what}",
                    operation="send",
                ) from None
            except SinchError:
                # After a lost answer the intent stays in the journal, and the next attempt looks first.
                if self._fence.passed and not lost_before:
                    self._record.note_not_sent()
                raise
            else:
                log.info("Sinch accepted batch %s for %d recipients.", batch.id, len(self.payload.listed))
                self._record.note_sent(batch.id)
                return Sent(batch.id, batch)
            log.warning("The answer was lost (%s).", lost)
            self._settling.lose_answer()
            if found := await self._earlier.find_after(lost):
                return found
        raise SinchUnsettledError(f"The answer was lost {_MOST_LOST} times", operation="send")

    async def _post_in_time(self) -> Batch:
        """Post; if a held request has waited too long, set its time again."""
        for _ in range(_MOST_HELD - 1):
            with suppress(HoldPassedError):
                return await self._post()
        return await self._post()

    async def _post(self) -> Batch:
        """
        Make the call once, under the fence.

        :raises SinchUncertainError: The answer is lost, or cannot be the answer to this request.
        """
        clock = SinchClock()
        body = {**self._body, "client_reference": self.reference}
        if self._hold is not None:
            body = self._hold.delay_request(body)
        batch = await replace(
            self._call,
            body=body,
            permit=self._fence,
            observe=clock.observe,
            unread=_UNREAD,
            echoes={"to": Echo(body["to"])},
        )
        reason = contradiction(batch, body, self._record.other_batches, self._record.intended_at(clock))
        if reason is not None:
            raise SinchUncertainError(f"send: the answer contradicts the request: {reason}", operation="send")
        return batch

    def _remember(self, sent: Sent) -> None:
        memory, send = self._record.memory, self._record.send
        memory.batches.add(sent.batch_id)
        if send.keyed:
            memory.keyed[self.reference] = sent.batch_id


def _write_intent(record: Record, settling: Settling, hold: Hold | None) -> None:
    if hold is not None:
        hold.check_time()
    record.write_intent()
    settling.begin()
