"""Lists of batches: windows, filters, pages."""

from __future__ import annotations

import pytest

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import Api, accepted, in_

DAY = 86_400


def references(page: dict[str, object]) -> list[str]:
    batches = page["batches"]
    assert isinstance(batches, list)
    return [batch["client_reference"] for batch in batches]


def test_an_empty_list(api: Api) -> None:
    assert api.listed() == {"count": 0, "page": 0, "page_size": 0, "batches": []}


def test_the_newest_comes_first_and_looks_as_it_did_when_sent(api: Api) -> None:
    first, second = api.sent(client_reference="first"), api.sent(client_reference="second")
    assert api.listed() == {"count": 2, "page": 0, "page_size": 2, "batches": [second, first]}


def test_pages_count_from_zero_and_tell_what_is_on_them(api: Api) -> None:
    for index in range(65):
        api.sent(client_reference=str(index))
    pages = [api.listed(page=number) for number in range(4)]
    assert [(page["count"], page["page"], page["page_size"]) for page in pages] == [
        (65, 0, 30),
        (65, 1, 30),
        (65, 2, 5),
        (65, 3, 0),
    ]
    assert [reference for page in pages for reference in references(page)] == [
        str(i) for i in range(64, -1, -1)
    ]
    assert pages[3]["batches"] == []
    assert len(api.listed(page_size=100)["batches"]) == 65
    assert references(api.listed(page=2, page_size=2)) == ["60", "59"]


def test_the_page_size_of_the_answer_can_be_the_one_asked_for(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    sinch_sandbox.configure(page_size_answer="requested")
    assert api.listed(page_size=50)["page_size"] == 50


def test_without_a_start_only_the_last_day_is_seen(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(client_reference="old")
    sinch_sandbox.advance(DAY + 0.001)
    api.sent(client_reference="new")
    assert references(api.listed()) == ["new"]
    assert references(api.listed(start_date=in_(sinch_sandbox, days=-2))) == ["new", "old"]


def test_nothing_older_than_the_history_is_seen(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(client_reference="old")
    sinch_sandbox.advance(14 * DAY)
    assert references(api.listed(start_date="2020-01-01")) == ["old"]
    sinch_sandbox.advance(1)
    assert api.listed(start_date="2020-01-01")["count"] == 0
    assert api.get(batch["id"])["client_reference"] == "old"
    sinch_sandbox.configure(history_days=35)
    assert references(api.listed(start_date="2020-01-01")) == ["old"]


def test_the_start_belongs_to_the_window_and_the_end_does_not(api: Api, sinch_sandbox: SandboxClient) -> None:
    moment = api.sent(client_reference="x")["created_at"]
    assert api.listed(start_date=moment)["count"] == 1
    assert api.listed(end_date=moment)["count"] == 0
    assert api.listed(end_date=in_(sinch_sandbox, milliseconds=1))["count"] == 1
    assert api.listed(start_date=in_(sinch_sandbox, milliseconds=1))["count"] == 0


@pytest.mark.parametrize(
    "start",
    [
        "2020-11-12",
        "2020-11-12T07:00:00.000Z",
        "2020-11-12T07:00:00",
        "2020-11-12 07:00:00+00:00",
        "2020-11-12T07:00:00+02:00",
    ],
)
def test_dates_in_many_forms(api: Api, start: str) -> None:
    api.sent()
    assert api.listed(start_date=start)["count"] == 1
    unescaped = api.call("GET", f"/batches?start_date={start}")
    assert accepted(unescaped)["count"] == 1


def test_by_client_reference_exactly(api: Api) -> None:
    for reference in ("a", "ab", "A"):
        api.sent(client_reference=reference)
    api.sent()
    assert references(api.listed(client_reference="a")) == ["a"]
    assert api.listed(client_reference="none")["count"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "from=447700900111,447700900112",
        "from=%2B447700900111%20,%20%2B447700900112,",
        "from=447700900111&from=447700900112",
    ],
)
def test_by_sender(api: Api, query: str) -> None:
    for sender in ("+447700900111", "00447700900112", "+447700900113", "Bistro"):
        api.sent(from_=sender)
    answer = accepted(api.call("GET", f"/batches?{query}"))
    assert [batch["from"] for batch in answer["batches"]] == ["447700900112", "447700900111"]


def test_unknown_query_keys_are_ignored(api: Api) -> None:
    api.sent()
    assert api.listed(from_s="447700900999", status="whatever", foo="bar")["count"] == 1
    assert api.listed(**{"from": ""})["count"] == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("page=-1", "syntax_invalid_parameter_format"),
        ("page=one", "syntax_invalid_parameter_format"),
        ("page=99999999999999999999", "syntax_invalid_parameter_format"),
        ("page_size=0", "syntax_constraint_violation"),
        ("page_size=101", "syntax_constraint_violation"),
        ("page_size=1.5", "syntax_invalid_parameter_format"),
        ("start_date=yesterday", "syntax_invalid_parameter_format"),
        ("end_date=2024-02-30", "syntax_invalid_parameter_format"),
        ("from=Bistro", "syntax_invalid_parameter_format"),
        ("page_size=0&end_date=x", "syntax_invalid_parameter_format"),
    ],
)
def test_bad_queries(api: Api, query: str, code: str) -> None:
    for path in ("/batches", "/delivery_reports"):
        if path == "/batches" or not query.startswith("from"):
            response = api.call("GET", f"{path}?{query}")
            assert (response.status_code, response.json()["code"]) == (400, code)


def test_accounts_do_not_see_each_other(api: Api, project: Api) -> None:
    batch = api.sent()
    assert project.listed()["count"] == 0
    assert project.call("GET", f"/batches/{batch['id']}").status_code == 404
    assert project.cancel(batch["id"]).status_code == 404
    project.sent()
    assert api.listed()["count"] == 1
