"""The table of fields: for each, its name on the wire, its rule, and the message types that have it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from sinch_provider.sms.fields import values
from sinch_provider.sms.fields.parameters import check_parameters
from sinch_provider.sms.fields.rules import Check, boolean, integer, one_of
from sinch_provider.sms.fields.values import BINARY, MEDIA, TEXT, TYPES

DELIVERY_REPORTS: Final = ("none", "summary", "full", "per_recipient", "per_recipient_final")
REPORT_TYPES: Final = ("summary", "full")
ON_CLEAR: Final = ("adopt", "resend")

MAX_RECIPIENTS: Final = 1000
MAX_CHANGES: Final = 100
#: The shortest and the longest delay of a held batch.
MIN_HOLD: Final = timedelta(minutes=2)
MAX_HOLD: Final = timedelta(days=1)

#: Optional fields that a template such as ``{{ x or '' }}`` leaves out when it renders blank.
BLANK_IS_LEFT_OUT: Final = frozenset(
    {"from_", "delivery_report", "send_at", "expire_at", "callback_url", "client_reference", "udh"}
)


class Field:
    """
    One field of a request.

    :param wire: Its name on the wire.
    :param check: Returns the value for the API, or raises
        :class:`~sinch_provider.sms.fields.rules.BrokenRuleError`.
    :param types: The message types that it applies to.
    """

    def __init__(self, wire: str, check: Check, types: Collection[str] = TYPES) -> None:
        self.wire = wire
        self.check = check
        self.types = types


#: Fields in the path. They are required in every request that has them.
PATH: Final[Mapping[str, Field]] = {
    "batch_id": Field("batch_id", values.batch_id),
    "recipient_msisdn": Field("recipient_msisdn", values.number),
}

#: Fields of a message, in the order faults are named.
MESSAGE: Final[Mapping[str, Field]] = {
    "to": Field("to", values.recipients(1, MAX_RECIPIENTS)),
    "from_": Field("from", values.sender),
    "type_": Field("type", one_of(*TYPES)),
    "body": Field("body", values.any_body),
    "parameters": Field("parameters", check_parameters, (TEXT, MEDIA)),
    "udh": Field("udh", values.udh, (BINARY,)),
    "delivery_report": Field("delivery_report", one_of(*DELIVERY_REPORTS)),
    "send_at": Field("send_at", values.time),
    "expire_at": Field("expire_at", values.time),
    "callback_url": Field("callback_url", values.url),
    "client_reference": Field("client_reference", values.client_reference),
    "feedback_enabled": Field("feedback_enabled", boolean),
    "flash_message": Field("flash_message", boolean, (TEXT, BINARY)),
    "truncate_concat": Field("truncate_concat", boolean, (TEXT, BINARY)),
    "max_number_of_message_parts": Field("max_number_of_message_parts", integer(1), (TEXT, BINARY)),
    "from_ton": Field("from_ton", integer(0, 6), (TEXT, BINARY)),
    "from_npi": Field("from_npi", integer(0, 18), (TEXT, BINARY)),
    "strict_validation": Field("strict_validation", boolean, (MEDIA,)),
}

#: Fields of ``update``: those of a message except ``to``, and the two lists of changes.
UPDATE: Final[Mapping[str, Field]] = {
    "to_add": Field("to_add", values.recipients(1, MAX_CHANGES)),
    "to_remove": Field("to_remove", values.recipients(1, MAX_CHANGES)),
    **{name: field for name, field in MESSAGE.items() if name != "to"},
}

#: Arguments of a send that never go over the wire.
SENDING: Final[Mapping[str, Field]] = {
    "send_key": Field("send_key", values.send_key),
    "max_total_parts": Field("max_total_parts", integer(1)),
}

FEEDBACK: Final[Mapping[str, Field]] = {"recipients": Field("recipients", values.recipients(0, None))}

DRY_RUN_QUERY: Final[Mapping[str, Field]] = {
    "per_recipient": Field("per_recipient", boolean),
    "number_of_recipients": Field("number_of_recipients", integer(0, 1000)),
}

LISTING: Final[Mapping[str, Field]] = {
    "page": Field("page", integer(0)),
    "page_size": Field("page_size", integer(1, 100)),
    "from_": Field("from", values.senders),
    "start_date": Field("start_date", values.time),
    "end_date": Field("end_date", values.time),
    "client_reference": Field("client_reference", values.client_reference),
    "status": Field("status", values.statuses),
    "code": Field("code", values.codes),
}

REPORT: Final[Mapping[str, Field]] = {
    "report_type": Field("type", one_of(*REPORT_TYPES)),
    "status": Field("status", values.statuses),
    "code": Field("code", values.codes),
}
