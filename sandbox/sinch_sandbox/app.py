"""Builds the ASGI application from its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp

import sinch_sandbox
from sinch_sandbox.callbacks.dispatcher import Dispatcher
from sinch_sandbox.control import events
from sinch_sandbox.control import routes as control
from sinch_sandbox.control.waiting import Lookout
from sinch_sandbox.core.limits import describe_errors
from sinch_sandbox.core.sandbox import Options, Sandbox
from sinch_sandbox.inbox import pages
from sinch_sandbox.inbox import routes as inbox
from sinch_sandbox.sinch import api, openapi
from sinch_sandbox.web.connections import Connections, Seats
from sinch_sandbox.web.guards import Guards
from sinch_sandbox.web.once import Once

OPENAPI_URL = "/sandbox/openapi.json"


def create_app(
    options: Options | None = None, connections: Connections | None = None, *, is_reachable: bool = False
) -> ASGIApp:
    """Create a sandbox.

    :param connections: the server's connections, for faults that cut them.
    :param is_reachable: whether the server listens where other machines can reach it.
    """
    options = options or Options()
    sandbox = Sandbox(options)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.dispatcher = Dispatcher(sandbox, app.state.connections, is_reachable)
        yield
        await app.state.dispatcher.close()
        sandbox.close()

    app = FastAPI(
        title="Sinch sandbox",
        version=sinch_sandbox.__version__,
        description="A stand-in for the Sinch SMS API, and the controls of the stand-in.",
        openapi_url=OPENAPI_URL,
        # FastAPI's documentation pages load scripts from elsewhere; the sandbox works without a network.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.sandbox = sandbox
    app.state.connections = connections or Connections()
    app.state.lookout = Lookout()
    app.state.once = Once()
    app.state.listeners = Seats(events.MAX_LISTENING)
    app.include_router(api.router)
    app.include_router(control.router)
    app.include_router(inbox.router)
    app.include_router(pages.router)
    _describe(app)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _gone)
    return Guards(app, sandbox.clock.now, options.allow_hosts)


def _describe(app: FastAPI) -> None:
    """Add to the served description what FastAPI cannot know about Sinch's operations."""
    described = app.openapi

    def complete() -> dict[str, Any]:
        return app.openapi_schema or openapi.complete(described())

    app.openapi = complete  # type: ignore[method-assign]


async def _http_error(request: Request, error: Exception) -> Response:
    """Sinch's errors for unknown paths and methods have no body; the control API explains its errors."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/sandbox/"):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    return Response(status_code=error.status_code, headers=error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return JSONResponse(describe_errors(error), 422)


async def _gone(_: Request, error: Exception) -> Response:
    """The caller has gone, so the answer does not matter."""
    assert isinstance(error, ClientDisconnect)
    return Response(status_code=400)
