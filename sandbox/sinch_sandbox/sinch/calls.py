"""What all operations of Sinch share: the call, its authentication, and the faults that may hit it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from starlette.responses import Response

from sinch_sandbox.core.faults import LISTING_KINDS, Fault, Operation
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.times import SECOND
from sinch_sandbox.core.tokens import TokenRefusedError
from sinch_sandbox.sinch import planning
from sinch_sandbox.sinch.contradictions import contradicting
from sinch_sandbox.sinch.errors import BAD_FORMAT, INVALID_JSON, Refusal, unauthorized
from sinch_sandbox.sinch.responses import LostReply, malformed, proxy_page, refusal_reply
from sinch_sandbox.web.connections import Connections
from sinch_sandbox.web.once import HEADER, Once

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_JSON_TYPE = re.compile(r"application/([\w.\-]+\+)?json\s*(;.*)?", re.IGNORECASE)

_CUT = Fault.model_validate({"kind": "lost_reply"})


class Call:
    """One request to an operation, with its body read."""

    def __init__(self, sandbox: Sandbox, operation: Operation, request: Request, body: bytes) -> None:
        self.sandbox = sandbox
        self.operation = operation
        self.request = request
        self.body = body
        self.query = request.query_params
        self.at: int | None = None
        """When it takes effect; None for now."""
        self.listing_lag = 0.0
        self.report_gap = 0.0
        self.listing: list[Fault] = []
        """The faults that spoil the list it asks for."""
        self._json: dict[str, Any] | None = None

    @property
    def now(self) -> int:
        return self.sandbox.clock.now() if self.at is None else self.at

    @property
    def account(self) -> str:
        account: str = self.request.path_params["account"]
        return account

    @property
    def batch_id(self) -> str:
        batch_id: str = self.request.path_params["batch_id"]
        return batch_id

    @property
    def group_id(self) -> str:
        group_id: str = self.request.path_params["group_id"]
        return group_id

    def json(self) -> dict[str, Any]:
        """The body as an object.

        :raises Refusal: The body is not JSON, or not an object.
        """
        if self._json is None:
            self._json = self._read_json()
        return self._json

    def _read_json(self) -> dict[str, Any]:
        if not _JSON_TYPE.fullmatch(self.request.headers.get("content-type", "")):
            raise Refusal(415)
        try:
            value = json.loads(self.body, parse_constant=_reject_constant)
            # A lone surrogate is valid in JSON, but cannot be stored or sent.
            if _ESCAPED_SURROGATE.search(self.body):
                json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Refusal(400, INVALID_JSON, "The request body is not valid JSON.") from None
        if not isinstance(value, dict):
            raise Refusal(400, BAD_FORMAT, "The request body is not a JSON object.")
        return value

    def facts(self) -> dict[str, Any]:
        """What a fault can match: values of body, query and path, and the batch's reference."""
        facts: dict[str, Any] = {}
        if self.request.method in ("POST", "PUT") and self.operation != "token":
            with contextlib.suppress(Refusal):
                facts.update(self.json())
        facts.update(self.query)
        facts.update(self.request.path_params)
        if "batch_id" in self.request.path_params and "client_reference" not in facts:
            batch = self.sandbox.store.batches.find(self.account, self.batch_id)
            if batch is not None:
                facts["client_reference"] = batch.fields.get("client_reference")
        return facts


Handler = Callable[[Call], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def operation(name: Operation) -> Callable[[Handler], Endpoint]:
    """Wrap a handler with what all calls share: counting, authentication, faults and refusals."""

    def wrap(handler: Handler) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            sandbox: Sandbox = request.app.state.sandbox
            once: Once = request.app.state.once
            if once.is_repeated(request.headers.get(HEADER)):
                return LostReply(_CUT, Response())
            sandbox.calls[name] += 1
            try:
                if name != "token":
                    # Check before reading the body, so that only authorised callers can send large ones.
                    _check_token(sandbox, request)
                reply = await _answer_with_faults(Call(sandbox, name, request, await request.body()), handler)
            except Refusal as refusal:
                reply = refusal_reply(refusal, sandbox.settings)
            seen = "lost" if isinstance(reply, LostReply) else f"{reply.status_code // 100}xx"
            sandbox.answers[name, seen] += 1
            return reply

        endpoint.__name__ = name
        endpoint.__doc__ = handler.__doc__
        return endpoint

    return wrap


def _check_token(sandbox: Sandbox, request: Request) -> None:
    try:
        sandbox.tokens.check(request.path_params["account"], request.headers.get("authorization"))
    except TokenRefusedError as refused:
        raise unauthorized(refused.reason) from None


async def _answer_with_faults(call: Call, handler: Handler) -> Response:
    """Make the call take effect, or not, and answer as the armed faults demand."""
    faults = call.sandbox.faults.strike(call.operation, call.facts()) if call.sandbox.faults else []
    if faults:
        call.sandbox.changes.announce()
    decisive: Fault | None = None
    slow_reply = 0.0
    for fault in faults:
        if fault.kind == "latency" and fault.strikes_after():
            slow_reply += fault.seconds
        elif fault.kind == "latency":
            await _pause(call, fault.seconds)
        elif fault.kind == "listing_lag":
            call.listing_lag = fault.seconds
        elif fault.kind == "report_gap":
            call.report_gap = fault.seconds
        elif fault.kind in LISTING_KINDS:
            call.listing.append(fault)
        else:
            decisive = fault
    if decisive is None or decisive.strikes_after():
        reply = _effect(call, handler)
    elif decisive.kind == "contradicting":
        reply = _effect_taken_back(call, handler)
    else:
        reply = Response(b"{}")
    if decisive is not None and decisive.kind == "late":
        _put_off(call, handler, decisive.seconds)
    await _pause(call, slow_reply)
    return reply if decisive is None else _spoil(call, decisive, reply)


async def _pause(call: Call, seconds: float) -> None:
    connections: Connections = call.request.app.state.connections
    if seconds and not await connections.pause(seconds):
        raise Refusal(503)


def _spoil(call: Call, decisive: Fault, reply: Response) -> Response:
    wait = None if decisive.retry_after is None else {"retry-after": str(decisive.retry_after)}
    if decisive.kind == "rate_limited":
        raise Refusal(429, headers=wait)
    if decisive.kind == "expired_token":
        raise unauthorized("expired")
    if decisive.kind == "unknown_token":
        raise unauthorized("invalid_token")
    if decisive.kind == "server_error":
        raise Refusal(decisive.status or 500, headers=wait)
    if decisive.kind == "redirect":
        raise Refusal(decisive.status or 302, headers={"location": decisive.location})
    if decisive.kind == "refused_by_proxy":
        return proxy_page(decisive.status or 403)
    if decisive.kind == "malformed":
        return malformed(reply, decisive.body)
    if decisive.kind == "contradicting":
        return contradicting(call.sandbox, call.account, reply, decisive.reply)
    return LostReply(decisive, reply)


def _effect(call: Call, handler: Handler) -> Response:
    planning.settle(call.sandbox)
    return _answer(call, handler)


def _answer(call: Call, handler: Handler) -> Response:
    try:
        return handler(call)
    except Refusal as refusal:
        return refusal_reply(refusal, call.sandbox.settings)


def _effect_taken_back(call: Call, handler: Handler) -> Response:
    """The answer of a call whose effect is rolled back."""
    # Other due work stays done: only the call itself is taken back.
    call.at = call.sandbox.clock.now()
    planning.settle(call.sandbox, call.at)
    with contextlib.suppress(_TakenBackError), call.sandbox.store.transaction():
        reply = _answer(call, handler)
        raise _TakenBackError
    call.sandbox.store.queue.forget_next_start()
    return reply


class _TakenBackError(Exception):
    """Rolls back a transaction."""


def _put_off(call: Call, handler: Handler, seconds: float) -> None:
    """Make a call take effect later, even if its caller has gone."""

    def effect(at: int) -> None:
        call.at = at
        with contextlib.suppress(Refusal):
            handler(call)

    call.sandbox.late.add(call.now + round(seconds * SECOND), effect)
    call.sandbox.changes.announce()


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
