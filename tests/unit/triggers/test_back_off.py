"""One back-off for many calls: who waits, who is tried, and who gets which error."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from sinch_provider.sms.errors import (
    SinchConnectionError,
    SinchError,
    SinchNotFoundError,
    SinchRateLimitError,
    SinchUnexpectedAnswerError,
)
from sinch_provider.sms.runtime import current, using
from sinch_provider.triggers.back_off import LONGEST_ASKED_PAUSE, LONGEST_PAUSE, SPEAK_FOR_ALL, BackOff


class Sinch:
    """A server that can be down, and a clock that only pauses move."""

    def __init__(self, at_once: int = 4) -> None:
        self.back_off = BackOff(at_once)
        self.trouble: SinchError | None = None
        self.calls: list[str] = []
        self.pauses: list[float] = []
        self.under_way = self.most = 0
        self.now = 1000.0

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await steps()
        self.now += seconds

    async def call(self, name: str = "call", error: SinchError | None = None) -> str:
        async def answer() -> str:
            self.calls.append(name)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                await asyncio.sleep(0)
            finally:
                self.under_way -= 1
            if found := error or self.trouble:
                raise copy(found)
            return name

        return await self.back_off.make(answer, name)

    async def fail(self, trouble: SinchError | None = None) -> None:
        self.trouble = trouble or SinchConnectionError("get: no connection")
        with pytest.raises(SinchError):
            await self.call()
        self.calls.clear()


async def steps() -> None:
    """Let all other tasks go as far as they can."""
    for _ in range(200):
        await asyncio.sleep(0)


@pytest.fixture
def sinch() -> Iterator[Sinch]:
    sinch = Sinch()
    with using(
        replace(
            current(),
            monotonic=lambda: sinch.now,
            async_sleep=sinch.pause,
            uniform=lambda low, high: high,
        )
    ):
        yield sinch


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def gathered(sinch: Sinch, count: int) -> list[Any]:
    return await asyncio.gather(*(sinch.call(str(at)) for at in range(count)), return_exceptions=True)


def test_no_more_calls_are_under_way_than_allowed(sinch: Sinch) -> None:
    async def test() -> None:
        assert await gathered(sinch, 40) == [str(at) for at in range(40)]

    run(test())
    assert sinch.most == 4
    assert sinch.pauses == []


def test_one_call_at_a_time_is_tried_and_the_third_failure_is_shared(sinch: Sinch) -> None:
    async def test() -> None:
        await sinch.fail()
        found = await gathered(sinch, 500)
        assert sinch.calls == ["0", "1"]
        assert sinch.most == 1
        assert {type(error) for error in found} == {SinchConnectionError}
        assert {str(error) for error in found} == {str(sinch.trouble)}
        assert len({id(error) for error in found}) == 500, "errors collect where they were raised"

    run(test())
    assert sinch.pauses == [1, 2]


def test_one_success_opens_the_way_for_all(sinch: Sinch) -> None:
    async def test() -> None:
        await sinch.fail()
        sinch.trouble = None
        assert await gathered(sinch, 500) == [str(at) for at in range(500)]
        assert 2 <= sinch.most <= 4
        assert await gathered(sinch, 3) == ["0", "1", "2"]

    run(test())
    assert sinch.pauses == [1]


def test_pauses_grow_while_trouble_lasts_and_begin_anew_after_it(sinch: Sinch) -> None:
    async def test() -> None:
        await sinch.fail()
        for _ in range(8):
            await gathered(sinch, 1)
        sinch.trouble = None
        await sinch.call()
        await sinch.fail()
        await gathered(sinch, 1)

    run(test())
    assert sinch.pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE, 1]


@pytest.mark.parametrize(("asked", "pause"), [(0, 1), (30, 31), (120, 121), (86400, LONGEST_ASKED_PAUSE + 1)])
def test_the_server_may_say_how_long_to_wait(sinch: Sinch, asked: float, pause: float) -> None:
    async def test() -> None:
        await sinch.fail(SinchRateLimitError("get: too many requests", retry_after=asked))
        await gathered(sinch, 1)

    run(test())
    assert sinch.pauses == [pause]


def test_calls_that_fail_together_count_as_one_failure(sinch: Sinch) -> None:
    async def test() -> None:
        sinch.trouble = SinchConnectionError("get: no connection")
        await gathered(sinch, 4)
        assert len(sinch.calls) == 4
        await gathered(sinch, 1)

    run(test())
    assert sinch.pauses == [1]


def test_calls_that_wait_for_their_turn_stop_when_trouble_begins(sinch: Sinch) -> None:
    async def test() -> None:
        sinch.trouble = SinchConnectionError("get: no connection")
        await gathered(sinch, 400)

    run(test())
    # Four that were under way, and two that were tried.
    assert len(sinch.calls) == 6


def test_an_error_that_concerns_one_call_only_does_not_stop_others(sinch: Sinch) -> None:
    async def test() -> None:
        missing = SinchNotFoundError("get: not found")
        with pytest.raises(SinchNotFoundError):
            await sinch.call(error=missing)
        assert await sinch.call() == "call"
        assert sinch.pauses == []
        await sinch.fail()
        sinch.trouble = None
        first, *others = await asyncio.gather(
            sinch.call(error=missing), sinch.call(), sinch.call(), return_exceptions=True
        )
        assert isinstance(first, SinchNotFoundError)
        assert others == ["call", "call"], "Sinch has answered, so the trouble is over"

    run(test())


def test_another_call_is_tried_if_the_first_is_cancelled(sinch: Sinch) -> None:
    async def test() -> None:
        await sinch.fail()
        sinch.trouble = None
        tasks = [asyncio.create_task(sinch.call(str(at))) for at in range(5)]
        await asyncio.sleep(0)
        # One that waits goes too, and so does the next in line.
        for task in tasks[:3]:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in found[:3]] == [asyncio.CancelledError] * 3
        assert found[3:] == ["3", "4"]

    run(test())


def test_no_cancellation_stops_the_others(sinch: Sinch) -> None:
    async def test() -> None:
        await sinch.fail()
        sinch.trouble = None
        tasks = [asyncio.create_task(sinch.call(str(at))) for at in range(6)]
        await asyncio.sleep(0)
        # Airflow cancels triggers one after the other, each a moment after the one before.
        for task in tasks[:4]:
            task.cancel()
            await asyncio.sleep(0)
        assert await asyncio.gather(*tasks[4:]) == ["4", "5"]

    run(test())


def test_trouble_may_last_for_days(sinch: Sinch) -> None:
    async def test() -> None:
        await sinch.fail()
        for _ in range(1200):
            with pytest.raises(SinchConnectionError):
                await sinch.call()
        sinch.trouble = None
        assert await gathered(sinch, 2) == ["0", "1"]

    run(test())


def test_a_call_that_always_fails_does_not_stop_the_others(sinch: Sinch) -> None:
    poison = SinchConnectionError("get: it took too long")

    async def fail_always() -> None:
        while True:
            with pytest.raises(SinchConnectionError):
                await sinch.call("poison", poison)
            await asyncio.sleep(0)

    async def test() -> None:
        failing = asyncio.create_task(fail_always())
        await steps()
        for _ in range(20):
            assert await gathered(sinch, 3) == ["0", "1", "2"]
        assert not failing.done()
        failing.cancel()

    run(test())


def test_an_answer_that_cannot_be_read_concerns_one_call_only(sinch: Sinch) -> None:
    async def test() -> None:
        with pytest.raises(SinchUnexpectedAnswerError):
            await sinch.call(error=SinchUnexpectedAnswerError("get: the answer is not usable"))
        assert await gathered(sinch, 3) == ["0", "1", "2"]
        assert sinch.pauses == []

    run(test())


def test_calls_that_begin_after_a_shared_failure_are_tried(sinch: Sinch) -> None:
    async def test() -> None:
        await sinch.fail()
        await gathered(sinch, SPEAK_FOR_ALL)
        sinch.trouble = None
        assert await sinch.call() == "call"

    run(test())


def test_those_that_go_on_together_do_not_block_the_event_loop(sinch: Sinch) -> None:
    async def test() -> None:
        await sinch.fail()
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(sinch.call()) for _ in range(2000)]
        await asyncio.sleep(0)
        counting = asyncio.create_task(count())
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        before = turns
        await asyncio.gather(*tasks, return_exceptions=True)
        counting.cancel()
        assert turns - before > 20

    run(test())
