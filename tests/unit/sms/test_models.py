"""Reading what Sinch answers: strict about what decisions rest on, lenient about the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provider.sms.errors import MalformedAnswerError
from sinch_provider.sms.models import (
    Answered,
    Batch,
    BatchDeliveryReport,
    BatchPage,
    DeliveryReportPage,
    DryRun,
    RecipientDeliveryReport,
)

ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
BATCH: dict[str, Any] = {
    "id": ID,
    "to": ["447700900222", "447700900333"],
    "from": "447700900111",
    "canceled": False,
    "parameters": {"name": {"447700900222": "Maria", "default": "there"}},
    "body": "Hi ${name}",
    "type": "mt_text",
    "created_at": "2024-11-12T10:15:12.345Z",
    "modified_at": "2024-11-12T10:15:13Z",
    "delivery_report": "full",
    "send_at": "2024-11-13T08:00:00.000",
    "expire_at": "2024-11-13T18:00:00+02:00",
    "callback_url": "https://hooks.example.test/sms",
    "client_reference": "nightly",
    "feedback_enabled": True,
    "flash_message": True,
    "truncate_concat": False,
    "max_number_of_message_parts": 3,
    "from_ton": 1,
    "from_npi": 0,
    "udh": "0500",
    "strict_validation": True,
    "something_new": {"nested": [1]},
}
REPORT: dict[str, Any] = {
    "type": "delivery_report_sms",
    "batch_id": ID,
    "total_message_count": 3,
    "statuses": [
        {"code": 0, "status": "Delivered", "count": 2, "recipients": ["447700900222", "447700900333"]},
        {"code": 405, "status": "Aborted", "count": 1},
    ],
}
RECIPIENT: dict[str, Any] = {
    "type": "recipient_delivery_report_sms",
    "batch_id": ID,
    "recipient": "447700900222",
    "code": 0,
    "status": "Delivered",
    "at": "2024-11-12T10:15:19.870Z",
    "operator_status_at": "2024-11-12T10:15:00",
    "number_of_message_parts": 2,
    "encoding": "GSM",
}
DRY_RUN: dict[str, Any] = {
    "number_of_recipients": 1,
    "number_of_messages": 2,
    "per_recipient": [
        {"recipient": "447700900222", "number_of_parts": 2, "encoding": "text", "body": "Hi Maria"}
    ],
}


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}


def test_a_batch_is_read_whole() -> None:
    batch = Batch.from_json(BATCH)
    assert (batch.id, batch.to, batch.from_) == (ID, ("447700900222", "447700900333"), "447700900111")
    assert batch.created_at == pendulum.datetime(2024, 11, 12, 10, 15, 12, 345000)
    assert batch.modified_at == pendulum.datetime(2024, 11, 12, 10, 15, 13)
    assert batch.send_at == pendulum.datetime(2024, 11, 13, 8)
    assert batch.expire_at == pendulum.datetime(2024, 11, 13, 16)
    assert batch.send_at.utcoffset() == timedelta(0)
    assert (batch.body, batch.type_, batch.delivery_report) == ("Hi ${name}", "mt_text", "full")
    assert (batch.from_ton, batch.from_npi, batch.max_number_of_message_parts) == (1, 0, 3)
    assert (batch.feedback_enabled, batch.flash_message, batch.truncate_concat) == (True, True, False)
    assert (batch.udh, batch.strict_validation, batch.client_reference) == ("0500", True, "nightly")
    assert batch.parameters == BATCH["parameters"]


def test_recipients_that_are_no_text_are_left_out() -> None:
    assert Batch.from_json({**BATCH, "to": ["447700900222", None, 5, "447700900333"]}).to == (
        "447700900222",
        "447700900333",
    )
    assert Batch.from_json({**BATCH, "to": "447700900222"}).to == ()


def test_an_id_is_all_a_batch_needs() -> None:
    batch = Batch.from_json({"id": ID})
    assert batch == Batch(raw={}, id=ID)
    assert (batch.canceled, batch.type_, batch.delivery_report) == (False, "mt_text", "none")


@pytest.mark.parametrize("data", [None, [], "text", 1, {}, {"id": None}, {"id": ""}, {"id": 5}])
def test_a_batch_without_an_id_is_none(data: Any) -> None:
    with pytest.raises(MalformedAnswerError):
        Batch.from_json(data)


@pytest.mark.parametrize("canceled", ["true", 1, None, {}])
def test_whether_a_batch_was_cancelled_is_no_matter_of_taste(canceled: Any) -> None:
    with pytest.raises(MalformedAnswerError, match="canceled"):
        Batch.from_json({**BATCH, "canceled": canceled})


@given(
    st.sampled_from(sorted(BATCH.keys() - {"id", "canceled"})),
    st.none() | st.booleans() | st.just([]) | st.text(),
)
def test_other_fields_of_a_batch_may_hold_anything(name: str, value: Any) -> None:
    batch = Batch.from_json({**BATCH, name: value})
    assert batch.id == ID
    assert batch.to_dict()[name] == value


def test_booleans_are_no_numbers() -> None:
    batch = Batch.from_json({**BATCH, "from_ton": True, "truncate_concat": 1, "flash_message": "yes"})
    assert (batch.from_ton, batch.truncate_concat, batch.flash_message) == (None, None, False)


def test_a_media_body_is_kept_as_an_object() -> None:
    body = {"url": "https://media.example.test/chart.png"}
    assert Batch.from_json({"id": ID, "body": body}).body == body


def test_to_dict_gives_everything_back_as_a_copy() -> None:
    batch = Batch.from_json(BATCH)
    copy = batch.to_dict()
    assert copy == BATCH
    copy["to"].append("447700900999")
    copy["something_new"]["nested"].clear()
    assert batch.to_dict() == BATCH


def test_a_batch_report_is_read_in_both_casings_of_its_types() -> None:
    report = BatchDeliveryReport.from_json(REPORT)
    assert (report.batch_id, report.total_message_count, report.type_) == (ID, 3, "delivery_report_sms")
    assert [(line.status, line.code, line.count) for line in report.statuses] == [
        ("Delivered", 0, 2),
        ("Aborted", 405, 1),
    ]
    assert report.statuses[0].recipients == ("447700900222", "447700900333")
    # Older descriptions of the API give counts as text.
    as_text = {
        **REPORT,
        "total_message_count": "3",
        "statuses": [{"code": "0", "status": "Delivered", "count": " 3"}],
    }
    assert BatchDeliveryReport.from_json(as_text).statuses[0].count == 3


@pytest.mark.parametrize(
    "broken",
    [
        without(REPORT, "batch_id"),
        without(REPORT, "statuses"),
        without(REPORT, "total_message_count"),
        {**REPORT, "total_message_count": -1},
        {**REPORT, "total_message_count": True},
        {**REPORT, "total_message_count": 2.0},
        {**REPORT, "total_message_count": "many"},
        {**REPORT, "statuses": {}},
        {**REPORT, "statuses": ["Delivered"]},
        {**REPORT, "statuses": [{"code": 0, "status": "Delivered"}]},
        {**REPORT, "statuses": [{"code": 0, "count": 1}]},
        {**REPORT, "statuses": [{"status": "Delivered", "count": 1}]},
    ],
)
def test_a_batch_report_without_its_counts_is_none(broken: Any) -> None:
    with pytest.raises(MalformedAnswerError):
        BatchDeliveryReport.from_json(broken)


def test_a_recipient_report_is_read() -> None:
    report = RecipientDeliveryReport.from_json(RECIPIENT)
    assert (report.recipient, report.status, report.code) == ("447700900222", "Delivered", 0)
    assert report.at == pendulum.datetime(2024, 11, 12, 10, 15, 19, 870000)
    assert report.operator_status_at == pendulum.datetime(2024, 11, 12, 10, 15)
    assert (report.number_of_message_parts, report.encoding) == (2, "GSM")
    assert RecipientDeliveryReport.from_json({**RECIPIENT, "code": "0", "at": "yesterday"}).at is None


@pytest.mark.parametrize("name", ["batch_id", "recipient", "status", "code"])
def test_a_recipient_report_needs_its_core(name: str) -> None:
    with pytest.raises(MalformedAnswerError, match=name):
        RecipientDeliveryReport.from_json(without(RECIPIENT, name))


def test_a_dry_run_is_read_with_either_name_of_its_parts() -> None:
    dry_run = DryRun.from_json(DRY_RUN)
    assert (dry_run.number_of_recipients, dry_run.number_of_messages) == (1, 2)
    assert dry_run.per_recipient[0].number_of_parts == 2
    assert dry_run.per_recipient[0].body == "Hi Maria"
    older = {**DRY_RUN, "per_recipient": [{"recipient": "447700900222", "message_part": "2"}]}
    assert DryRun.from_json(older).per_recipient[0].number_of_parts == 2
    assert DryRun.from_json(without(DRY_RUN, "per_recipient")).per_recipient == ()


def test_pages_hold_their_items_under_the_name_of_the_listing() -> None:
    page = BatchPage.from_json({"count": 3, "page": 1, "page_size": 1, "batches": [BATCH]})
    assert (page.count, page.page, page.batches) == (3, 1, page.items)
    assert page.batches[0].id == ID
    reports = DeliveryReportPage.from_json({"count": 1, "page": 0, "delivery_reports": [RECIPIENT]})
    assert reports.delivery_reports[0].recipient == "447700900222"


@pytest.mark.parametrize("kind", [BatchPage, DeliveryReportPage])
@pytest.mark.parametrize(
    "data", [{}, {"count": 1, "page": 0}, {"count": 1, "page": 0, "batches": 1, "delivery_reports": 1}]
)
def test_a_page_without_its_list_is_none(kind: Any, data: Any) -> None:
    # Taking it for an empty one could make a batch look as if it did not exist.
    with pytest.raises(MalformedAnswerError):
        kind.from_json(data)


@pytest.mark.parametrize(
    "shown",
    [
        Batch.from_json({**BATCH, "body": "Hi Maria"}),
        BatchDeliveryReport.from_json(REPORT),
        RecipientDeliveryReport.from_json({**RECIPIENT, "status_message": "for 447700900222"}),
        DryRun.from_json(DRY_RUN),
        BatchPage.from_json({"count": 1, "page": 0, "batches": [BATCH]}),
    ],
)
def test_neither_numbers_nor_texts_print(shown: Answered) -> None:
    assert "4477009" not in repr(shown)
    assert "Maria" not in repr(shown)
    assert "hooks.example" not in repr(shown)


#: Ids are logged.
NUMBERS = ["447700900222", "4477-0090-0222", "-447700900222_", "900222", "0" * 15]


@pytest.mark.parametrize("good", ["01H8B4RVQBNE5QVXKTW1Y4ZVJ5", "1", "1234", "0" * 26, "5e0f2c1a9d", "a-1_b"])
def test_ids_of_any_kind_but_numbers_are_read(good: str) -> None:
    assert Batch.from_json({"id": good}).id == good


@pytest.mark.parametrize(
    "bad", ["a" * 65, "x y", "a\nb", "../x", "a/b", "\x1b[31m", "\u202e", "a%2f", *NUMBERS]
)
def test_a_batch_has_a_batch_id(bad: str) -> None:
    page = {"count": 1, "page": 0, "page_size": 1, "batches": [{"id": bad}]}
    report = {"batch_id": bad, "total_message_count": 0, "statuses": []}
    one = {"batch_id": bad, "recipient": "447700900222", "status": "Queued", "code": 400}
    for read, body in (
        (Batch.from_json, {"id": bad}),
        (BatchPage.from_json, page),
        (BatchDeliveryReport.from_json, report),
        (RecipientDeliveryReport.from_json, one),
    ):
        with pytest.raises(MalformedAnswerError, match="id' is not a batch id") as caught:
            read(body)
        assert bad not in str(caught.value)
