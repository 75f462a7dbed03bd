"""What may be shown, and what has to be hidden first."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provider.sms.masking import Private, mask_number, mask_text, one_line

numbers = st.from_regex(r"[1-9][0-9]{9,14}", fullmatch=True)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+44 7700-900 222", "+4477***0222"),
        ("447700900222", "+4477***0222"),
        ("4670000", "+46***00"),
        ("467000", "***"),
        ("Maria", "***"),
        ("", "***"),
    ],
)
def test_a_number_is_shortened_to_what_tells_it_apart(number: str, shown: str) -> None:
    assert mask_number(number) == shown


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "to[0]: '{}' is no MSISDN",
        "{}: not a valid MSISDN",
        "{}:400",
        "number:{}",
        "number={}, code=400",
        "tel:{}",
        "to {}.",
        "see.{}",
        "(recipient-{})",
        "{}-invalid",
        "/batches/01J8ZC4M7T2Q9KX5RVBW3NHYDP/delivery_report/{}",
        "/batches?from={}&page=0",
        '["{}"]',
    ],
)
@pytest.mark.parametrize(
    "number", ["447700900222", "+447700900222", "+44 7700-900 222", "(44) 7700-900-222", "44.77.009.00.222"]
)
def test_numbers_are_masked_wherever_they_stand(text: str, number: str) -> None:
    masked = mask_text(text.format(number))
    assert number not in masked
    assert "00002" not in "".join(filter(str.isdecimal, masked.replace("***", "x")))
    assert "4477***0222" in masked


def test_a_plus_sign_as_urls_write_it_does_not_hide_a_number_from_the_mask() -> None:
    assert mask_text("GET /batches?from=%2B447700900222") == "GET /batches?from=%2B+4477***0222"


punctuation = st.text(alphabet=" ,;:/()'\"<>=&!?", min_size=1, max_size=4)


@given(numbers, punctuation, punctuation)
def test_no_punctuation_keeps_a_number_from_being_masked(number: str, before: str, after: str) -> None:
    assert number not in mask_text(f"to{before}{number}{after}is wrong")


@pytest.mark.parametrize(
    "text",
    [
        "01J8ZC4M7T2Q9KX5RVBW3NHYDP",
        "01J1234567890123456789012P",
        "5e0f2c1a-7b64-4c0e-9d55-3a9f6b2e8c17",
        "12345678-1234-4c0e-9d55-123456789012",
        "2024-11-12T10:15:12.345Z",
        "2024-11-12 10:15:12.345678+00:00",
        "2024-11-12",
        "af-1234567890abcdef1234567890-0",
        "'to' must have at most 1000 entries, HTTP 400",
        "run_20241112",
    ],
)
def test_ids_and_times_stay_readable(text: str) -> None:
    assert mask_text(text) == text


def test_texts_of_the_request_are_blanked_the_longest_first() -> None:
    assert (
        mask_text("got 'Hi Maria, see you' from Maria", ["Maria", "Hi Maria, see you"])
        == "got '***' from ***"
    )


def test_words_too_short_to_be_told_from_the_rest_stay() -> None:
    assert mask_text("a bad day", ["a"]) == "a bad day"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Hi Maria", "<hidden: 8 characters>"),
        (["+447700900222"], "<hidden: 1 entries>"),
        ({"name": {}}, "<hidden: 1 entries>"),
        (447700900222, "<hidden>"),
    ],
)
def test_private_values_print_as_a_summary(value: object, shown: str) -> None:
    assert repr(Private(value)) == str(Private(value)) == f"{Private(value)}" == shown
    assert Private.reveal(Private(value)) is value
    assert Private.reveal(value) is value


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("at 2024-11-12 447700900222 was refused", "at 2024-11-12 +4477***0222 was refused"),
        ("'Hello Maria, your secret appoint...' is bad", "(not shown: it quotes the message)"),
    ],
)
def test_dates_and_cut_quotations_hide_nothing_else(text: str, masked: str) -> None:
    assert mask_text(text, ["Hello Maria, your secret appointment is at noon"]) == masked


@pytest.mark.parametrize(
    "text",
    [
        "msisdn{}",
        "{}a",
        "{}_0",
        "10:15:{}",
        "face-{}",
        "x{}y{}z",
        "00{}",
        "1{}2",
        "{}{}",
        "2024-11-12 {}",
        "u2024-11-12-{}",
        "(44) 7700 900-222x",
        "m44.7700.900.222m",
        "4477\u202d00900222x",
    ],
)
def test_a_known_number_is_masked_whatever_it_is_glued_to(text: str) -> None:
    masked = mask_text(text.format("447700900222", "447700900222"), numbers={"447700900222", "12345"})
    assert "***" in masked
    assert "00002" not in "".join(filter(str.isdecimal, masked.replace("***", "x")))
    assert "7700900" not in "".join(filter(str.isdecimal, masked.replace("***", "x")))


@given(st.text(alphabet="ab:-_ .0", max_size=6), numbers, st.text(alphabet="ab:-_ .0", max_size=6))
def test_nothing_keeps_a_known_number_from_being_masked(before: str, number: str, after: str) -> None:
    masked = mask_text(f"{before}{number}{after}", numbers={number})
    assert number not in "".join(each for each in masked if each.isdecimal() or each == "*")


def test_what_is_no_known_number_stays_as_readable_as_before() -> None:
    text = "batch 01J1234567890123456789012P of run_20241112, code 123456a"
    assert mask_text(text, numbers={"447700900222"}) == text


@pytest.mark.parametrize(
    "mark",
    [
        "\n",
        "\r\n",
        "\x1b[31m",
        "\x1b]0;t\x07",
        "\u202e",
        "\u2028",
        "\u2029",
        "\u200b",
        "\x00",
        "\x85",
        "\ud800",
    ],
)
def test_a_text_keeps_to_its_line(mark: str) -> None:
    for cleaned in (one_line(f"one{mark}two"), mask_text(f"one{mark}two")):
        assert cleaned.isprintable()
        assert cleaned.startswith("one ")
        assert cleaned.endswith("two")
        assert cleaned.encode()


def test_a_text_in_lines_is_recognised_though_its_quotation_is_in_one() -> None:
    assert mask_text("bad: 'Hi Maria,\n see you'", ["Hi Maria,\n see you"]) == "bad: '***'"
    assert mask_text("bad: 'Hi Maria,  see you'", ["Hi Maria,\n see you"]) == "bad: '***'"


def test_a_million_characters_are_looked_through_in_one_pass() -> None:
    values = [f"{index:08}" * 20 for index in range(10_000)]
    quoting = "x" * 4000 + values[9_999][5:17] + "y" * 4000
    assert mask_text(quoting, values) == "(not shown: it quotes the message)"
    assert mask_text("z" * 8000, values) == "z" * 8000


PRIVATE = "Hi \u041c\u0430\u0440\u0438\u044f & co, see you at 7"
ENCODED = {
    "json": json.dumps(PRIVATE),
    "json in json": json.dumps(json.dumps(PRIVATE)),
    "percent": quote(PRIVATE),
    "form": quote_plus(PRIVATE),
    "twice": quote(quote(PRIVATE)),
    "html": html.escape(PRIVATE),
    "entities": "".join(f"&#{ord(each)};" for each in PRIVATE),
    "case": PRIVATE.upper(),
    "base64": b64encode(json.dumps({"body": PRIVATE}).encode()).decode(),
    "base64 of a URL": urlsafe_b64encode(PRIVATE.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_private_text_is_found_however_it_is_written(name: str) -> None:
    said = f"bad body: {ENCODED[name]} end"
    assert mask_text(said, [PRIVATE]) == "(not shown: it quotes the message)"
    assert mask_text(said, ["something else entirely"]) != "(not shown: it quotes the message)"


@pytest.mark.parametrize("said", ["tok%2DSECRET%2D123456", "TOK-secret-123456", "tok&#45;SECRET&#45;123456"])
def test_so_is_a_token(said: str) -> None:
    assert "123456" not in mask_text(f"Bearer {said}", ["tok-SECRET-123456"])


@pytest.mark.parametrize(
    "separator",
    ["/", "_", ",", "‐", "‑", "‒", "–", "—", "\u2009", "\u202f", "\xa0", "\u200b", "−"],
)
@pytest.mark.parametrize("known", [True, False])
def test_numbers_are_masked_with_any_separator(separator: str, known: bool) -> None:
    masked = mask_text(
        "bad number " + separator.join(("44", "7700", "900222")) + " end",
        numbers={"447700900222"} if known else (),
    )
    assert masked == "bad number +4477***0222 end"


@pytest.mark.parametrize(
    "said",
    [
        "n447700900999x",
        "447700900999is",
        "12:34:447700900999",
        "face-447700900999",
        "id_447700900999",
        "x447700900999",
        "\\u0034\\u0034\\u0037\\u0037\\u0030\\u0030\\u0039\\u0030\\u0030\\u0039\\u0039\\u0039",
        "4477%30%309009%39%39",
        "\uff14\uff14\uff17\uff17\uff10\uff10\uff19\uff10\uff10\uff19\uff19\uff19",
        "&#52;&#52;7700900999",
        b64encode(b'{"to": ["447700900999"]}').decode(),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_numbers_are_masked_however_they_are_written(said: str, known: bool) -> None:
    masked = mask_text(f"bad {said} end", numbers={"447700900999"} if known else ())
    assert masked != f"bad {said} end"
    assert "900999" not in masked
    assert said not in masked


@pytest.mark.parametrize(
    "text",
    ["batch-01J1234567890123456789012P", "plan d41d8cd98f00b2041234567898ecf842", "50% of 100+20", "A&amp;B"],
)
def test_what_is_encoded_but_private_to_nobody_stays(text: str) -> None:
    assert mask_text(text, ["Hi Maria, see you tomorrow."], {"447700900222"}) == text


def test_a_long_text_is_masked_in_steps_that_grow_no_faster() -> None:
    for text in ("a" * 8192, "%25" * 2730, "&amp;" * 1600, "1-" * 4096, "\\\\u0031" * 1100):
        assert len(mask_text(text, ["x" * 2000] * 50, {"447700900222"})) <= 8192 * 6
