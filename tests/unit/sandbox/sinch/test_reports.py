"""Delivery reports, and the ways a message can end."""

from __future__ import annotations

import pytest

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.core.outcomes import FINAL_STATUSES, MAGIC, MAGIC_PREFIX
from tests.unit.sandbox.wire import TO, Api, accepted, bad_format, in_

OTHER = "447700900333"
DAY = 86_400


def test_a_message_is_queued_then_dispatched_then_delivered(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=[TO, OTHER])
    seen = [api.statuses(batch["id"])]
    for seconds in (0.9, 0.1, 1.9, 0.1, DAY * 30):
        sinch_sandbox.advance(seconds)
        seen.append(api.statuses(batch["id"]))
    queued, dispatched, delivered = (400, "Queued", 2), (401, "Dispatched", 2), (0, "Delivered", 2)
    assert seen == [[each] for each in (queued, queued, dispatched, dispatched, delivered, delivered)]


def test_the_delays_can_be_set(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(dispatch_delay=0, delivery_delay=0)
    assert api.statuses(api.sent()["id"]) == [(0, "Delivered", 1)]


def test_the_summary_and_the_full_report(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=[TO, "+447700900150", OTHER], client_reference="a")
    sinch_sandbox.advance(3)
    summary = {
        "type": "delivery_report_sms",
        "batch_id": batch["id"],
        "total_message_count": 3,
        "statuses": [
            {"code": 0, "status": "Delivered", "count": 2},
            {"code": 150, "status": "Failed", "count": 1},
        ],
        "client_reference": "a",
    }
    assert api.report(batch["id"]) == api.report(batch["id"], type="summary") == summary
    full = api.report(batch["id"], type="full")
    assert [each["recipients"] for each in full["statuses"]] == [["447700900222", OTHER], ["447700900150"]]
    assert "client_reference" not in api.report(api.sent()["id"])


def test_filters_drop_entries_but_not_the_total(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=[TO, "+447700900150", "+447700900402"])
    sinch_sandbox.advance(3)

    def codes(**query: str) -> list[int]:
        report = api.report(batch["id"], **query)
        assert report["total_message_count"] == 3
        return [each["code"] for each in report["statuses"]]

    assert codes(status="failed, ABORTED") == [150, 402]
    assert codes(code="0,150") == [0, 150]
    assert codes(status="Delivered", code="150") == []


def test_bad_queries_of_a_report(api: Api, sinch_sandbox: SandboxClient) -> None:
    path = f"/batches/{api.sent()['id']}/delivery_report"
    bad_format(api.call("GET", f"{path}?type=detailed"), "'detailed' is not a valid report type")
    bad_format(api.call("GET", f"{path}?status=Lost"), "'status'")
    bad_format(api.call("GET", f"{path}?code=a"), "'code'")
    sinch_sandbox.configure(bad_report_type=404)
    assert api.call("GET", f"{path}?type=detailed").status_code == 404


def test_the_report_on_one_recipient(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(client_reference="a")
    created = sinch_sandbox.now()
    report = {
        "type": "recipient_delivery_report_sms",
        "batch_id": batch["id"],
        "recipient": "447700900222",
        "code": 400,
        "status": "Queued",
        "at": created,
        "client_reference": "a",
    }
    assert api.recipient(batch["id"], "447700900222") == report
    dispatched = sinch_sandbox.advance(1)
    assert api.recipient(batch["id"], "447700900222") == {
        **report,
        "code": 401,
        "status": "Dispatched",
        "at": dispatched,
    }
    delivered = sinch_sandbox.advance(2)
    sinch_sandbox.advance(1000)
    assert api.recipient(batch["id"], "447700900222") == {
        **report,
        "code": 0,
        "status": "Delivered",
        "at": delivered,
        "operator_status_at": delivered[:19] + "Z",
    }


@pytest.mark.parametrize("number", ["447700900222", "%2B447700900222", "+447700900222", "00447700900222"])
def test_the_number_may_be_written_in_any_way(api: Api, number: str) -> None:
    assert api.recipient(api.sent()["id"], number)["recipient"] == "447700900222"


@pytest.mark.parametrize("number", ["447700900999", "nobody"])
def test_a_number_outside_the_batch_is_404_without_a_body(api: Api, number: str) -> None:
    response = api.call("GET", f"/batches/{api.sent()['id']}/delivery_report/{number}")
    assert (response.status_code, response.content) == (404, b"")


def test_what_sinch_stopped_itself_has_no_operator_time(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=["+447700900402"], max_number_of_message_parts=2)
    sinch_sandbox.advance(1)
    report = api.recipient(batch["id"], "447700900402")
    assert (report["status"], report["code"], report["number_of_message_parts"]) == ("Aborted", 402, 1)
    assert "operator_status_at" not in report


# The list of reports


def listed(api: Api, **query: object) -> list[str]:
    answer = accepted(api.call("GET", "/delivery_reports", params=query))
    assert answer["page_size"] == len(answer["delivery_reports"])
    return [each["recipient"] for each in answer["delivery_reports"]]


def test_the_list_has_final_reports_only_the_newest_first(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[TO, "+447700900402", "+447700900401"])
    assert listed(api) == []
    sinch_sandbox.advance(1)
    assert listed(api) == ["447700900402"]
    sinch_sandbox.advance(2)
    assert listed(api) == ["447700900222", "447700900402"]
    report = accepted(api.call("GET", "/delivery_reports"))["delivery_reports"][0]
    assert report == api.recipient(report["batch_id"], TO)


def test_the_list_of_reports_has_pages(api: Api, sinch_sandbox: SandboxClient) -> None:
    numbers = [f"467{index:08}" for index in range(35)]
    api.sent(to=numbers)
    sinch_sandbox.advance(3)
    assert [len(listed(api, page=page)) for page in range(3)] == [30, 5, 0]
    assert listed(api, page=0) + listed(api, page=1) == numbers
    answer = accepted(api.call("GET", "/delivery_reports?page=1&page_size=10"))
    assert (answer["count"], answer["page"], answer["page_size"]) == (35, 1, 10)


def test_the_list_of_reports_has_filters(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[TO, "+447700900150"], client_reference="a")
    api.sent(to=[OTHER], client_reference="b")
    project.sent(to=["447700900444"])
    sinch_sandbox.advance(3)
    assert listed(api, status="delivered") == [OTHER, "447700900222"]
    assert listed(api, status="Failed,Aborted", code="150,402") == ["447700900150"]
    assert listed(api, client_reference="b") == [OTHER]
    assert listed(api, start_date=in_(sinch_sandbox, seconds=1)) == []
    assert listed(api, end_date=in_(sinch_sandbox)) == []
    sinch_sandbox.advance(DAY + 1)
    assert listed(api) == []
    assert len(listed(api, start_date=in_(sinch_sandbox, days=-2))) == 3


def test_reports_of_the_list_have_status_filters_that_are_checked(api: Api) -> None:
    bad_format(api.call("GET", "/delivery_reports?status=Lost"), "'status'")


# Magic numbers


def test_every_magic_number_ends_as_its_table_says(api: Api, sinch_sandbox: SandboxClient) -> None:
    numbers = {f"{MAGIC_PREFIX}{digits}": outcome for digits, outcome in MAGIC.items()}
    batch = api.sent(to=list(numbers))
    sinch_sandbox.advance(3 * DAY)
    expected = {number: (outcome.status, outcome.code) for number, outcome in numbers.items()}
    actual = {
        each["to"]: (each["status"], each["code"]) for each in sinch_sandbox.messages(batch_id=batch["id"])
    }
    assert actual == expected


def test_every_final_status_can_be_reached() -> None:
    assert {outcome.status for outcome in MAGIC.values()} >= set(FINAL_STATUSES) - {"Cancelled"}


@pytest.mark.parametrize(
    "digits", sorted(digits for digits in MAGIC if "050" < digits < "900" and digits != "400")
)
def test_the_last_digits_are_the_code_that_comes_out(digits: str) -> None:
    assert MAGIC[digits].code == int(digits)


@pytest.mark.parametrize(
    ("digits", "before", "after"),
    [("010", 60, 1), ("011", 3600, 1), ("012", 601, 1), ("903", 3 * DAY - 1, 1), ("000", 0, 0)],
)
def test_slow_numbers(api: Api, sinch_sandbox: SandboxClient, digits: str, before: int, after: int) -> None:
    batch = api.sent(to=[MAGIC_PREFIX + digits])
    sinch_sandbox.advance(before)
    assert (api.statuses(batch["id"])[0][1] in ("Queued", "Dispatched")) == (after > 0)
    sinch_sandbox.advance(after)
    assert api.statuses(batch["id"])[0][1] == MAGIC[digits].status


def test_numbers_that_are_not_magic_are_delivered(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=["+447700900999", "+4477009004041", "+46701740606"])
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 3)]


def test_outcomes_can_be_scripted_by_prefix(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.script(
        {"prefix": "+4477", "status": "Rejected", "code": 60},
        {"prefix": "447700900222", "delivery_delay": 100},
        {"prefix": "4477009001", "status": "Aborted", "code": 413},
    )
    batch = api.sent(to=[TO, OTHER, "+447700900150", "+46701740605"])
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [
        (401, "Dispatched", 1),
        (60, "Rejected", 1),
        (413, "Aborted", 1),
        (0, "Delivered", 1),
    ]
    sinch_sandbox.script()
    batch = api.sent(to=[TO, OTHER])
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 2)]
