"""
One entry into a campaign: who was reached, and batches to the others.

A first attempt, a retry, a clear, and what follows a wait are all the same: list what was sent, leave out who
was reached, send to the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

import pendulum

from sinch_provider.sms.account import Account
from sinch_provider.sms.campaign.journal import CampaignJournal
from sinch_provider.sms.campaign.reached import Reached, reached
from sinch_provider.sms.campaign.sending import Message, Round, Sending
from sinch_provider.sms.errors import SinchUnsettledError
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.listing import LISTED_FOR
from sinch_provider.sms.sending.lookup import Settling

log = logging.getLogger(__name__)

#: Well within what Sinch lists.
_LOOK_BACK: Final = LISTED_FOR - timedelta(hours=1)
#: An entry gives up after lost answers in as many rounds.
_MOST_LOST: Final = 3


class Campaign:
    """
    One entry into a campaign.

    :param account: The account that sends.
    :param reference: The client reference of all its batches.
    :param since: A time before which no batch of it can have been sent.
    :param journal: What earlier entries have written down.
    :param settling: Measures how long what was sent may still take to be listed.
    :param proved_empty: Whether it is certain that no earlier entry has sent anything. Asked after the
        journal was read, with whether it is empty.
    :param shared: Whether other task instances may send batches of the campaign too.
    """

    def __init__(
        self,
        account: Account,
        reference: str,
        since: pendulum.DateTime,
        journal: CampaignJournal,
        settling: Settling,
        proved_empty: Callable[[bool], bool],
        *,
        shared: bool = False,
    ) -> None:
        self._secret = account.credentials.secret
        self._reference = reference
        self._since = since
        self._journal = journal
        self._settling = settling
        self._proved_empty = proved_empty
        self._shared = shared

    async def find(self) -> Reached:
        """
        Find out who was reached.

        :raises SinchUnsettledError: That is not certain yet; a retry finds out.
        :raises SinchUncertainError: Only a person can find out.
        """
        entry = self._journal.read()
        empty = entry is None and self._journal.is_kept and not self._journal.unreadable
        if proved := self._proved_empty(empty):
            # The run may be older than Sinch lists, as in a backfill. The campaign begins now.
            self._since = max(self._since, utcnow() - _LOOK_BACK) if self._shared else utcnow()
        return await self._find(proved)

    async def find_again(self) -> Reached:
        """Find out who was reached, after this entry has sent something."""
        return await self._find()

    async def _find(self, proved_empty: bool = False) -> Reached:
        entry = self._journal.entry
        since = self._since if entry is None else entry.began
        self._journal.since = since
        found = await reached(
            entry,
            self._reference,
            since,
            self._secret,
            self._settling,
            proved_empty=proved_empty,
            shared=self._shared,
        )
        self._journal.settle(len(found.batches))
        if found.batches:
            log.info("%d people are reached already, by %d batches.", len(found.people), len(found.batches))
        return found

    async def send(
        self,
        found: Reached,
        messages: Callable[[Reached], Iterable[Callable[[], Message | None]]],
        sending: Sending,
        progress: Callable[[Round], None] = lambda _: None,
    ) -> tuple[Reached, Round]:
        """
        Send, and after a lost answer find out anew who was reached.

        :param found: As :meth:`find` returned it.
        :param messages: Cuts those who are left into batches.
        :returns: Who was reached before the last round, and what came of the last round.
        :raises SinchUnsettledError: Answers were lost again and again.
        """
        try:
            for _ in range(_MOST_LOST):
                done = await sending.steps(messages(found), progress, found.batches)
                if done.lost is None:
                    return found, done
                self._settling.lose_answer()
                found = await self._find()
        finally:
            self._journal.close()
        raise SinchUnsettledError(f"Answers were lost {_MOST_LOST} times", operation="send")
