"""The operators for batches, one per operation of the API. Dags import all of them from here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.operators.base import SinchOperator
from sinch_provider.operators.dry_run import SinchDryRunBatchOperator
from sinch_provider.operators.message import SinchMessageOperator
from sinch_provider.operators.send import SinchSendBatchOperator
from sinch_provider.sms.errors import Fault, SinchAlreadyDispatchedError
from sinch_provider.sms.fields import table
from sinch_provider.sms.fields.rules import FILE_SUFFIXES
from sinch_provider.sms.fields.validation import (
    check_fields,
    check_message,
    check_update,
    faults_of,
)
from sinch_provider.task.arguments import as_rendered, unknown_fields

if TYPE_CHECKING:
    from typing import Unpack

    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.sms.client import SinchClient
    from sinch_provider.sms.models import Batch
    from sinch_provider.sms.wire.call import Call
    from sinch_provider.task.typing import (
        BaseOperatorArguments,
        TemplatedBody,
        TemplatedParameters,
        TemplatedRecipients,
        TemplatedText,
        TemplatedTime,
    )

__all__ = [
    "SinchCancelBatchOperator",
    "SinchDeliveryFeedbackOperator",
    "SinchDryRunBatchOperator",
    "SinchMessageOperator",
    "SinchReplaceBatchOperator",
    "SinchSendBatchOperator",
    "SinchUpdateBatchOperator",
]


_UPDATE = ("batch_id", *table.UPDATE)


class SinchUpdateBatchOperator(SinchOperator):
    """
    Change parts of a batch that has not left yet; return the batch id. Other fields stay as they are.

    :param batch_id: The batch. (templated)
    :param to_add: Recipients to add, 1 to 100. (templated)
    :param to_remove: Recipients to remove, 1 to 100. (templated)
    :param body: The new body. Or the name of a file that holds the text (``.txt``, ``.j2``, ``.jinja``),
        beside the Dag's file or in its ``template_searchpath``. (templated)
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
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
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
        batch_id: TemplatedText,
        to_add: TemplatedRecipients | None = None,
        to_remove: TemplatedRecipients | None = None,
        body: TemplatedBody | None = None,
        from_: TemplatedText | None = None,
        delivery_report: TemplatedText | None = None,
        parameters: TemplatedParameters | None = None,
        type_: str | None = None,
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
        sinch_conn_id: TemplatedText = DEFAULT_CONN_ID,
        **kwargs: Unpack[BaseOperatorArguments],
    ) -> None:
        super().__init__(sinch_conn_id=sinch_conn_id, **kwargs)
        self.batch_id = as_rendered(batch_id)
        self.to_add = to_add
        self.to_remove = to_remove
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
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the faults of the change that are known so far."""
        given = self.values(_UPDATE)
        return faults_of(check_update, given, self.operation, unknown_fields(given))

    def execute(self, context: Context) -> str:
        """Update, and return the id."""
        from sinch_provider.operators import running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            call = self._call(running.endpoints.update, **self.values(_UPDATE))
            batch = _changed(client, self.batch_id, call, context)
        self.log.info("Updated batch %s.", batch.id)
        return batch.id


class SinchReplaceBatchOperator(SinchMessageOperator):
    """
    Replace a batch that has not left yet; return the batch id. Fields that are not given get their defaults.

    :param batch_id: The batch; its id stays. (templated)
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
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    template_fields: Sequence[str] = ("batch_id", *SinchMessageOperator.template_fields)
    operation = "replace"

    def __init__(
        self,
        *,
        batch_id: TemplatedText,
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
        self.batch_id = as_rendered(batch_id)
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the faults of id and message that are known so far."""
        given = {"batch_id": self.batch_id, **self.message}
        return faults_of(check_message, given, self.operation, unknown_fields(given))

    def execute(self, context: Context) -> str:
        """Replace, and return the id."""
        from sinch_provider.operators import running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            call = self._call(running.endpoints.replace, batch_id=self.batch_id, **self.message)
            batch = _changed(client, self.batch_id, call, context)
        self.log.info("Replaced batch %s.", batch.id)
        return batch.id


class SinchCancelBatchOperator(SinchOperator):
    """
    Cancel a batch; return the batch id.

    Messages that have not left will not leave; those under way may still arrive.

    :param batch_id: The batch. (templated)
    :param fail_if_dispatched: Whether the task fails if Sinch says that it is too late. Otherwise it logs a
        warning.
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, if the id cannot be right.
    """

    template_fields: Sequence[str] = ("batch_id", *SinchOperator.template_fields)
    operation = "cancel"

    def __init__(
        self,
        *,
        batch_id: TemplatedText,
        fail_if_dispatched: bool = False,
        sinch_conn_id: TemplatedText = DEFAULT_CONN_ID,
        **kwargs: Unpack[BaseOperatorArguments],
    ) -> None:
        super().__init__(sinch_conn_id=sinch_conn_id, **kwargs)
        self.batch_id = as_rendered(batch_id)
        self.fail_if_dispatched = fail_if_dispatched
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the fault of the id, if it is known."""
        given = {"batch_id": self.batch_id}
        return faults_of(check_fields, given, {}, self.operation, unknown_fields(given))

    def execute(self, context: Context) -> str:
        """Cancel, and return the id."""
        from sinch_provider.operators import running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            try:
                call = running.endpoints.cancel(self.batch_id)
                batch = client.follow(running.change_once(self.batch_id, call, first=True))
            except SinchAlreadyDispatchedError as error:
                if self.fail_if_dispatched:
                    raise
                self.log.warning("%s", error)
                return self.batch_id
        if batch.canceled:
            self.log.info("Cancelled batch %s.", batch.id)
        else:
            self.log.warning(
                "Batch %s was not cancelled: it was too late. Its messages are delivered as usual.", batch.id
            )
        return batch.id


class SinchDeliveryFeedbackOperator(SinchOperator):
    """
    Report to Sinch who got their message; return the batch id.

    The batch must have been sent with ``feedback_enabled``.

    :param batch_id: The batch. (templated)
    :param recipients: Those who got it. An empty list means everybody (not for batches to groups).
        (templated)
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    template_fields: Sequence[str] = ("batch_id", "recipients", *SinchOperator.template_fields)
    operation = "send_delivery_feedback"
    private_fields = ("recipients",)

    def __init__(
        self,
        *,
        batch_id: TemplatedText,
        recipients: TemplatedRecipients,
        sinch_conn_id: TemplatedText = DEFAULT_CONN_ID,
        **kwargs: Unpack[BaseOperatorArguments],
    ) -> None:
        super().__init__(sinch_conn_id=sinch_conn_id, **kwargs)
        self.batch_id = as_rendered(batch_id)
        self.recipients = recipients
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the faults of id and recipients that are known so far."""
        given = self.values(("batch_id", "recipients"))
        unknown = unknown_fields(given)
        return faults_of(check_fields, given, table.FEEDBACK, self.operation, unknown, ("recipients",))

    def execute(self, context: Context) -> str:
        """Send the feedback, and return the id."""
        from sinch_provider.operators import running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            given = self.values(("batch_id", "recipients"))
            client.call(self._call(running.endpoints.send_delivery_feedback, **given))
        self.log.info("Sent delivery feedback for batch %s.", self.batch_id)
        return self.batch_id


def _changed(client: SinchClient, batch_id: str, call: Call[Batch], context: Context) -> Batch:
    """Update or replace a batch once, even if the outcome of an earlier attempt is unknown."""
    from sinch_provider.operators import running

    settle, first = client.account.longest_exchange, running.is_first(context)
    return client.follow(running.change_once(batch_id, call, first=first, settle=settle))
