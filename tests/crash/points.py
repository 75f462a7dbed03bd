"""
The points at which a process can be struck, and the patches that make the real code pass them.

Time and chance come from the model through ``sinch_provider.sms.runtime``. The patches are only for points in
the life of a process: the bytes of a request on the socket, its answer, the fence, ``defer``, ``on_kill``,
and what Airflow gives to it.
"""

from __future__ import annotations

import random
import select
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest import mock

import pendulum
from airflow.providers.common.compat import connection as compat_connection
from urllib3.connection import HTTPConnection

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.runtime import Runtime, using
from sinch_provider.sms.sending.fence import Fence
from sinch_provider.sms.wire import transport
from sinch_provider.task import identity
from tests.crash.actors import current, point

#: In the order in which a send without trouble passes them.
TASK_POINTS = (
    "started",
    "before intent",
    "after intent",
    "leaving",
    "mid-request",
    "accepted, reply not sent",
    "reply sent, not read",
    "read, not journalled",
    "journalled",
    "before defer",
    "resumed",
    "before XCom",
    "after XCom",
)
TRIGGER_POINTS = ("polling", "event fired")
#: Passed only after other trouble.
OTHER_POINTS = (
    "looking", "cancelling", "on_kill", "waiting", "between attempts", "between sends", "callback",
    "finished",
)  # fmt: skip
POINTS = (*TASK_POINTS, *TRIGGER_POINTS, *OTHER_POINTS)
#: Nothing can be checked between the last check of the fence and the last byte of the request.
UNGUARDED = ("leaving", "mid-request")

_PATIENCE = 10.0
_send = HTTPConnection.send
_defer = SinchSendBatchOperator.defer
_on_kill = SinchSendBatchOperator.on_kill
_ask = Fence.__call__
_attempt = SinchClient._attempt
_async_attempt = AsyncSinchClient._attempt


def _operation(head: bytes) -> str:
    method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    if path.endswith("/oauth2/token"):
        return "token"
    path, _, _ = path.partition("?")
    if path.endswith("/batches"):
        return "send" if method == "POST" else "list"
    return "cancel" if method == "DELETE" else "read"


def _sent(self: Any, data: Any) -> None:
    """Replace a connection's ``send``, which urllib3 calls for the head and then for the body."""
    actor = current()
    if actor is None:
        _send(self, data)
        return
    actor.alive()
    if data.startswith((b"POST /", b"PUT /", b"GET /", b"DELETE /")):
        data = actor.world.unrotated(data)
        self.crash_operation = _operation(data)
        actor.requests += 1
        if before := {"send": "leaving", "list": "looking", "cancel": "cancelling"}.get(self.crash_operation):
            actor.unaware_since = actor.world.clock.elapsed
            point(before)
        actor.world.clock.catch_up()
        _send(self, data)
        if self.crash_operation != "send" and not data.startswith((b"POST /", b"PUT /")):
            _await_answer(self)
        return
    if self.crash_operation != "send":
        _send(self, data)
        _await_answer(self)
        return
    half = len(data) // 2
    _send(self, data[:half])
    point("mid-request")
    actor.world.clock.catch_up()
    _send(self, data[half:])
    _await_answer(self)
    point("reply sent, not read")


def _await_answer(self: Any) -> None:
    """
    Wait until the sandbox has carried out the request.

    Waiting for a reply that never comes would take real time. So this asks the sandbox whether it holds one
    back.
    """
    world = current().world  # type: ignore[union-attr]
    if not world.schedule.hangs:
        if self.crash_operation == "send" and not _readable(self, _PATIENCE):
            raise RuntimeError("the sandbox does not answer")
        return
    while not _readable(self, 0.005):
        hanging = sum(fault["struck"] for fault in world.sandbox.struck() if fault["how"] == "hang")
        if hanging > world.hung:
            world.hung = hanging
            if self.crash_operation == "send":
                point("accepted, reply not sent")
            world.clock.advance(30)
            raise TimeoutError("timed out")


def _readable(self: Any, seconds: float) -> bool:
    return bool(select.select([self.sock], [], [], seconds)[0])


def _attempted(self: Any, call: Any, request: Any) -> Any:
    try:
        result = _attempt(self, call, request)
    finally:
        if actor := current():
            actor.unaware_since = None
    if call.operation == "send":
        point("read, not journalled")
    return result


async def _async_attempted(self: Any, call: Any, request: Any) -> Any:
    actor = current()
    if actor is not None:
        actor.alive()
        actor.requests += 1
        actor.world.clock.catch_up()
    return await _async_attempt(self, call, request)


# Time and chance


def _now() -> Any:
    actor = current()
    return pendulum.now("UTC") if actor is None else actor.world.clock.now(actor.skew).in_timezone("UTC")


def _monotonic() -> float:
    actor = current()
    if actor is None:
        return time.monotonic()
    return 1000.0 + float(actor.world.clock.elapsed if actor.unaware_since is None else actor.unaware_since)


def _sleep(seconds: float) -> None:
    actor = current()
    assert actor is not None
    actor.world.clock.advance(seconds)
    point("waiting")


async def _async_sleep(seconds: float) -> None:
    actor = current()
    assert actor is not None
    actor.world.clock.advance(seconds)
    point("polling")


def _uniform(low: float, high: float) -> float:
    """Draw the same numbers each time a schedule is played."""
    actor = current()
    return float((actor.world.random if actor else random).uniform(low, high))


# Points outside the client


def _asked(self: Any) -> None:
    point("before intent")
    _ask(self)
    actor = current()
    if actor is not None and not actor.world.schedule.has_journal:
        point("after intent")


def _deferring(self: Any, **kwargs: Any) -> None:
    point("before defer")
    _defer(self, **kwargs)


def _killing(self: Any) -> None:
    point("on_kill")
    _on_kill(self)


def _clears_keep_state() -> bool:
    actor = current()
    return actor is not None and actor.world.schedule.airflow == "3.3"


def _connection(conn_id: str) -> Any:
    actor = current()
    assert actor is not None
    return actor.world.connection(actor)


async def _async_connection(conn_id: str, hook: Any = None) -> Any:
    return _connection(conn_id)


@contextmanager
def instrumented() -> Iterator[None]:
    """Make the real code pass the points, with the time and chance of the model."""
    patches: list[AbstractContextManager[Any]] = [
        mock.patch.object(transport._Leaving, "send", _sent, create=True),
        mock.patch.object(SinchClient, "_attempt", _attempted),
        mock.patch.object(AsyncSinchClient, "_attempt", _async_attempted),
        mock.patch.object(Fence, "__call__", _asked),
        mock.patch.object(SinchSendBatchOperator, "defer", _deferring),
        mock.patch.object(SinchSendBatchOperator, "on_kill", _killing),
        mock.patch.object(identity, "clears_keep_state", _clears_keep_state),
        mock.patch.object(SinchHook, "get_connection", staticmethod(_connection)),
        mock.patch.object(compat_connection, "get_async_connection", _async_connection),
    ]
    with ExitStack() as stack:
        stack.enter_context(using(Runtime(_now, _monotonic, _sleep, _async_sleep, _uniform)))
        for each in patches:
            stack.enter_context(each)
        yield
