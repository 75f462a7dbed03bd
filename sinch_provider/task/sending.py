"""Makes the send of an operator: in a task once, in a callback as an alert."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.sending.alert import Alert
from sinch_provider.sms.sending.payload import Payload
from sinch_provider.sms.sending.send_once import OnClear, SendOnce
from sinch_provider.task import identity
from sinch_provider.task.state import journal_of, one_of_several

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from sinch_provider.sms.account import Account
    from sinch_provider.sms.http import Call
    from sinch_provider.sms.models import Batch


def sending(
    context: Context,
    operator: BaseOperator,
    call: Call[Batch],
    account: Account,
    *,
    send_key: str | None = None,
    on_clear: str = "adopt",
    durable: bool = True,
    hold: timedelta | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> SendOnce | Alert:
    """
    Make the send that an operator stands for, each time it is executed.

    :raises SinchValidationError: ``on_clear="resend"`` without a journal.
    """
    identity.begin(context, operator)
    nth = identity.executions(context, operator)
    if callback := identity.callback_of(context):
        reference = identity.reference_of(
            "callback", *callback, operator.task_id, nth, account.namespace or None
        )
        return Alert(call, reference, identity.since_of(context.get("dag_run")))
    send = identity.send_of(context, operator, send_key=send_key, namespace=account.namespace)
    memory = identity.memory_of(context)
    journal = None
    if durable and "ti" in context:
        nested = identity.is_nested(context, operator)
        if not nested and nth == 1:
            journal = journal_of(context)
        else:
            label = (call.body or {}).get("client_reference")
            fingerprint = Payload.of_request(call.body or {}).fingerprint(account.credentials.secret)
            journal = one_of_several(
                context,
                operator.task_id,
                nth if nested else nth - 1,
                label or send.reference,
                fingerprint,
                memory,
                keyed=send.keyed and label is None,
            )
    if journal is None and on_clear == OnClear.RESEND.value and "ti" in context:
        rule = "must not be 'resend' without a journal, which durable=False or Airflow before 3.3 lacks; "
        raise SinchValidationError([Fault("on_clear", rule + "use a new send_key for a new send")], "send")
    return SendOnce(
        call,
        send,
        account,
        memory=memory,
        journal=journal,
        on_clear=OnClear(on_clear) if journal is not None else OnClear.ADOPT,
        hold=hold,
        stopped=stopped,
    )
