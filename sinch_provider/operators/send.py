"""``SinchSendBatchOperator``: send a message, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import AirflowNotFoundException, conf
from packaging.version import Version

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.links import SinchBatchLink
from sinch_provider.operators.message import SinchMessageOperator
from sinch_provider.sms.errors import Fault, SinchError
from sinch_provider.sms.fields import table
from sinch_provider.sms.fields.validation import check_fields, faults_of
from sinch_provider.task.arguments import (
    as_rendered,
    interval_faults,
    is_template,
    policy_faults,
    seconds_of,
    sending_faults,
    unknown_fields,
)

if TYPE_CHECKING:
    from typing import Unpack

    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.sms.account import Account
    from sinch_provider.sms.client import SinchClient
    from sinch_provider.sms.sending.alert import Alert
    from sinch_provider.sms.sending.send_once import SendOnce
    from sinch_provider.sms.sending.sent import Sent
    from sinch_provider.task.typing import (
        BaseOperatorArguments,
        TemplatedBody,
        TemplatedParameters,
        TemplatedRecipients,
        TemplatedText,
        TemplatedTime,
    )

#: Airflow keeps a task's state from attempt to attempt since 3.3.
KEEPS_TASK_STATE = Version(airflow_version).release >= (3, 3)
#: Airflow stores the links of a task when it ends since 3.0.
STORES_LINKS = Version(airflow_version).release >= (3, 0)

#: The arguments that only a task that waits for its batch uses, and their defaults.
_WAITING: Mapping[str, Any] = {
    "deferrable": conf.getboolean("operators", "default_deferrable", fallback=False),
    "poll_interval": 10.0,
    "max_failed": 1.0,
    "min_delivered": 0.0,
}


class SinchSendBatchOperator(SinchMessageOperator):
    """
    Send a message to 1 to 1000 recipients; return the batch id.

    Without ``wait_for_completion`` the task succeeds as soon as Sinch has accepted the batch. To wait for it
    in another task: ``SinchBatchSensor(batch_id=send.output)``.

    :param to: Recipients, 1 to 1000: phone numbers in any international format, and group ids. A list; or
        text, with commas or line breaks between them, or a JSON list. Repeated recipients count once. Another
        task's output may be part of the list. (templated)
    :param body: Text of up to 2000 characters. For ``mt_binary`` base64; for ``mt_media`` an object with
        ``url`` and optionally ``subject`` and ``message``. Or the name of a file that holds the text
        (``.txt``, ``.j2``, ``.jinja``), beside the Dag's file or in its ``template_searchpath``. (templated)
    :param from_: Sender: a number, a short code, or a name of up to 11 characters. By default the
        connection's extra ``from``, else the service plan's default. (templated)
    :param delivery_report: Callbacks wanted: ``none``, ``summary``, ``full``, ``per_recipient`` or
        ``per_recipient_final``. Reports can be read with any of them. (templated)
    :param parameters: ``{"name": {"<number>": "Maria", "default": "there"}}`` fills ``${name}`` in the body.
        Names have up to 16 characters, values up to 160. Body and parameters must have the same names;
        without a default, every recipient needs a value. (templated)
    :param type_: ``mt_text``, ``mt_binary`` or ``mt_media``.
    :param send_at: When to send. By default, or if it is in the past: now. (templated)
    :param expire_at: When Sinch stops trying. By default, and at most, three days after sending. (templated)
    :param callback_url: Where Sinch posts reports. By default the service plan's URL. (templated)
    :param client_reference: Your own label, which batch and reports carry. Up to 128 characters are safe. No
        personal data. (templated)
    :param feedback_enabled: Whether delivery feedback will be sent for this batch.
    :param flash_message: Whether the phone shows the text at once, without storing it.
    :param truncate_concat: Whether to cut the text to one part.
    :param max_number_of_message_parts: Recipients whose text needs more parts get nothing (status Aborted,
        code 411).
    :param from_ton: The sender's type of number, 0 to 6. Needs ``from_npi``.
    :param from_npi: The sender's numbering plan, 0 to 18. Needs ``from_ton``.
    :param udh: User data header in hexadecimal, for ``mt_binary``. At most 140 bytes together with the body.
        (templated)
    :param strict_validation: Whether Sinch checks media before sending, for ``mt_media``.
    :param wait_for_completion: Whether to wait until every message has a final status.
    :param deferrable: Whether to wait in the triggerer rather than in the worker.
    :param poll_interval: Seconds, or a timedelta, between looks while waiting, at most: the first looks come
        sooner.
    :param max_failed: The task fails when the share of failed messages reaches this. 1.0: only if all failed;
        0: as soon as one failed.
    :param min_delivered: The task fails when the share of delivered messages is below this.
    :param cancel_on_kill: Whether to cancel the batch when the task is killed, cleared or marked while it
        waits.
    :param durable: Whether to keep a journal of the send in Airflow's task state (Airflow >= 3.3). Without
        it, later attempts search for the batch at Sinch before they send.
    :param send_key: An idempotency key of 1 to 128 characters: all attempts with the same key are one send,
        even if recipients or text differ. A new key is a new send. (templated)
    :param on_clear: What a cleared task does. ``adopt`` keeps the batch that was sent before; ``resend``
        sends again (Airflow >= 3.3, with a journal). (templated)
    :param hold: Delay the batch by this long, two minutes or more, and cancel any duplicate just before it
        leaves.
    :param max_total_parts: Refuse a message with more SMS parts than this for all recipients together. Parts
        are counted without Sinch's auto-encoding, a feature of an account that can save some.
    :param show_body: Whether Airflow's "Rendered Template" shows the text. Only for texts without personal
        data.
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    template_fields: Sequence[str] = (*SinchMessageOperator.template_fields, "send_key", "on_clear")
    operator_extra_links = (SinchBatchLink(),)
    private_fields = (*SinchMessageOperator.private_fields, "send_key")
    operation = "send"

    def __init__(
        self,
        *,
        to: TemplatedRecipients,
        body: TemplatedBody,
        from_: TemplatedText | None = None,
        delivery_report: TemplatedText | None = "none",
        parameters: TemplatedParameters | None = None,
        type_: str | None = "mt_text",
        send_at: TemplatedTime | None = None,
        expire_at: TemplatedTime | None = None,
        callback_url: TemplatedText | None = None,
        client_reference: TemplatedText | None = None,
        feedback_enabled: bool | None = None,
        flash_message: bool | None = None,
        truncate_concat: bool | None = None,
        max_number_of_message_parts: int | None = None,
        from_ton: int | None = None,
        from_npi: int | None = None,
        udh: TemplatedText | None = None,
        strict_validation: bool | None = None,
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | timedelta = 10.0,
        max_failed: float = 1.0,
        min_delivered: float = 0.0,
        cancel_on_kill: bool = False,
        durable: bool = True,
        send_key: TemplatedText | None = None,
        on_clear: TemplatedText = "adopt",
        hold: timedelta | None = None,
        max_total_parts: int | None = None,
        show_body: bool = False,
        sinch_conn_id: TemplatedText = DEFAULT_CONN_ID,
        **kwargs: Unpack[BaseOperatorArguments],
    ) -> None:
        super().__init__(
            to=to,
            body=body,
            from_=from_,
            delivery_report=delivery_report,
            parameters=parameters,
            type_=type_,
            send_at=send_at,
            expire_at=expire_at,
            callback_url=callback_url,
            client_reference=client_reference,
            feedback_enabled=feedback_enabled,
            flash_message=flash_message,
            truncate_concat=truncate_concat,
            max_number_of_message_parts=max_number_of_message_parts,
            from_ton=from_ton,
            from_npi=from_npi,
            udh=udh,
            strict_validation=strict_validation,
            sinch_conn_id=sinch_conn_id,
            **kwargs,
        )
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.max_failed = max_failed
        self.min_delivered = min_delivered
        self.cancel_on_kill = cancel_on_kill
        self.durable = durable
        self.send_key = as_rendered(send_key)
        self.on_clear = as_rendered(on_clear)
        self.hold = hold
        self.max_total_parts = max_total_parts
        self.show_body = show_body
        #: The address of a page that shows the batch. None: unknown in this process; empty: there is none.
        self.batch_page: str | None = None
        # A Dag's default_args are for all its tasks, so they may name arguments that this one does not use.
        self._meant_for_all = frozenset(kwargs.get("default_args") or ())
        self._send: SendOnce | Alert | None = None
        self._killed = False
        self._ended = False
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the faults of message, sending and waiting that are known so far."""
        return [*super().argument_faults(), *self._sending_faults(), *self._waiting_faults()]

    def _sending_faults(self) -> list[Fault]:
        given = {"send_key": self.send_key, "max_total_parts": self.max_total_parts}
        unknown = unknown_fields(given)
        faults = faults_of(check_fields, given, table.SENDING, self.operation, unknown)
        # While the choice is not known, the other arguments are checked as for the default.
        on_clear = "adopt" if is_template(self.on_clear) else self.on_clear
        faults += sending_faults(on_clear, self.hold)
        if on_clear == "resend" and not (self.durable and KEEPS_TASK_STATE):
            lacking = "Airflow 3.3 or later" if self.durable else "durable=True"
            rule = f"must not be 'resend' without {lacking}; to send again, use a new send_key"
            faults.append(Fault("on_clear", rule))
        return faults

    def _waiting_faults(self) -> list[Fault]:
        faults = policy_faults(self.max_failed, self.min_delivered)
        faults += interval_faults("poll_interval", self.poll_interval)
        if not self.wait_for_completion:
            named = {fault.field for fault in faults} | self._meant_for_all
            faults += [
                Fault(name, "has no effect without wait_for_completion=True")
                for name, default in _WAITING.items()
                if name not in named and getattr(self, name) is not False and getattr(self, name) != default
            ]
        return faults

    def _begin(self, context: Context) -> None:
        from sinch_provider.operators import running

        super()._begin(context)
        with running.airflow_failures():
            if self._sending_faults():
                raise self._invalid(self.argument_faults())
        if self.send_key is not None:
            self.send_key = str(self.send_key)

    def execute(self, context: Context) -> str:
        """Send, unless an earlier attempt has done so, and wait if asked to."""
        from sinch_provider.operators import running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            call = self._call(running.endpoints.send, **self.message)
            self._describe(call.body or {}, client.account)
            self._send = running.sending(
                context,
                self,
                call,
                client.account,
                send_key=self.send_key,
                on_clear=self.on_clear,
                durable=self.durable,
                hold=self.hold,
                stopped=lambda: self._killed,
            )
            with running.remembered(context, self, self._send):
                with running.traced("sinch.send") as attributes:
                    sent = client.follow(self._send.steps())
                    attributes.update({"sinch.batch_id": sent.batch_id, "sinch.adopted": sent.adopted})
                running.count_sent(sent)
                self._link(context, client.account, sent.batch_id)
                if self._killed:
                    self._cancel_if_asked()
                    self._end(sent.batch_id)
                if self.wait_for_completion:
                    with running.waiting_for(sent.batch_id):
                        self._wait(client, sent)
        self._end(sent.batch_id)
        return sent.batch_id

    def _describe(self, body: Mapping[str, Any], account: Account) -> None:
        """Log what is about to be sent, and refuse too many parts."""
        from sinch_provider.operators import running

        described = running.describe(body, account.sender)
        if faults := running.limit_faults(body, described, self.max_total_parts):
            raise self._invalid(faults)

    def _link(self, context: Context, account: Account, batch_id: str) -> None:
        """Store the address of the batch's page, unless this task ends now: then Airflow stores it."""
        from sinch_provider.operators import running

        self.batch_page = account.page_of(batch_id) or ""
        ends_now = STORES_LINKS and not self.wait_for_completion
        if ends_now or not self.batch_page or "ti" not in context:
            return
        if not running.is_nested(context, self) and running.callback_of(context) is None:
            try:
                context["ti"].xcom_push(key=self.operator_extra_links[0].xcom_key, value=self.batch_page)
            except Exception as error:
                # The batch was sent. A task that fails now would only find it again.
                self.log.warning("The link to the batch was not stored (%s).", type(error).__name__)

    def stored_field(self, name: str, value: Any) -> Any:
        """Return the value that Airflow may store: the text only if asked to."""
        if name == "body" and self.show_body and isinstance(value, str):
            from sinch_provider.sms.masking import mask_text

            return mask_text(value)
        return super().stored_field(name, value)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Finish with the trigger's event."""
        from sinch_provider.operators import running

        summary = running.summary_of_event(event)
        running.conclude(summary, self.max_failed, self.min_delivered)
        return summary.batch_ids[0]

    def on_kill(self) -> None:
        """Stop sending, and cancel what was sent if asked to."""
        self._killed = True
        if not self._ended:
            self._cancel_if_asked()

    def _end(self, batch_id: str) -> None:
        """Fail if the task was killed meanwhile. From here on, a kill changes nothing."""
        self._ended = True
        if self._killed and (self.wait_for_completion or self.cancel_on_kill):
            from sinch_provider.operators import running

            raise running.SinchWaitInterrupted(
                f"Sinch accepted batch {batch_id}. Then the task was stopped. A retry does not send again."
            )

    def _cancel_if_asked(self) -> None:
        batch_id = self._send.batch_id if self._send else None
        if batch_id is None:
            return
        if not self.cancel_on_kill:
            if self.wait_for_completion:
                from sinch_provider.operators import running

                self.log.info(running.goes_on([batch_id]))
            return
        try:
            # A second client: the task's own may be in the middle of a request.
            with self.hook.new_client() as client:
                client.batches.cancel(batch_id)
        except (SinchError, AirflowNotFoundException) as error:
            # While Airflow's API is down, the connection is not found either.
            self.log.warning("Batch %s was not cancelled: %s", batch_id, error)
        else:
            self.log.info("Cancelled batch %s because its task was killed.", batch_id)

    def _wait(self, client: SinchClient, sent: Sent) -> None:
        from sinch_provider.operators import running

        if self.deferrable:
            self.defer(
                trigger=running.SinchBatchTrigger(
                    batch_ids=[sent.batch_id],
                    sinch_conn_id=self.sinch_conn_id,
                    poll_interval=seconds_of(self.poll_interval),
                    cancel_on_kill=self.cancel_on_kill,
                ),
                method_name="execute_complete",
            )
        start = running.progress_of(sent.batch) if sent.batch else running.Progress(sent.batch_id)
        summary = client.follow(running.wait([start], seconds_of(self.poll_interval)))
        running.conclude(summary, self.max_failed, self.min_delivered)
