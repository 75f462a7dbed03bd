"""
The one window that nothing can close: a pause after the last check, until after the retry has sent.

Airflow cannot take back a permission that was given, and Sinch has no key by which it would know the second
request. ``hold`` closes it for pauses that end before the batch leaves.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import pendulum
import pytest

from sinch_provider.hooks.accounts import account_of
from sinch_provider.sms import endpoints
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.runtime import Runtime, using
from sinch_provider.sms.sending import fence
from sinch_provider.sms.wire import transport
from tests.crash.mutations import MUTATIONS
from tests.crash.points import UNGUARDED
from tests.crash.schedules import Schedule, event

_SENDS = 50


@pytest.mark.parametrize("at", UNGUARDED)
def test_a_process_paused_after_its_last_check_sends_again_once_its_retry_has_sent(play, at):
    verdict = play(Schedule(events=(event(at, "stop", resume="after"),))).verdict
    assert verdict.recipients["duplicated"] == 3


@pytest.mark.parametrize("at", UNGUARDED)
def test_going_on_before_the_retry_looks_is_harmless(play, at):
    assert play(Schedule(events=(event(at, "stop", resume="before"),))).verdict.faults == []


@pytest.mark.parametrize("at", UNGUARDED)
@pytest.mark.parametrize("after", [27, 30, 33])
def test_hold_closes_the_window_while_the_batch_waits(play, at, after):
    schedule = Schedule(hold=3600, events=(event(at, "stop", resume="during", during=after),))
    assert play(schedule).verdict.faults == []
    with MUTATIONS["duplicates: left alone"]():
        assert play(schedule).verdict.recipients["duplicated"] == 3


def test_nothing_but_writing_the_request_happens_in_the_window(sandbox, capsys):
    """The window lasts from the fence's last look at its clocks to the last byte handed to the kernel."""
    began = 0
    widths: list[float] = []
    called: set[str] = set()
    profiled = False
    send = transport._Connection.send

    def watch(frame, kind, argument):
        if kind == "c_call":
            called.add(argument.__name__)

    def now():
        # The fence reads the wall clock last.
        nonlocal began
        began = time.perf_counter_ns()
        sys.setprofile(watch if profiled else None)
        return pendulum.now("UTC")

    def sent(self, data):
        send(self, data)
        if data.startswith(b"{"):
            sys.setprofile(None)
            widths.append((time.perf_counter_ns() - began) / 1000)

    account = account_of(SimpleNamespace(**sandbox.connections["plan"], host=None), {"base_url": sandbox.url})
    call = endpoints.send(body="hello", to=["+447700900200"])
    on_the_wire = mock.patch.object(transport._Connection, "send", sent)
    with on_the_wire, using(Runtime(now=now)), SinchClient(account) as client:
        for number in range(_SENDS + 1):
            profiled = number == _SENDS
            client.call(replace(call, permit=fence.Fence(lambda: None, lambda: False)))
    quickest, *_, longest = widths = sorted(widths[:-1])
    with capsys.disabled():
        sys.stdout.write(
            f"\nfrom the last check to the last byte: {quickest:.0f} us at least, "
            f"{widths[_SENDS // 2]:.0f} us in the middle, {longest:.0f} us at most, of {_SENDS} sends\n"
        )
    assert "sendall" in called
    assert called.isdisjoint(
        {"connect", "recv", "recv_into", "sleep", "getaddrinfo", "open", "write", "acquire"}
    )
