"""The send of an operator: in a task it sends once, in a callback it is an alert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sinch_provider.sms.errors import Fault, SinchUnsettledError, SinchValidationError
from sinch_provider.sms.sending.alert import Alert
from sinch_provider.sms.sending.decision import OnClear
from sinch_provider.sms.sending.payload import Fingerprint, Payload
from sinch_provider.sms.sending.send_once import SendOnce
from sinch_provider.task import identity
from sinch_provider.task.attempt import Attempt, attempt_of
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
    Return the send that an operator stands for. To be called once for each execution of the operator.

    :param call: The send, as ``endpoints.send`` describes it.
    :param durable: Whether to keep a journal, where Airflow has a task state.
    :param stopped: Whether Airflow has asked the task to stop.
    :raises SinchValidationError: ``on_clear="resend"`` without a journal.
    :raises SinchUnsettledError: The outcome of an earlier send of this attempt to some of these recipients is
        unknown.
    """
    context = identity.task_context(context)
    payload = Payload.of_request(call.body or {})
    fingerprint = payload.fingerprint(account.credentials.secret)
    attempt = attempt_of(context)
    with attempt.lock:
        attempt.executions[operator.task_id] += 1
        nth = attempt.executions[operator.task_id]
        if callback := identity.callback_of(context):
            names = ("callback", *callback, operator.task_id, nth, account.namespace or None)
            return Alert(call, identity.reference_of(*names), identity.since_of(context.get("dag_run")))
        again = _failed_before(attempt, operator.task_id, payload, fingerprint)
        send = identity.send_of(context, operator, send_key=send_key, namespace=account.namespace)
        journal = None
        if again is not None:
            # The same send again, so this execution does not count.
            attempt.executions[operator.task_id] -= 1
        elif durable and "ti" in context:
            nested = identity.is_nested(context, operator)
            if send_key is not None or (nth == 1 and not nested):
                journal = journal_of(context, send_key if not nested else f"{operator.task_id} {send_key}")
            else:
                place = nth if nested else nth - 1
                journal = one_of_several(context, operator.task_id, place, fingerprint, attempt)
    if on_clear == OnClear.RESEND.value and "ti" in context and not (durable and _keeps_state(context)):
        rule = (
            "must not be 'resend' without a journal, which needs durable=True and Airflow 3.3 or later; "
            "to send again, use a new send_key"
        )
        raise SinchValidationError([Fault("on_clear", rule)], "send")
    return SendOnce(
        call,
        send,
        account,
        payload=payload,
        memory=attempt.memory,
        again=again,
        journal=journal,
        on_clear=OnClear(on_clear) if "ti" in context else OnClear.ADOPT,
        hold=hold,
        stopped=stopped,
    )


def _keeps_state(context: Context) -> bool:
    return context.get("task_state_store") is not None


def _failed_before(
    attempt: Attempt, operator_id: str, payload: Payload, fingerprint: Fingerprint
) -> SendOnce | None:
    """Return the same send if it has failed in this attempt: user code may have caught the error."""
    for failed in attempt.failed[operator_id]:
        if failed.fingerprint == fingerprint:
            attempt.failed[operator_id].remove(failed)
            return failed
        if failed.may_have_left and failed.payload.recipients & payload.recipients:
            raise SinchUnsettledError(
                "This task has sent to some of these recipients before, and the outcome is unknown",
                operation="send",
            )
    return None


@contextmanager
def remembered(context: Context, operator: BaseOperator, send: SendOnce | Alert) -> Iterator[None]:
    """Remember the send of an operator that raises an error: executed again, it is the same send."""
    try:
        yield
    except Exception:
        if isinstance(send, SendOnce):
            attempt = attempt_of(identity.task_context(context))
            attempt.failed[operator.task_id].append(send)
            if send.batch_id is not None:
                attempt.memory.batches.discard(send.batch_id)
        raise
