"""While waits are under way, full collections look only at what is new."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sinch_provider.sms.runtime import current, using
from sinch_provider.triggers.garbage import FULL_AFTER, THAW_AFTER, Freezing


class Clock:
    now = 0.0


class Ring:
    """Garbage that only the collector finds."""

    left = 0

    def __init__(self) -> None:
        self.itself = self
        Ring.left += 1

    def __del__(self) -> None:
        Ring.left -= 1


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with using(replace(current(), monotonic=lambda: clock.now)):
        yield clock


@pytest.fixture
def freezing(clock: Clock) -> Iterator[Freezing]:
    Ring.left = 0
    freezing = Freezing()
    freezing.begin()
    yield freezing
    gc.collect()


def test_what_survives_a_full_collection_is_frozen(freezing: Freezing) -> None:
    # Python 3.12 and later have frozen what is never freed.
    before = gc.get_freeze_count()
    gc.collect(1)
    assert gc.get_freeze_count() == before
    gc.collect()
    assert gc.get_freeze_count() > before + 1000
    freezing.end()


def test_full_collections_come_more_often(freezing: Freezing) -> None:
    often = gc.get_threshold()
    assert often[2] == FULL_AFTER
    freezing.end()
    assert often[:2] == gc.get_threshold()[:2]
    assert gc.get_threshold()[2] > FULL_AFTER


def test_thresholds_that_somebody_has_changed_meanwhile_stay(freezing: Freezing) -> None:
    before = (*gc.get_threshold()[:2], 10)
    gc.set_threshold(500, 5, 5)
    freezing.end()
    assert gc.get_threshold() == (500, 5, 5)
    gc.set_threshold(*before)


def test_new_garbage_is_collected(freezing: Freezing) -> None:
    gc.collect()
    Ring()
    gc.collect()
    assert Ring.left == 0
    freezing.end()


def test_old_garbage_is_collected_after_a_while(freezing: Freezing, clock: Clock) -> None:
    ring = Ring()
    gc.collect()
    del ring
    gc.collect()
    assert Ring.left == 1
    clock.now += THAW_AFTER
    gc.collect()
    gc.collect()
    assert Ring.left == 0
    assert gc.get_freeze_count() > 1000
    freezing.end()


def test_the_collector_is_as_before_when_all_have_ended(freezing: Freezing) -> None:
    callbacks = len(gc.callbacks)
    freezing.begin()
    freezing.end()
    assert len(gc.callbacks) == callbacks
    gc.collect()
    freezing.end()
    assert gc.get_freeze_count() == 0
    assert len(gc.callbacks) == callbacks - 1
    gc.collect()
    # Python 3.12 and later freeze what is never freed.
    assert gc.get_freeze_count() < 1000
