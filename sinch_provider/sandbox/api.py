"""Sinch's HTTP surface under its real paths: what a client sees."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import Response

from sinch_provider.sandbox import batches, reports
from sinch_provider.sandbox.connections import Connections
from sinch_provider.sandbox.errors import BAD_FORMAT, INVALID_JSON, Problems, Refusal
from sinch_provider.sandbox.faults import Fault, Operation
from sinch_provider.sandbox.paging import read_boolean, read_integer, read_page, read_senders, read_window
from sinch_provider.sandbox.replies import LostReply, json_reply, malformed, refusal_reply
from sinch_provider.sandbox.state import Sandbox
from sinch_provider.sandbox.tokens import basic_credentials, same, unauthorized

_JSON_TYPE = re.compile(r"application/([\w.\-]+\+)?json\s*(;.*)?", re.IGNORECASE)

router = APIRouter()


class Call:
    """One request to an operation, with its body read."""

    def __init__(self, sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> None:
        self.sandbox = sandbox
        self.operation = operation
        self.request = request
        self.body = body
        self.query = request.query_params
        self.listing_lag = 0.0

    @property
    def account(self) -> str:
        account: str = self.request.path_params["account"]
        return account

    @property
    def batch_id(self) -> str:
        batch_id: str = self.request.path_params["batch_id"]
        return batch_id

    def json(self) -> dict[str, Any]:
        """The body as an object, or the refusal for whatever else it is."""
        if not _JSON_TYPE.fullmatch(self.request.headers.get("content-type", "")):
            raise Refusal(415)
        try:
            value = json.loads(self.body, parse_constant=_reject_constant)
            # A lone surrogate passes the JSON grammar but is no text that could be stored or sent.
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Refusal(400, INVALID_JSON, "The request body is not valid JSON.") from None
        if not isinstance(value, dict):
            raise Refusal(400, BAD_FORMAT, "The request body is not a JSON object.")
        return value

    def facts(self) -> dict[str, Any]:
        """What a fault can match on: body, query and path, and the reference of the batch in question."""
        facts: dict[str, Any] = {}
        if self.request.method in ("POST", "PUT") and self.operation != "token":
            with contextlib.suppress(Refusal):
                facts.update(self.json())
        facts.update(self.query)
        facts.update(self.request.path_params)
        if "batch_id" in facts and "client_reference" not in facts:
            batch = self.sandbox.store.find(self.account, self.batch_id)
            if batch is not None:
                facts["client_reference"] = batch.fields.get("client_reference")
        return facts


Handler = Callable[[Call], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def _operation(name: Operation) -> Callable[[Handler], Endpoint]:
    """Wrap a handler with what all calls share: counting, authentication, faults and refusals."""

    def wrap(handler: Handler) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            sandbox: Sandbox = request.app.state.sandbox
            sandbox.calls[name] += 1
            call = Call(sandbox, name, request, await request.body())
            try:
                if name != "token":
                    sandbox.tokens.check(call.account, request.headers.get("authorization"))
                return await _struck(call, handler)
            except Refusal as refusal:
                return refusal_reply(refusal, sandbox.settings)

        endpoint.__name__ = name
        endpoint.__doc__ = handler.__doc__
        return endpoint

    return wrap


async def _struck(call: Call, handler: Handler) -> Response:
    """Let the call take its effect, or not, and give the reply that the armed faults leave of it."""
    faults = call.sandbox.faults.strike(call.operation, call.facts()) if call.sandbox.faults else []
    decisive: Fault | None = None
    slow_reply = 0.0
    for fault in faults:
        if fault.kind == "latency" and fault.strikes_after():
            slow_reply += fault.seconds
        elif fault.kind == "latency":
            await _pause(call, fault.seconds)
        elif fault.kind == "listing_lag":
            call.listing_lag = fault.seconds
        else:
            decisive = fault
    reply = _effect(call, handler) if decisive is None or decisive.strikes_after() else Response(b"{}")
    await _pause(call, slow_reply)
    return reply if decisive is None else _spoilt(decisive, reply)


async def _pause(call: Call, seconds: float) -> None:
    connections: Connections = call.request.app.state.connections
    if seconds and not await connections.pause(seconds):
        raise Refusal(503)


def _spoilt(decisive: Fault, reply: Response) -> Response:
    if decisive.kind == "rate_limited":
        seconds = decisive.retry_after
        raise Refusal(429, headers=None if seconds is None else {"retry-after": str(seconds)})
    if decisive.kind == "expired_token":
        raise unauthorized("expired")
    if decisive.kind == "unknown_token":
        raise unauthorized("invalid_token")
    if decisive.kind == "server_error":
        raise Refusal(decisive.status)
    if decisive.kind == "malformed":
        return malformed(reply, decisive.body)
    return LostReply(decisive, reply)


def _effect(call: Call, handler: Handler) -> Response:
    try:
        return handler(call)
    except Refusal as refusal:
        return refusal_reply(refusal, call.sandbox.settings)


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# Batches


@_operation("send")
def _send(call: Call) -> Response:
    batch = batches.send(call.sandbox, call.account, call.json(), call.listing_lag)
    return json_reply(batches.document(batch), 201)


@_operation("list")
def _list(call: Call) -> Response:
    problems = Problems()
    now = call.sandbox.clock.now()
    page = read_page(call.query, problems)
    start, end = read_window(call.query, now, call.sandbox.settings, problems)
    senders = read_senders(call.query, problems)
    problems.raise_first()
    where = "b.account = :account AND b.created_at >= :start AND b.created_at < :end AND b.listed_at <= :now"
    values: dict[str, Any] = {"account": call.account, "start": start, "end": end, "now": now}
    if senders:
        where += " AND b.sender IN (SELECT value FROM json_each(:senders))"
        values["senders"] = json.dumps(senders)
    if "client_reference" in call.query:
        where += " AND b.client_reference = :reference"
        values["reference"] = call.query["client_reference"]
    count, found = call.sandbox.store.batches(where, values, page.size, page.offset)
    return json_reply(
        page.answer("batches", count, [batches.document(each) for each in found], call.sandbox.settings)
    )


@_operation("dry_run")
def _dry_run(call: Call) -> Response:
    data = call.json()
    problems = Problems()
    per_recipient = read_boolean(call.query, "per_recipient", problems)
    limit = read_integer(call.query, "number_of_recipients", 100, problems, high=1000)
    problems.raise_first()
    return json_reply(batches.dry_run(call.sandbox, data, per_recipient, limit))


@_operation("get")
def _get(call: Call) -> Response:
    return json_reply(batches.document(batches.find(call.sandbox, call.account, call.batch_id)))


@_operation("update")
def _update(call: Call) -> Response:
    return json_reply(
        batches.document(batches.update(call.sandbox, call.account, call.batch_id, call.json()))
    )


@_operation("replace")
def _replace(call: Call) -> Response:
    return json_reply(
        batches.document(batches.replace(call.sandbox, call.account, call.batch_id, call.json()))
    )


@_operation("cancel")
def _cancel(call: Call) -> Response:
    return json_reply(batches.document(batches.cancel(call.sandbox, call.account, call.batch_id)))


@_operation("delivery_feedback")
def _delivery_feedback(call: Call) -> Response:
    batches.feedback(call.sandbox, call.account, call.batch_id, call.json())
    return Response(status_code=202)


# Delivery reports


@_operation("delivery_report")
def _delivery_report(call: Call) -> Response:
    return json_reply(reports.batch_report(call.sandbox, call.account, call.batch_id, call.query))


@_operation("recipient_report")
def _recipient_report(call: Call) -> Response:
    number = call.request.path_params["recipient_msisdn"]
    return json_reply(reports.recipient_report(call.sandbox, call.account, call.batch_id, number))


@_operation("list_reports")
def _list_reports(call: Call) -> Response:
    return json_reply(reports.list_reports(call.sandbox, call.account, call.query))


# OAuth2


@_operation("token")
def _token(call: Call) -> Response:
    sandbox = call.sandbox
    if sandbox.settings.token_rate_limit and not sandbox.token_bucket.take(sandbox.clock.now()):
        raise Refusal(429)
    given = basic_credentials(call.request.headers.get("authorization"))
    # Both comparisons are always made, so the time taken does not tell a good key from a bad one.
    key_id, key_secret = given or ("", "")
    known = same(key_id, sandbox.credentials.key_id) & same(key_secret, sandbox.credentials.key_secret)
    if given is None or not known:
        headers = {"www-authenticate": 'Basic realm="sinch"'}
        return json_reply(_oauth_error("invalid_client", "Client authentication failed."), 401, headers)
    form = parse_qs(call.body.decode("utf-8", "replace"))
    grants = form.get("grant_type")
    if grants is None:
        return json_reply(_oauth_error("invalid_request", "The form field 'grant_type' is missing."), 400)
    if grants != ["client_credentials"]:
        return json_reply(
            _oauth_error("unsupported_grant_type", "Only client_credentials is supported."), 400
        )
    lifetime = sandbox.settings.token_lifetime
    return json_reply(
        {
            "access_token": sandbox.tokens.issue(lifetime),
            "expires_in": lifetime,
            "scope": "",
            "token_type": "bearer",
        }
    )


def _oauth_error(error: str, description: str) -> Mapping[str, str]:
    return {"error": error, "error_description": description}


_ACCOUNT = "/xms/v1/{account}"
_BATCHES = f"{_ACCOUNT}/batches"
_BATCH = f"{_BATCHES}/{{batch_id}}"

_ROUTES: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/oauth2/token", _token),
    ("POST", _BATCHES, _send),
    ("GET", _BATCHES, _list),
    # Before the routes with an id, or a dry run would look like an update of a batch called dry_run.
    ("POST", f"{_BATCHES}/dry_run", _dry_run),
    ("GET", _BATCH, _get),
    ("POST", _BATCH, _update),
    ("PUT", _BATCH, _replace),
    ("DELETE", _BATCH, _cancel),
    ("POST", f"{_BATCH}/delivery_feedback", _delivery_feedback),
    ("GET", f"{_BATCH}/delivery_report", _delivery_report),
    ("GET", f"{_BATCH}/delivery_report/{{recipient_msisdn}}", _recipient_report),
    ("GET", f"{_ACCOUNT}/delivery_reports", _list_reports),
)

for _method, _path, _endpoint in _ROUTES:
    router.add_api_route(_path, _endpoint, methods=[_method], tags=["Sinch"], response_model=None)
