"""Both clients going through listings that change, lie or break."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_provider.sms.errors import (
    SinchUnexpectedAnswerError,
)
from tests.unit.sms.calls import (
    ID,
    REPORT,
)
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.scripted import (
    Reply,
    ScriptedServer,
    reply,
)

# --- listings


def pages_of(*pages: list[int], count: int | None = None) -> list[Reply]:
    """Pages of batches, named by numbers."""
    total = len({number for page in pages for number in page}) if count is None else count
    return [
        reply(
            200,
            {
                "count": total,
                "page": index,
                "page_size": len(page),
                "batches": [{"id": f"batch-{number}"} for number in page],
            },
        )
        for index, page in enumerate(pages)
    ]


def listed(do: Player, server: ScriptedServer, **filters: Any) -> list[int]:
    found = do.entries(plan_account(server.url), "batches.list", **filters)
    return [int(batch.id.removeprefix("batch-")) for batch in found]


def asked_pages(server: ScriptedServer) -> list[str]:
    return [received.query["page"][0] for received in server.received]


def test_all_pages_are_gone_through_from_the_first(do: Player, server: ScriptedServer) -> None:
    server.script = pages_of([5, 4], [3, 2], [1])
    assert listed(do, server, page_size=2, client_reference="r") == [5, 4, 3, 2, 1]
    assert [received.query for received in server.received] == [
        {"page": [str(page)], "page_size": ["2"], "client_reference": ["r"]} for page in range(3)
    ]


def test_pages_can_be_turned_by_hand(do: Player, server: ScriptedServer) -> None:
    server.script = pages_of([3, 2], [1])
    first, second = do.pages(plan_account(server.url), "batches.list", page_size=2)
    assert ([batch.id for batch in first.result.batches], first.has_next_page) == (
        ["batch-3", "batch-2"],
        True,
    )
    assert (second.result.page, second.result.count, second.has_next_page) == (1, 3, False)


def test_one_page_is_one_call(do: Player, server: ScriptedServer) -> None:
    server.script = pages_of([2, 1])
    assert listed(do, server) == [2, 1]
    assert asked_pages(server) == ["0"]


def test_an_empty_listing_is_one_call(do: Player, server: ScriptedServer) -> None:
    server.script = pages_of([])
    assert listed(do, server) == []
    assert len(server.received) == 1


def test_a_listing_may_begin_further_on(do: Player, server: ScriptedServer) -> None:
    server.script = pages_of([3, 2], [1], count=7)
    assert listed(do, server, page=2, page_size=2) == [3, 2, 1]
    assert asked_pages(server) == ["2", "3"]


def test_entries_pushed_to_a_later_page_are_not_met_twice(do: Player, server: ScriptedServer) -> None:
    # While page 0 was read, batch 6 came in and pushed 4 to page 1.
    server.script = pages_of([5, 4], [4, 3], [2, 1], count=6)
    assert listed(do, server, page_size=2) == [5, 4, 3, 2, 1]


def test_a_page_of_known_entries_only_does_not_end_the_listing(do: Player, server: ScriptedServer) -> None:
    # While page 0 was read, a whole page of new batches came in.
    server.script = pages_of([5, 4], [5, 4], [3, 2], [1], count=7)
    assert listed(do, server, page_size=2) == [5, 4, 3, 2, 1]


def test_a_server_that_gives_the_same_page_for_ever_is_left(do: Player, server: ScriptedServer) -> None:
    server.script = pages_of([2, 1], count=1_000_000) * 20
    assert listed(do, server, page_size=2) == [2, 1]
    assert len(server.received) < 20


def test_a_count_that_promises_too_much_ends_with_the_pages(do: Player, server: ScriptedServer) -> None:
    server.script = pages_of([2, 1], [], count=1_000_000)
    assert listed(do, server, page_size=2) == [2, 1]


def test_a_count_that_grows_while_reading_is_followed(do: Player, server: ScriptedServer) -> None:
    server.script = [
        *pages_of([4, 3], count=3),
        pages_of([4, 3], [2], count=4)[1],
        pages_of([], [], [1], count=4)[2],
    ]
    assert listed(do, server, page_size=2) == [4, 3, 2, 1]


def test_the_same_recipient_in_two_batches_is_two_reports(do: Player, server: ScriptedServer) -> None:
    reports = [REPORT, {**REPORT, "batch_id": "other"}, REPORT, {**REPORT, "status": "Failed"}]
    server.script = [reply(200, {"count": 4, "page": 0, "page_size": 4, "delivery_reports": reports})]
    found = do.entries(plan_account(server.url), "delivery_reports.list", status="Delivered", code=[0])
    assert [(report.batch_id, report.status) for report in found] == [
        (ID, "Delivered"),
        ("other", "Delivered"),
        (ID, "Failed"),
    ]
    assert server.received[0].query == {"page": ["0"], "status": ["Delivered"], "code": ["0"]}


def test_trouble_on_a_later_page_is_raised_and_not_taken_for_the_end(
    do: Player, server: ScriptedServer
) -> None:
    server.script = [*pages_of([3, 2], count=3), reply(200, {"count": 3, "page": 1})]
    with pytest.raises(SinchUnexpectedAnswerError, match="'batches' is not a list"):
        listed(do, server, page_size=2)
