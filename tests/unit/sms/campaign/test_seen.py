"""Numbers that were seen."""

from __future__ import annotations

import random

from sinch_provider.sms.campaign.seen import Seen

MARIA, JOHAN = "447700900222", "447700900333"


def numbers(start: int, end: int) -> list[str]:
    return [f"999{each:08}" for each in range(start, end)]


def test_all_of_them_are_new() -> None:
    seen = Seen()
    assert seen.add([MARIA, JOHAN]) is None
    assert MARIA in seen
    assert "447700900444" not in seen
    assert len(seen) == 2


def test_some_of_them_are() -> None:
    seen = Seen()
    assert seen.add([MARIA, MARIA, JOHAN]) == [True, False, True]
    assert seen.add([JOHAN, "447700900444"]) == [False, True]
    assert len(seen) == 3


def test_however_many_there_are() -> None:
    seen = Seen(full=1000)
    everybody = numbers(0, 4500)
    for start in range(0, len(everybody), 300):
        assert seen.add(everybody[start : start + 300]) is None
    assert len(seen) == len(everybody)
    assert seen.add(everybody[:300]) == [False] * 300
    chance = random.Random(3)
    for _ in range(20):
        some = chance.sample(everybody, 500)
        assert seen.add(some) == [False] * 500
        assert all(each in seen for each in some)
    assert seen.add([everybody[0], "998", everybody[-1]]) == [False, True, False]
    assert len(seen) == len(everybody) + 1


def test_nobody_is_shown() -> None:
    seen = Seen()
    seen.add([MARIA])
    assert repr(seen) == "<1 numbers>"


def test_which_of_many_were_seen() -> None:
    seen = Seen(full=1000)
    for start in range(0, 2500, 500):
        seen.add(numbers(start, start + 500))
    some = [int(each) for each in numbers(900, 1100) + numbers(2450, 2600)]
    assert seen.among(some) == {int(each) for each in numbers(900, 1100) + numbers(2450, 2500)}
    assert seen.among([]) == set()
    assert Seen().among(some) == set()
