"""
Sends of callbacks, which have no journal: an alert twice rather than never.

Airflow may run a callback twice, and refuses its writes. So a callback looks once for its own batch, and does
not wait for the listing to settle.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pendulum

from sinch_provider.sms.errors import SinchError, SinchUncertainError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.lookup import list_by_reference
from sinch_provider.sms.sending.matching import contradiction
from sinch_provider.sms.sending.payload import Payload, Relation
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.sms.wire.call import Call, Step

log = logging.getLogger(__name__)


class Alert:
    """
    One send of a callback: sent, unless the same callback has reached the same people before.

    :param call: The send, as ``endpoints.send`` describes it. A label of the user's own is sent as it is, and
        then nothing can be looked up.
    :param reference: The reference of the callback.
    :param since: When the callback may have run first.
    """

    def __init__(self, call: Call[Batch], reference: str, since: pendulum.DateTime) -> None:
        body = call.body or {}
        self._has_own_label = bool(body.get("client_reference"))
        self._call = replace(call, body={"client_reference": reference, **body})
        self._payload = Payload.of_request(body)
        self._reference = reference
        self._since = since
        #: The batch, as soon as it is known.
        self.batch_id: str | None = None

    def steps(self) -> Generator[Step, Any, Sent]:
        """
        Look once, and send.

        :raises SinchError: Nothing was sent, or the answer was lost twice.
        """
        if found := (yield from self._found()):
            return found
        batch = yield from self._post()
        if batch is None:
            if found := (yield from self._found()):
                return found
            batch = yield from self._post()
        if batch is None:
            raise SinchUncertainError("The answer to this alert was lost twice", operation="send")
        log.info("Sinch accepted batch %s for %d recipients.", batch.id, len(self._payload.people))
        self.batch_id = batch.id
        return Sent(batch.id, batch)

    def _post(self) -> Generator[Step, Any, Batch | None]:
        """Send once; None if the answer is lost, or is another request's."""
        try:
            batch: Batch = yield self._call
        except SinchUncertainError as error:
            lost = error.what
        else:
            reason = contradiction(batch, self._call.body or {}, set(), None)
            if reason is None:
                return batch
            lost = f"send: the answer contradicts the request: {reason}"
        log.warning("%s; looking for the batch once.", lost)
        return None

    def _found(self) -> Generator[Step, Any, Sent | None]:
        if self._has_own_label:
            return None
        try:
            listing = yield from list_by_reference(self._reference, self._since)
        except SinchError as error:
            log.warning("It cannot be looked up whether this callback has sent before: %s", error.what)
            return None
        for batch in listing.batches:
            reached = self._payload.relation(Payload.of_batch(batch)) in {Relation.SAME, Relation.OTHER_TEXT}
            if reached and not batch.canceled:
                log.info(
                    "Batch %s of this callback reached the same recipients; not sending again.", batch.id
                )
                self.batch_id = batch.id
                return Sent(batch.id, batch, adopted=True)
        return None
