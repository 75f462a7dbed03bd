"""
The send of a callback: better an alert twice than no alert.

Airflow may run a callback twice, and gives it no journal. So a callback looks once for its own batch, at
Sinch and on its machine. It does not wait for the settle time.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pendulum

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import SinchError, SinchNotFoundError, SinchUncertainError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.listing import Listing, list_by_reference
from sinch_provider.sms.sending.matching import contradiction, without_numbers
from sinch_provider.sms.sending.payload import Match, Payload
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.sms.sending.sent_here import SentHere
from sinch_provider.sms.wire.call import Call, Pause

log = logging.getLogger(__name__)

#: Seconds for looking: later pages of a long listing are not asked for. Most of the time is for the text.
_LOOK: Final = 4.0
#: Seconds before a lost text is looked for, unless Sinch asks for more; and the most it may ask for.
_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 5.0
#: How long to wait for the same callback that sends on this machine.
_TURNS: Final = 10
_TURN: Final = 0.5


class Alert:
    """
    The send of a callback. It is skipped if the same callback has already reached these recipients.

    :param call: The send, as ``endpoints.send`` describes it. If the user has chosen a ``client_reference``,
        it is kept, and the alert is sent without looking.
    :param reference: The reference of the callback.
    :param since: The earliest time at which the callback can have run.
    :param account: To remember on this machine what was sent from it; None: only Sinch is asked.
    :param window: How long an alert counts that reached the recipients before. None: for ever. With it, the
        reference may stand for many callbacks, of which only the first sends.
    :param wait: Seconds to wait first, so that many callbacks do not look at the same moment.
    """

    def __init__(
        self,
        call: Call[Batch],
        reference: str,
        since: pendulum.DateTime,
        *,
        account: Account | None = None,
        window: timedelta | None = None,
        wait: float = 0.0,
    ) -> None:
        body = call.body or {}
        self._has_own_label = bool(body.get("client_reference"))
        self._body = {"client_reference": reference, **body}
        self._call = replace(call, body=self._body)
        self._payload = Payload.of_request(body)
        self._reference = reference
        self._sent_here = SentHere(account, reference, self._payload) if account else None
        self._since = since
        self._window = window
        self._pause = _PAUSE
        #: Seconds that it waits before it looks.
        self.wait = wait
        #: The id of the batch, as soon as it is known.
        self.batch_id: str | None = None

    async def steps(self) -> Sent:
        """
        Look once, and send. If the answer is lost, do both a second time after a pause.

        :raises SinchError: Nothing was sent, or the answer was lost twice.
        """
        if self.wait:
            await Pause(self.wait)
            self.wait = 0.0
        claimed = await self._claim()
        try:
            sent = await self._find() or await self._post()
            if sent is None:
                await Pause(self._pause)
                sent = await self._find() or await self._post()
        finally:
            if claimed and self._sent_here:
                self._sent_here.release()
        if sent is None:
            raise SinchUncertainError("The answer to this alert was lost twice", operation="send")
        self.batch_id = sent.batch_id
        return sent

    async def _claim(self) -> bool:
        """Let the same callback go first if it sends on this machine now. It may run in several threads."""
        if self._sent_here is None or self._has_own_label:
            return False
        for _ in range(_TURNS):
            if self._sent_here.claim():
                return True
            await Pause(_TURN)
        return False

    async def _find(self) -> Sent | None:
        """Look once for a batch of this callback to all its recipients."""
        if self._has_own_label:
            return None
        known = self._sent_here.find(self._window) if self._sent_here else None
        since = self._since if self._window is None else utcnow() - self._window
        try:
            listing = await list_by_reference(self._reference, since, seconds=_LOOK)
        except SinchError as error:
            if known is None:
                log.warning("It is unknown whether this callback has sent before (%s). Sending.", error.what)
                return None
            return self._adopt(known, None)
        for batch in without_numbers(listing, self._payload.listed).batches:
            match = self._payload.compare(Payload.of_batch(batch))
            if (
                match in {Match.SAME, Match.OTHER_TEXT}
                and not batch.canceled
                and self._counts(batch, listing)
            ):
                return self._adopt(batch.id, batch)
        if known is None or any(batch.id == known for batch in listing.batches):
            # A batch that is listed does not count if it was cancelled, or is too old by Sinch's clock.
            return None
        # The account may have been emptied since, as a sandbox is between two tests.
        try:
            batch = await endpoints.get(known)
        except SinchNotFoundError:
            return None
        except SinchError:
            return self._adopt(known, None)
        return None if batch.canceled else self._adopt(known, batch)

    def _adopt(self, batch_id: str, batch: Batch | None) -> Sent:
        by = "of this callback" if self._window is None else f"of the last {self._window}"
        log.info("Batch %s %s already has these recipients. Not sending again.", batch_id, by)
        return Sent(batch_id, batch, adopted=True)

    def _counts(self, batch: Batch, listing: Listing) -> bool:
        """Whether a batch is young enough, by Sinch's clock."""
        if self._window is None or batch.created_at is None:
            return True
        return batch.created_at > utcnow() + (listing.skew or timedelta()) - self._window

    async def _post(self) -> Sent | None:
        """Send; return None if the answer was lost."""
        try:
            batch = await self._call
        except SinchUncertainError as error:
            lost = error.what
            self._pause = min(max(error.retry_after or 0, _PAUSE), _LONGEST_PAUSE)
        else:
            reason = contradiction(batch, self._body, set(), None)
            if reason is None:
                if self._sent_here:
                    self._sent_here.keep(batch.id)
                log.info("Sinch accepted batch %s for %d recipients.", batch.id, len(self._payload.listed))
                return Sent(batch.id, batch)
            lost = f"send: the answer contradicts the request: {reason}"
        log.warning("The answer to this alert is lost (%s).", lost)
        return None
