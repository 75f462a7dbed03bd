"""Sinch's routes under their real paths."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from sinch_sandbox.sinch import batches, groups, inbounds, oauth, openapi, reports
from sinch_sandbox.sinch.calls import Call, Endpoint, operation
from sinch_sandbox.sinch.errors import Problems
from sinch_sandbox.sinch.listing import list_batches
from sinch_sandbox.sinch.paging import read_boolean, read_integer
from sinch_sandbox.sinch.responses import json_reply

router = APIRouter()


# Batches


@operation("send")
def _send(call: Call) -> Response:
    batch = batches.send(call.sandbox, call.account, call.json(), call.now, call.listing_lag)
    return json_reply(batches.document(batch), 201)


@operation("list")
def _list(call: Call) -> Response:
    return json_reply(list_batches(call))


@operation("dry_run")
def _dry_run(call: Call) -> Response:
    data = call.json()
    problems = Problems()
    per_recipient = read_boolean(call.query, "per_recipient", problems)
    limit = read_integer(call.query, "number_of_recipients", 100, problems, high=1000)
    problems.raise_first()
    return json_reply(batches.dry_run(call.sandbox, call.account, data, per_recipient, limit))


@operation("get")
def _get(call: Call) -> Response:
    return json_reply(batches.document(batches.find(call.sandbox, call.account, call.batch_id)))


@operation("update")
def _update(call: Call) -> Response:
    batch = batches.update(call.sandbox, call.account, call.batch_id, call.json(), call.now)
    return json_reply(batches.document(batch))


@operation("replace")
def _replace(call: Call) -> Response:
    batch = batches.replace(call.sandbox, call.account, call.batch_id, call.json(), call.now)
    return json_reply(batches.document(batch))


@operation("cancel")
def _cancel(call: Call) -> Response:
    return json_reply(batches.document(batches.cancel(call.sandbox, call.account, call.batch_id, call.now)))


@operation("delivery_feedback")
def _delivery_feedback(call: Call) -> Response:
    batches.feedback(call.sandbox, call.account, call.batch_id, call.json(), call.now)
    return Response(status_code=202)


# Delivery reports


@operation("delivery_report")
def _delivery_report(call: Call) -> Response:
    return json_reply(
        reports.batch_report(call.sandbox, call.account, call.batch_id, call.query, call.report_gap)
    )


@operation("recipient_report")
def _recipient_report(call: Call) -> Response:
    number = call.request.path_params["recipient_msisdn"]
    return json_reply(
        reports.recipient_report(call.sandbox, call.account, call.batch_id, number, call.report_gap)
    )


@operation("list_reports")
def _list_reports(call: Call) -> Response:
    return json_reply(reports.list_reports(call.sandbox, call.account, call.query, call.report_gap))


# Inbound messages


@operation("list_inbounds")
def _list_inbounds(call: Call) -> Response:
    return json_reply(inbounds.list_inbounds(call.sandbox, call.account, call.query))


@operation("get_inbound")
def _get_inbound(call: Call) -> Response:
    inbound_id = call.request.path_params["inbound_id"]
    return json_reply(inbounds.document(inbounds.find(call.sandbox, call.account, inbound_id)))


# Groups


@operation("create_group")
def _create_group(call: Call) -> Response:
    group = groups.create(call.sandbox, call.account, call.json())
    return json_reply(groups.document(call.sandbox, group), 201)


@operation("list_groups")
def _list_groups(call: Call) -> Response:
    return json_reply(groups.list_groups(call.sandbox, call.account, call.query))


@operation("get_group")
def _get_group(call: Call) -> Response:
    group = groups.find(call.sandbox, call.account, call.group_id)
    return json_reply(groups.document(call.sandbox, group))


@operation("update_group")
def _update_group(call: Call) -> Response:
    group = groups.update(call.sandbox, call.account, call.group_id, call.json())
    return json_reply(groups.document(call.sandbox, group))


@operation("replace_group")
def _replace_group(call: Call) -> Response:
    group = groups.replace(call.sandbox, call.account, call.group_id, call.json())
    return json_reply(groups.document(call.sandbox, group))


@operation("delete_group")
def _delete_group(call: Call) -> Response:
    groups.delete(call.sandbox, call.account, call.group_id)
    return Response()


@operation("group_members")
def _group_members(call: Call) -> Response:
    group = groups.find(call.sandbox, call.account, call.group_id)
    return json_reply(groups.members(call.sandbox, group))


_ACCOUNT = "/xms/v1/{account}"
_BATCHES = f"{_ACCOUNT}/batches"
_BATCH = f"{_BATCHES}/{{batch_id}}"
_GROUPS = f"{_ACCOUNT}/groups"
_GROUP = f"{_GROUPS}/{{group_id}}"

_ROUTES: tuple[tuple[str, str, Endpoint, openapi.Description], ...] = (
    ("POST", "/oauth2/token", oauth.token, openapi.TOKEN),
    ("POST", _BATCHES, _send, openapi.SEND),
    ("GET", _BATCHES, _list, openapi.LIST),
    # This is before the routes with an id; otherwise a dry run would be an update of a batch "dry_run".
    ("POST", f"{_BATCHES}/dry_run", _dry_run, openapi.DRY_RUN),
    ("GET", _BATCH, _get, openapi.GET),
    ("POST", _BATCH, _update, openapi.UPDATE),
    ("PUT", _BATCH, _replace, openapi.REPLACE),
    ("DELETE", _BATCH, _cancel, openapi.CANCEL),
    ("POST", f"{_BATCH}/delivery_feedback", _delivery_feedback, openapi.DELIVERY_FEEDBACK),
    ("GET", f"{_BATCH}/delivery_report", _delivery_report, openapi.DELIVERY_REPORT),
    ("GET", f"{_BATCH}/delivery_report/{{recipient_msisdn}}", _recipient_report, openapi.RECIPIENT_REPORT),
    ("GET", f"{_ACCOUNT}/delivery_reports", _list_reports, openapi.LIST_REPORTS),
    ("GET", f"{_ACCOUNT}/inbounds", _list_inbounds, openapi.LIST_INBOUNDS),
    ("GET", f"{_ACCOUNT}/inbounds/{{inbound_id}}", _get_inbound, openapi.GET_INBOUND),
    ("POST", _GROUPS, _create_group, openapi.CREATE_GROUP),
    ("GET", _GROUPS, _list_groups, openapi.LIST_GROUPS),
    ("GET", _GROUP, _get_group, openapi.GET_GROUP),
    ("POST", _GROUP, _update_group, openapi.UPDATE_GROUP),
    ("PUT", _GROUP, _replace_group, openapi.REPLACE_GROUP),
    ("DELETE", _GROUP, _delete_group, openapi.DELETE_GROUP),
    ("GET", f"{_GROUP}/members", _group_members, openapi.GROUP_MEMBERS),
)

for _method, _path, _endpoint, _described in _ROUTES:
    router.add_api_route(
        _path,
        _endpoint,
        methods=[_method],
        tags=["Sinch"],
        response_model=None,
        response_class=Response,
        status_code=int(min(_described["responses"])),
        operation_id=_endpoint.__name__,
        openapi_extra=openapi.for_path(_path, _described),
    )
