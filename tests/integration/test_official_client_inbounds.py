"""A second opinion on inbound messages and callbacks: Sinch's own SDK, unchanged, against the sandbox."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sinch import SinchClient

from sinch_provider.sandbox.client import SandboxClient

PHONE, NUMBER = "46700000222", "46700000111"
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
    sinch_sandbox.inbound(PHONE, "elsewhere", "46700000112", account=account, client_reference="a")
    inbounds = official_client.sms.inbounds
    assert [each.body for each in inbounds.list(to=[f"+{NUMBER}"], page_size=2).iterator()] == list("43210")
    assert [each.body for each in inbounds.list(client_reference="a").content()] == ["elsewhere"]
    tomorrow = datetime.fromisoformat(sinch_sandbox.now()) + timedelta(days=1)
    assert inbounds.list(start_date=tomorrow).content() == []
    assert inbounds.list(end_date=tomorrow, to=[NUMBER, "46700000112"]).result.count == 6
