"""What the log says about a message before it is sent: no number, no text, but parts and what costs them."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.task.description import describe, limit_faults, total_of

MARIA, JOHAN = "+447700900222", "+447700900333"
GROUP = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


def said_of(caplog: pytest.LogCaptureFixture, sender: str | None = None, **message: Any) -> list[str]:
    caplog.clear()
    with caplog.at_level("INFO"):
        describe(endpoints.send(**{"to": [MARIA, JOHAN], "body": "Hi", **message}).body or {}, sender)
    return [record.getMessage() for record in caplog.records]


def test_sender_times_parts_and_encoding_are_said(caplog: pytest.LogCaptureFixture) -> None:
    assert said_of(caplog, from_="+46 70 174 06 05", send_at="2999-01-01", expire_at="2999-01-02") == [
        "Message to 2 recipients from +4670***0605, leaves 2999-01-01T00:00:00.000Z, "
        "expires 2999-01-02T00:00:00.000Z.",
        "2 SMS parts, without Sinch's auto-encoding: 1 in GSM 03.38 for 2.",
    ]


@pytest.mark.parametrize(
    ("given", "default", "shown"),
    [
        ("Bistro", None, "Bistro"),
        ("12345", None, "12345"),
        (None, "447700900555", "+4477***0555"),
        (None, None, "the service plan's default sender"),
    ],
)
def test_a_sender_is_masked_if_it_is_a_number(
    caplog: pytest.LogCaptureFixture, given: str | None, default: str | None, shown: str
) -> None:
    assert (
        f"from {shown}, leaves at once, expires after three days." in said_of(caplog, default, from_=given)[0]
    )


def test_parts_are_counted_per_recipient_and_costly_characters_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = {MARIA: "Maria", JOHAN: "A" * 150}
    said = said_of(caplog, body="Hi ${name}, “Z” Ł ж\xa0\u200bő" + "A" * 50, parameters={"name": names})
    assert said[1:] == [
        "5 SMS parts, without Sinch's auto-encoding: 1 in unicode for 1, 4 in unicode for 1.",
        "Characters outside GSM 03.38 make texts unicode, with fewer in a part: "
        "latin capital letter l with stroke (write L), latin small letter o with double acute (write o), "
        'left double quotation mark (write "), no-break space (write a space), '
        'right double quotation mark (write "), 2 others.',
    ]
    said = said_of(caplog, body="${name}\u200b", parameters={"name": names})
    assert said[2].endswith(": zero width space (leave it out).")


def test_of_parameters_only_the_number_of_recipients_is_said(caplog: pytest.LogCaptureFixture) -> None:
    names = {MARIA: "Łukasz", JOHAN: "Johan"}
    said = said_of(caplog, body="Hi ${name}", parameters={"name": names})
    assert said[2:] == [
        "Values of parameters make texts unicode, with fewer characters in a part, for 1 recipients."
    ]
    said = said_of(caplog, body="“Hi” ${name}", parameters={"name": names})
    assert "stroke" not in " ".join(said)


@pytest.mark.parametrize("code", ["４８２９１", "④⑧②⑨①", "⁴⁸²⁹¹", "𝟒𝟖𝟐𝟗𝟏", "四八二九一", "٤٨٢٩١", "Ⅳ⒏½"])
def test_a_code_is_not_spelt(caplog: pytest.LogCaptureFixture, code: str) -> None:
    said = said_of(caplog, body=f"Code: {code}")
    number = len(set(code))
    assert said[2].endswith(f", with fewer in a part: {number} others.")
    said = said_of(caplog, body="Code: ${code}", parameters={"code": {"default": "", MARIA: code}})
    assert said[2].endswith("for 1 recipients.")
    assert len(said) == 3


def test_the_order_of_named_characters_says_nothing_about_the_text(caplog: pytest.LogCaptureFixture) -> None:
    assert said_of(caplog, body="ＺＡＢ")[2] == said_of(caplog, body="ＢＢＡＺ")[2]


def test_media_have_no_parts(caplog: pytest.LogCaptureFixture) -> None:
    body = {"url": "https://media.example.test/x"}
    assert len(said_of(caplog, body=body, type_="mt_media")) == 1


@pytest.mark.parametrize(
    ("message", "limit", "rule"),
    [
        ({"body": "A" * 161}, 4, None),
        ({"body": "A" * 161}, 3, "allows 3 SMS parts, and this message has 4, counted without Sinch's"),
        ({"body": "A" * 161}, None, None),
        ({"to": [MARIA, GROUP], "body": "Hi"}, 9, "cannot be checked for a group"),
        (
            {"body": {"url": "https://media.example.test/x"}, "type_": "mt_media"},
            9,
            "does not apply to mt_media",
        ),
    ],
)
def test_too_many_parts_are_a_fault(message: Any, limit: int | None, rule: str | None) -> None:
    body = endpoints.send(**{"to": [MARIA, JOHAN], **message}).body or {}
    faults = limit_faults(body, describe(body, None), limit)
    assert [fault.field for fault in faults] == ["max_total_parts"] * (rule is not None)
    assert all(fault.rule.startswith(rule or "") for fault in faults)


def test_the_total_counts_every_recipient() -> None:
    body = endpoints.send(to=[MARIA, JOHAN], body="A" * 161).body or {}
    assert total_of(describe(body, None)) == 4
