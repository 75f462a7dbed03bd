"""Finds out what earlier requests of a send led to, and whether to send again."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Final

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
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import (
    OWN_LABEL,
    Action,
    Cycle,
    Found,
    OnClear,
    Scope,
    decide,
    proof,
)
from sinch_provider.sms.sending.duplicates import cancel_duplicates, reached_nobody
from sinch_provider.sms.sending.journal import Entry, State
from sinch_provider.sms.sending.listing import list_by_reference, read_batch
from sinch_provider.sms.sending.lookup import LookUp, Settling
from sinch_provider.sms.sending.matching import Candidates, JournalMatcher, LabelMatcher, Matcher
from sinch_provider.sms.sending.payload import Match, Payload
from sinch_provider.sms.sending.record import Record
from sinch_provider.sms.sending.refusals import (
    cancelled_late,
    cycle_unclear,
    no_journal_to_compare,
    one_of_several_changed,
    other_account,
    refusal,
    sent_to_others,
    unexplained,
)
from sinch_provider.sms.sending.sent import Sent

log = logging.getLogger(__name__)

#: These errors already say whether the send took effect.
_CONCLUSIONS: Final = (
    SinchNotSentError,
    SinchPayloadChangedError,
    SinchBatchCanceledError,
    SinchSentTwiceError,
    SinchUncertainError,
    SinchAccountChangedError,
)


class EarlierRequests:
    """
    Finds the batch that an earlier request of a send has created.

    :param record: What is known of the send.
    :param settling: Measures how long that batch may still be missing from Sinch's listing.
    :param on_clear: What to do about batches of earlier cycles.
    :param executed_before: Whether this attempt has executed the send before, and that failed.
    """

    def __init__(
        self, record: Record, settling: Settling, on_clear: OnClear, *, executed_before: bool
    ) -> None:
        self._record = record
        self._settling = settling
        self._on_clear = on_clear
        self._executed_before = executed_before

    async def find(self) -> Sent | None:
        """
        Find the batch of an earlier attempt; None if this attempt has to send.

        :raises SinchError: This attempt must not send, or it is unknown whether it has to.
        """
        try:
            return await self._find()
        except _CONCLUSIONS:
            raise
        except SinchError as error:
            kind = SinchUnsettledError if error.transient else SinchUncertainError
            raise kind(
                f"It is unknown whether an earlier attempt has sent this batch: {error.what}",
                operation="send",
                status=error.status,
                code=error.code,
                advice=None if error.transient else error.advice,
            ) from None

    async def find_after(self, lost: str) -> Sent | None:
        """
        Find the batch of a request of this attempt; None if Sinch has not accepted it.

        :param lost: What happened to the answer.
        :raises SinchError: This attempt must not send, or it is unknown whether it has to.
        """
        try:
            return await self._look_up()
        except _CONCLUSIONS:
            raise
        except SinchError as error:
            raise SinchUnsettledError(
                f"{lost}, and the batch could not be looked up: {error.what}", operation="send"
            ) from None

    # Where to look: the journal, what this attempt knows, Sinch's listing

    async def _find(self) -> Sent | None:
        record = self._record
        stored = record.journal.read() if record.journal else None
        if self._on_clear is OnClear.RESEND and self._begins_cycle(stored):
            return None
        if stored is None:
            return await self._find_without_entry()
        ours = record.is_about_this_send(stored)
        if ours or stored.reference == record.reference:
            self._check_account(stored)
        if not ours:
            return await self._look_up()
        record.continue_from(stored)
        if stored.state is State.VOID:
            return None
        if stored.state is State.SENT:
            return await self._read_journalled(stored)
        log.info("Attempt %d was about to send. The outcome is unknown.", stored.attempt)
        return await self._look_up()

    async def _find_without_entry(self) -> Sent | None:
        record = self._record
        send, journal = record.send, record.journal
        if send.keyed and (batch_id := record.memory.keyed.get(record.reference)):
            return await self._read_same_key(batch_id)
        empty_journal = journal is not None and not (journal.unreadable or journal.one_of_many)
        reason = None if self._executed_before else proof(send, empty_journal=empty_journal)
        if reason is None:
            return await self._look_up()
        log.debug("No earlier attempt has sent anything: %s.", reason.value)
        return await self._look_once() if send.keyed and send.mapped else None

    def _begins_cycle(self, stored: Entry | None) -> bool:
        """
        Whether ``on_clear="resend"`` asks for a batch that no attempt has sent yet.

        Sets the reference of the cycle.
        """
        record = self._record
        if record.journal is None or record.journal.unreadable:
            raise no_journal_to_compare()
        if stored is None:
            if any(record.cycle_since(each) is not Cycle.NEW for each in record.journal.others):
                raise one_of_several_changed()
            record.use_token(secrets.token_hex(4))
            return True
        since = record.cycle_since(stored)
        if since is Cycle.UNCLEAR:
            raise cycle_unclear()
        record.use_token(secrets.token_hex(4) if since is Cycle.NEW else stored.token)
        return since is Cycle.NEW

    def _check_account(self, entry: Entry) -> None:
        if entry.state is not State.VOID and not self._record.has_account_of(entry):
            raise other_account(entry)

    async def _read_journalled(self, entry: Entry) -> Sent | None:
        """Read the batch that the journal names."""
        assert entry.batch_id is not None
        record = self._record
        batch = await read_batch(entry.batch_id)
        # Requests are compared, because somebody may have changed the batch on purpose.
        same_recipients = entry.fingerprint.same_recipients(record.fingerprint)
        if same_recipients:
            match = Match.SAME if entry.fingerprint.same_text(record.fingerprint) else Match.OTHER_TEXT
        elif batch is not None:
            match = record.payload.compare(Payload.of_batch(batch))
        else:
            # If the secret has changed, the recipients cannot be compared any more.
            match = Match.SAME if same_recipients is None else Match.NONE
        if batch is not None:
            found = Found.CANCELLED if batch.canceled else Found(match.value)
            return await self._resolve(found, [batch], Scope.OWN)
        if match is Match.NONE:
            raise sent_to_others(entry)
        log.warning(
            "Sinch accepted batch %s, and does not show it any more. Not sending again.", entry.batch_id
        )
        return Sent(entry.batch_id, None, adopted=True)

    async def _read_same_key(self, batch_id: str) -> Sent | None:
        """Read the batch of another send in this attempt with the same key."""
        batch = await read_batch(batch_id)
        if batch is None:
            return Sent(batch_id, None, adopted=True)
        match = self._record.payload.compare(Payload.of_batch(batch))
        return await self._resolve(Found(match.value), [batch], Scope.OWN)

    async def _look_once(self) -> Sent | None:
        """List once, for the batch that another task instance has sent under the same key."""
        matcher = self._matcher()
        listing = await list_by_reference(self._record.reference, self._record.send.since)
        return await self._resolve_candidates(matcher.match(listing, self._record.other_batches), matcher)

    async def _look_up(self) -> Sent | None:
        """List until the batch is found, or certainly does not exist."""
        record, matcher = self._record, self._matcher()
        entry = record.entry
        candidates = await LookUp(
            # An earlier attempt may have used another reference: one of the user's that contains the time.
            entry.reference if entry else record.reference,
            entry.began if entry else record.send.since,
            lambda listing: matcher.match(listing, record.other_batches),
            lambda candidates: self._action(candidates.found, matcher.scope),
            self._settling,
            entry,
            wait_for_more=matcher.scope is Scope.SHARED,
        ).steps()
        if candidates.unexplained is not None:
            raise unexplained(candidates.unexplained)
        return await self._resolve_candidates(candidates, matcher)

    def _matcher(self) -> Matcher:
        """Return how to recognise this send among the batches that Sinch lists."""
        record, entry = self._record, self._record.entry
        reference = entry.reference if entry else record.reference
        if reference == record.label or not reference.startswith(OWN_LABEL):
            return LabelMatcher(record.payload, record.secret, entry)
        # If the secret has changed, the request in the journal cannot be compared any more.
        if record.scope is Scope.SHARED and entry and entry.fingerprint.key == record.fingerprint.key:
            return JournalMatcher(record.payload, record.secret, entry.fingerprint)
        return Matcher(record.payload, record.secret, record.scope)

    # What to do about the batches found

    async def _resolve_candidates(self, candidates: Candidates, matcher: Matcher) -> Sent | None:
        return await self._resolve(candidates.found, candidates.batches, matcher.scope, candidates.live)

    async def _resolve(
        self, found: Found, batches: Sequence[Batch], scope: Scope, live: Sequence[Batch] = ()
    ) -> Sent | None:
        """
        Follow the rules; None if this attempt has to send.

        :param batches: The batches that ``found`` is about.
        :param live: All batches found, without the cancelled ones.
        """
        action = self._action(found, scope)
        if action is Action.SEND:
            return None
        if action is Action.SEND_IF_NOTHING_LEFT:
            for batch in batches:
                if not await reached_nobody(batch):
                    raise cancelled_late(batch)
            log.info("Batch %s was cancelled before any of it left. Sending again.", batches[0].id)
            self._record.supersede(each.id for each in batches)
            return None
        if action is Action.FAIL:
            raise refusal(found, batches, self._record.payload.recipients)
        return await self._keep(found, batches, live)

    def _action(self, found: Found, scope: Scope) -> Action:
        send, journal = self._record.send, self._record.journal
        moved = send.scope is Scope.SHARED and send.cleared
        if found is Found.OTHER_TEXT and (moved or (journal is not None and journal.guessed)):
            # The journal may be about another text to the same recipients.
            scope = Scope.SHARED
        return decide(found, scope, cleared=self._record.was_cleared)

    async def _keep(self, found: Found, batches: Sequence[Batch], live: Sequence[Batch]) -> Sent:
        record = self._record
        journalled = record.batch_id
        batch = next((each for each in batches if each.id == journalled), batches[0])
        if found is Found.OTHER_TEXT:
            log.warning(
                "Batch %s has the same recipients and another text; keeping it. The new text is not sent. "
                "To send it as well, give the task a new send_key.",
                batch.id,
            )
        else:
            log.info("Batch %s already has this message and these recipients; keeping it.", batch.id)
        if record.owns_reference:
            await cancel_duplicates([each for each in live if each.id != batch.id], batch)
        if journalled != batch.id or record.was_cleared:
            known = record.entry.fingerprint if record.entry else None
            record.note_sent(batch.id, known or Payload.of_batch(batch).fingerprint(record.secret))
        return Sent(batch.id, batch, adopted=True)
