"""JSON comes to the same with msgspec and without it."""

from __future__ import annotations

import importlib.util
import json
import sys
from enum import IntEnum
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sinch_provider.sms.wire import encoding


def _without_msgspec() -> ModuleType:
    spec = importlib.util.find_spec(encoding.__name__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, {"msgspec": None, "msgspec.json": None}):
        spec.loader.exec_module(module)
    return module


BOTH = [encoding, _without_msgspec()]
either = pytest.mark.parametrize("module", BOTH, ids=["msgspec", "json"])

# Half a character pair is text for Python, and not for msgspec.
texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["\ud83d", "\ude00\ud83d", "\U0001f600"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**62, 2**66) | texts,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(texts, inner),
)


class Text(str):
    """A type of the user's own that is text."""

    __slots__ = ()


class Number(IntEnum):
    ONE = 1


@either
@given(values)
@example({Text("to"): [Text("447700900222")], "n": Number.ONE})
def test_a_value_is_written_as_json_means_it(module: Any, value: Any) -> None:
    assert json.loads(module.encode(value)) == json.loads(json.dumps(value))


@either
def test_nothing_is_written_that_json_has_no_word_for(module: Any) -> None:
    with pytest.raises(TypeError):
        module.encode({"x": object()})


def _outcome(module: Any, text: bytes, *unread: str) -> str:
    try:
        # Not the value itself, because NaN is not equal to itself, and 1 equals 1.0 and True.
        return ascii(module.decode(text, unread))
    except RecursionError:
        return "RecursionError"
    except ValueError:
        return "ValueError"


_PIECES = [
    *("{", "}", "[", "]", ",", ":", '"', "\\", "\\u", "\\ud83d", "\\ude00", "\\u0000", " ", "\n", "\x00"),
    *(
        "0",
        "1",
        "-",
        "+",
        ".",
        "e",
        "E",
        "9" * 20,
        "1e999",
        "-0",
        "0.1",
        "1e400",
        "1e-400",
        "12345678901234567890",
    ),
    *(
        "true",
        "false",
        "null",
        "NaN",
        "Infinity",
        "-Infinity",
        '"a"',
        '"b":',
        '{"a":1,"a":2}',
        "\u00e5",
        "\U0001f600",
    ),
]
#: Pieces of JSON in any order, with bytes between them that belong nowhere.
_raw = st.lists(st.sampled_from(_PIECES).map(str.encode) | st.binary(max_size=2), max_size=12).map(b"".join)


@given(_raw)
@example(b'{"a": NaN, "b": -Infinity, "c": 1e999}')
@example(b'"\\ud83d"')
@example(b'"\xed\xa0\xbd"')
@example(b'"\xff"')
@example(b"1\x00")
@example(b"\xef\xbb\xbf{}")
@example('{"\u00e5": 1}'.encode("utf-16"))
@example(b'{"a": 1, "a": 2}')
@example(b"9" * 5000)
@example(b"[" * 100_000)
@example(b"[" * 900 + b"]" * 900)
def test_whatever_arrives_is_read_or_refused_alike(text: bytes) -> None:
    assert _outcome(BOTH[0], text) == _outcome(BOTH[1], text)


@given(values, st.integers(0), st.binary(min_size=1, max_size=1))
def test_so_is_json_with_one_wrong_byte(value: Any, place: int, byte: bytes) -> None:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    place %= len(text)
    wrong = text[:place] + byte + text[place + 1 :]
    assert _outcome(BOTH[0], wrong) == _outcome(BOTH[1], wrong)


@given(st.floats())
def test_so_are_numbers(number: float) -> None:
    text = json.dumps(number).encode()
    assert _outcome(BOTH[0], text) == _outcome(BOTH[1], text)


@given(
    st.dictionaries(st.sampled_from(["id", "to", "parameters"]), values),
    st.integers(0),
    st.binary(max_size=1),
)
@example({"id": "\u00e5", "parameters": "\ud83d"}, 0, b"{")
def test_fields_can_be_left_out_unread(value: Any, place: int, byte: bytes) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        read = {name: json.loads(json.dumps(item)) for name, item in value.items() if name != "parameters"}
        for module in BOTH:
            assert module.decode(text, {"parameters"}) == read
        wrong = text[: place % len(text)] + byte + text[place % len(text) + 1 :]
        assert _outcome(BOTH[0], wrong, "parameters") == _outcome(BOTH[1], wrong, "parameters")


@given(_raw)
@example(b"[1]")
@example(b'"parameters"')
@example(b'{"parameters": "\\x"}')
@example(b'{"parameters": "\xff"}')
@example(b'{"parameters": 1, "parameters": 2}')
def test_what_is_left_out_must_be_json_too(text: bytes) -> None:
    assert _outcome(BOTH[0], text, "b", "parameters") == _outcome(BOTH[1], text, "b", "parameters")
    whole = b'{"id": 1, "parameters": ' + text + b"}"
    assert _outcome(BOTH[0], whole, "parameters") == _outcome(BOTH[1], whole, "parameters")


@given(st.lists(texts), st.lists(texts), st.booleans())
@example(["447700900222"], ["447700900222"], True)
@example(["\u00e5"], ["\u00e5"], True)
@example(["\ud83d"], ["\ud83d"], False)
def test_an_echo_is_taken_only_if_it_is_the_same(sent: Any, shown: Any, compact: bool) -> None:
    separators = (",", ":") if compact else None
    for to in (sent, shown):
        for ascii_only in (True, False):
            text = json.dumps(
                {"id": "x", "to": to, "parameters": {}}, ensure_ascii=ascii_only, separators=separators
            )
            answer = text.encode("utf-8", "surrogatepass")
            for module in BOTH:
                read = module.decode(answer, {"parameters"}, {"to": module.Echo(sent)})
                assert read == {"id": "x", "to": json.loads(json.dumps(to))}
