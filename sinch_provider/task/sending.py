"""Makes the send of an operator: in a task once, in a callback as an alert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sinch_provider.sms.errors import Fault, SinchUnsettledError, SinchValidationError
from sinch_provider.sms.sending.alert import Alert
from sinch_provider.sms.sending.decision import OnClear
from sinch_provider.sms.sending.memory import Memory
from sinch_provider.sms.sending.payload import Fingerprint, Payload
from sinch_provider.sms.sending.send_once import SendOnce
from sinch_provider.task import identity
from sinch_provider.task.state import journal_of, one_of_several

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from sinch_provider.sms.account import Account
    from sinch_provider.sms.models import Batch
    from sinch_provider.sms.wire.call import Call


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
    :raises SinchUnsettledError: An earlier send of this attempt to some of these people is not settled.
    """
    context = identity.whole(context)
    payload = Payload.of_request(call.body or {})
    fingerprint = payload.fingerprint(account.credentials.secret)
    memory = identity.memory_of(context)
    with memory.lock:
        identity.begin(context, operator)
        nth = identity.executions(context, operator)
        if callback := identity.callback_of(context):
            named = ("callback", *callback, operator.task_id, nth, account.namespace or None)
            return Alert(call, identity.reference_of(*named), identity.since_of(context.get("dag_run")))
        again = _failed_before(memory, operator.task_id, payload, fingerprint)
        send = identity.send_of(context, operator, send_key=send_key, namespace=account.namespace)
        journal = None
        if durable and again is None and "ti" in context:
            nested = identity.is_nested(context, operator)
            if send_key is not None or (nth == 1 and not nested):
                journal = journal_of(context, send_key if not nested else f"{operator.task_id} {send_key}")
            else:
                place = nth if nested else nth - 1
                journal = one_of_several(context, operator.task_id, place, fingerprint, memory)
        if again is not None:
            memory.executions[operator.task_id] -= 1
    if on_clear == OnClear.RESEND.value and "ti" in context and not (durable and _keeps_state(context)):
        rule = "must not be 'resend' without a journal, which durable=False or Airflow before 3.3 lacks; "
        raise SinchValidationError([Fault("on_clear", rule + "use a new send_key for a new send")], "send")
    return SendOnce(
        call,
        send,
        account,
        memory=memory,
        again=again,
        journal=journal,
        on_clear=OnClear(on_clear) if "ti" in context else OnClear.ADOPT,
        hold=hold,
        stopped=stopped,
    )


def _keeps_state(context: Context) -> bool:
    return context.get("task_state_store") is not None


def _failed_before(
    memory: Memory, operator_id: str, payload: Payload, fingerprint: Fingerprint
) -> SendOnce | None:
    """Find the same send among those that have failed in this attempt: user code may catch an error."""
    for failed in memory.failed[operator_id]:
        if failed.fingerprint == fingerprint:
            memory.failed[operator_id].remove(failed)
            return failed
        if failed.may_have_left and failed.payload.people & payload.people:
            raise SinchUnsettledError(
                "An earlier send of this attempt to some of these recipients is not settled", operation="send"
            )
    return None


@contextmanager
def remembered(context: Context, operator: BaseOperator, send: SendOnce | Alert) -> Iterator[None]:
    """Remember a send whose operator raises an error: executed again, it is the same send."""
    try:
        yield
    except Exception:
        if isinstance(send, SendOnce):
            memory = identity.memory_of(identity.whole(context))
            memory.failed[operator.task_id].append(send)
            if send.batch_id is not None:
                memory.batches.discard(send.batch_id)
        raise
