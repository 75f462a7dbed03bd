"""The fence: a request leaves only if this attempt may still send. Played with both clients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sinch_provider.sms.errors import (
    SinchNotSentError,
)
from sinch_provider.sms.runtime import current, using


def test_an_attempt_that_cannot_write_does_not_send(send, sinch_sandbox, store):
    store.refuse = lambda: True
    with pytest.raises(
        SinchNotSentError, match=r"cannot be reached \(ReplacedError\). This attempt sent nothing."
    ):
        send()
    assert sinch_sandbox.calls().get("send", 0) == 0


def test_the_permission_is_asked_for_at_every_request(send, sinch_sandbox, store):
    """Airflow replaces the attempt while the client waits to repeat the request."""
    sinch_sandbox.fault("rate_limited", "send", count=None)
    store.refuse = lambda: store.writes >= 2
    with pytest.raises(SinchNotSentError):
        send()
    assert sinch_sandbox.calls()["send"] == 2


def test_a_stopped_task_does_not_send(send, sinch_sandbox):
    with pytest.raises(SinchNotSentError, match="was stopped before"):
        send(stopped=lambda: True)
    assert sinch_sandbox.calls().get("send", 0) == 0


@pytest.fixture
def clocks() -> Iterator[dict[str, float]]:
    """How many seconds the two clocks of this process are ahead."""
    ahead = {"monotonic": 0.0, "wall": 0.0}
    real = current()
    with using(
        replace(
            real,
            monotonic=lambda: real.monotonic() + ahead["monotonic"],
            now=lambda: real.now().add(seconds=ahead["wall"]),
        )
    ):
        yield ahead


@pytest.mark.parametrize("clock", ["monotonic", "wall"])
def test_an_old_permission_is_renewed(send, sinch_sandbox, store, clocks, clock):
    """The process was paused while it asked. Airflow may have replaced it meanwhile."""

    def paused_at_first() -> bool:
        if store.writes == 0:
            clocks[clock] += 2.5
        return False

    store.refuse = paused_at_first
    send()
    assert store.writes == 3


def test_a_permission_that_is_never_fresh_is_none(send, sinch_sandbox, store, do, clocks):
    def paused_at_each() -> bool:
        clocks["monotonic"] += 3
        return False

    store.refuse = paused_at_each
    with pytest.raises(SinchNotSentError, match="longer than 2 s") as caught:
        send()
    assert caught.value.transient
    assert (store.writes, do.pauses) == (3, [2.0, 8.0])
    assert sinch_sandbox.calls().get("send", 0) == 0
