"""What it costs to turn a million phone numbers into what the API takes."""

from __future__ import annotations

import random
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import phonenumbers
from figures import Figure, Plot, Ratio, Result, main

from sinch_provider.sms.fields.recipients import normalize_each, normalize_recipients

MILLION = 1_000_000
#: The peers are slow, so fewer numbers are measured and the time is scaled to a million.
WALKED = 100_000
PARSED = 10_000
_DIGITS = re.compile(r"[0-9]{5,15}")


def clean(chance: random.Random) -> list[str]:
    """E.164 numbers in no order, one in a hundred of them twice."""
    numbers = [f"+999{index:09}" for index in chance.sample(range(10**9), MILLION - MILLION // 100)]
    numbers += chance.choices(numbers, k=MILLION // 100)
    chance.shuffle(numbers)
    return numbers


def mixed(chance: random.Random) -> list[Any]:
    """Numbers as people, spreadsheets and databases write them."""
    return [_written(chance.randrange(20), f"{chance.randrange(10**9):09}") for _ in range(MILLION)]


def _written(form: int, digits: str) -> Any:
    one, two, three = digits[:3], digits[3:6], digits[6:]
    match form:
        case 0:
            # The country must be a real one. So these are a thousand numbers, all reserved for fiction.
            return "+44 (0)7700 " + "900" + three
        case 1 | 2:
            return f"+999.{one}.{two}.{three}"
        case 3 | 4:
            return int(f"999{digits}")
        case 5 | 6:
            return f"(+999) {one} {two} {three}"
        case 7 | 8 | 9:
            return f"00999 {one} {two} {three}"
        case 10:
            return f"+999\u00a0{one}\u00a0{two}\u00a0{three}"
        case 11:
            return f" +999{digits}\n"
        case 12 | 13 | 14:
            return f"+999{digits}"
        case _:
            return f"+999 {one} {two}-{three}"


def walk(number: str) -> str:
    """What a careful function for one number does: look at every character."""
    kept = "".join(
        each
        for each in number.strip()
        if each not in "()[]." and unicodedata.category(each) not in "Zs Cf Pd"
    )
    digits = kept[1:] if kept.startswith("+") else kept.removeprefix("00")
    if not _DIGITS.fullmatch(digits) or digits.startswith("0"):
        raise ValueError("no international number")
    return digits


def library(number: str) -> str:
    parsed = phonenumbers.parse(number)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)[1:]


def bare(numbers: Sequence[str]) -> list[str]:
    return [number.removeprefix("+") for number in numbers]


def cpu(action: Callable[[], object], scale: float = 1) -> float:
    """Seconds of CPU."""
    began = time.process_time()
    action()
    return (time.process_time() - began) * scale


def measure(rounds: int) -> Result:
    chance = random.Random(1)
    numbers, writings = clean(chance), mixed(chance)
    some, few = numbers[:WALKED], [f"+44 7700 {900000 + chance.randrange(1000)}" for _ in range(PARSED)]
    assert normalize_each(numbers) == (bare(numbers), {})
    assert normalize_recipients(numbers, "to") == (list(dict.fromkeys(bare(numbers))), [])
    assert not normalize_recipients(writings, "to")[1]
    contenders: dict[str, Callable[[], float]] = {
        "clean": lambda: cpu(lambda: normalize_each(numbers)),
        "distinct": lambda: cpu(lambda: normalize_recipients(numbers, "to")),
        "mixed": lambda: cpu(lambda: normalize_recipients(writings, "to")),
        "walk": lambda: cpu(lambda: [walk(each) for each in some], MILLION / WALKED),
        "library": lambda: cpu(lambda: [library(each) for each in few], MILLION / PARSED),
        "floor": lambda: cpu(lambda: bare(numbers)),
        "floor_distinct": lambda: cpu(lambda: list(dict.fromkeys(bare(numbers)))),
    }
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            took[name].append(contender())
    titles = {
        "clean": ("a million clean numbers, all at once", 0.4),
        "distinct": ("a million clean numbers, each recipient once, in the order of first appearance", 0.8),
        "mixed": ("a million in mixed human writings, each recipient once", 4.0),
        "walk": ("clean numbers, one by one, character by character", None),
        "library": ("numbers with blanks, phonenumbers.parse and format_number", None),
        "floor": ("bare list comprehension that strips the plus and checks nothing", None),
        "floor_distinct": ("bare list comprehension that strips the plus, with dict.fromkeys", None),
    }
    return Result(
        name="normalise",
        title="CPU for a million phone numbers, from what users give to what the API takes",
        floor="a list comprehension that strips the plus of each number and checks nothing",
        figures=[
            Figure(f"normalise.{name}", title, "s", took[name], limit)
            for name, (title, limit) in titles.items()
        ],
        ratios=[
            Ratio("normalise.clean/floor", "clean against the floor", "normalise.clean", "normalise.floor"),
            Ratio("normalise.clean/walk", "clean against one by one", "normalise.clean", "normalise.walk"),
            Ratio(
                "normalise.distinct/floor",
                "distinct against its floor",
                "normalise.distinct",
                "normalise.floor_distinct",
            ),
            Ratio(
                "normalise.mixed/library", "mixed against the library", "normalise.mixed", "normalise.library"
            ),
        ],
        plots=[
            Plot(
                "normalise",
                "CPU for a million phone numbers",
                y="s",
                bars=[f"normalise.{name}" for name in titles],
            )
        ],
        notes=[
            "Reading all numbers at once can cost less than the floor, which is a loop in Python.",
            f"The function for one number ran on {WALKED:,} numbers, and phonenumbers on {PARSED:,}; both "
            "times are scaled to a million.",
            "Of the mixed writings, 5 % have a zero in brackets, which only the library phonenumbers can "
            "interpret: almost half of their time. 5 % have blanks that are not in ASCII, 5 % end in a line "
            "break, 10 % are integers, 10 % have dots, 15 % begin with 00, 15 % are clean.",
        ],
    )


if __name__ == "__main__":
    main(measure)
