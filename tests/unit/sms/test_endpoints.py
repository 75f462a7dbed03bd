"""What the other operations put on the wire, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.fields.checked import Checked
from sinch_provider.sms.fields.validation import check_batch_ids, check_update
from tests.unit.sms.calls import ID, TO, numbers


def test_an_update_sends_what_it_changes_and_nothing_else() -> None:
    call = endpoints.update(
        ID, body="Later.", to_add="+447700900333, +447700900444", to_remove=["447700900222"]
    )
    assert call.path == f"/batches/{ID}"
    assert call.body == {
        "body": "Later.",
        "to_add": ["447700900333", "447700900444"],
        "to_remove": ["447700900222"],
    }


@pytest.mark.parametrize("field", ["to_add", "to_remove"])
def test_an_update_changes_up_to_a_hundred_recipients(field: str) -> None:
    endpoints.update(ID, **{field: numbers(100)})  # type: ignore[arg-type]
    for wrong in (numbers(101), []):
        with pytest.raises(SinchValidationError, match=f"{field}: must name"):
            endpoints.update(ID, **{field: wrong})  # type: ignore[arg-type]


def test_an_update_that_changes_nothing_is_a_mistake() -> None:
    with pytest.raises(SinchValidationError, match="must name at least one change"):
        endpoints.update(ID)
    assert check_update({"batch_id": ID}, "update", unknown=("body",)) == {"batch_id": ID}
    with pytest.raises(SinchValidationError, match="batch_id"):
        check_update({"batch_id": "", "body": "x"}, "update")


def test_an_update_judges_the_body_by_its_type_if_it_has_one() -> None:
    assert endpoints.update(ID, body={"url": "https://m.test/x"}, type_="mt_media").body is not None
    with pytest.raises(SinchValidationError, match="body"):
        endpoints.update(ID, body="not base64!", type_="mt_binary")
    with pytest.raises(SinchValidationError, match="from_ton, from_npi"):
        endpoints.update(ID, from_ton=1)


def test_a_replacement_is_a_message_with_an_id() -> None:
    call = endpoints.replace(ID, body="Hi", to=TO)
    assert (call.method, call.path) == ("PUT", f"/batches/{ID}")
    assert call.body == {"body": "Hi", "to": ["447700900222"], "type": "mt_text", "delivery_report": "none"}


def test_feedback_takes_any_number_of_recipients_even_none() -> None:
    assert endpoints.send_delivery_feedback(ID, recipients=[]).body == {"recipients": []}
    assert endpoints.send_delivery_feedback(ID, recipients=numbers(2000)).body is not None


@pytest.mark.parametrize(
    "batch_id", ["", "None", "a/b", "../x", "a?b", "a b", "x" * 65, 5, None, [ID], "+447700900222", "id\nid"]
)
def test_a_batch_id_cannot_lead_elsewhere(batch_id: Any) -> None:
    with pytest.raises(SinchValidationError, match="batch_id") as caught:
        endpoints.cancel(batch_id)
    assert "447700900222" not in str(caught.value)


def test_several_batch_ids_in_every_form() -> None:
    assert check_batch_ids(ID) == [ID]
    assert check_batch_ids([ID, "b", ID]) == [ID, "b"]
    assert check_batch_ids(f'["{ID}", "b"]') == [ID, "b"]
    assert check_batch_ids(f"{ID}, b") == [ID, "b"]
    several: list[Any] = [None, "", [], {}, 1.5]
    for nothing in several:
        with pytest.raises(
            SinchValidationError, match="batch_id: must be the id of a batch or a list of ids"
        ):
            check_batch_ids(nothing)
    assert check_batch_ids([[ID], ["b"]]) == [ID, "b"]
    with pytest.raises(SinchValidationError) as caught:
        check_batch_ids([ID, "None", "a/b"])
    assert [fault.field for fault in caught.value.faults] == ["batch_id[1]", "batch_id[2]"]


def test_a_recipient_in_a_path_is_a_number() -> None:
    for written in ("+44 7700-900 222", 447700900222):
        call = endpoints.get_delivery_report_for_number(ID, written)
        assert call.path == f"/batches/{ID}/delivery_report/447700900222"
    for wrong in ("07700900222", 447700900222.0, "447700900222.00", [447700900222], ID):
        with pytest.raises(SinchValidationError, match="recipient_msisdn") as caught:
            endpoints.get_delivery_report_for_number(ID, wrong)  # type: ignore[arg-type]
        assert "700000222" not in str(caught.value)


def test_queries_write_booleans_lists_and_times_as_the_api_does() -> None:
    assert endpoints.send_dry_run(body="Hi", to=TO, per_recipient=True, number_of_recipients=0).query == {
        "per_recipient": "true",
        "number_of_recipients": "0",
    }
    assert endpoints.list_batches(
        page=2,
        page_size=100,
        from_=["+447700900111", " 12345 "],
        start_date="2024-11-12",
        client_reference="r",
    ).query == {
        "page": "2",
        "page_size": "100",
        "from": "+447700900111,12345",
        "start_date": "2024-11-12T00:00:00.000Z",
        "client_reference": "r",
    }
    assert endpoints.list_batches(from_="+447700900111, 12345").query["from"] == "+447700900111,12345"
    report = endpoints.get_delivery_report(
        ID, report_type="full", status=("Delivered", "Failed"), code=[0, "407"]
    )
    assert report.query == {"type": "full", "status": "Delivered,Failed", "code": "0,407"}
    one = endpoints.get_delivery_report(ID, status="Delivered, Failed", code=0)
    assert one.query == {"type": "summary", "status": "Delivered,Failed", "code": "0"}
    several = endpoints.list_delivery_reports(status=iter(["Failed"]), code="400,401")
    assert several.query == {"page": "0", "status": "Failed", "code": "400,401"}


@pytest.mark.parametrize(
    "values",
    [
        {"page": -1},
        {"page": 10**5000},
        {"page_size": 0},
        {"page_size": 101},
        {"page_size": True},
        {"from_": []},
        {"from_": ""},
        {"from_": ["", "1"]},
        {"from_": 5},
        {"from_": {"1": 2}},
        {"start_date": "yesterday"},
        {"end_date": 5},
        {"client_reference": "half \ud83d emoji"},
    ],
)
def test_a_listing_is_not_widened_by_a_broken_filter(values: dict[str, Any]) -> None:
    with pytest.raises(SinchValidationError):
        endpoints.list_batches(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"report_type": "FULL"},
        {"status": []},
        {"status": ["Delivered", ""]},
        {"status": b"Delivered"},
        {"status": "Delivered&type=full"},
        {"code": []},
        {"code": [True]},
        {"code": -1},
        {"code": "\u0664\u0660\u0660"},
        {"code": b"40"},
        {"code": 1.5},
        {"code": 10**5000},
    ],
)
def test_a_report_is_not_widened_by_a_broken_filter(values: dict[str, Any]) -> None:
    with pytest.raises(SinchValidationError):
        endpoints.get_delivery_report(ID, **values)


@pytest.mark.parametrize("values", [{"per_recipient": "true"}, {"number_of_recipients": 1001}])
def test_a_dry_run_checks_its_query_too(values: dict[str, Any]) -> None:
    with pytest.raises(SinchValidationError, match="send_dry_run: 2 faults"):
        endpoints.send_dry_run(body="", to=TO, **values)


def test_a_replacement_is_repeated_only_while_it_waits_for_its_time() -> None:
    assert not endpoints.replace(ID, body="Hi", to=TO).repeatable
    assert not endpoints.replace(ID, body="Hi", to=TO, send_at="2024-11-12").repeatable
    assert endpoints.replace(ID, body="Hi", to=TO, send_at="2999-01-01").repeatable


def test_what_was_checked_is_described_like_anything_else() -> None:
    checked = Checked()
    described: dict[Any, dict[str, Any]] = {
        endpoints.send: {"to": TO, "body": "Hi"},
        endpoints.send_dry_run: {"to": TO, "body": "Hi", "per_recipient": True},
        endpoints.replace: {"batch_id": ID, "to": TO, "body": "Hi"},
        endpoints.update: {"batch_id": ID, "to_add": TO},
        endpoints.send_delivery_feedback: {"batch_id": ID, "recipients": TO},
    }
    for endpoint, given in described.items():
        plain = endpoint(**given)
        with checked.used():
            first, second = endpoint(**given), endpoint(**given)
        assert first.body == second.body == plain.body
        # The second time, the list was not read again.
        field = {"to", "to_add", "recipients"} & plain.body.keys()
        for name in field:
            assert first.body[name] is second.body[name] is not plain.body[name]
