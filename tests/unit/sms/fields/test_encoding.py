"""Parts of texts, as the sandbox and smsutil count them; what makes a text unicode; texts that are cut."""

from __future__ import annotations

import os
from collections import Counter
from itertools import cycle
from typing import Any

import pytest
import smsutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.fields import encoding
from sinch_provider.sms.fields.encoding import Parts
from sinch_sandbox.client import SandboxClient
from sinch_sandbox.sinch.encoding import count_parts as count_as_the_sandbox

#: How many texts are compared. With the variable, they are others each time.
TEXTS = int(os.environ.get("SINCH_TEXTS", "2000"))
#: Texts in each of Hypothesis's examples, at least.
_TOGETHER = 20

MARIA, JOHAN, ANNA = "447700900222", "447700900333", "447700900444"
GROUP = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
EXTENDED = "^{}\\[]~|€\f"

#: A few characters, repeated to a length near a border: the places where counters differ.
_PIECES = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(["A", "é", " ", "\n", *EXTENDED, "ç", "“", "ж", "\U0001f600", "e\u0301"]),
            # The escape is no character of a text; smsutil counts it as one.
            st.characters(exclude_categories=["Cs"], exclude_characters="\x1b"),
        ),
        st.sampled_from([1, 2, 33, 66, 67, 69, 70, 76, 79, 80, 133, 152, 153, 159, 160, 305]),
    ),
    min_size=1,
    max_size=5,
)
#: Hypothesis makes one list much faster than as many texts.
_TEXTS = st.lists(
    _PIECES.map(lambda pieces: "".join(text * times for text, times in pieces)), min_size=_TOGETHER
)


def count_as_smsutil(text: str) -> tuple[str, int]:
    found = smsutil.split(text)
    return ("text" if found.encoding == "gsm0338" else "unicode"), len(found.parts)


def test_texts_are_counted_as_by_the_sandbox_and_by_smsutil() -> None:
    seen = 0

    @settings(
        max_examples=-(-TEXTS // _TOGETHER),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize="SINCH_TEXTS" not in os.environ,
    )
    @given(_TEXTS)
    def compare(texts: list[str]) -> None:
        nonlocal seen
        seen += len(texts)
        for text in texts:
            assert encoding.parts_of(text) == count_as_the_sandbox(text) == count_as_smsutil(text)

    compare()
    assert seen >= TEXTS


@pytest.mark.parametrize(
    ("text", "encoded", "number"),
    [
        ("", "text", 1),
        ("A" * 160, "text", 1),
        ("A" * 161, "text", 2),
        ("A" * 306, "text", 2),
        ("A" * 307, "text", 3),
        ("A" * 155 + "€€", "text", 1),
        ("A" * 159 + "€", "text", 2),
        ("A" * 152 + "€" + "A" * 152, "text", 3),
        ("ж" * 70, "unicode", 1),
        ("ж" * 71, "unicode", 2),
        ("ж" * 134, "unicode", 2),
        ("ж" * 135, "unicode", 3),
        ("\U0001f600" * 35, "unicode", 1),
        ("\U0001f600" * 36, "unicode", 2),
        ("\U0001f600" * 67, "unicode", 3),
    ],
)
def test_borders(text: str, encoded: str, number: int) -> None:
    assert encoding.parts_of(text) == (encoded, number)


_WORDS = st.text(alphabet="a é€{[жç\U0001f600", max_size=80)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(_WORDS, _WORDS, st.lists(_WORDS, min_size=3, max_size=3), _WORDS)
def test_parameters_are_filled_in_for_each_recipient(
    start: str, end: str, names: list[str], default: str
) -> None:
    people = [MARIA, JOHAN, ANNA]
    body = {
        "to": [*people, "447700900555"],
        "body": f"{start}${{name}}{end}${{a.b}}${{name}}",
        "parameters": {
            "name": {**dict(zip(people, names, strict=True)), "default": default},
            "a.b": {MARIA: "x", "default": "€"},
        },
    }
    others = ["x", "€", "€", "€"]
    texts = [
        f"{start}{name}{end}{other}{name}" for name, other in zip([*names, default], others, strict=True)
    ]
    assert encoding.count_parts(body) == Counter(map(count_as_the_sandbox, texts))


def client_of(sandbox: SandboxClient) -> SinchClient:
    credentials = ServicePlanCredentials(sandbox.credentials.service_plan_id, sandbox.credentials.api_token)
    return SinchClient(Account(credentials=credentials, base_url=sandbox.url))


def test_a_dry_run_of_a_thousand_agrees(sinch_sandbox: SandboxClient) -> None:
    people = [f"999{number:08}" for number in range(1000)]
    words = cycle(["Maria", "Zoë", "ж" * 40, "€" * 30, "A" * 160, "{}" * 20])
    message: dict[str, Any] = {
        "to": people,
        "body": "Hi ${name}. Your table is booked for ${time}, as always.",
        "parameters": {
            "name": dict(zip(people, words, strict=False)),
            "time": {people[0]: "19:30", "default": "noon"},
        },
    }
    with client_of(sinch_sandbox) as client:
        found = client.batches.send_dry_run(**message, per_recipient=True, number_of_recipients=1000)
    counted = encoding.count_parts(endpoints.send(**message).body or {})
    assert counted == Counter((each.encoding, each.number_of_parts) for each in found.per_recipient)
    assert sum(parts.number * count for parts, count in counted.items()) == found.number_of_messages


class TestOtherMessages:
    def test_groups_are_left_out(self) -> None:
        assert encoding.count_parts({"to": [MARIA, GROUP], "body": "Hi"}) == {Parts("text", 1): 1}

    def test_a_text_cut_by_sinch_has_one_part(self) -> None:
        body = {"to": [MARIA, ANNA], "body": "A" * 400, "truncate_concat": True}
        assert encoding.count_parts(body) == {Parts("text", 1): 2}

    def test_a_text_with_too_many_parts_is_not_sent(self) -> None:
        body = {"to": [MARIA], "body": "A" * 400, "max_number_of_message_parts": 2}
        assert encoding.count_parts(body) == {}

    def test_binary_is_one_part(self) -> None:
        body = {"to": [MARIA], "body": "AAAA", "udh": "00", "type": "mt_binary"}
        assert encoding.count_parts(body) == {Parts("binary", 1): 1}

    def test_media_have_no_parts(self) -> None:
        body = {"to": [MARIA], "body": {"url": "https://media.example.test/x"}, "type": "mt_media"}
        assert encoding.count_parts(body) == {}
        assert encoding.odd_characters(body) == {}

    def test_a_name_without_values_stays_as_written(self) -> None:
        body = {"to": [MARIA], "body": "A" * 150 + "${nobody}"}
        assert encoding.count_parts(body) == {Parts("text", 2): 1}


class TestOddCharacters:
    def test_are_found_in_the_body_sorted_by_name(self) -> None:
        body = {
            "to": [MARIA],
            "body": "It’s “here”, isn’t it? ж ${name}",
            "parameters": {"name": {MARIA: "Zo\xeb", "default": "€"}},
        }
        found = encoding.odd_characters(body)
        assert found == {"’": "'", "“": '"', "”": '"', "ж": None}
        assert list(found) == ["ж", "“", "”", "’"]

    @pytest.mark.parametrize(
        ("values", "number"),
        [
            ({MARIA: "Zo\xeb", JOHAN: "ж"}, 2),
            ({MARIA: "Zo\xeb", "default": "x"}, 1),
            ({MARIA: "x", "default": "ж"}, 2),
            ({MARIA: "é", "default": "€"}, 0),
            ({MARIA: "x", "447700900999": "ж", "default": "x"}, 0),
        ],
    )
    def test_in_values_are_counted_by_recipient(self, values: dict[str, str], number: int) -> None:
        body = {
            "to": [MARIA, JOHAN, ANNA, GROUP],
            "body": "${name} ${name} ${other}",
            "parameters": {"name": {"default": "", **values}, "unused": {MARIA: "ж", "default": "ж"}},
        }
        assert encoding.count_odd_values(body) == number

    def test_of_two_values_of_one_recipient_count_once(self) -> None:
        body = {"to": [MARIA], "body": "${a}${b}", "parameters": {"a": {MARIA: "ж"}, "b": {MARIA: "ж"}}}
        assert encoding.count_odd_values(body) == 1
        assert encoding.count_odd_values({**body, "type": "mt_binary"}) == 0

    @pytest.mark.parametrize(
        ("character", "plain"),
        [
            ("“", '"'),
            ("’", "'"),
            ("–", "-"),
            ("…", "..."),
            ("\xa0", " "),
            ("\u3000", " "),
            ("\u200b", ""),
            ("ç", "c"),
            ("ő", "o"),
            ("ﬁ", "fi"),
            ("`", "'"),
            ("\t", " "),
            ("ж", None),
            ("\U0001f600", None),
        ],
    )
    def test_have_plain_replacements(self, character: str, plain: str | None) -> None:
        assert encoding.plain(character) == plain
        assert encoding.parts_of(character).encoding == "unicode"
        assert plain is None or encoding.parts_of(plain).encoding == "text"

    def test_have_names(self) -> None:
        assert encoding.name_of("’") == "right single quotation mark"
        assert encoding.name_of("\t") == "u+0009"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(_PIECES, st.integers(1, 4))
def test_a_cut_text_fits_and_is_the_beginning_of_the_whole(pieces: list[tuple[str, int]], most: int) -> None:
    text = "".join(text * times for text, times in pieces)
    cut = encoding.cut(text, most)
    assert count_as_the_sandbox(cut)[1] <= most
    if cut != text:
        assert cut.endswith("...")
        assert text.startswith(cut[:-3])
        # Nothing more would fit, apart from blanks in front of the dots.
        longer = text[: len(cut[:-3])] + text[len(cut[:-3]) :].lstrip()[:1]
        assert count_as_the_sandbox(longer + "...")[1] > most or text[len(cut) - 3].isspace()
