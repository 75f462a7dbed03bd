"""Many recipients at once: the same digits and the same faults as one after the other."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.recipients import (
    as_text,
    normalize_each,
    normalize_number,
    normalize_recipient,
    normalize_recipients,
    split_recipients,
)
from sinch_provider.sms.masking import mask_number

GROUP = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
NUMBER = "447700900222"


class Strip(str):
    """A text that claims to be another one when it is stripped."""

    __slots__ = ()

    def strip(self, chars: Any = None) -> str:
        return "447700900333"


class Loud(str):
    """A text of a type of its own, like those that templates return."""

    __slots__ = ()


class Whole(int):
    """A whole number that writes itself in another way."""

    def __str__(self) -> str:
        return "12345678"


clean = st.from_regex(r"\+?[1-9][0-9]{4,14}", fullmatch=True)
groups = st.from_regex(r"[0-9A-Za-z]{26}", fullmatch=True)
written = st.builds(
    lambda prefix, parts, between, suffix: prefix + between.join(parts) + suffix,
    st.sampled_from(["", "+", "00", "(+", " +", "++", "0", "\t", "\u202a+", "-"]),
    st.lists(st.from_regex(r"[0-9]{1,5}", fullmatch=True), min_size=1, max_size=5),
    st.sampled_from(
        ["", " ", "-", ".", "\u00a0", "\u2011", "(0)", " ( 0 ) ", ")", "\n", "\r\n", "\x1f", ","]
    ),
    st.sampled_from(["", " ", "\n", "\r", "\x85", "\x1f", "\x00", ".", ".0", ")", "(", "\u200e", "\ud83d"]),
)
odd = st.sampled_from(
    [
        *("", "+", "0", "\n", f"{NUMBER}\n", f"\n{NUMBER}", f"{NUMBER}\r", f"{NUMBER}\x85", f"{NUMBER}\x1f"),
        *(f"{NUMBER}\x1f{NUMBER}", f"{NUMBER}\n{NUMBER}", f"{NUMBER}(", "0)46", "+44 (0)7700 900222", "(0)"),
        *("1" * 15, "1" * 16, "1" * 26, f"+{GROUP}", f"{GROUP} ", "٤٤٧٧٠٠٩٠٠٢٢٢", f"{NUMBER}²", "?", "None"),
        *(Strip(NUMBER), Loud(NUMBER), Loud(f"+{NUMBER}"), Loud(GROUP), Whole(447700900222), True, False),
        *(0, -5, -447700900222, 447700900222, 12345, 10**14, 10**15, 10**25, 10**4000),
        *(None, 4.5, 447700900222.0, Decimal(447700900222), Decimal("NaN"), b"447700900222", {}, object()),
        *((NUMBER,), (NUMBER, 5), (), [], [NUMBER], [[NUMBER]], [[[[NUMBER]]]], [(NUMBER,)], {NUMBER}),
    ]
)
ONE, OTHER = "9990000001", "9990000002"
# Numbers that are cut, so that what comes before and after the character between them is one number again.
torn = st.sampled_from(
    [f"{ONE}(", f"0){OTHER}", f"{ONE}(0", f"){OTHER}", f"{NUMBER}\x1f{NUMBER}", "12345(\x1f0)"]
) | st.lists(st.sampled_from(["(", "0", ")", " ", "\t", "\x1f", "\x1e", NUMBER]), max_size=4).map("".join)
recipients = clean | groups | written | odd | torn | st.text(max_size=20) | st.integers()


def one_by_one(values: Iterable[Any]) -> tuple[list[str], list[Fault]]:
    found: dict[str, None] = {}
    faults = []
    for index, each in enumerate(values):
        try:
            found[normalize_recipient(each)] = None
        except ValueError as error:
            shown = mask_number(each) if isinstance(each, str) else ""
            faults.append(Fault(f"to[{index}]", str(error), shown))
    return list(found), faults


def apart(values: Any, depth: int = 1) -> list[Any]:
    """Take lists in a list apart, and rows of one column."""
    parts: list[Any] = []
    for each in values:
        row = isinstance(each, tuple) and len(each) != 1
        if isinstance(each, (list, tuple)) and not row and depth < 4:
            parts += apart(each, depth + 1)
        else:
            parts.append(each)
    return parts


@settings(max_examples=400, deadline=None)
@given(st.lists(recipients, max_size=12))
@example([f"+{NUMBER}", f"{NUMBER}\n"])
@example([f"{NUMBER}\x1f{NUMBER}", "x"])
@example([f"{NUMBER}\x1f{NUMBER}"])
@example([f"+{NUMBER}\x1f+{NUMBER}"])
@example([Whole(447700900222)])
@example([f"{NUMBER}(", "0)46701740605"])
@example([NUMBER, GROUP, f"+{NUMBER}", GROUP])
@example([10**25, "1" * 26])
@example([NUMBER, Strip("4670174")])
def test_all_at_once_is_one_by_one(values: list[Any]) -> None:
    expected = one_by_one(apart(values))
    assert normalize_recipients(values, "to") == expected
    assert normalize_recipients(tuple(values), "to") == expected
    assert normalize_recipients((each for each in values), "to") == expected
    # The clean ones among many others are read in another way.
    many = [*[f"+{999000000000 + index}" for index in range(2005)], *values]
    recipients, faults = normalize_recipients(many, "to")
    assert (recipients, faults) == one_by_one(apart(many))


TORN = [f"{ONE}(", f"0){OTHER}", "4477009002\x1f4477009003"]


@settings(max_examples=400, deadline=None)
@given(st.lists(torn, max_size=5))
@example(TORN)
@example([f"{ONE}(\x1f0", f"){OTHER}"])
@example(["12345(\x1f0)", "12345"])
def test_what_is_torn_is_not_put_together(values: list[str]) -> None:
    assert normalize_recipients(values, "to") == one_by_one(values)


@settings(deadline=None)
@given(st.lists(clean | written | odd | torn, max_size=12))
@example(TORN)
def test_without_groups_each_is_a_number(values: list[Any]) -> None:
    normal, faults = normalize_each(values, groups=False)
    assert list(zip(normal, [faults.get(index) for index in range(len(values))], strict=True)) == [
        number_of(each) for each in values
    ]


def number_of(value: Any) -> tuple[str, str | None]:
    try:
        return normalize_number(as_text(value)), None
    except ValueError as error:
        return "", str(error)


@given(st.lists(st.lists(clean | groups, max_size=3) | st.tuples(clean) | clean, max_size=6))
def test_lists_and_rows_come_apart(values: list[Any]) -> None:
    assert split_recipients(values) == apart(values)


def test_a_list_is_not_changed_and_not_kept() -> None:
    given = [NUMBER, "447700900333"]
    recipients, _ = normalize_recipients(given, "to")
    recipients.append("x")
    normal, _ = normalize_each(given)
    normal.append("x")
    assert given == [NUMBER, "447700900333"]


@pytest.mark.parametrize("code", range(128))
def test_what_may_be_between_the_digits(code: int) -> None:
    """All blanks and dashes, but no line breaks."""
    between = chr(code)
    dropped = between in "()[]" or unicodedata.category(between) in {"Zs", "Cf", "Pd"}
    start, end = f"+{NUMBER[:5]}{between}", NUMBER[5:]
    for value in (start + end, f"{start} \u00a0{end}"):
        recipients, faults = normalize_recipients([value], "to")
        if dropped or between == ".":
            assert (recipients, faults) == ([NUMBER], [])
        else:
            assert recipients == [] or between.isdigit()


def test_a_million_keep_their_order() -> None:
    numbers = [f"+{999000000000 + index * 7919 % 100_003}" for index in range(200_000)]
    recipients, faults = normalize_recipients(numbers, "to")
    assert not faults
    assert recipients == list(dict.fromkeys(number[1:] for number in numbers))
