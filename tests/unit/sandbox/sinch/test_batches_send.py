"""Sending a batch: what is accepted, and what comes back."""

from __future__ import annotations

import base64
import re

import pytest

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import CALLBACK, TO, Api, accepted, bad_format, constraint, refused

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_the_smallest_batch_comes_back_with_its_defaults_and_nothing_that_was_not_given(api: Api) -> None:
    batch = api.sent()
    created = batch["created_at"]
    assert INSTANT.fullmatch(created)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", batch["id"])
    assert batch == {
        "id": batch["id"],
        "to": ["447700900222"],
        "from": "447700900111",
        "body": "Nightly load finished.",
        "type": "mt_text",
        "canceled": False,
        "created_at": created,
        "modified_at": created,
        "delivery_report": "none",
        "expire_at": batch["expire_at"],
        "feedback_enabled": False,
        "flash_message": False,
    }


def test_everything_given_for_a_text_comes_back(api: Api) -> None:
    given = {
        "from_": "Bistro",
        "body": "Hi ${name}!",
        "parameters": {"name": {"+447700900222": "Maria", "default": "guest"}},
        "delivery_report": "per_recipient_final",
        "callback_url": CALLBACK,
        "client_reference": "dag-nightly/2024-11-12",
        "feedback_enabled": True,
        "flash_message": True,
        "truncate_concat": True,
        "max_number_of_message_parts": 3,
        "from_ton": 5,
        "from_npi": 0,
    }
    batch = api.sent(**given)
    given["from"] = given.pop("from_")
    assert {name: batch[name] for name in given} == given


def test_a_binary_message(api: Api) -> None:
    batch = api.sent(
        type="mt_binary", udh="050003C40201", body="SGVsbG8gYmluYXJ5", parameters={"a": {"default": "b"}}
    )
    assert (batch["type"], batch["udh"], batch["body"]) == ("mt_binary", "050003C40201", "SGVsbG8gYmluYXJ5")
    assert "flash_message" not in batch
    assert "parameters" not in batch


def test_a_media_message(api: Api, sinch_sandbox: SandboxClient) -> None:
    body = {
        "url": "https://media.example.test/chart.png",
        "subject": "Daily chart",
        "message": "Rows: ${rows}",
    }
    parameters = {"rows": {"default": "1204"}}
    batch = api.sent(
        type="mt_media", body=body, parameters=parameters, strict_validation=True, from_ton=1, from_npi=1
    )
    assert (batch["body"], batch["parameters"], batch["strict_validation"]) == (body, parameters, True)
    assert "from_ton" not in batch
    assert sinch_sandbox.messages()[0]["body"] == "Rows: 1204"
    assert api.report(batch["id"])["type"] == "delivery_report_mms"
    assert api.recipient(batch["id"], TO)["type"] == "recipient_delivery_report_mms"


def test_a_media_message_without_words(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(type="mt_media", body={"url": "https://media.example.test/chart.png", "message": None})
    assert sinch_sandbox.messages()[0]["body"] == ""


def test_ids_sort_in_the_order_of_sending_even_within_a_millisecond(api: Api) -> None:
    ids = [api.sent()["id"] for _ in range(5)]
    assert ids == sorted(set(ids))


def test_the_batch_can_be_read_back(api: Api) -> None:
    batch = api.sent(client_reference="a")
    assert api.get(batch["id"]) == batch
    assert accepted(api.call("GET", f"/batches/{batch['id']}?batch_id=whatever")) == batch


def test_two_identical_batches_are_two_batches(api: Api, sinch_sandbox: SandboxClient) -> None:
    assert api.sent(client_reference="same")["id"] != api.sent(client_reference="same")["id"]
    assert len(sinch_sandbox.messages(client_reference="same")) == 2


@pytest.mark.parametrize(
    ("given", "digits"),
    [
        ("+447700900222", "447700900222"),
        ("0044 7700 900 222", "447700900222"),
        ("+44 (7700) 900-222", "447700900222"),
        ("44[77]00900222", "447700900222"),
        ("447700900222", "447700900222"),
    ],
)
def test_numbers_come_back_as_digits_only(api: Api, given: str, digits: str) -> None:
    assert api.sent(to=[given])["to"] == [digits]


@pytest.mark.parametrize(
    "number",
    [
        "+12",
        "",
        "07700900222",
        "+46abc",
        "not a number",
        "1234567890123456",
        "٤٤٧٧٠٠٩٠٠٢٢٢",
        "++447700900222",
    ],
)
def test_what_is_no_number_is_named_with_its_place(api: Api, number: str) -> None:
    bad_format(api.send(to=[TO, number]), "'to[1]'", "valid MSISDN or group ID")


@pytest.mark.parametrize("item", [447700900222, None, ["447700900222"]])
def test_recipients_are_strings(api: Api, item: object) -> None:
    bad_format(api.send(to=[item]), "'to[0]'")


def test_an_unknown_group_is_refused_after_everything_else_was_fine(api: Api) -> None:
    group = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
    refused(api.send(to=[TO, group]), 403, "unknown_group", group)
    constraint(api.send(to=[TO, group], body=...), "'body'")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("+447700900111", "447700900111"),
        ("00447700900111", "447700900111"),
        ("72404", "72404"),
        ("00724", "00724"),
        ("123456789012345678", "123456789012345678"),
        ("Bistro", "Bistro"),
        ("My Shop 24", "My Shop 24"),
    ],
)
def test_senders(api: Api, given: str, shown: str) -> None:
    assert api.sent(from_=given)["from"] == shown


def test_senders_that_are_none(api: Api) -> None:
    bad_format(api.send(from_="!!!"), "'from'")
    bad_format(api.send(from_="Bis\x07tro"), "'from'")
    bad_format(api.send(from_={"+447700900222": "x"}), "'from'", "string")
    constraint(api.send(from_="TwelveLetter"), "'from'")
    constraint(api.send(from_="1234567890123456789"), "'from'")
    constraint(api.send(from_=""), "'from'")


def test_without_a_sender_the_default_originator_steps_in_and_is_named_in_the_report(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    batch = api.sent(from_=...)
    assert "from" not in batch
    assert api.recipient(batch["id"], TO)["applied_originator"] == "447700900100"
    assert sinch_sandbox.messages()[0]["from"] == "447700900100"


def test_without_a_default_originator_a_sender_is_required(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(default_originator=None)
    constraint(api.send(from_=...), "'from'")


def test_a_wanted_report_needs_a_callback_url_somewhere(api: Api, sinch_sandbox: SandboxClient) -> None:
    refused(api.send(delivery_report="full"), 403, "missing_callback_url")
    assert api.sent(delivery_report="full", callback_url=CALLBACK)["callback_url"] == CALLBACK
    sinch_sandbox.configure(default_callback_url=CALLBACK)
    assert api.sent(delivery_report="full")["delivery_report"] == "full"


def test_the_delivery_report_can_be_made_mandatory(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(delivery_report_required=True)
    constraint(api.send(), "'delivery_report'")
    assert api.sent(delivery_report="none")["delivery_report"] == "none"


def test_a_number_named_twice_gets_one_message_or_two_as_set(api: Api, sinch_sandbox: SandboxClient) -> None:
    twice = [TO, "00447700900222"]
    assert api.sent(to=twice)["to"] == ["447700900222", "447700900222"]
    assert len(sinch_sandbox.messages()) == 1
    sinch_sandbox.configure(duplicate_recipients="each")
    api.sent(to=twice)
    assert len(sinch_sandbox.messages()) == 3


def test_fields_nobody_knows_are_ignored(api: Api) -> None:
    batch = api.sent(tags=["a"], campaign_id="b", from_s="c", to_add=[TO], to_remove="what")
    assert not {"tags", "campaign_id", "from_s", "to_add", "to_remove"} & set(batch)


def test_a_null_is_as_good_as_absent(api: Api) -> None:
    names = (
        "type",
        "parameters",
        "send_at",
        "expire_at",
        "callback_url",
        "client_reference",
        "feedback_enabled",
    )
    batch = api.sent(**dict.fromkeys(names))
    assert batch["type"] == "mt_text"
    assert batch["feedback_enabled"] is False
    assert not {"parameters", "send_at", "callback_url", "client_reference"} & set(batch)
    constraint(api.send(to=None), "'to'")


@pytest.mark.parametrize("missing", ["to", "body"])
def test_mandatory_fields(api: Api, missing: str) -> None:
    constraint(api.send(**{missing: ...}), f"'{missing}'", "may not be empty")


def test_a_binary_message_needs_its_header(api: Api) -> None:
    constraint(api.send(type="mt_binary", body="SGVsbG8="), "'udh'")


def test_the_form_of_a_value_is_looked_at_before_missing_fields_and_those_before_the_rules(api: Api) -> None:
    bad_format(api.send(body=..., send_at="soon", delivery_report="full"), "'send_at'")
    constraint(api.send(body=..., delivery_report="full"), "'body'")
    refused(api.send(delivery_report="full"), 403, "missing_callback_url")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "mt_fax"),
        ("type", 5),
        ("to", "447700900222"),
        ("body", 5),
        ("delivery_report", "sometimes"),
        ("delivery_report", True),
        ("send_at", "soon"),
        ("send_at", 5),
        ("send_at", "2024-11-12"),
        ("send_at", "2024-13-12T00:00:00Z"),
        ("send_at", "9999-12-31T23:59:59Z"),
        ("send_at", "0001-01-01T00:00:00+14:00"),
        ("expire_at", "20241112T000000Z"),
        ("callback_url", "not a url"),
        ("callback_url", "ftp://example.test/"),
        ("callback_url", "https://"),
        ("callback_url", "http://[::1"),
        ("callback_url", 5),
        ("client_reference", 5),
        ("feedback_enabled", "true"),
        ("flash_message", 1),
        ("truncate_concat", "no"),
        ("max_number_of_message_parts", "3"),
        ("max_number_of_message_parts", 3.0),
        ("max_number_of_message_parts", True),
        ("from_ton", "1"),
        ("from_npi", []),
        ("parameters", "x"),
    ],
)
def test_values_of_the_wrong_form(api: Api, field: str, value: object) -> None:
    bad_format(api.send(**{field: value}), f"'{field}'")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("parameters.name", {"parameters": {"name": "Maria"}}),
        ("parameters.name.default", {"parameters": {"name": {"default": 5}}}),
        ("parameters.name.default", {"parameters": {"name": {"default": None}}}),
        ("body", {"type": "mt_binary", "udh": "00", "body": "not base64!"}),
        ("body", {"type": "mt_binary", "udh": "00", "body": "é"}),
        ("body", {"type": "mt_binary", "udh": "00", "body": 5}),
        ("udh", {"type": "mt_binary", "udh": "050", "body": "SGVsbG8="}),
        ("udh", {"type": "mt_binary", "udh": "zz", "body": "SGVsbG8="}),
        ("udh", {"type": "mt_binary", "udh": 5, "body": "SGVsbG8="}),
        ("body", {"type": "mt_media", "body": "https://media.example.test/a.png"}),
        ("body.url", {"type": "mt_media", "body": {"url": "a.png"}}),
        (
            "body.message",
            {"type": "mt_media", "body": {"url": "https://media.example.test/a.png", "message": 5}},
        ),
        (
            "strict_validation",
            {"type": "mt_media", "body": {"url": "https://a.example.test/"}, "strict_validation": 1},
        ),
    ],
)
def test_values_of_the_wrong_form_deeper_down(api: Api, path: str, fields: dict[str, object]) -> None:
    bad_format(api.send(**fields), f"'{path}'")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("to", {"to": []}),
        ("to", {"to": [f"467{index:08}" for index in range(1001)]}),
        ("body", {"body": "x" * 2001}),
        ("client_reference", {"client_reference": "x" * 2049}),
        ("callback_url", {"callback_url": "https://hooks.example.test/" + "x" * 2048}),
        ("parameters.", {"parameters": {"": {"default": "x"}}}),
        ("parameters.seventeenletters_", {"parameters": {"seventeenletters_": {"default": "x"}}}),
        ("parameters.a b", {"parameters": {"a b": {"default": "x"}}}),
        ("parameters.a.default", {"parameters": {"a": {"default": "x" * 161}}}),
        ("max_number_of_message_parts", {"max_number_of_message_parts": 0}),
        ("from_ton", {"from_ton": 7, "from_npi": 0}),
        ("from_npi", {"from_ton": 0, "from_npi": 19}),
        ("from_ton", {"from_ton": -1, "from_npi": 0}),
        ("from_ton", {"from_ton": 1}),
        ("from_ton", {"from_npi": 1}),
        ("body.url", {"type": "mt_media", "body": {"message": "only words"}}),
    ],
)
def test_limits(api: Api, path: str, fields: dict[str, object]) -> None:
    constraint(api.send(**fields), f"'{path}'")


def test_what_just_fits(api: Api, sinch_sandbox: SandboxClient) -> None:
    many = [f"467{index:08}" for index in range(1000)]
    assert len(api.sent(to=many, body="x" * 2000)["to"]) == 1000
    assert len(sinch_sandbox.messages()) == 1000
    assert api.sent(body="")["body"] == ""
    assert len(api.sent(client_reference="x" * 2048)["client_reference"]) == 2048
    api.sent(
        parameters={"A.z_0-9": {"default": "x" * 160}}, from_ton=6, from_npi=18, max_number_of_message_parts=1
    )


def test_140_bytes_of_binary_header_and_body_together(api: Api) -> None:
    def body(size: int) -> str:
        return base64.b64encode(bytes(size)).decode()

    api.sent(type="mt_binary", udh="050003C40201", body=body(134))
    constraint(api.send(type="mt_binary", udh="050003C40201", body=body(135)), "140 bytes")


def test_limits_of_older_references_can_be_set(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(text_limit=1600, client_reference_limit=128)
    constraint(api.send(body="x" * 1601), "1600")
    constraint(api.send(client_reference="x" * 129), "128")


def test_the_text_limit_counts_characters_or_utf16_units(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(body="😀" * 1500)
    sinch_sandbox.configure(text_limit_unit="utf16")
    constraint(api.send(body="😀" * 1500), "'body'")
    api.sent(body="😀" * 1000)


def test_the_key_of_the_error_text_can_be_set(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(error_text_key="description")
    assert set(api.send(to=[]).json()) == {"code", "description"}


def test_a_long_value_is_shown_in_part(api: Api) -> None:
    text = api.send(send_at="x" * 500).json()["text"]
    assert "'xxx" in text
    assert len(text) < 150
