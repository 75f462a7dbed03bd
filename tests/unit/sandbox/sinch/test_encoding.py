"""Parts and encodings, counted per recipient after expansion."""

from __future__ import annotations

import pytest

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.sinch.encoding import GSM_BASIC, count_parts, truncate_to_one_part
from tests.unit.sandbox.wire import Api, accepted

CYRILLIC = "Ж"
EMOJI = "😀"


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "text", 1),
        ("A" * 160, "text", 1),
        ("A" * 161, "text", 2),
        ("A" * 306, "text", 2),
        ("A" * 307, "text", 3),
        ("A" * 1071, "text", 7),
        ("A" * 155 + "€€", "text", 1),
        ("A" * 159 + "€", "text", 2),
        ("A" * 152 + "€" + "A" * 152, "text", 3),
        ("A" * 151 + "€" + "A" * 153, "text", 2),
        (CYRILLIC * 70, "unicode", 1),
        (CYRILLIC * 71, "unicode", 2),
        (CYRILLIC * 134, "unicode", 2),
        (CYRILLIC * 135, "unicode", 3),
        (EMOJI * 35, "unicode", 1),
        (EMOJI * 36, "unicode", 2),
        (EMOJI * 66, "unicode", 2),
        (EMOJI * 67, "unicode", 3),
        (GSM_BASIC, "text", 1),
        ("^{}\\[]~|€\f", "text", 1),
    ],
)
def test_parts(text: str, encoding: str, parts: int) -> None:
    assert count_parts(text) == (encoding, parts)


@pytest.mark.parametrize(
    "character", ["ç", "á", "í", "ó", "ú", "`", "“", "’", "–", "—", "…", "\xa0", "\t", "\x1b"]
)
def test_look_alikes_turn_the_whole_message_into_unicode(character: str) -> None:
    assert count_parts("A" * 70 + character) == ("unicode", 2)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("A" * 160, 160), ("A" * 161, 160), ("A" * 159 + "€", 159), (CYRILLIC * 71, 70), (EMOJI * 36, 35)],
)
def test_the_first_part_of_a_text(text: str, kept: int) -> None:
    assert truncate_to_one_part(text) == text[:kept]


def test_a_dry_run_counts_for_each_recipient_after_expansion(api: Api, sinch_sandbox: SandboxClient) -> None:
    text = "your table for two at Sjövik is booked for 19:30 on Friday. Reply NO to cancel."
    answer = accepted(
        api.dry_run(
            "?per_recipient=true&number_of_recipients=10",
            to=["+447700900222", "46701740644"],
            body=f"Hi ${{name}}, {text}",
            parameters={"name": {"+447700900222": "Maria", "+46701740644": "Łukasz"}},
        )
    )
    assert answer == {
        "number_of_recipients": 2,
        "number_of_messages": 3,
        "per_recipient": [
            {
                "recipient": "447700900222",
                "number_of_parts": 1,
                "encoding": "text",
                "body": f"Hi Maria, {text}",
            },
            {
                "recipient": "46701740644",
                "number_of_parts": 2,
                "encoding": "unicode",
                "body": f"Hi Łukasz, {text}",
            },
        ],
    }
    assert sinch_sandbox.messages() == []
    assert sinch_sandbox.batches() == []


def test_details_are_given_when_asked_for_and_as_many_as_asked_for(api: Api) -> None:
    to = [f"467{index:08}" for index in range(150)]
    assert accepted(api.dry_run(to=to)) == {"number_of_recipients": 150, "number_of_messages": 150}
    assert "per_recipient" not in accepted(api.dry_run("?per_recipient=false"))
    assert len(accepted(api.dry_run("?per_recipient=true", to=to))["per_recipient"]) == 100
    few = accepted(api.dry_run("?per_recipient=True&number_of_recipients=3", to=to))
    assert (len(few["per_recipient"]), few["number_of_messages"]) == (3, 150)
    assert accepted(api.dry_run("?per_recipient=true&number_of_recipients=0"))["per_recipient"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("per_recipient=tru", "syntax_invalid_parameter_format"),
        ("per_recipient=none", "syntax_invalid_parameter_format"),
        ("number_of_recipients=many", "syntax_invalid_parameter_format"),
        ("number_of_recipients=1001", "syntax_constraint_violation"),
    ],
)
def test_a_dry_run_with_a_bad_query(api: Api, query: str, code: str) -> None:
    response = api.dry_run(f"?{query}")
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_a_dry_run_checks_the_form_but_not_what_only_sending_needs(api: Api) -> None:
    assert api.dry_run(to=["+12"]).status_code == 400
    assert api.dry_run(body=...).status_code == 400
    unsendable = accepted(
        api.dry_run(delivery_report="full", to=["447700900222", "01J8ZC4M7T2Q9KX5RVBW3NHYDP"])
    )
    assert unsendable["number_of_recipients"] == 1


def test_binary_and_media_are_one_part_without_details(api: Api) -> None:
    binary = api.dry_run("?per_recipient=true", type="mt_binary", udh="050003C40201", body="SGVsbG8=")
    assert accepted(binary) == {"number_of_recipients": 1, "number_of_messages": 1}
    body = {"url": "https://media.example.test/a.png", "message": "x" * 500}
    assert accepted(api.dry_run(type="mt_media", body=body))["number_of_messages"] == 1


def test_messages_show_their_parts_and_encoding(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(body="A" * 161)
    api.sent(body=CYRILLIC * 135)
    api.sent(type="mt_binary", udh="050003C40201", body="SGVsbG8=")
    assert [(each["parts"], each["encoding"]) for each in sinch_sandbox.messages()] == [
        (2, "text"),
        (3, "unicode"),
        (1, "binary"),
    ]


def test_truncating_keeps_one_part(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(body="A" * 200, truncate_concat=True)
    api.sent(body="${x}" + "A" * 155, parameters={"x": {"default": "Hi there"}}, truncate_concat=True)
    common, personal = sinch_sandbox.messages()
    assert (common["body"], common["parts"]) == ("A" * 160, 1)
    assert (personal["body"], personal["parts"]) == ("Hi there" + "A" * 152, 1)
