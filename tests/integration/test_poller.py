"""All waits of a connection in one event loop share connections, token, connection look-up and back-off."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat import connection as compat

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.delivery.wait import BLIND_LOOKS
from sinch_provider.sms.runtime import current, using
from sinch_provider.triggers.batches import SinchBatchTrigger
from sinch_provider.triggers.poller import AT_ONCE, RENEW_AFTER, pollers

MARIA = "+447700900222"
NEVER_A_RECEIPT = "+447700900401"
BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


class Clock:
    """Pauses take no time, but move this clock. ``at_pause`` is called in each."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.pauses: list[float] = []
        self.at_pause: Any = lambda: None

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at_pause()
        await asyncio.sleep(0.001)
        self.offset += seconds / 100

    def monotonic(self) -> float:
        return real.monotonic() + self.offset


real = current()


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with using(replace(current(), async_sleep=clock.sleep, monotonic=clock.monotonic)):
        yield clock


@pytest.fixture
def send(sinch_default):
    def send(*to, **fields):
        # Closed again, because these tests count connections.
        with SinchHook().new_client() as client:
            return client.batches.send(to=to, body="Hi", **fields).id

    return send


@pytest.fixture
def look_ups(monkeypatch) -> list[Any]:
    """The names of the connections that were looked up; entries of ``failing`` are raised first."""
    made: list[Any] = []
    look_up = compat.get_async_connection

    async def noted(conn_id, hook=None):
        made.append(conn_id)
        await asyncio.sleep(0.01)
        return await look_up(conn_id, hook)

    monkeypatch.setattr(compat, "get_async_connection", noted)
    return made


async def event_of(trigger):
    return (await anext(trigger.run())).payload


async def events_of(*triggers):
    return await asyncio.gather(*map(event_of, triggers))


def waits(batch_ids, **arguments):
    return [SinchBatchTrigger(batch_ids=[each], **arguments) for each in batch_ids]


def sockets(sandbox) -> int:
    """The connections of this process to the sandbox, counted at this end."""
    port = f":{urlsplit(sandbox.url).port:04X}"
    lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    # The system shows some connections several times if others come and go while it lists them.
    return len({line[1] for line in lines if line[2].endswith(port) and line[3] == "01"})


def traces(sandbox) -> dict[str, int]:
    """What waits have left behind."""
    left = {
        "pollers": len(pollers),
        "tasks": len(asyncio.all_tasks()) - 1,
        "sockets": sockets(sandbox),
        "frozen objects": gc.get_freeze_count(),
        "callbacks": sum(each.__module__ == "sinch_provider.triggers.garbage" for each in gc.callbacks),
    }
    return {name: count for name, count in left.items() if count}


async def settled(sandbox) -> dict[str, int]:
    """The same, after the system has had a moment to close sockets."""
    for _ in range(100):
        if not traces(sandbox):
            break
        await asyncio.sleep(0.01)
    return traces(sandbox)


def test_many_waits_share_connections_and_look_up(sinch_default, send, look_ups, clock):
    batch_ids = [send(MARIA) for _ in range(100)]
    seen: list[int] = []

    def sample() -> None:
        if len(clock.pauses) % 20 == 0:
            seen.append(sockets(sinch_default))
        if len(clock.pauses) % 300 == 299:
            sinch_default.advance(1)

    async def test() -> None:
        clock.at_pause = sample
        events = await events_of(*waits(batch_ids * 4))
        assert {event["status"] for event in events} == {"finished"}
        assert not await settled(sinch_default)

    asyncio.run(test())
    assert 16 <= max(seen) <= 32
    assert look_ups == ["sinch_default"]


def test_many_waits_fetch_one_token(sinch_default, monkeypatch, clock):
    connection = sinch_default.project_connection
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
    with SinchHook().new_client() as client:
        batch_id = client.batches.send(to=[MARIA], body="Hi").id
    sinch_default.advance(60)
    sinch_default.clear_calls()
    # This process has no token of this endpoint yet.
    connection["extra"]["auth_url"] = sinch_default.url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
    events = asyncio.run(events_of(*waits([batch_id] * 100)))
    assert {event["status"] for event in events} == {"finished"}
    assert sinch_default.calls()["token"] == 1


def test_a_wait_that_is_cancelled_leaves_no_trace(sinch_default, send, clock):
    batch_ids = [send(NEVER_A_RECEIPT) for _ in range(3)]

    async def test() -> None:
        tasks = [asyncio.create_task(event_of(each)) for each in waits(batch_ids * 20)]
        under_way = asyncio.Event()
        clock.at_pause = lambda: under_way.set() if len(clock.pauses) == 100 else None
        await under_way.wait()
        assert traces(sinch_default)["pollers"] == 1
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks[1:], return_exceptions=True)
        assert traces(sinch_default)["pollers"] == 1, "one wait is left"
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not await settled(sinch_default)

    asyncio.run(test())


@pytest.mark.parametrize("moment", [0, 0.005, 0.02])
def test_a_wait_that_is_cancelled_early_does_not_stop_others(sinch_default, send, look_ups, clock, moment):
    batch_id = send(MARIA)
    sinch_default.advance(60)

    async def test() -> None:
        first, *others = [asyncio.create_task(event_of(each)) for each in waits([batch_id] * 5)]
        await asyncio.sleep(moment)
        first.cancel()
        assert {(await each)["status"] for each in others} == {"finished"}
        assert not await settled(sinch_default)

    asyncio.run(test())


def test_each_connection_has_a_poller_of_its_own(sinch_default, send, look_ups, clock, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps(sinch_default.connection))
    batch_id = send(MARIA)
    sinch_default.advance(60)

    async def test() -> None:
        found = await events_of(*waits([batch_id] * 3), *waits([batch_id] * 3, sinch_conn_id="other"))
        assert {event["status"] for event in found} == {"finished"}

    asyncio.run(test())
    assert Counter(look_ups) == {"sinch_default": 1, "other": 1}


def test_the_first_look_comes_a_moment_after_the_deferral(sinch_default, send, clock):
    batch_id = send(MARIA)
    sinch_default.advance(60)
    before = sinch_default.calls()
    clock.at_pause = lambda: seen.append(sinch_default.calls())
    seen: list[Any] = []
    assert asyncio.run(event_of(*waits([batch_id])))["status"] == "finished"
    assert seen == [before]
    assert 1 <= clock.pauses[0] <= 2


class TestConnection:
    def test_that_is_missing_fails_all_waits_after_three_looks(self, sinch_default, look_ups, clock):
        async def test() -> None:
            events = await events_of(*waits([BATCH_ID] * 20, sinch_conn_id="nowhere"))
            assert {event["status"] for event in events} == {"error"}
            assert {event["transient"] for event in events} == {False}
            assert not await settled(sinch_default)

        asyncio.run(test())
        assert look_ups == ["nowhere"] * 3

    def test_is_read_again_every_ten_minutes(self, sinch_default, send, look_ups, clock, monkeypatch):
        batch_ids = [send(MARIA) for _ in range(20)]
        changed = {**sinch_default.connection, "extra": {**sinch_default.connection["extra"], "timeout": 7}}

        def change() -> None:
            monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(changed))
            clock.offset += RENEW_AFTER

        def lose() -> None:
            # Airflow's database does not answer.
            monkeypatch.delenv("AIRFLOW_CONN_SINCH_DEFAULT")
            clock.offset += RENEW_AFTER

        steps = [change, lose, lambda: sinch_default.advance(60)]

        def go_on() -> None:
            # A look-up has a thread of its own, which may be slow.
            if steps and len(look_ups) > 3 - len(steps) and len(clock.pauses) >= 100 * len(look_ups):
                steps.pop(0)()

        clock.at_pause = go_on
        events = asyncio.run(events_of(*waits(batch_ids)))
        assert {event["status"] for event in events} == {"finished"}
        assert look_ups == ["sinch_default"] * 3

    def test_that_leads_to_another_account_is_for_waits_that_begin_later(
        self, sinch_default, send, look_ups, clock, monkeypatch, caplog
    ):
        batch_ids = [send(MARIA) for _ in range(20)]
        elsewhere = {**sinch_default.connection, "login": "another-plan"}
        is_noticed = asyncio.Event()

        def change() -> None:
            if len(clock.pauses) == 100:
                monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(elsewhere))
                clock.offset += RENEW_AFTER
            if len(clock.pauses) > 100 and not pollers:
                is_noticed.set()

        async def test() -> None:
            clock.at_pause = change
            waiting = [asyncio.create_task(event_of(each)) for each in waits(batch_ids)]
            await is_noticed.wait()
            late = await event_of(*waits(batch_ids[:1]))
            assert late["status"] == "error", "the sandbox has no other plan"
            await asyncio.to_thread(sinch_default.advance, 60)
            assert {(await each)["status"] for each in waiting} == {"finished"}
            assert not await settled(sinch_default)

        asyncio.run(test())
        assert "leads to another account now" in caplog.text

    def test_whose_new_token_is_mistyped_leaves_the_old_one_in_use(
        self, sinch_default, send, look_ups, clock, monkeypatch, caplog
    ):
        batch_ids = [send(MARIA) for _ in range(20)]

        def change() -> None:
            if len(clock.pauses) == 100:
                mistyped = {**sinch_default.connection, "password": "mistyped"}
                monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(mistyped))
                clock.offset += RENEW_AFTER
            if len(clock.pauses) == 300:
                sinch_default.advance(60)

        clock.at_pause = change
        events = asyncio.run(events_of(*waits(batch_ids)))
        assert {event["status"] for event in events} == {"finished"}
        assert caplog.text.count("does not accept the new credentials") == 1
        assert "mistyped" not in caplog.text

    def test_is_read_again_when_sinch_refuses_the_credentials(
        self, sinch_default, send, look_ups, clock, monkeypatch
    ):
        batch_ids = [send(MARIA) for _ in range(20)]
        extra = {**sinch_default.connection["extra"], "timeout": 7}

        def change() -> None:
            if len(clock.pauses) == 100:
                clock.offset += 60
                sinch_default.fault("unknown_token", "delivery_report", count=1)
                changed = {**sinch_default.connection, "extra": extra}
                monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(changed))
            if len(clock.pauses) == 200:
                sinch_default.advance(60)

        clock.at_pause = change
        events = asyncio.run(events_of(*waits(batch_ids)))
        assert {event["status"] for event in events} == {"finished"}
        assert look_ups == ["sinch_default"] * 2

    def test_that_is_wrong_and_unchanged_fails_the_waits_after_one_more_look_up(
        self, sinch_default, send, look_ups, clock
    ):
        batch_ids = [send(MARIA) for _ in range(100)]

        def refuse() -> None:
            if len(clock.pauses) == 300:
                clock.offset += 60
                sinch_default.fault("unknown_token", "*", count=None)

        clock.at_pause = refuse
        events = asyncio.run(events_of(*waits(batch_ids)))
        assert {(event["status"], event.get("transient")) for event in events} == {("error", False)}
        assert "does not accept the credentials" in events[0]["message"]
        assert look_ups == ["sinch_default"] * 2


class TestTrouble:
    def test_one_call_at_a_time_asks_whether_it_is_over(self, sinch_default, send, clock):
        batch_ids = [send(MARIA) for _ in range(60)]
        calls: list[int] = []

        def trouble() -> None:
            if len(clock.pauses) == 200:
                sinch_default.clear_calls()
                sinch_default.fault("rate_limited", "delivery_report", count=None)
            if len(clock.pauses) == 1200:
                calls.append(sinch_default.calls().get("delivery_report", 0))
                sinch_default.clear_faults()
                sinch_default.advance(60)

        clock.at_pause = trouble
        events = asyncio.run(events_of(*waits(batch_ids)))
        assert {event["status"] for event in events} == {"finished"}
        # Those that were under way, and then one in each round of about sixty waits.
        assert calls[0] <= 32 + 1000 // 20

    def test_that_does_not_end_fails_waits_that_know_nothing(self, sinch_default, send, clock):
        batch_id = send(MARIA)
        sinch_default.clear_calls()
        sinch_default.fault("server_error", "get", count=None)
        events = asyncio.run(events_of(*waits([batch_id] * 8)))
        assert {(event["status"], event["transient"]) for event in events} == {("error", True)}
        assert sinch_default.calls()["get"] <= 8 * BLIND_LOOKS / 4

    def test_of_one_batch_that_does_not_exist_is_no_trouble_for_others(self, sinch_default, send, clock):
        batch_id = send(MARIA)
        sinch_default.advance(60)
        missing, *others = asyncio.run(events_of(*waits([BATCH_ID, *[batch_id] * 8])))
        assert missing["transient"] is False
        assert {event["status"] for event in others} == {"finished"}

    def test_a_batch_that_appears_late_is_found(self, sinch_default, send, clock):
        sinch_default.fault("refused_by_proxy", "get", count=2, status=404)
        batch_id = send(MARIA)
        sinch_default.advance(60)
        assert asyncio.run(event_of(*waits([batch_id])))["status"] == "finished"
        assert sinch_default.calls()["get"] == 3


def test_killed_waits_look_the_connection_up_once(sinch_default, send, look_ups, clock):
    later = "2099-01-01T00:00:00Z"
    batch_ids = [send(MARIA, send_at=later) for _ in range(40)]
    triggers = waits(batch_ids, cancel_on_kill=True)

    async def test() -> None:
        await asyncio.gather(*(each.on_kill() for each in triggers))
        assert not await settled(sinch_default)

    asyncio.run(test())
    assert {batch["canceled"] for batch in sinch_default.batches()} == {True}
    assert look_ups == ["sinch_default"]


def test_killed_waits_do_not_wait_for_slow_looks(sinch_default, send, clock):
    batch_ids = [send(MARIA, send_at="2099-01-01T00:00:00Z"), *(send(MARIA) for _ in range(40))]
    sinch_default.fault("latency", "delivery_report", seconds=30, count=None)

    async def test() -> None:
        slow = [asyncio.create_task(event_of(each)) for each in waits(batch_ids[1:])]
        # All calls that may be under way are, and the rest of the waits are in line for them.
        while (await asyncio.to_thread(sinch_default.calls)).get("delivery_report", 0) < AT_ONCE:
            pass
        async with asyncio.timeout(10):
            await waits(batch_ids[:1], cancel_on_kill=True)[0].on_kill()
        assert not any(each.done() for each in slow)
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)

    asyncio.run(test())
    assert [batch["canceled"] for batch in sinch_default.batches() if batch["id"] == batch_ids[0]] == [True]


def test_one_wait_over_many_batches_makes_several_calls_at_once(sinch_default, send, clock):
    batch_ids = [send(MARIA) for _ in range(60)]
    sinch_default.fault("latency", "delivery_report", seconds=0.02, count=None)
    sinch_default.advance(60)
    most = 0
    done = threading.Event()

    def sample() -> None:
        nonlocal most
        while not done.wait(0.001):
            most = max(most, sockets(sinch_default))

    sampling = threading.Thread(target=sample)
    sampling.start()
    event = asyncio.run(event_of(SinchBatchTrigger(batch_ids=batch_ids)))
    done.set()
    sampling.join()
    assert event["status"] == "finished"
    assert event["summary"]["batch_ids"] == batch_ids
    # Never more than a connection of Airflow's may have, however many batches there are.
    assert 4 <= most <= 32
