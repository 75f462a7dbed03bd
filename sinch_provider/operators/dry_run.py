"""``SinchDryRunBatchOperator``: count what a message would cost, without sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.operators.message import SinchMessageOperator
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.validation import check_dry_run, faults_of
from sinch_provider.sms.masking import mask_number
from sinch_provider.task.arguments import unknown_fields

if TYPE_CHECKING:
    from typing import Unpack

    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.task.typing import (
        BaseOperatorArguments,
        TemplatedBody,
        TemplatedParameters,
        TemplatedRecipients,
        TemplatedText,
        TemplatedTime,
    )


class SinchDryRunBatchOperator(SinchMessageOperator):
    """
    Count the recipients and the SMS parts of a message without sending it.

    Returns ``{"number_of_recipients": ..., "number_of_messages": ..., "per_recipient": [...]}``.
    ``number_of_messages`` counts SMS parts, which is what is billed. Entries of ``per_recipient`` have the
    masked number, the number of parts and the encoding, not the text.

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
    :param per_recipient: Whether to list what each recipient would get.
    :param number_of_recipients: How many recipients to list, 0 to 1000. Sinch's default is 100.
    :param sinch_conn_id: The connection. (templated)
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    operation = "send_dry_run"

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
        per_recipient: bool | None = None,
        number_of_recipients: int | None = None,
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
        self.per_recipient = per_recipient
        self.number_of_recipients = number_of_recipients
        self._check_arguments()

    def argument_faults(self) -> list[Fault]:
        """Return the faults of message and query that are known so far."""
        given = {**self.message, **self._query}
        return faults_of(check_dry_run, given, self.operation, unknown_fields(given))

    @property
    def _query(self) -> dict[str, Any]:
        return {"per_recipient": self.per_recipient, "number_of_recipients": self.number_of_recipients}

    def execute(self, context: Context) -> dict[str, Any]:
        """Make the dry run, and return the totals."""
        from sinch_provider.operators import running

        self._begin(context)
        with running.airflow_failures(context, self.sinch_conn_id), self.hook.get_conn() as client:
            call = self._call(running.endpoints.send_dry_run, **self.message, **self._query)
            found = client.call(call)
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
