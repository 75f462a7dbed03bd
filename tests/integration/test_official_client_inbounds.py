"""A second opinion on inbound messages and callbacks: Sinch's own SDK, unchanged, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sinch import SinchClient
from sinch.domains.sms.sinch_events.v1 import SmsSinchEvent

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.receiver import Receiver

PHONE, NUMBER = "447700900222", "447700900111"
BINARY = {"body": "SGVsbG8=", "type": "mo_binary", "udh": "050003C40201"}
MEDIA = {
    "body": {
        "subject": "Cat",
        "message": "Look",
        "media": [{"url": "https://media.example.test/cat.jpg", "content_type": "image/jpeg"}],
    },
    "type": "mo_media",
}


@pytest.fixture
def account(official_client: SinchClient) -> str:
    """The one the SDK has credentials for."""
    configuration = official_client.configuration
    return str(configuration.service_plan_id or configuration.project_id)


def test_inbounds_one_by_one(
    official_client: SinchClient, account: str, sinch_sandbox: SandboxClient
) -> None:
    now = datetime.fromisoformat(sinch_sandbox.now())
    sent_at = now - timedelta(seconds=5)
    ids = [
        sinch_sandbox.inbound(PHONE, to=NUMBER, account=account, **details)["id"]
        for details in (
            {"body": "Yes", "operator_id": "24001", "sent_at": sent_at.isoformat(), "client_reference": "a"},
            BINARY,
            MEDIA,
        )
    ]
    text, binary, media = (official_client.sms.inbounds.get(each) for each in ids)
    assert (text.type, text.from_, text.to, text.body) == ("mo_text", PHONE, NUMBER, "Yes")
    assert (text.received_at, text.sent_at) == (now, sent_at)
    assert (text.operator_id, text.client_reference) == ("24001", "a")
    assert (binary.type, binary.body, binary.udh) == ("mo_binary", "SGVsbG8=", "050003C40201")
    assert (media.type, media.body.subject, media.body.message) == ("mo_media", "Cat", "Look")
    assert media.body.media[0].status == "Uploaded"


def test_inbounds_in_pages(official_client: SinchClient, account: str, sinch_sandbox: SandboxClient) -> None:
    for index in range(5):
        sinch_sandbox.inbound(PHONE, str(index), NUMBER, account=account)
    sinch_sandbox.inbound(PHONE, "elsewhere", "447700900112", account=account, client_reference="a")
    inbounds = official_client.sms.inbounds
    assert [each.body for each in inbounds.list(to=[f"+{NUMBER}"], page_size=2).iterator()] == list("43210")
    assert [each.body for each in inbounds.list(client_reference="a").content()] == ["elsewhere"]
    tomorrow = datetime.fromisoformat(sinch_sandbox.now()) + timedelta(days=1)
    assert inbounds.list(start_date=tomorrow).content() == []
    assert inbounds.list(end_date=tomorrow, to=[NUMBER, "447700900112"]).result.count == 6


SECRET = "stand-in-secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.mark.parametrize("mode", ["summary", "full", "per_recipient", "per_recipient_final"])
def test_a_signed_report_is_understood(
    official_client: SinchClient, sinch_sandbox: SandboxClient, receiver: Receiver, mode: str
) -> None:
    sinch_sandbox.configure(callback_secret=SECRET)
    batch = official_client.sms.batches.send_sms(
        to=[f"+{PHONE}"],
        from_=f"+{NUMBER}",
        body="Hi",
        delivery_report=mode,
        event_destination_target=receiver.url,
        client_reference="Å",
    )
    sinch_sandbox.advance(3)
    events = official_client.sms.sinch_events(SECRET)
    for request in receiver.received:
        assert events.validate_authentication_header(request.headers, request.raw)
        assert not events.validate_authentication_header(request.headers, request.raw + b" ")
        assert not SmsSinchEvent("other").validate_authentication_header(request.headers, request.raw)
    event = events.parse_event(receiver.received[-1].raw, receiver.received[-1].headers)
    assert (event.batch_id, event.client_reference) == (batch.id, "Å")
    if mode in ("summary", "full"):
        assert event == official_client.sms.delivery_reports.get(batch.id, report_type=mode)
        assert (event.total_message_count, event.statuses[0].status) == (1, "Delivered")
    else:
        assert event == official_client.sms.delivery_reports.get_for_number(batch.id, PHONE)
        assert (event.recipient, event.status, event.code) == (PHONE, "Delivered", 0)
    assert len(receiver.received) == (2 if mode == "per_recipient" else 1)


@pytest.mark.parametrize("details", [{"body": "Ja, tack på"}, BINARY, MEDIA])
def test_a_signed_inbound_message_is_understood(
    official_client: SinchClient,
    account: str,
    sinch_sandbox: SandboxClient,
    receiver: Receiver,
    details: dict[str, Any],
) -> None:
    sinch_sandbox.configure(callback_secret=SECRET, inbound_callback_url=receiver.url)
    inbound = sinch_sandbox.inbound(PHONE, to=NUMBER, account=account, **details)
    sinch_sandbox.advance(0)
    (request,) = receiver.received
    events = official_client.sms.sinch_events(SECRET)
    assert events.validate_authentication_header(request.headers, request.raw)
    event = events.parse_event(request.raw, request.headers)
    assert event == official_client.sms.inbounds.get(inbound["id"])
    assert (event.from_, event.to, event.id) == (PHONE, NUMBER, inbound["id"])
