"""Texts with values filled in, person by person: as counting each text by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinch_provider.sms.fields.encoding import Parts, Personal, odd_in, parts_of

_WORDS = st.text(alphabet="a é€{[жç\U0001f600", max_size=60)
_PLAIN_WORDS = st.text(alphabet="abé ", max_size=90)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.one_of(_WORDS, _PLAIN_WORDS),
    st.lists(st.one_of(st.tuples(_WORDS, _WORDS), st.tuples(_PLAIN_WORDS, _PLAIN_WORDS)), min_size=1),
)
def test_parts_and_lengths_are_those_of_the_text(start: str, people: list[tuple[str, str]]) -> None:
    body = start + "${name}, ${other} ${name} ${fixed}${unknown}"
    personal = Personal(body, ["unused", "name", "other"], {"fixed": "at €5"})
    texts = [f"{start}{name}, {other} {name} at €5${{unknown}}" for name, other in people]
    columns = [["ж" * 70] * len(people), [name for name, _ in people], [other for _, other in people]]
    assert [personal.fill(values) for values in zip(*columns, strict=True)] == texts
    assert personal.parts(columns, len(people)) == [parts_of(text) for text in texts]
    assert personal.lengths(columns, len(people)) == [len(text) for text in texts]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(_PLAIN_WORDS, st.lists(st.one_of(_WORDS, _PLAIN_WORDS), min_size=1))
def test_plain_bodies_too(start: str, names: list[str]) -> None:
    personal = Personal(start + "${name}", ["name"])
    assert personal.parts([names], len(names)) == [parts_of(start + name) for name in names]


@pytest.mark.parametrize("body", ["Hi", "Zoë", "a" * 161, ""])
def test_a_text_without_names(body: str) -> None:
    assert Personal(body, []).parts([], 3) == [parts_of(body)] * 3
    assert Personal(body, ["name"]).lengths([["x", "y"]], 2) == [len(body)] * 2


def test_values_are_not_kept_for_ever() -> None:
    personal = Personal("ж ${name}", ["name"])
    names = [f"name {each}" for each in range(25_000)]
    assert set(personal.parts([names], len(names))) == {Parts("unicode", 1)}


def test_odd_characters() -> None:
    assert odd_in("Zoë “€”") == {"ë", "“", "”"}
    assert odd_in("") == frozenset()
