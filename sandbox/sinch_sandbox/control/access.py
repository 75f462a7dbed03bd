"""How the routes of the control API get the sandbox they control."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from sinch_sandbox.callbacks.dispatcher import Dispatcher
from sinch_sandbox.control.surrogates import refuse_lone_surrogates
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.sinch import planning


async def _of_request(request: Request) -> Sandbox:
    sandbox: Sandbox = request.app.state.sandbox
    planning.settle(sandbox)
    return sandbox


Controlled = Annotated[Sandbox, Depends(_of_request)]


async def announce_changes(request: Request) -> AsyncIterator[None]:
    """Notify watchers after every control call that may have changed something."""
    yield
    if request.method != "GET":
        sandbox: Sandbox = request.app.state.sandbox
        sandbox.changes.announce()


ROUTE_DEPENDENCIES = (Depends(announce_changes), Depends(refuse_lone_surrogates))
"""What every route under ``/sandbox/`` does besides its own work."""


async def _dispatcher_of_request(request: Request) -> Dispatcher:
    dispatcher: Dispatcher = request.app.state.dispatcher
    return dispatcher


Dispatching = Annotated[Dispatcher, Depends(_dispatcher_of_request)]


_T = TypeVar("_T")


def in_portions(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The items in lists of ``size``, so that other calls can be answered in between."""
    iterator = iter(items)
    while portion := list(islice(iterator, size)):
        yield portion
