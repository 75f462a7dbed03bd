"""When a batch starts and when it expires."""

from __future__ import annotations

import pytest

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import TO, Api, constraint, in_


def test_without_times_a_batch_starts_at_once_and_expires_in_three_days(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    batch = api.sent()
    assert "send_at" not in batch
    assert batch["created_at"] == sinch_sandbox.now()
    assert batch["expire_at"] == in_(sinch_sandbox, days=3)


def test_a_scheduled_batch_waits_for_its_time(api: Api, sinch_sandbox: SandboxClient) -> None:
    later = in_(sinch_sandbox, hours=1)
    batch = api.sent(send_at=later)
    assert batch["send_at"] == later
    assert batch["expire_at"] == in_(sinch_sandbox, days=3, hours=1)
    assert api.report(batch["id"])["statuses"] == []
    assert api.report(batch["id"])["total_message_count"] == 0
    assert api.recipient(batch["id"], TO)["status"] == "Queued"
    sinch_sandbox.advance(3600)
    assert api.statuses(batch["id"]) == [(400, "Queued", 1)]
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 1)]


def test_the_report_before_the_time_can_show_what_waits(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(send_at=in_(sinch_sandbox, hours=1))
    sinch_sandbox.configure(empty_report_total="planned")
    assert api.report(batch["id"])["total_message_count"] == 1
    sinch_sandbox.configure(scheduled_report="queued")
    assert api.statuses(batch["id"]) == [(400, "Queued", 1)]


def test_a_time_in_the_past_means_at_once(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(send_at="2020-01-01T00:00:00Z")
    assert batch["send_at"] == "2020-01-01T00:00:00.000Z"
    assert batch["expire_at"] == in_(sinch_sandbox, days=3)
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 1)]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2030-11-12T07:00:00.123Z", "2030-11-12T07:00:00.123Z"),
        ("2030-11-12T07:00:00Z", "2030-11-12T07:00:00.000Z"),
        ("2030-11-12T09:00:00+02:00", "2030-11-12T07:00:00.000Z"),
        ("2030-11-12T07:00:00", "2030-11-12T07:00:00.000Z"),
        ("2030-11-12 07:00:00+00:00", "2030-11-12T07:00:00.000Z"),
        ("2030-11-12T07:00:00.123456Z", "2030-11-12T07:00:00.123Z"),
    ],
)
def test_dates_are_read_leniently_and_shown_in_utc(api: Api, given: str, shown: str) -> None:
    assert api.sent(send_at=given)["send_at"] == shown


def test_the_end_comes_after_the_start(api: Api, sinch_sandbox: SandboxClient) -> None:
    start, end = in_(sinch_sandbox, hours=2), in_(sinch_sandbox, hours=1)
    constraint(api.send(send_at=start, expire_at=end), "'expire_at'")
    constraint(api.send(send_at=start, expire_at=start), "'expire_at'")
    constraint(api.send(expire_at=sinch_sandbox.now()), "'expire_at'")
    assert api.sent(expire_at=end)["expire_at"] == end


def test_three_days_are_the_longest_validity(api: Api, sinch_sandbox: SandboxClient) -> None:
    longest = in_(sinch_sandbox, days=3, hours=1)
    too_long = in_(sinch_sandbox, days=3, hours=1, milliseconds=1)
    start = in_(sinch_sandbox, hours=1)
    assert api.sent(send_at=start, expire_at=longest)["expire_at"] == longest
    constraint(api.send(send_at=start, expire_at=too_long), "3 days")
    sinch_sandbox.configure(expire_beyond_max="cap")
    assert api.sent(send_at=start, expire_at=too_long)["expire_at"] == longest


def test_what_expires_in_the_queue_ends_aborted_406(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(expire_at=in_(sinch_sandbox, seconds=0.5))
    sinch_sandbox.advance(0.4)
    assert api.statuses(batch["id"]) == [(400, "Queued", 1)]
    sinch_sandbox.advance(0.1)
    assert api.statuses(batch["id"]) == [(406, "Aborted", 1)]
    sinch_sandbox.advance(60)
    assert api.statuses(batch["id"]) == [(406, "Aborted", 1)]
    assert not sinch_sandbox.messages()[0]["received"]


def test_what_expires_at_the_operator_ends_expired(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(expire_at=in_(sinch_sandbox, seconds=2))
    sinch_sandbox.advance(1)
    assert api.statuses(batch["id"]) == [(401, "Dispatched", 1)]
    sinch_sandbox.advance(1)
    assert api.statuses(batch["id"]) == [(0, "Expired", 1)]


@pytest.mark.parametrize(("validity", "status"), [(3, "Expired"), (3.001, "Delivered")])
def test_a_receipt_must_come_before_the_end(
    api: Api, sinch_sandbox: SandboxClient, validity: float, status: str
) -> None:
    batch = api.sent(expire_at=in_(sinch_sandbox, seconds=validity))
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(0, status, 1)]
