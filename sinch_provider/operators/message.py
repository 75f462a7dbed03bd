"""``SinchMessageOperator``: base of the operators that take a whole message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.operators.base import SinchOperator
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields import table
from sinch_provider.sms.fields.rules import FILE_SUFFIXES
from sinch_provider.sms.fields.validation import check_message, faults_of
from sinch_provider.task.arguments import unknown_fields

if TYPE_CHECKING:
    from typing import Unpack

    from sinch_provider.task.typing import (
        BaseOperatorArguments,
        TemplatedBody,
        TemplatedParameters,
        TemplatedRecipients,
        TemplatedText,
        TemplatedTime,
    )


class SinchMessageOperator(SinchOperator):
    """
    Base of the operators that take a whole message.

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
        super().__init__(sinch_conn_id=sinch_conn_id, **kwargs)
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
        """Return the faults of the message that are known so far."""
        given = self.message
        return faults_of(check_message, given, self.operation, unknown_fields(given))

    @property
    def message(self) -> dict[str, Any]:
        """The message's fields, as the API functions take them."""
        return self.values(table.MESSAGE)
