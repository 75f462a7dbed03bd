"""What ties a campaign to an Airflow task: its identity, and where its journal is kept."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sinch_provider.sms.campaign.campaign import Campaign
from sinch_provider.sms.campaign.journal import CampaignJournal
from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.sending.decision import Scope, Send, proof
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.memory import Memory
from sinch_provider.task import identity
from sinch_provider.task.attempt import attempt_of
from sinch_provider.task.state import TaskState

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from sinch_provider.sms.account import Account

_KEY = "sinch_campaign"


def campaign_of(context: Context, operator: BaseOperator, account: Account, send_key: str | None) -> Send:
    """
    Return the campaign that an operator stands for. It is the same over retries and clears.

    :param send_key: Makes it another campaign.
    :raises SinchValidationError: It needs a key.
    """
    if identity.callback_of(context) is not None:
        raise SinchValidationError([Fault("send_key", "a campaign cannot run in a callback")], "send")
    send = identity.send_of(context, operator, send_key=send_key, namespace=account.namespace)
    if send.scope is not Scope.OWN:
        rule = "is required in a mapped task and inside another task: items may change places"
        raise SinchValidationError([Fault("send_key", rule)], "send")
    return send


class TaskCampaign:
    """
    The campaign that an operator stands for: this entry into it.

    :param context: Of the task.
    :param operator: The operator.
    :param account: The account that sends.
    :param send_key: Makes it another campaign.
    :param resumed: Whether this attempt continues after a wait, so that it may have sent before.
    :raises SinchValidationError: It needs a key.
    """

    def __init__(
        self,
        context: Context,
        operator: BaseOperator,
        account: Account,
        *,
        send_key: str | None = None,
        resumed: bool = False,
    ) -> None:
        context = identity.task_context(context)
        attempt = attempt_of(context)
        send = campaign_of(context, operator, account, send_key)
        send = replace(send, first=send.first and not resumed)
        with attempt.lock:
            again = send.reference in attempt.campaigns
            attempt.campaigns.add(send.reference)
        store: Any = context.get("task_state_store")
        key = _KEY if send_key is None else f"{_KEY}.{hashlib.sha256(send_key.encode()).hexdigest()[:16]}"
        #: The client reference of all batches.
        self.reference = send.reference
        #: A time before which no batch of it can have been sent.
        self.since = send.since
        self.journal = CampaignJournal(
            None if store is None else TaskState(store, key), account, self.reference
        )
        self.settling = Settling(account, Memory())
        self.campaign = Campaign(
            account,
            self.reference,
            send.since,
            self.journal,
            self.settling,
            lambda empty: not again and self._is_proved_empty(send, empty),
            # Another item may have the same key.
            shared=send.mapped,
        )

    def _is_proved_empty(self, send: Send, empty_journal: bool) -> bool:
        """
        Whether it is certain that this task instance has sent no batch of the campaign.
        """
        if self.journal.is_kept and not empty_journal:
            return False
        # Every attempt writes a journal before it sends. So a later one without has lost it, and an empty
        # journal proves nothing.
        return proof(send, empty_journal=False) is not None
