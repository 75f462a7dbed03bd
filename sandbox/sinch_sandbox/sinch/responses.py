"""HTTP answers, including broken ones."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sinch_sandbox.core.faults import Fault
from sinch_sandbox.core.settings import Settings
from sinch_sandbox.sinch.errors import Refusal
from sinch_sandbox.web.connections import Connections


def json_reply(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, status, headers, media_type="application/json")


def refusal_reply(refusal: Refusal, settings: Settings) -> Response:
    if refusal.code is None:
        return Response(status_code=refusal.status, headers=refusal.headers)
    content = {"code": refusal.code, settings.error_text_key: refusal.text}
    return json_reply(content, refusal.status, refusal.headers)


def malformed(reply: Response, body: Literal["html", "empty", "wrong_type", "truncated"]) -> Response:
    """The status of the real answer with a wrong body."""
    if body == "html":
        page = "<!doctype html><html><body><h1>It works, sort of</h1></body></html>"
        return Response(page, reply.status_code, media_type="text/html")
    content = {"empty": b"", "wrong_type": b'["unexpected"]'}.get(body, bytes(reply.body)[:-1] or b"{")
    return Response(content, reply.status_code, media_type="application/json")


def proxy_page(status: int) -> Response:
    """The error page of a proxy between the client and Sinch."""
    words = f"{status} {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else str(status)
    page = f"<html><head><title>{words}</title></head><body><h1>{words}</h1><hr>proxy</body></html>"
    return Response(page, status, media_type="text/html")


class LostReply(Response):
    """An answer that the caller does not get, or only half of it."""

    def __init__(self, fault: Fault, reply: Response) -> None:
        super().__init__(status_code=reply.status_code)
        self._how = fault.how
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connections: Connections = scope["app"].state.connections
        if self._how == "half_body" and self._reply.body:
            await self._send_half(send)
        if self._how == "hang":
            await connections.hold(receive)
        await connections.cut(scope, receive, reset=self._how == "reset")

    async def _send_half(self, send: Send) -> None:
        body = bytes(self._reply.body)
        start: Message = {
            "type": "http.response.start",
            "status": self._reply.status_code,
            "headers": self._reply.raw_headers,
        }
        await send(start)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
