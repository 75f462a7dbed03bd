"""Procedures in several threads when the thread that waits for them is interrupted, as by a time limit."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.runtime import current, using
from sinch_provider.sms.wire.call import Procedure, Together
from sinch_provider.sms.wire.following import THREAD_NAME, THREADS
from tests.unit.sms.calls import BATCH, ID
from tests.unit.sms.conftest import plan_account
from tests.unit.sms.scripted import Received, Reply, ScriptedServer, reply

#: Without the interruption, all threads go on to the next procedure several times.
COUNT = 4 * THREADS
TROUBLE = reply(503, {})
MAIN = threading.main_thread().ident or 0


class TimeLimitError(BaseException):
    """What Airflow raises in the main thread."""


class Interruption:
    """Interrupts the main thread, and holds whoever calls it until the test goes on."""

    def __init__(self, at: int) -> None:
        self._together = threading.Barrier(at, lambda: signal.pthread_kill(MAIN, signal.SIGUSR1))
        self.over = threading.Event()

    def __call__(self) -> None:
        if not self.over.is_set():
            self._together.wait(10)
            self.over.wait(10)


@pytest.fixture(autouse=True)
def _time_limit() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise TimeLimitError

    before = signal.signal(signal.SIGUSR1, end)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def ended() -> list[str]:
    return []


def looks(ended: list[str], count: int = COUNT) -> list[Procedure[Any]]:
    async def look() -> None:
        try:
            await endpoints.get(ID)
            await endpoints.get(ID)
        except Exception as error:
            ended.append(f"handled {error}")
            raise
        finally:
            ended.append("closed")

    return [look() for _ in range(count)]


async def together(procedures: list[Procedure[Any]]) -> list[Any]:
    return await Together(procedures)


def follow(server: ScriptedServer, procedures: list[Procedure[Any]], release: threading.Event) -> None:
    """Follow procedures until the interruption, and then let all threads come to their end."""
    with pytest.raises(TimeLimitError), SinchClient(plan_account(server.url)) as client:
        client.follow(together(procedures))
    # Python would wait at its end for any that is no daemon.
    assert all(each.daemon for each in under_way())
    release.set()
    # Not a second join: after an interrupted one, Python 3.11 takes a running thread for an ended one.
    for _ in range(1000):
        if not under_way():
            break
        time.sleep(0.01)


def under_way() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == THREAD_NAME]


@pytest.mark.parametrize("answer", [reply(200, BATCH), TROUBLE, Reply(b"")], ids=["good", "trouble", "none"])
def test_an_interruption_does_not_wait_for_requests_under_way(
    answer: Reply, ended: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    interruption = Interruption(THREADS)

    def hold(received: Received) -> Reply:
        interruption()
        return answer

    with ScriptedServer(hold) as server:
        follow(server, looks(ended), interruption.over)
        assert len(server.received) == THREADS
    assert ended == ["closed"] * THREADS
    assert caplog.messages == []


def test_an_interruption_does_not_wait_for_pauses(ended: list[str]) -> None:
    interruption = Interruption(THREADS)
    paused = replace(current(), sleep=lambda _: interruption())
    with using(paused), ScriptedServer(lambda _: TROUBLE) as server:
        follow(server, looks(ended), interruption.over)
        assert len(server.received) == THREADS
    assert ended == ["closed"] * THREADS


def test_an_interruption_before_all_threads_have_begun_stops_those_that_have(
    ended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release, begun = threading.Event(), threading.Semaphore(0)
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def hold(received: Received) -> Reply:
        begun.release()
        release.wait(10)
        return reply(200, BATCH)

    def start_two(thread: threading.Thread) -> None:
        if threading.get_ident() == MAIN:
            if len(started) == 2:
                begun.acquire(timeout=10)
                raise TimeLimitError
            started.append(thread)
        start(thread)

    with ScriptedServer(hold) as server:
        monkeypatch.setattr(threading.Thread, "start", start_two)
        follow(server, looks(ended), release)
        assert 1 <= len(server.received) <= 2
    assert 1 <= ended.count("closed") <= 2


def test_threads_of_threads_stop_too(ended: list[str]) -> None:
    interruption = Interruption(2 * 2)

    def hold(received: Received) -> Reply:
        interruption()
        return TROUBLE

    with ScriptedServer(hold) as server:
        follow(server, [together(looks(ended, 2)), together(looks(ended, 2))], interruption.over)
        assert len(server.received) == 4
