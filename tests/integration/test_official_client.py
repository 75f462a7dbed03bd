"""A second opinion: Sinch's own Python SDK, unchanged but for the address it calls, against the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sinch import SinchClient
from sinch.domains.sms.api.v1.exceptions import SmsException

from sinch_sandbox.client import SandboxClient

TO = ["+447700900222", "+447700900333"]
FROM = "+447700900111"
CALLBACK = "https://hooks.example.test/sms"
MEDIA = {"url": "https://media.example.test/chart.png", "subject": "Daily chart", "message": "Rows: ${rows}"}
BINARY = {"udh": "050003C40201", "body": "SGVsbG8gYmluYXJ5"}


@pytest.fixture
def client(official_client: SinchClient) -> SinchClient:
    """The SDK in each of its two ways to authenticate."""
    return official_client


@pytest.fixture
def now(sinch_sandbox: SandboxClient) -> datetime:
    return datetime.fromisoformat(sinch_sandbox.now())


def status_of(error: pytest.ExceptionInfo[SmsException]) -> int:
    status: int = error.value.http_response.status_code
    return status


# Batches


def test_send_a_text(client: SinchClient, now: datetime) -> None:
    batch = client.sms.batches.send_sms(
        to=TO,
        from_=FROM,
        body="Hi ${name}",
        parameters={"name": {"+447700900222": "Maria", "default": "guest"}},
        delivery_report="summary",
        event_destination_target=CALLBACK,
        send_at=now + timedelta(hours=1),
        expire_at=now + timedelta(hours=2),
        client_reference="a",
        feedback_enabled=True,
        flash_message=True,
        max_number_of_message_parts=2,
        truncate_concat=False,
        from_ton=1,
        from_npi=1,
    )
    assert batch.type == "mt_text"
    assert batch.to == ["447700900222", "447700900333"]
    assert (batch.from_, batch.body, batch.canceled) == ("447700900111", "Hi ${name}", False)
    assert (batch.created_at, batch.modified_at) == (now, now)
    assert (batch.send_at, batch.expire_at) == (now + timedelta(hours=1), now + timedelta(hours=2))
    assert batch.parameters == {"name": {"+447700900222": "Maria", "default": "guest"}}
    assert (batch.delivery_report, batch.event_destination_target) == ("summary", CALLBACK)
    assert (batch.client_reference, batch.feedback_enabled, batch.flash_message) == ("a", True, True)
    assert (batch.max_number_of_message_parts, batch.truncate_concat) == (2, False)
    assert (batch.from_ton, batch.from_npi) == (1, 1)
    assert client.sms.batches.get(batch.id) == batch


def test_send_binary_and_media(client: SinchClient) -> None:
    binary = client.sms.batches.send_binary(to=TO, from_=FROM, **BINARY)
    assert (binary.type, binary.udh, binary.body) == ("mt_binary", BINARY["udh"], BINARY["body"])
    media = client.sms.batches.send_mms(to=TO, from_=FROM, body=MEDIA, parameters={"rows": {"default": "3"}})
    assert media.type == "mt_media"
    assert media.body.model_dump(exclude_none=True) == MEDIA
    for batch in (binary, media):
        assert client.sms.batches.get(batch.id) == batch


def test_send_with_defaults(client: SinchClient, now: datetime) -> None:
    batch = client.sms.batches.send_sms(to=TO, from_="Bistro", body="Hi")
    assert (batch.from_, batch.delivery_report, batch.feedback_enabled) == ("Bistro", "none", False)
    assert batch.expire_at == now + timedelta(days=3)
    assert batch.send_at is None


def test_dry_run(client: SinchClient, sinch_sandbox: SandboxClient) -> None:
    answer = client.sms.batches.dry_run_sms(
        to=TO,
        from_=FROM,
        body="Hi ${name}",
        parameters={"name": {"+447700900222": "Maria", "default": "Łukasz"}},
        per_recipient=True,
        number_of_recipients=10,
    )
    assert (answer.number_of_recipients, answer.number_of_messages) == (2, 2)
    assert [
        (each.recipient, each.body, each.number_of_parts, each.encoding) for each in answer.per_recipient
    ] == [
        ("447700900222", "Hi Maria", 1, "text"),
        ("447700900333", "Hi Łukasz", 1, "unicode"),
    ]
    assert client.sms.batches.dry_run_sms(to=TO, from_=FROM, body="Hi").per_recipient is None
    assert (
        client.sms.batches.dry_run_sms(to=TO, from_=FROM, body="Hi", per_recipient=False).per_recipient
        is None
    )
    assert client.sms.batches.dry_run_binary(to=TO, from_=FROM, **BINARY).number_of_messages == 2
    assert client.sms.batches.dry_run_mms(to=TO, from_=FROM, body=MEDIA).number_of_messages == 2
    assert sinch_sandbox.messages() == []


def test_update(client: SinchClient, now: datetime) -> None:
    later = now + timedelta(hours=1)
    text = client.sms.batches.send_sms(to=TO, from_=FROM, body="Hi", send_at=later)
    changed = client.sms.batches.update_sms(
        text.id, to_add=["+447700900555"], to_remove=["+447700900333"], body="Late", from_="+447700900112"
    )
    assert (changed.id, changed.to, changed.body) == (text.id, ["447700900222", "447700900555"], "Late")
    assert (changed.from_, changed.send_at) == ("447700900112", later)

    binary = client.sms.batches.send_binary(to=TO, from_=FROM, send_at=later, **BINARY)
    assert client.sms.batches.update_binary(binary.id, udh="050003C40202").udh == "050003C40202"

    media = client.sms.batches.send_mms(to=TO, from_=FROM, body=MEDIA, send_at=later)
    changed = client.sms.batches.update_mms(media.id, body={**MEDIA, "message": "None"})
    assert changed.body.message == "None"


def test_replace(client: SinchClient, now: datetime) -> None:
    text = client.sms.batches.send_sms(
        to=TO, from_=FROM, body="Hi", send_at=now + timedelta(hours=1), client_reference="a"
    )
    changed = client.sms.batches.replace_sms(
        text.id, to=["+447700900666"], from_=FROM, body="Postponed", send_at=now + timedelta(hours=9)
    )
    assert (changed.id, changed.created_at, changed.to) == (text.id, text.created_at, ["447700900666"])
    assert changed.client_reference is None
    assert changed.expire_at == now + timedelta(days=3, hours=9)
    binary = client.sms.batches.replace_binary(
        text.id, to=TO, from_=FROM, send_at=now + timedelta(hours=9), **BINARY
    )
    assert binary.type == "mt_binary"
    media = client.sms.batches.replace_mms(text.id, to=TO, from_=FROM, body=MEDIA)
    assert media.type == "mt_media"


def test_cancel(client: SinchClient, now: datetime) -> None:
    batch = client.sms.batches.send_sms(to=TO, from_=FROM, body="Hi", send_at=now + timedelta(hours=1))
    assert client.sms.batches.cancel(batch.id).canceled is True
    assert client.sms.batches.get(batch.id).canceled is True
    assert client.sms.delivery_reports.get(batch.id).statuses == []


def test_delivery_feedback(client: SinchClient) -> None:
    batch = client.sms.batches.send_sms(to=TO, from_=FROM, body="Hi", feedback_enabled=True)
    assert client.sms.batches.send_delivery_feedback(batch.id, recipients=["+447700900222"]) is None
    assert client.sms.batches.send_delivery_feedback(batch.id, recipients=[]) is None


@pytest.mark.parametrize("page_size", [None, 4])
def test_list_over_several_pages(client: SinchClient, page_size: int | None) -> None:
    sent = [
        client.sms.batches.send_sms(to=TO, from_=FROM, body=str(index))
        for index in range(65 if page_size is None else 10)
    ]
    pages = client.sms.batches.list(page_size=page_size)
    assert pages.result.count == len(sent)
    assert [batch.id for batch in pages.iterator()] == [batch.id for batch in reversed(sent)]


def test_list_with_filters(client: SinchClient, now: datetime, sinch_sandbox: SandboxClient) -> None:
    client.sms.batches.send_binary(to=TO, from_="+447700900112", client_reference="b", **BINARY)
    client.sms.batches.send_mms(to=TO, from_="+447700900113", client_reference="c", body=MEDIA)
    sinch_sandbox.advance(60)
    client.sms.batches.send_sms(to=TO, from_=FROM, body="Hi", client_reference="a")

    def found(**filters: Any) -> list[str]:
        return [batch.client_reference for batch in client.sms.batches.list(**filters).iterator()]

    assert found() == ["a", "c", "b"]
    assert found(client_reference="b") == ["b"]
    assert found(from_=["447700900111", "447700900113"]) == ["a", "c"]
    assert found(start_date=now + timedelta(seconds=30)) == ["a"]
    assert found(end_date=now + timedelta(seconds=30)) == ["c", "b"]
    assert found(start_date=datetime(2020, 1, 1, tzinfo=UTC), page=5) == []


# Delivery reports


def test_a_batch_report(client: SinchClient, sinch_sandbox: SandboxClient) -> None:
    batch = client.sms.batches.send_sms(
        to=[*TO, "+447700900150"], from_=FROM, body="Hi", client_reference="a"
    )
    running = client.sms.delivery_reports.get(batch.id)
    assert [(each.code, each.status, each.count) for each in running.statuses] == [(400, "Queued", 3)]
    sinch_sandbox.advance(3)
    report = client.sms.delivery_reports.get(batch.id, report_type="full")
    assert (report.type, report.batch_id, report.client_reference) == ("delivery_report_sms", batch.id, "a")
    assert report.total_message_count == 3
    assert [(each.code, each.status, each.count, each.recipients) for each in report.statuses] == [
        (0, "Delivered", 2, ["447700900222", "447700900333"]),
        (150, "Failed", 1, ["447700900150"]),
    ]
    failed = client.sms.delivery_reports.get(batch.id, status=["FAILED", "ABORTED"], code=[150, 402])
    assert [each.status for each in failed.statuses] == ["Failed"]


def test_a_recipient_report(client: SinchClient, sinch_sandbox: SandboxClient, now: datetime) -> None:
    batch = client.sms.batches.send_sms(to=TO, from_=FROM, body="Hi", max_number_of_message_parts=1)
    assert client.sms.delivery_reports.get_for_number(batch.id, "447700900222").status == "Queued"
    sinch_sandbox.advance(3)
    for number in TO:
        report = client.sms.delivery_reports.get_for_number(batch.id, number)
        assert (report.recipient, report.code, report.status) == (number[1:], 0, "Delivered")
        assert report.at == now + timedelta(seconds=3)
        assert report.operator_status_at == report.at.replace(microsecond=0)
        assert report.number_of_message_parts == 1


def test_the_list_of_reports_over_several_pages(client: SinchClient, sinch_sandbox: SandboxClient) -> None:
    numbers = [f"467{index:08}" for index in range(65)]
    client.sms.batches.send_sms(to=[*numbers, "+447700900402"], from_=FROM, body="Hi")
    media = client.sms.batches.send_mms(to=TO, from_=FROM, body={"url": MEDIA["url"]}, client_reference="mms")
    sinch_sandbox.advance(3)
    pages = client.sms.delivery_reports.list(page_size=30, status=["DELIVERED"], code=[0])
    assert pages.result.count == 67
    assert sorted(report.recipient for report in pages.iterator()) == sorted(
        [*numbers, "447700900222", "447700900333"]
    )
    aborted = client.sms.delivery_reports.list(status=["Aborted"]).content()
    assert [(report.recipient, report.code) for report in aborted] == [("447700900402", 402)]
    own = client.sms.delivery_reports.list(client_reference="mms").content()
    assert {(report.batch_id, report.type) for report in own} == {(media.id, "recipient_delivery_report_mms")}


# When Sinch says no


def test_refusals_reach_the_caller(client: SinchClient, sinch_sandbox: SandboxClient) -> None:
    with pytest.raises(SmsException) as error:
        client.sms.batches.send_sms(to=["+12"], from_=FROM, body="Hi")
    assert status_of(error) == 400
    assert error.value.http_response.body["code"] == "syntax_invalid_parameter_format"
    with pytest.raises(SmsException) as error:
        client.sms.batches.send_sms(to=TO, from_=FROM, body="Hi", delivery_report="full")
    assert status_of(error) == 403
    with pytest.raises(SmsException) as error:
        client.sms.batches.get("01J8ZC4M7T2Q9KX5RVBW3NHYDP")
    assert status_of(error) == 404
    assert sinch_sandbox.messages() == []


def test_a_token_that_ended_is_renewed(client: SinchClient, sinch_sandbox: SandboxClient) -> None:
    client.sms.batches.list()
    sinch_sandbox.advance(3600)
    client.sms.batches.send_sms(to=TO, from_=FROM, body="Hi")
    assert len(sinch_sandbox.messages()) == 2
    if client.configuration.authentication_method == "project_auth":
        assert sinch_sandbox.calls() == {"token": 2, "list": 1, "send": 2}


def test_too_many_requests_are_tried_again(client: SinchClient, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("rate_limited", "send", retry_after=0)
    client.sms.batches.send_sms(to=TO, from_=FROM, body="Hi")
    assert len(sinch_sandbox.messages()) == 2
