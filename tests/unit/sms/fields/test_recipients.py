"""Recipients, in every writing people and templates come up with."""

from __future__ import annotations

import json
import numbers as numbers_abc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.recipients import (
    is_group_id,
    normalize_number,
    normalize_recipient,
    normalize_recipients,
    split_recipients,
)

GROUP = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
FILLING = [
    " ",
    "\u00a0",
    "\u202f",
    "-",
    "\u2011",
    "\u2013",
    "(",
    ")",
    "[",
    "]",
    ".",
    "\u200e",
    "\u202a",
    "\ufeff",
]

numbers = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)
prefixes = st.sampled_from(["", "+", "00", "\u202a+", " +"])


@pytest.mark.parametrize(
    "written",
    [
        "447700900222",
        "+447700900222",
        "00447700900222",
        "+44 7700-900 222",
        "+44 (7700) 900 222",
        "(+44) 7700 900 222",
        "+44.77.009.00.222",
        "447.700.900.222",
        "+44.77009.002.22",
        "+44.7700900222",
        "447700900.222",
        "+44\u00a077\u202f009\u200900\u2011222",
        "\u202a+447700900222\u202c",
        "\ufeff+447700900222",
        "  +447700900222\n",
        "+44 (0)7700 900222",
        "+44 ( 0 ) 7700 900 222",
        "0044 (0)7700 900 222",
        "\u202a+44 (0)7700 900222\u202c",
        "(+44) (0)7700 900 222",
    ],
)
def test_every_international_writing_comes_to_the_same_digits(written: str) -> None:
    assert normalize_number(written) == "447700900222"


def test_a_zero_in_brackets_stays_where_the_country_keeps_it() -> None:
    # Italian fixed-line numbers are dialled with their zero from abroad too.
    assert normalize_number("+39 (0)6 0000 0222") == "390600000222"


def test_a_zero_in_brackets_behind_an_unknown_country_code_is_refused() -> None:
    with pytest.raises(ValueError, match="zero in brackets"):
        normalize_number("+999 (0)70 000 02 22")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("07700900222", "country code"),
        ("00 07700900222", "country code"),
        ("+07700900222", "country code"),
        ("+00447700900222", "country code"),
        ("07700-900 222", "country code"),
        ("1234", "5 to 15 digits"),
        ("1234567890123456", "5 to 15 digits"),
        ("", "5 to 15 digits"),
        ("+", "5 to 15 digits"),
        ("none", "5 to 15 digits"),
        ("+447700900222x", "5 to 15 digits"),
        ("+44 7700 9O0 222", "5 to 15 digits"),
        ("+44770090022\u00b2", "5 to 15 digits"),
        ("\u0664\u0666\u0667\u0660\u0660\u0660\u0660\u0660", "5 to 15 digits"),
        ("447700900+222", "5 to 15 digits"),
        ("++447700900222", "5 to 15 digits"),
        ("4670001\n4670002", "5 to 15 digits"),
        ("4670001\t4670002", "5 to 15 digits"),
        ("4670001\u20284670002", "5 to 15 digits"),
        ("+447700900222 +447700900333", "5 to 15 digits"),
        ("447700900222.0", "decimal point"),
        ("+447700900222.0", "decimal point"),
        ("447700900222.00", "decimal point"),
        ("447700900222.000000", "decimal point"),
        ("447700900222.5", "decimal point"),
        ("447700900222.25", "decimal point"),
        ("447700900222.", "decimal point"),
        ("+447700900222.00", "decimal point"),
        (" 447700900222.00 ", "decimal point"),
        ("44 7700 900 222.0", "decimal point"),
        ("447700900222. 00", "decimal point"),
        ("447700900222(.)0", "decimal point"),
        ("\u202d447700900222.0\u202c", "decimal point"),
        ("\ufeff447700900222\u200e.\u200e00", "decimal point"),
    ],
)
def test_what_is_no_international_number_is_refused_without_quoting_it(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        normalize_number(written)
    if len(written) > 4:
        assert written not in str(caught.value)


@given(numbers, prefixes, st.data())
def test_decorations_change_nothing(digits: str, prefix: str, data: st.DataObject) -> None:
    written = prefix
    for digit in digits:
        written += digit + "".join(data.draw(st.lists(st.sampled_from(FILLING), max_size=2)))
    if "(0)" in written or written.count(".") == 1:
        return  # A zero in brackets and a single dot mean something, and have tests of their own.
    assert normalize_number(written) == digits


@given(st.text() | numbers | st.text(alphabet="+0123456789 ()-.", max_size=24))
@example("+44 (0)7700 900222")
def test_normalising_twice_is_normalising_once(written: str) -> None:
    try:
        once = normalize_number(written)
    except ValueError:
        return
    assert once.isascii()
    assert once.isdecimal()
    assert normalize_number(once) == once == normalize_number(f"+{once}") == normalize_number(f"00{once}")


def test_group_ids_pass_verbatim() -> None:
    assert is_group_id(GROUP)
    assert not is_group_id(GROUP[:-1])
    assert not is_group_id("447700900222")
    assert normalize_recipient(f" {GROUP} ") == GROUP


class NumpyLike:
    """A whole number as numpy has them: registered as one, and not an int."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __int__(self) -> int:
        return self._value


numbers_abc.Integral.register(NumpyLike)


@pytest.mark.parametrize(
    "value", [447700900222, NumpyLike(447700900222), Decimal("447700900222"), Decimal(447700900222)]
)
def test_a_whole_number_of_any_library_is_a_recipient(value: Any) -> None:
    assert normalize_recipient(value) == "447700900222"
    assert normalize_recipients(value, "to") == normalize_recipients([value], "to") == (["447700900222"], [])


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, r"is missing \(None\)"),
        (True, "as text, not bool"),
        (4.67e10, "decimal point"),
        (447700900222.0, "decimal point"),
        (Decimal("447700900222.00"), "decimal point"),
        (Decimal("4.477009E+11"), "decimal point"),
        (Decimal("NaN"), "decimal point"),
        (b"447700900222", "as text, not bytes"),
        (["447700900222"], "as text, not list"),
        ({}, "as text, not dict"),
        (("447700900222", 5), "row of several columns"),
        (-447700900222, "as text, not int"),
    ],
)
def test_a_recipient_is_text_or_a_whole_number(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        normalize_recipient(value)


def test_a_whole_number_of_any_size_is_judged() -> None:
    # Python itself refuses to write out integers of this size.
    with pytest.raises(ValueError, match="as text, not int"):
        normalize_recipient(10**5000)


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("+447700900222", ["+447700900222"]),
        ("+447700900222, +447700900333", ["+447700900222", "+447700900333"]),
        (
            "+447700900222;+447700900333\r\n+447700900444\n",
            ["+447700900222", "+447700900333", "+447700900444"],
        ),
        (" , ;\n", []),
        ("", []),
        ('["+447700900222", "+447700900333"]', ["+447700900222", "+447700900333"]),
        ("['+447700900222', '+447700900333']", ["+447700900222", "+447700900333"]),
        ("('+447700900222', '+447700900333')", ["+447700900222", "+447700900333"]),
        ("[447700900222, 447700900333]", [447700900222, 447700900333]),
        ("[+447700900222, +447700900333]", [447700900222, 447700900333]),
        ("[]", []),
        (447700900222, [447700900222]),
        (("+447700900222",), ["+447700900222"]),
        ((str(n) for n in (447700900222, 447700900333)), ["447700900222", "447700900333"]),
        ({"+447700900222": "Maria"}.keys(), ["+447700900222"]),
        # Rows of one column, as SQL gives them; outputs of several tasks; an output without any.
        ([("+447700900222",), ("+447700900333",)], ["+447700900222", "+447700900333"]),
        ("[('+447700900222',), ('+447700900333',)]", ["+447700900222", "+447700900333"]),
        (
            ["+447700900222", ["+447700900333", ["+447700900444"]]],
            ["+447700900222", "+447700900333", "+447700900444"],
        ),
        ([[], []], []),
        # Which column holds the number, nobody can know.
        ([("+447700900222", 46701)], [("+447700900222", 46701)]),
    ],
)
def test_collections_come_apart_however_a_template_wrote_them(value: Any, parts: list[Any]) -> None:
    assert split_recipients(value) == parts


@pytest.mark.parametrize("value", [None, True, 1.5, b"447700900222", {"+447700900222": "Maria"}, object()])
def test_what_is_no_collection_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"must be a list of recipients or text|decimal point"):
        split_recipients(value)


@pytest.mark.parametrize(
    "value",
    [
        "[" * 100_000 + "]" * 100_000,
        "[{[]: 1}]",
        "[447700900222",
        "(44) 7700 900 (222)",
        "['447700900222' +]",
        f"[{'9' * 5000}]",
        "[\x00]",
    ],
)
def test_text_that_only_looks_like_a_list_is_refused_and_not_fatal(value: str) -> None:
    recipients, faults = normalize_recipients(value, "to")
    assert faults or recipients == ["447700900222"]


def test_decimals_in_a_list_that_is_text_are_refused() -> None:
    for value in ('["447700900222.00"]', "[447700900222.00]", "['447700900222.5']", "447700900222.00\n"):
        recipients, faults = normalize_recipients(value, "to")
        assert (recipients, [fault.field for fault in faults]) == ([], ["to[0]"])


def test_lists_in_themselves_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert normalize_recipients(endless, "to")[1][0].field == "to[0]"


def test_lists_whose_numbers_python_cannot_read_still_come_apart() -> None:
    # 0046... is no number to JSON nor to Python.
    assert normalize_recipients("[00447700900222, 00447700900333]", "to") == (
        ["447700900222", "447700900333"],
        [],
    )


@given(st.lists(numbers, max_size=8))
def test_text_and_lists_mean_the_same(digits: list[str]) -> None:
    expected: tuple[list[str], list[Fault]] = (list(dict.fromkeys(digits)), [])
    for value in (
        digits,
        tuple(digits),
        json.dumps(digits),
        repr(digits),
        ", ".join(digits),
        "\n".join(digits),
    ):
        assert normalize_recipients(value, "to") == expected


def test_the_same_person_twice_is_one_recipient_in_the_first_order() -> None:
    value = ["+447700900333", "0044 7700 900 222", GROUP, "447700900333", 447700900222, GROUP]
    assert normalize_recipients(value, "to") == (["447700900333", "447700900222", GROUP], [])


def test_every_faulty_recipient_is_named_by_its_place() -> None:
    recipients, faults = normalize_recipients(["07700900222", "+447700900222", None, "abc"], "to_add")
    assert recipients == ["447700900222"]
    assert [fault.field for fault in faults] == ["to_add[0]", "to_add[2]", "to_add[3]"]
    assert normalize_recipients(None, "to")[1][0].field == "to"


@given(st.text(alphabet="0123456789 +-()ab", min_size=8))
def test_a_fault_never_tells_the_full_number(written: str) -> None:
    digits = "".join(filter(str.isdecimal, written))
    for fault in normalize_recipients([written], "to")[1]:
        assert written not in str(fault)
        assert len(digits) < 7 or digits not in str(fault)
