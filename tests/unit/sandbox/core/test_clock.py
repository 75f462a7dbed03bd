"""Time and identifiers."""

from __future__ import annotations

import pytest

from sinch_sandbox.core.clock import Clock
from sinch_sandbox.core.ids import IdFactory
from sinch_sandbox.core.tokens import TokenBucket

NOW = 1_731_406_512_345


class FakeTime:
    """The machine's time, in seconds since the start of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr("time.time_ns", lambda: NOW * 1_000_000 + int(self.seconds * 1e9))
        monkeypatch.setattr("time.monotonic_ns", lambda: int(self.seconds * 1e9))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    return FakeTime(monkeypatch)


def test_the_real_clock_runs_and_can_be_moved_on_top(machine: FakeTime) -> None:
    clock = Clock("real")
    machine.seconds = 1.5
    assert clock.now() == NOW + 1_500
    assert clock.advance(10) == NOW + 11_500
    clock.reset(floor=0)
    assert clock.now() == NOW + 1_500


def test_the_real_clock_can_run_faster(machine: FakeTime) -> None:
    clock = Clock("real", speed=60)
    machine.seconds = 2
    assert clock.now() == NOW + 120_000


def test_the_manual_clock_stands_still_until_it_is_moved(machine: FakeTime) -> None:
    clock = Clock("manual")
    machine.seconds = 1000
    assert clock.now() == NOW
    assert clock.advance(0.25) == NOW + 250


def test_time_never_begins_before_what_the_ledger_has_seen(machine: FakeTime) -> None:
    assert Clock("manual", floor=NOW + 5).now() == NOW + 5
    assert Clock("real", floor=NOW - 5).now() == NOW


def test_ids_carry_their_time_and_never_go_backwards() -> None:
    ids = IdFactory()
    made = [ids.new(now) for now in (NOW, NOW, NOW - 1000, NOW + 1)]
    assert made == sorted(set(made))
    assert {len(each) for each in made} == {26}
    assert made[0][:10] == made[2][:10] < made[3][:10]


def test_ids_go_on_after_the_last_one() -> None:
    last = IdFactory().new(NOW)
    assert IdFactory(last).new(NOW - 86_400_000) > last


def test_the_bucket_never_holds_more_than_it_can() -> None:
    bucket = TokenBucket()
    assert bucket.take(NOW)
    assert [bucket.take(NOW + 3_600_000) for _ in range(31)] == [True] * 30 + [False]
