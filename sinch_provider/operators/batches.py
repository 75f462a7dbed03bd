"""One operator per verb of the batch API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import AirflowNotFoundException, conf
from packaging.version import Version

from sinch_provider.operators.base import SinchOperator
from sinch_provider.sms import endpoints
from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.delivery.progress import Progress, progress_of
from sinch_provider.sms.delivery.wait import wait
from sinch_provider.sms.errors import Fault, SinchAlreadyDispatchedError, SinchError
from sinch_provider.sms.fields import table, validation
from sinch_provider.sms.fields.rules import FILE_SUFFIXES
from sinch_provider.sms.fields.validation import faults_of
from sinch_provider.sms.masking import mask_number
from sinch_provider.sms.sending.alert import Alert
from sinch_provider.sms.sending.change_once import change_once
from sinch_provider.sms.sending.decision import OnClear
from sinch_provider.sms.sending.send_once import SendOnce
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.task.arguments import (
    interval_faults,
    is_template,
    policy_faults,
    policy_of,
    sending_faults,
    unknown_fields,
)
from sinch_provider.task.failures import (
    SinchWaitInterrupted,
    airflow_failures,
    conclude,
    goes_on,
    waiting_for,
)
from sinch_provider.task.identity import is_first
from sinch_provider.task.sending import remembered, sending
from sinch_provider.triggers.batches import SinchBatchTrigger, summary_of_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.sms.client import SinchClient
    from sinch_provider.sms.models import Batch
    from sinch_provider.sms.wire.call import Call

MESSAGE_FIELDS = tuple(table.MESSAGE)
UPDATE_FIELDS = ("batch_id", *table.UPDATE)

#: Airflow keeps what a task notes down, over its tries, since 3.3.
KEEPS_TASK_STATE = Version(airflow_version).release >= (3, 3)


class SinchMessageOperator(SinchOperator):
    """
    Base of the operators that take a whole message.

    :param to: Recipients, 1 to 1000: phone numbers in any international writing, and group ids. A list,
        another task's output, or text with several separated by commas or line breaks, or a JSON list.
        (templated)
    :param body: Text of up to 2000 characters, or the name of a file that holds it (``.txt``, ``.j2``,
        ``.jinja``; beside the Dag's file or in its ``template_searchpath``); base64 for ``mt_binary``; an
        object with ``url``, ``subject``, ``message`` for ``mt_media``. (templated)
    :param from_: Sender; left out, the connection's extra ``from``, else the service plan's default.
        (templated)
    :param delivery_report: Callbacks wanted: ``none``, ``summary``, ``full``, ``per_recipient``,
        ``per_recipient_final``. (templated)
    :param parameters: ``{"name": {"<number>": "Maria", "default": "there"}}`` fills ``${name}``; body and
        parameters have to name the same, and without a default everybody needs a value. (templated)
    :param type_: ``mt_text``, ``mt_binary`` or ``mt_media``.
    :param send_at: When to send: ``datetime`` (naive means UTC) or ISO-8601 text; past or left out: now.
        (templated)
    :param expire_at: When to give up; by default, and at most, three days after sending. (templated)
    :param callback_url: Where reports go, instead of the plan's default. (templated)
    :param client_reference: Free label, given back in batch and reports; no personal data. (templated)
    :param feedback_enabled: Whether delivery feedback will be sent for this batch.
    :param flash_message: Show at once, store nowhere.
    :param truncate_concat: Cut the text to one part.
    :param max_number_of_message_parts: Do not send to recipients whose text needs more parts.
    :param from_ton: Type of number of the sender, 0 to 6; together with ``from_npi``.
    :param from_npi: Numbering plan of the sender, 0 to 18.
    :param udh: User data header in hexadecimal, for ``mt_binary``. (templated)
    :param strict_validation: Check media before sending, for ``mt_media``.
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that can be known there.
    """

    template_fields: Sequence[str] = (
        *SinchOperator.template_fields,
        "to",
        "body",
        "from_",
        "delivery_report",
        "parameters",
        "send_at",
        "expire_at",
        "callback_url",
        "client_reference",
        "udh",
    )
    template_ext: Sequence[str] = FILE_SUFFIXES
    private_fields: ClassVar[Sequence[str]] = (
        "to",
        "body",
        "from_",
        "parameters",
        "callback_url",
        "udh",
    )
    file_fields = ("body",)

    def __init__(
        self,
        *,
        to: Any,
        body: str | Mapping[str, Any],
        from_: str | None = None,
        delivery_report: str = "none",
        parameters: Mapping[str, Mapping[str, str]] | None = None,
        type_: str = "mt_text",
        send_at: str | datetime | None = None,
        expire_at: str | datetime | None = None,
        callback_url: str | None = None,
        client_reference: str | None = None,
        feedback_enabled: bool | None = None,
        flash_message: bool | None = None,
        truncate_concat: bool | None = None,
        max_number_of_message_parts: int | None = None,
        from_ton: int | None = None,
        from_npi: int | None = None,
        udh: str | None = None,
        strict_validation: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.body = body
        self.from_ = from_
        self.delivery_report = delivery_report
        self.parameters = parameters
        self.type_ = type_
        self.send_at = send_at
        self.expire_at = expire_at
        self.callback_url = callback_url
        self.client_reference = client_reference
        self.feedback_enabled = feedback_enabled
        self.flash_message = flash_message
        self.truncate_concat = truncate_concat
        self.max_number_of_message_parts = max_number_of_message_parts
        self.from_ton = from_ton
        self.from_npi = from_npi
        self.udh = udh
        self.strict_validation = strict_validation

    def argument_faults(self) -> list[Fault]:
        """Name what is wrong with the message, as far as it is known."""
        given = self.message
        return faults_of(validation.check_message, given, self.operation, unknown_fields(given))

    @property
    def message(self) -> dict[str, Any]:
        """The message's fields, as the API functions take them."""
        return self.values(MESSAGE_FIELDS)


#: What only a task that waits for its batch makes use of, and how it reads where nobody has said anything.
_WAITING: Mapping[str, Any] = {
    "deferrable": conf.getboolean("operators", "default_deferrable", fallback=False),
    "poll_interval": 10.0,
    "max_failed": 1.0,
    "min_delivered": 0.0,
}


class SinchSendBatchOperator(SinchMessageOperator):
    """
    Send a message to 1 to 1000 recipients; return the batch id.

    Without ``wait_for_completion`` the task succeeds once Sinch has accepted the batch, and its id is the way
    to wait for it: ``SinchBatchSensor(batch_id=send.output)``. Takes the parameters of
    :class:`SinchMessageOperator`, and:

    :param wait_for_completion: Wait until every message has a final status.
    :param deferrable: Wait in the triggerer rather than in the worker.
    :param poll_interval: Seconds between looks while waiting.
    :param max_failed: Fail when the share of failed messages reaches this; 1.0: only if all failed; 0: as
        soon as one did.
    :param min_delivered: Fail when the share of delivered messages is below this.
    :param cancel_on_kill: Cancel the batch when the task is killed, cleared or marked while it waits.
    :param durable: Keep a journal of the send in Airflow's task state (Airflow >= 3.3). Without it, tries
        after the first look at Sinch before they send.
    :param send_key: An idempotency key of 1 to 128 characters: one send whatever it says; a new key is a new
        send. (templated)
    :param on_clear: After a clear, ``adopt`` keeps the batch sent before if recipients and message are the
        same; ``resend`` sends again (Airflow >= 3.3, with a journal). (templated)
    :param hold: Have the batch leave so much later, and stop any twin just before; at least a minute.
    """

    template_fields: Sequence[str] = (*SinchMessageOperator.template_fields, "send_key", "on_clear")
    private_fields = (*SinchMessageOperator.private_fields, "send_key")
    operation = "send"

    def __init__(
        self,
        *,
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 10.0,
        max_failed: float = 1.0,
        min_delivered: float = 0.0,
        cancel_on_kill: bool = False,
        durable: bool = True,
        send_key: str | None = None,
        on_clear: str = "adopt",
        hold: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.max_failed = max_failed
        self.min_delivered = min_delivered
        self.cancel_on_kill = cancel_on_kill
        self.durable = durable
        self.send_key = send_key
        self.on_clear = on_clear
        self.hold = hold
        # What a Dag's default_args say is meant for tasks of several kinds.
        self._meant_for_all = frozenset(kwargs.get("default_args") or ())
        self._send: SendOnce | Alert | None = None
        self._killed = False
        self._ended = False
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Name what is wrong with message, sending and waiting, as far as it is known."""
        return [*super().argument_faults(), *self._sending_faults(), *self._waiting_faults()]

    def _sending_faults(self) -> list[Fault]:
        given = {"send_key": self.send_key}
        unknown = unknown_fields(given)
        faults = faults_of(validation.check_fields, given, table.SENDING, self.operation, unknown)
        # Where the choice is not known yet, the rest is judged as for the default.
        on_clear = OnClear.ADOPT.value if is_template(self.on_clear) else self.on_clear
        faults += sending_faults(on_clear, self.hold)
        if on_clear == OnClear.RESEND.value and not (self.durable and KEEPS_TASK_STATE):
            lacking = "Airflow 3.3 or later" if self.durable else "durable=True"
            rule = f"can be resend only with {lacking}: to send again, give another send_key"
            faults.append(Fault("on_clear", rule))
        return faults

    def _waiting_faults(self) -> list[Fault]:
        faults = policy_faults(self.max_failed, self.min_delivered)
        faults += interval_faults("poll_interval", self.poll_interval)
        if not self.wait_for_completion:
            named = {fault.field for fault in faults} | self._meant_for_all
            faults += [
                Fault(name, "does nothing without wait_for_completion=True")
                for name, default in _WAITING.items()
                if name not in named and getattr(self, name) is not False and getattr(self, name) != default
            ]
        return faults

    def _begin(self, context: Context) -> None:
        super()._begin(context)
        with airflow_failures():
            if self._sending_faults():
                raise self._invalid(self.argument_faults())
        if self.send_key is not None:
            self.send_key = str(self.send_key)

    def execute(self, context: Context) -> str:
        """Send, unless an earlier try has done so, and wait if asked to."""
        self._begin(context)
        with airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            self._send = sending(
                context,
                self,
                endpoints.send(**self.message),
                client.account,
                send_key=self.send_key,
                on_clear=self.on_clear,
                durable=self.durable,
                hold=self.hold,
                stopped=lambda: self._killed,
            )
            with remembered(context, self, self._send):
                sent = client.follow(self._send.steps())
                if self._killed:
                    self._cancel_if_asked()
                    self._end(sent.batch_id)
                if self.wait_for_completion:
                    with waiting_for(sent.batch_id):
                        self._wait(client, sent)
        self._end(sent.batch_id)
        return sent.batch_id

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Conclude from the trigger's event."""
        summary = summary_of_event(event)
        self._conclude(summary)
        return summary.batch_ids[0]

    def on_kill(self) -> None:
        """Send nothing any more, and cancel what was sent if asked to."""
        self._killed = True
        if not self._ended:
            self._cancel_if_asked()

    def _end(self, batch_id: str) -> None:
        """Succeed no more once the task was killed, and be killed no more once it has succeeded."""
        self._ended = True
        if self._killed and (self.wait_for_completion or self.cancel_on_kill):
            raise SinchWaitInterrupted(f"Batch {batch_id} was accepted, and then the task was told to stop.")

    def _cancel_if_asked(self) -> None:
        batch_id = self._send.batch_id if self._send else None
        if batch_id is None:
            return
        if not self.cancel_on_kill:
            if self.wait_for_completion:
                self.log.info(goes_on([batch_id]))
            return
        try:
            with self.hook.get_conn() as client:
                client.batches.cancel(batch_id)
        except (SinchError, AirflowNotFoundException) as error:
            # Without Airflow's API there is no connection to be had, and the batch goes on.
            self.log.warning("Batch %s was not cancelled: %s", batch_id, error)
        else:
            self.log.info("Cancelled batch %s because its task was killed.", batch_id)

    def _wait(self, client: SinchClient, sent: Sent) -> None:
        if self.deferrable:
            self.defer(
                trigger=SinchBatchTrigger(
                    batch_ids=[sent.batch_id],
                    sinch_conn_id=self.sinch_conn_id,
                    poll_interval=self.poll_interval,
                    cancel_on_kill=self.cancel_on_kill,
                ),
                method_name="execute_complete",
            )
        start = progress_of(sent.batch) if sent.batch else Progress(sent.batch_id)
        self._conclude(client.follow(wait([start], self.poll_interval)))

    def _conclude(self, summary: Summary) -> None:
        conclude(summary, policy_of(self.max_failed, self.min_delivered))


class SinchDryRunBatchOperator(SinchMessageOperator):
    """
    Work out what a message would come to, without sending it.

    Returns ``{"number_of_recipients": ..., "number_of_messages": ..., "per_recipient": [...]}``, where
    ``number_of_messages`` counts SMS parts, which is what is billed. Details hold masked number, parts and
    encoding, not the text. Takes the parameters of :class:`SinchMessageOperator`, and:

    :param per_recipient: Whether to list what each recipient would get.
    :param number_of_recipients: How many of them to list, 0 to 1000; Sinch's default is 100.
    """

    operation = "send_dry_run"

    def __init__(
        self, *, per_recipient: bool | None = None, number_of_recipients: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.per_recipient = per_recipient
        self.number_of_recipients = number_of_recipients
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Name what is wrong with message and question, as far as it is known."""
        given = {**self.message, **self._query}
        return faults_of(validation.check_dry_run, given, self.operation, unknown_fields(given))

    @property
    def _query(self) -> dict[str, Any]:
        return {"per_recipient": self.per_recipient, "number_of_recipients": self.number_of_recipients}

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and return the totals."""
        self._begin(context)
        with airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            found = client.batches.send_dry_run(**self.message, **self._query)
        self.log.info("%d recipients, %d SMS parts.", found.number_of_recipients, found.number_of_messages)
        return {
            "number_of_recipients": found.number_of_recipients,
            "number_of_messages": found.number_of_messages,
            "per_recipient": [
                {
                    "recipient": mask_number(entry.recipient),
                    "number_of_parts": entry.number_of_parts,
                    "encoding": entry.encoding,
                }
                for entry in found.per_recipient
            ],
        }


class SinchUpdateBatchOperator(SinchOperator):
    """
    Change parts of a batch that has not left yet; what is not named stays. Returns the batch id.

    :param batch_id: The batch. (templated)
    :param to_add: 1 to 100 recipients to add. (templated)
    :param to_remove: 1 to 100 recipients to take off. (templated)

    The others are those of :class:`SinchMessageOperator`.
    """

    template_fields: Sequence[str] = (
        "batch_id",
        "to_add",
        "to_remove",
        *(name for name in SinchMessageOperator.template_fields if name != "to"),
    )
    template_ext: Sequence[str] = FILE_SUFFIXES
    operation = "update"
    private_fields = ("to_add", "to_remove", "body", "from_", "parameters", "callback_url", "udh")
    file_fields = ("body",)

    def __init__(
        self,
        *,
        batch_id: str,
        from_: str | None = None,
        body: str | Mapping[str, Any] | None = None,
        to_add: Any = None,
        to_remove: Any = None,
        delivery_report: str | None = None,
        send_at: str | datetime | None = None,
        expire_at: str | datetime | None = None,
        callback_url: str | None = None,
        parameters: Mapping[str, Mapping[str, str]] | None = None,
        type_: str | None = None,
        client_reference: str | None = None,
        feedback_enabled: bool | None = None,
        flash_message: bool | None = None,
        truncate_concat: bool | None = None,
        max_number_of_message_parts: int | None = None,
        from_ton: int | None = None,
        from_npi: int | None = None,
        udh: str | None = None,
        strict_validation: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.from_ = from_
        self.body = body
        self.to_add = to_add
        self.to_remove = to_remove
        self.delivery_report = delivery_report
        self.send_at = send_at
        self.expire_at = expire_at
        self.callback_url = callback_url
        self.parameters = parameters
        self.type_ = type_
        self.client_reference = client_reference
        self.feedback_enabled = feedback_enabled
        self.flash_message = flash_message
        self.truncate_concat = truncate_concat
        self.max_number_of_message_parts = max_number_of_message_parts
        self.from_ton = from_ton
        self.from_npi = from_npi
        self.udh = udh
        self.strict_validation = strict_validation
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Name what is wrong with the change, as far as it is known."""
        given = self.values(UPDATE_FIELDS)
        return faults_of(validation.check_update, given, self.operation, unknown_fields(given))

    def execute(self, context: Context) -> str:
        """Update, and return the id."""
        self._begin(context)
        with airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            call = endpoints.update(**self.values(UPDATE_FIELDS))
            batch = _changed(client, self.batch_id, call, context)
        self.log.info("Updated batch %s.", batch.id)
        return batch.id


class SinchReplaceBatchOperator(SinchMessageOperator):
    """
    Replace a batch that has not left yet; what is not named falls back to its default. Returns the batch id.

    Takes the parameters of :class:`SinchMessageOperator`, and:

    :param batch_id: The batch; its id stays. (templated)
    """

    template_fields: Sequence[str] = ("batch_id", *SinchMessageOperator.template_fields)
    operation = "replace"

    def __init__(self, *, batch_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Name what is wrong with id and message, as far as they are known."""
        given = {"batch_id": self.batch_id, **self.message}
        return faults_of(validation.check_message, given, self.operation, unknown_fields(given))

    def execute(self, context: Context) -> str:
        """Replace, and return the id."""
        self._begin(context)
        with airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            call = endpoints.replace(batch_id=self.batch_id, **self.message)
            batch = _changed(client, self.batch_id, call, context)
        self.log.info("Replaced batch %s.", batch.id)
        return batch.id


class SinchCancelBatchOperator(SinchOperator):
    """
    Cancel a batch. What has not left will not leave; what is under way may still arrive. Returns the batch
    id.

    :param batch_id: The batch. (templated)
    :param fail_if_dispatched: Fail where Sinch says that it is too late, rather than log a warning.
    """

    template_fields: Sequence[str] = ("batch_id", *SinchOperator.template_fields)
    operation = "cancel"

    def __init__(self, *, batch_id: str, fail_if_dispatched: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.fail_if_dispatched = fail_if_dispatched
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Name what is wrong with the id, if it is known."""
        given = {"batch_id": self.batch_id}
        return faults_of(validation.check_fields, given, {}, self.operation, unknown_fields(given))

    def execute(self, context: Context) -> str:
        """Cancel, and return the id."""
        self._begin(context)
        with airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            try:
                call = endpoints.cancel(self.batch_id)
                batch = client.follow(change_once(self.batch_id, call, first=True))
            except SinchAlreadyDispatchedError as error:
                if self.fail_if_dispatched:
                    raise
                self.log.warning("%s", error)
                return self.batch_id
        if batch.canceled:
            self.log.info("Cancelled batch %s.", batch.id)
        else:
            self.log.warning(
                "Batch %s is not cancelled: it was too late. Its messages stay as they are.", batch.id
            )
        return batch.id


class SinchDeliveryFeedbackOperator(SinchOperator):
    """
    Tell Sinch who got their message. The batch must have been sent with ``feedback_enabled``. Returns the
    batch id.

    :param batch_id: The batch. (templated)
    :param recipients: Those who got it; an empty list means everyone (not for batches to groups). (templated)
    """

    template_fields: Sequence[str] = ("batch_id", "recipients", *SinchOperator.template_fields)
    operation = "send_delivery_feedback"
    private_fields = ("recipients",)

    def __init__(self, *, batch_id: str, recipients: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.recipients = recipients
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Name what is wrong with id and recipients, as far as they are known."""
        given = self.values(("batch_id", "recipients"))
        unknown = unknown_fields(given)
        return faults_of(
            validation.check_fields, given, table.FEEDBACK, self.operation, unknown, ("recipients",)
        )

    def execute(self, context: Context) -> str:
        """Send the feedback, and return the id."""
        self._begin(context)
        with airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            client.batches.send_delivery_feedback(**self.values(("batch_id", "recipients")))
        self.log.info("Sent delivery feedback for batch %s.", self.batch_id)
        return self.batch_id


def _changed(client: SinchClient, batch_id: str, call: Call[Batch], context: Context) -> Batch:
    """Update or replace a batch once."""
    settle = client.account.longest_exchange
    return client.follow(change_once(batch_id, call, first=is_first(context), settle=settle))
