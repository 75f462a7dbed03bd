"""The OpenAPI description of Sinch's operations: what each takes and answers."""

from __future__ import annotations

import re
from typing import Any

from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.sinch.schemas import DIGITS, NUMBER, SCHEMAS, TIME, Schema, array, ref

Description = dict[str, Any]

_IN_PATH: dict[str, Schema] = {
    "account": {
        "type": "string",
        "description": "Service plan or project.",
        "example": "sandbox-plan",
        "pattern": r"^[^/]+$",
    },
    "batch_id": {"type": "string", "example": "01J8ZC4M7T2Q9KX5RVBW3NHYDP", "pattern": "^[0-9A-Za-z]{26}$"},
    "group_id": {"type": "string", "example": "01J8ZD0QW3E5R7T9Y1V3X5Z7B9", "pattern": "^[0-9A-Za-z]{26}$"},
    "inbound_id": {"type": "string", "example": "01J8ZE2M4N6P8Q0R2S4T6V8W0X", "pattern": "^[0-9A-Za-z]{26}$"},
    "recipient_msisdn": {**NUMBER, "example": "+447700900222"},
}
_PAGE: dict[str, Schema] = {
    "page": {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0},
    "page_size": {"type": "integer", "minimum": 1, "maximum": 100, "default": 30},
}
_WINDOW: dict[str, Schema] = {
    "start_date": {**TIME, "description": "At this time or later; by default a day ago."},
    "end_date": {**TIME, "description": "Before this time."},
}
_REFERENCE: dict[str, Schema] = {"client_reference": {"type": "string"}}
_ADDRESSES = {"type": "string", "description": "Numbers and short codes, separated by commas."}
_STATUSES: dict[str, Schema] = {
    "status": {"type": "string", "description": f"Separated by commas: {', '.join(STATUSES)}."},
    "code": {
        "type": "string",
        "description": "Separated by commas.",
        "pattern": "^[0-9]{1,9}(,[0-9]{1,9})*$",
    },
}

_JSON = "application/json"
_BEARER: list[dict[str, list[str]]] = [{"ServicePlanToken": []}, {"AccessToken": []}]
_BODY_IS_WRONG = {"400": "The body or query is wrong."}
_REFUSED = {"403": "The request is valid, but is refused."}
_NOT_THERE = {"404": "Not found in this account."}


def _batch(description: str) -> Schema:
    kinds = ("TextBatch", "BinaryBatch", "MediaBatch")
    return {"description": description, "anyOf": [ref(kind) for kind in kinds]}


def describe(
    summary: str,
    answer: tuple[int, Schema | None],
    *,
    body: Schema | None = None,
    query: dict[str, Schema] | None = None,
    errors: dict[str, str] | None = None,
) -> Description:
    """The description of a route for FastAPI, without its path parameters."""
    status, schema = answer
    content = {} if schema is None else {"content": {_JSON: {"schema": schema}}}
    responses: dict[str, Any] = {str(status): {"description": "Done.", **content}}
    for error, text in (errors or {}).items():
        # Where Sinch documents no body for an error, there is none.
        has_body = error in ("400", "403")
        responses[error] = {
            "description": text,
            **({"content": {_JSON: {"schema": ref("Error")}}} if has_body else {}),
        }
    responses["401"] = {"description": "No token, or one that is unknown or has expired."}
    responses["429"] = {"description": "Too many calls; only if a fault hits the call."}
    responses["5XX"] = {"description": "Only if a fault hits the call."}
    described: Description = {
        "summary": summary,
        "security": _BEARER,
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in (query or {}).items()
        ],
        "responses": responses,
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": {_JSON: {"schema": body}}}
        described["responses"]["415"] = {"description": "The Content-Type is not JSON."}
    return described


SEND = describe(
    "Send a batch",
    (201, ref("Batch")),
    body=_batch("Text, binary or media."),
    errors=_BODY_IS_WRONG | _REFUSED,
)
LIST = describe(
    "List batches, the newest first",
    (200, ref("Batches")),
    query=_PAGE | {"from": _ADDRESSES} | _WINDOW | _REFERENCE,
    errors=_BODY_IS_WRONG,
)
DRY_RUN = describe(
    "Count the messages of a send without sending",
    (200, ref("DryRun")),
    body=_batch("As for a send."),
    query={
        "per_recipient": {"type": "boolean", "default": False},
        "number_of_recipients": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 100},
    },
    errors=_BODY_IS_WRONG | _REFUSED,
)
GET = describe("Get a batch", (200, ref("Batch")), errors=_BODY_IS_WRONG | _NOT_THERE)
UPDATE = describe(
    "Change parts of a batch that has not been dispatched",
    (200, ref("Batch")),
    body=ref("BatchChanges"),
    errors=_BODY_IS_WRONG | _REFUSED | _NOT_THERE,
)
REPLACE = describe(
    "Replace a batch that has not been dispatched",
    (200, ref("Batch")),
    body=_batch("As for a send."),
    errors=_BODY_IS_WRONG | _REFUSED | _NOT_THERE,
)
CANCEL = describe(
    "Cancel what has not left yet",
    (200, ref("Batch")),
    errors=_BODY_IS_WRONG | _NOT_THERE | {"409": "Too late, if the setting `cancel_after_dispatch` says so."},
)
DELIVERY_FEEDBACK = describe(
    "Send delivery feedback",
    (202, None),
    body=ref("DeliveryFeedback"),
    errors=_BODY_IS_WRONG | _NOT_THERE,
)
DELIVERY_REPORT = describe(
    "Get the delivery report of a batch",
    (200, ref("DeliveryReport")),
    query={"type": {"type": "string", "enum": ["summary", "full"], "default": "summary"}} | _STATUSES,
    errors=_BODY_IS_WRONG | _NOT_THERE,
)
RECIPIENT_REPORT = describe(
    "Get the delivery report of one recipient",
    (200, ref("RecipientReport")),
    errors=_BODY_IS_WRONG | _NOT_THERE,
)
LIST_REPORTS = describe(
    "List final reports, the newest first",
    (200, ref("RecipientReports")),
    query=_PAGE | _WINDOW | _STATUSES | _REFERENCE,
    errors=_BODY_IS_WRONG,
)
LIST_INBOUNDS = describe(
    "List inbound messages, the newest first",
    (200, ref("Inbounds")),
    query=_PAGE | {"to": _ADDRESSES} | _WINDOW | _REFERENCE,
    errors=_BODY_IS_WRONG,
)
GET_INBOUND = describe("Get an inbound message", (200, ref("Inbound")), errors=_NOT_THERE)
CREATE_GROUP = describe(
    "Create a group", (201, ref("Group")), body=ref("NewGroup"), errors=_BODY_IS_WRONG | _REFUSED
)
LIST_GROUPS = describe(
    "List groups, the newest first",
    (200, ref("Groups")),
    query=_PAGE | {"page_size": {**_PAGE["page_size"], "minimum": 0}},
    errors=_BODY_IS_WRONG,
)
GET_GROUP = describe("Get a group", (200, ref("Group")), errors=_NOT_THERE)
UPDATE_GROUP = describe(
    "Change parts of a group",
    (200, ref("Group")),
    body=ref("GroupChanges"),
    errors=_BODY_IS_WRONG | _REFUSED | _NOT_THERE,
)
REPLACE_GROUP = describe(
    "Replace a group",
    (200, ref("Group")),
    body=ref("GroupReplacement"),
    errors=_BODY_IS_WRONG | _REFUSED | _NOT_THERE,
)
DELETE_GROUP = describe("Delete a group", (200, None), errors=_NOT_THERE)
GROUP_MEMBERS = describe("List the members of a group", (200, array(DIGITS)), errors=_NOT_THERE)

TOKEN: Description = {
    "summary": "Get an access token for a project",
    "security": [{"Key": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {"grant_type": {"type": "string", "enum": ["client_credentials"]}},
                    "required": ["grant_type"],
                }
            }
        },
    },
    "responses": {
        "200": {"description": "Done.", "content": {_JSON: {"schema": ref("AccessToken")}}},
        "400": {"description": "The form is wrong.", "content": {_JSON: {"schema": ref("TokenError")}}},
        "401": {"description": "The key is wrong.", "content": {_JSON: {"schema": ref("TokenError")}}},
        "429": {"description": "More than 30 at once, or 10 a second."},
        "5XX": {"description": "Only if a fault hits the call."},
    },
}


def for_path(path: str, described: Description) -> Description:
    """The description with the parameters of a path."""
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _IN_PATH[name]}
        for name in re.findall(r"{(\w+)}", path)
    ]
    return {**described, "parameters": [*in_path, *described.get("parameters", [])]}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the schemas that it refers to, and the security schemes."""
    components = document.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **SCHEMAS}
    components["securitySchemes"] = {
        "ServicePlanToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "The API token of a service plan.",
        },
        "AccessToken": {
            "type": "oauth2",
            "description": "An access token of a project.",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth2/token", "scopes": {}}},
        },
        "Key": {"type": "http", "scheme": "basic", "description": "Key and secret of a project."},
    }
    return document
