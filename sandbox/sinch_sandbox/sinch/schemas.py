"""JSON Schemas for the API description; ``batch_fields`` and ``group_fields`` do the checking."""

from __future__ import annotations

from typing import Any

from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.sinch import batch_fields as validation
from sinch_sandbox.sinch import group_fields

Schema = dict[str, Any]

_NUMBER = r"^(\+|00)?[1-9][0-9]{6,14}$"
_ID = r"^[0-9A-Za-z]{26}$"
_BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
_GROUP_ID = "01J8ZD0QW3E5R7T9Y1V3X5Z7B9"
_INBOUND_ID = "01J8ZE2M4N6P8Q0R2S4T6V8W0X"
_NOW = "2024-11-12T10:15:12.345Z"


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _object(properties: dict[str, Schema], required: str = "", **more: Any) -> Schema:
    result: Schema = {"type": "object", "properties": properties, **more}
    if required:
        result["required"] = required.split()
    return result


def _string(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _integer(description: str = "", **more: Any) -> Schema:
    return {"type": "integer", **({"description": description} if description else {}), **more}


def _boolean(description: str) -> Schema:
    return {"type": "boolean", "description": description}


NUMBER = _string("A number with its country code. Blanks, hyphens and brackets are ignored.", pattern=_NUMBER)
DIGITS = _string("A number, digits only.", pattern=r"^[0-9]+$")
TIME = _string("ISO-8601; without a zone it is UTC.", format="date-time")
_RECIPIENT = {"anyOf": [NUMBER, _string("A group's identifier.", pattern=_ID)]}
_RECIPIENT_SHOWN = _string("Digits only, or a group's identifier.")

_TO = array(_RECIPIENT, minItems=1, maxItems=validation.MAX_RECIPIENTS)
_CHANGE = array(_RECIPIENT, minItems=1, maxItems=validation.MAX_CHANGED_RECIPIENTS)
_MEDIA = _object(
    {
        "url": _string(format="uri", maxLength=validation.MAX_URL),
        "subject": _string(),
        "message": _string("The caption; parameters are filled in."),
    },
    "url",
)
_COMMON: dict[str, Schema] = {
    "from": _string("A number, a short code, or up to 11 characters with a letter among them."),
    "delivery_report": _string(enum=list(validation.DELIVERY_REPORTS), default="none"),
    "send_at": {**TIME, "description": "Without it, or if it is past: at once."},
    "expire_at": {**TIME, "description": "At most three days after the start, which is also the default."},
    "callback_url": _string("Where reports are posted to.", format="uri", maxLength=validation.MAX_URL),
    "client_reference": _string("Your own label, to find the batch again.", maxLength=2048),
    "feedback_enabled": _boolean("Whether you will send delivery feedback."),
}
_PARAMETERS: Schema = {
    "type": "object",
    "description": "Per `${key}`: the value for each number, and a `default` for the rest.",
    "propertyNames": {"pattern": r"^[A-Za-z0-9_.\-]{1,16}$"},
    "additionalProperties": {
        "type": "object",
        "additionalProperties": _string(maxLength=validation.MAX_PARAMETER_VALUE),
    },
}
_SMS: dict[str, Schema] = {
    "flash_message": _boolean("Shown at once, and not stored by the phone."),
    "truncate_concat": _boolean("Cut the text to one part."),
    "max_number_of_message_parts": _integer("A message with more parts is not sent.", minimum=1),
    "from_ton": _integer("Together with `from_npi`.", minimum=0, maximum=6),
    "from_npi": _integer("Together with `from_ton`.", minimum=0, maximum=18),
}
_TEXT = _string("`${key}` stands for a parameter.", maxLength=2000)
_BINARY = _string("Base64; at most 140 bytes together with `udh`.", format="byte")
_UDH = _string("User data header, hexadecimal.", pattern="^([0-9a-fA-F]{2})*$")


def _type(name: str, *, default: bool = False) -> Schema:
    return _string(enum=[name], **({"default": name} if default else {}))


_SENT_TEXT = {"type": _type("mt_text", default=True), "to": _TO, "body": _TEXT, "parameters": _PARAMETERS}
_SENT_BINARY = {"type": _type("mt_binary"), "to": _TO, "body": _BINARY, "udh": _UDH}
_SENT_MEDIA = {
    "type": _type("mt_media"),
    "to": _TO,
    "body": _MEDIA,
    "parameters": _PARAMETERS,
    "strict_validation": _boolean("Check the file against what phones can show."),
}
_CHANGES = {"to_add": _CHANGE, "to_remove": _CHANGE, "body": {"anyOf": [_TEXT, _MEDIA]}}

_BATCH_SHOWN: dict[str, Schema] = {
    "id": _string(pattern=_ID),
    "to": array(_RECIPIENT_SHOWN),
    "canceled": _boolean("Whether it was cancelled."),
    "type": _string(enum=list(validation.FIELDS_OF_TYPE)),
    "body": {"anyOf": [_string(), _MEDIA]},
    "udh": _UDH,
    "parameters": _PARAMETERS,
    "created_at": TIME,
    "modified_at": TIME,
    **_COMMON,
    **_SMS,
    "strict_validation": _SENT_MEDIA["strict_validation"],
}

_BATCH_EXAMPLE = {
    "id": _BATCH_ID,
    "to": ["447700900222"],
    "from": "447700900111",
    "canceled": False,
    "body": "Nightly load finished.",
    "type": "mt_text",
    "created_at": _NOW,
    "modified_at": _NOW,
    "delivery_report": "none",
    "expire_at": "2024-11-15T10:15:12.345Z",
    "feedback_enabled": False,
    "flash_message": False,
}


def _page(name: str, items: Schema) -> Schema:
    return _object(
        {
            "count": _integer("On all pages.", minimum=0),
            "page": _integer("The first one is 0.", minimum=0),
            "page_size": _integer("Items on this page.", minimum=0),
            name: array(items),
        },
        f"count page page_size {name}",
    )


_CODE = _integer("The reason; 0 means no error. The status decides.")
_STATUS = _string(enum=list(STATUSES))
_GROUP_CHANGES = array(NUMBER, maxItems=group_fields.MAX_MEMBERS)
_KEYWORDS = _object(
    {
        "first_word": _string(maxLength=group_fields.MAX_KEYWORD),
        "second_word": _string(maxLength=group_fields.MAX_KEYWORD),
    },
    "first_word",
)
_AUTO_UPDATE = _object(
    {"to": _string("Your number."), "add": _KEYWORDS, "remove": _KEYWORDS},
    "to",
    description="A phone that sends these words to your number joins or leaves the group.",
)
_GROUP_NAME = _string(maxLength=group_fields.MAX_NAME)
_CHILDREN = array(_string(pattern=_ID), maxItems=group_fields.MAX_CHILD_GROUPS)

_GROUP_CONTENT = {
    "name": _GROUP_NAME,
    "members": _GROUP_CHANGES,
    "child_groups": _CHILDREN,
    "auto_update": _AUTO_UPDATE,
}

SCHEMAS: dict[str, Schema] = {
    "TextBatch": _object(
        {**_SENT_TEXT, **_COMMON, **_SMS},
        "to body",
        example={"to": ["+447700900222"], "from": "+447700900111", "body": "Nightly load finished."},
    ),
    "BinaryBatch": _object(
        {**_SENT_BINARY, **_COMMON, **_SMS},
        "type to body udh",
        example={
            "type": "mt_binary",
            "to": ["+447700900222"],
            "from": "+447700900111",
            "udh": "050003C40201",
            "body": "SGVsbG8gYmluYXJ5",
        },
    ),
    "MediaBatch": _object(
        {**_SENT_MEDIA, **_COMMON},
        "type to body",
        example={
            "type": "mt_media",
            "to": ["+447700900222"],
            "from": "+447700900111",
            "body": {"url": "https://media.example.test/chart.png", "message": "Daily chart"},
        },
    ),
    "BatchChanges": _object({**_CHANGES, **_COMMON, **_SMS}, example={"to_add": ["+447700900333"]}),
    "Batch": _object(
        _BATCH_SHOWN,
        "id to canceled type body created_at modified_at delivery_report expire_at feedback_enabled",
        example=_BATCH_EXAMPLE,
    ),
    "Batches": _page("batches", ref("Batch")),
    "DryRun": _object(
        {
            "number_of_recipients": _integer(minimum=0),
            "number_of_messages": _integer("Parts of all messages.", minimum=0),
            "per_recipient": array(
                _object(
                    {
                        "recipient": DIGITS,
                        "number_of_parts": _integer(minimum=1),
                        "body": _string("With the parameters filled in."),
                        "encoding": _string(enum=["text", "unicode"]),
                    },
                    "recipient number_of_parts body encoding",
                )
            ),
        },
        "number_of_recipients number_of_messages",
        example={"number_of_recipients": 2, "number_of_messages": 3},
    ),
    "DeliveryFeedback": _object(
        {"recipients": array(NUMBER, description="An empty list means the whole batch.")},
        "recipients",
        example={"recipients": ["+447700900222"]},
    ),
    "DeliveryReport": _object(
        {
            "type": _string(enum=["delivery_report_sms", "delivery_report_mms"]),
            "batch_id": _string(pattern=_ID),
            "total_message_count": _integer(minimum=0),
            "statuses": array(
                _object(
                    {
                        "code": _CODE,
                        "status": _STATUS,
                        "count": _integer(minimum=1),
                        "recipients": array(DIGITS, description="In a full report."),
                    },
                    "code status count",
                )
            ),
            "client_reference": _string(),
        },
        "type batch_id total_message_count statuses",
        example={
            "type": "delivery_report_sms",
            "batch_id": _BATCH_ID,
            "total_message_count": 1,
            "statuses": [{"code": 0, "status": "Delivered", "count": 1}],
        },
    ),
    "RecipientReport": _object(
        {
            "type": _string(enum=["recipient_delivery_report_sms", "recipient_delivery_report_mms"]),
            "batch_id": _string(pattern=_ID),
            "recipient": DIGITS,
            "code": _CODE,
            "status": _STATUS,
            "at": TIME,
            "operator_status_at": TIME,
            "client_reference": _string(),
            "applied_originator": _string("The default sender, if the batch named none."),
            "number_of_message_parts": _integer(minimum=1),
        },
        "type batch_id recipient code status at",
    ),
    "RecipientReports": _page("delivery_reports", ref("RecipientReport")),
    "Inbound": _object(
        {
            "id": _string(pattern=_ID),
            "type": _string(enum=["mo_text", "mo_binary", "mo_media"]),
            "from": DIGITS,
            "to": DIGITS,
            "body": {"anyOf": [_string("Base64 if binary."), {"type": "object"}]},
            "received_at": TIME,
            "sent_at": TIME,
            "operator_id": _string("MCC and MNC."),
            "client_reference": _string("Of the batch it answers."),
            "udh": _UDH,
        },
        "id type from to body received_at",
        example={
            "id": _INBOUND_ID,
            "type": "mo_text",
            "from": "447700900222",
            "to": "447700900111",
            "body": "Yes, please",
            "received_at": _NOW,
        },
    ),
    "Inbounds": _page("inbounds", ref("Inbound")),
    "NewGroup": _object(
        _GROUP_CONTENT,
        example={"name": "Staff", "members": ["+447700900222"]},
    ),
    "GroupChanges": _object(
        {
            "name": {**_GROUP_NAME, "type": ["string", "null"]},
            "add": _GROUP_CHANGES,
            "remove": _GROUP_CHANGES,
            "add_from_group": _string(pattern=_ID),
            "remove_from_group": _string(pattern=_ID),
            "auto_update": _AUTO_UPDATE,
        },
        example={"add": ["+447700900333"]},
    ),
    "GroupReplacement": _object(
        _GROUP_CONTENT,
        "members",
        example={"members": ["+447700900222"]},
    ),
    "Group": _object(
        {
            "id": _string(pattern=_ID),
            "name": _GROUP_NAME,
            "size": _integer("Members, including those of child groups.", minimum=0),
            "created_at": TIME,
            "modified_at": TIME,
            "child_groups": array(_string(pattern=_ID)),
            "auto_update": _AUTO_UPDATE,
        },
        "id size created_at modified_at child_groups",
        example={"id": _GROUP_ID, "size": 1, "created_at": _NOW, "modified_at": _NOW, "child_groups": []},
    ),
    "Groups": _page("groups", ref("Group")),
    "Error": _object(
        {
            "code": _string("For programs.", example="syntax_constraint_violation"),
            "text": _string("For people. The setting `error_text_key` can make it `description`."),
        },
        "code",
        example={"code": "syntax_constraint_violation", "text": "Parameter 'to' may not be empty."},
    ),
    "AccessToken": _object(
        {
            "access_token": _string(),
            "expires_in": _integer("Seconds.", minimum=0),
            "scope": _string(),
            "token_type": _string(enum=["bearer"]),
        },
        "access_token expires_in scope token_type",
    ),
    "TokenError": _object({"error": _string(), "error_description": _string()}, "error"),
}  # fmt: skip
