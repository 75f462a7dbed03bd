"""What a notifier sends: the text about what has happened, and the steps that send it within seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import Fault, SinchError, SinchUncertainError, SinchValidationError
from sinch_provider.sms.fields import encoding
from sinch_provider.sms.fields.rules import is_file_name
from sinch_provider.sms.fields.values import MAX_TEXT
from sinch_provider.sms.runtime import current
from sinch_provider.sms.sending.alert import Alert
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.sms.wire.call import Pause
from sinch_provider.task import identity

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: Airflow waits for its callbacks, so an alert takes at most as many seconds.
SECONDS: Final = 20.0
#: Alerts with a throttle wait at most as many seconds before they look for each other.
SPREAD: Final = 20.0
#: Seconds for a connection and for each read: a request that hangs leaves time for three others.
_TIMEOUT: Final = 4.0
#: The longest pause before a refused request is repeated.
_LONGEST_PAUSE: Final = 5.0
#: Names in the default text are cut to as many characters, so that it fits one part. The id of a run that
#: somebody has triggered has 40.
_LONGEST_NAME: Final = 32
_LONGEST_RUN: Final = 40
#: What Sinch or our own rules would take for a parameter, a template or a hidden value.
_MARKS: Final = r"[${](?=\{)|\{(?=%)|<(?=hidden)"
_ENDED: Final = {"failure": "failed", "success": "succeeded", "skipped": "was skipped"}


def hasty(account: Account) -> Account:
    """Return an account whose requests give up within seconds."""
    return replace(account, timeout=min(account.timeout, _TIMEOUT))


def default_text(context: Context) -> str:
    """Say in one part what has happened."""
    kind, *names = identity.alert_of(context)
    run: Any = context.get("dag_run")
    where = f"Dag {_short(_fact(run, 'dag_id'))}, run {_short(_fact(run, 'run_id'), _LONGEST_RUN)}"
    if kind == "nothing":
        return "Airflow: an alert without a task."
    if kind == "deadline":
        due: Any = context.get("deadline")
        return f"Airflow: deadline missed ({str(due.get('deadline_time'))[:16]}). {where}."
    if kind == "dag":
        reason, dag_id, run_id = names[0], _short(names[1]), _short(names[2], _LONGEST_RUN)
        verb = "alert" if reason == "None" else "succeeded" if reason == "success" else f"failed ({reason})"
        return f"Airflow: Dag {dag_id} {verb}, run {run_id}."
    ti: Any = context["ti"]
    where = f"Dag {_short(ti.dag_id)}, run {_short(ti.run_id, _LONGEST_RUN)}"
    mapped = ti.map_index is not None and ti.map_index >= 0
    task = _short(ti.task_id) + (f"[{ti.map_index}]" if mapped else "")
    if kind == "running":
        asks = identity.asks_people(context)
        return f"Airflow: task {task} {'waits for an answer' if asks else 'is running'}. {where}."
    return f"Airflow: task {task} {_ENDED[kind]}. {where}, attempt {ti.try_number}."


def _fact(run: Any, name: str) -> str:
    """Read a fact of a run. In the callback of a deadline it is a mapping, as Airflow's API shows a run."""
    if isinstance(run, Mapping):
        return str(run.get(name) or run.get(f"dag_{name}", "?"))
    return str(getattr(run, name, "?"))


def _dag_id(context: Context) -> str:
    """Name the Dag. Some callbacks of Dags know no run."""
    run = context.get("dag_run")
    return str(getattr(context.get("dag"), "dag_id", "")) if run is None else _fact(run, "dag_id")


def _short(name: str, longest: int = _LONGEST_NAME) -> str:
    if len(name) <= longest:
        return name
    return name[: longest - len(encoding.DOTS)] + encoding.DOTS


def sendable(text: Any, context: Context, max_parts: int) -> str:
    """
    Return the text of an alert as it is sent.

    :param text: As rendered. If it says nothing, the default text takes its place.
    :param max_parts: The most parts that it may have.
    """
    said = "" if text is None else str(text).strip()
    if said in {"", "None"}:
        said = default_text(context)
    said = re.sub(_MARKS, r"\g<0> ", said)
    # Names of files may have halves of characters, which cannot be sent.
    said = said.encode(errors="replace").decode()
    if is_file_name(said):
        # The name of a file alone is taken for a template whose file was not found.
        said = f"Airflow: {said}"
    if len(said) > MAX_TEXT:
        said = said[: MAX_TEXT - len(encoding.DOTS)].rstrip() + encoding.DOTS
    return encoding.cut(said, max_parts)


def alert_for(
    context: Context,
    account: Account,
    *,
    to: Any,
    text: str,
    from_: Any,
    written: str | None,
    throttle: timedelta | None = None,
    throttle_key: str | None = None,
) -> Alert:
    """
    Return the alert about what has happened.

    :param to: Recipients; None: those of the connection.
    :param text: As :func:`sendable` returns it.
    :param written: The text before rendering. It tells several alerts of one callback apart.
    :param throttle: How long an alert with the same key and recipients makes another one unnecessary.
    :param throttle_key: By default the Dag's id, and whether it tells about a failure, a retry, a success...
    :raises SinchValidationError: Names every fault; or there are no recipients.
    """
    recipients = to or account.alert_to
    if not recipients:
        rule = "is required: name recipients, or set the extra alert_to of the connection"
        raise SinchValidationError([Fault("to", rule)], "send")
    call = endpoints.send(to=recipients, body=text, from_=from_ or None)
    since = identity.alert_since(context)
    if throttle is None:
        names = ("alert", *identity.alert_of(context), written, account.namespace or None)
        return Alert(call, identity.reference_of(*names), since, account=account)
    # A text about a retry must not take the place of one about the failure that follows.
    key = (throttle_key,) if throttle_key else (_dag_id(context), *identity.kind_of(context))
    reference = identity.reference_of("throttle", *key, account.namespace or None)
    wait = current().uniform(0, SPREAD)
    return Alert(call, reference, since, account=account, window=throttle, wait=wait)


async def persistent(alert: Alert, until: float) -> Sent:
    """
    Send an alert. If Sinch refuses it for the moment, try once more.

    :param until: When the alert must be over, in seconds of the monotonic clock.
    :raises SinchError: Nothing was sent, or the outcome is unknown.
    """
    try:
        return await alert.steps()
    except SinchUncertainError:
        raise
    except SinchError as error:
        pause = getattr(error, "retry_after", None) or 1.0
        if not error.transient or pause > _LONGEST_PAUSE or current().monotonic() + pause >= until:
            raise
    await Pause(pause)
    return await alert.steps()
