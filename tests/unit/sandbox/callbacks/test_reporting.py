"""What is reported by callback, and when, taken by a real web server."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.receiver import Receiver, told
from tests.unit.sandbox.wire import TO, Api, accepted, in_

PHONE, OTHER, NUMBER = "447700900222", "447700900333", "447700900111"


# What is reported, and when


@pytest.mark.parametrize("mode", ["summary", "full"])
def test_one_report_once_all_is_final(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, mode: str
) -> None:
    slow = "+447700900010"
    batch = api.sent(to=[TO, slow], delivery_report=mode, callback_url=receiver.url, client_reference="a")
    sinch_sandbox.advance(60)
    assert receiver.received == []
    sinch_sandbox.advance(1)
    assert receiver.bodies == [api.report(batch["id"], type=mode)]
    assert receiver.bodies[0]["type"] == "delivery_report_sms"
    assert receiver.bodies[0]["statuses"][0]["count"] == 2
    assert receiver.received[0].path == "/sms"
    assert receiver.received[0].headers["Content-Type"] == "application/json"
    sinch_sandbox.advance(86_400)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("mode", ["summary", "full"])
def test_no_report_while_one_message_is_not_final(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, mode: str
) -> None:
    api.sent(to=[TO, "+447700900401"], delivery_report=mode, callback_url=receiver.url)
    sinch_sandbox.advance(10 * 86_400)
    assert receiver.received == []


def test_a_report_per_recipient_and_change(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    batch = api.sent(to=[TO, "+447700900402"], delivery_report="per_recipient", callback_url=receiver.url)
    sinch_sandbox.advance(0.999)
    assert receiver.received == []
    sinch_sandbox.advance(0.001)
    assert sorted(told(receiver)) == [(PHONE, "Dispatched"), ("447700900402", "Aborted")]
    sinch_sandbox.advance(2)
    assert told(receiver)[2:] == [(PHONE, "Delivered")]
    assert receiver.bodies[2] == api.recipient(batch["id"], PHONE)


def test_changes_that_the_clock_jumps_over_are_reported_in_order(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    sinch_sandbox.configure(report_queued=True)
    started = datetime.fromisoformat(sinch_sandbox.now()) + timedelta(hours=1)
    api.sent(delivery_report="per_recipient", callback_url=receiver.url, send_at=in_(sinch_sandbox, hours=1))
    sinch_sandbox.advance(7200)
    assert told(receiver) == [(PHONE, "Queued"), (PHONE, "Dispatched"), (PHONE, "Delivered")]
    seconds = [(datetime.fromisoformat(each["at"]) - started).total_seconds() for each in receiver.bodies]
    assert seconds == [0, 1, 3]
    assert "operator_status_at" not in receiver.bodies[1]


def test_final_reports_per_recipient(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    api.sent(
        to=[TO, OTHER, "+447700900401"], delivery_report="per_recipient_final", callback_url=receiver.url
    )
    sinch_sandbox.advance(1)
    assert receiver.received == []
    sinch_sandbox.advance(4 * 86_400)
    assert sorted(told(receiver)) == [(PHONE, "Delivered"), (OTHER, "Delivered")]


def test_at_once_means_at_once(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    api.sent(to=["+447700900000"], delivery_report="per_recipient", callback_url=receiver.url)
    sinch_sandbox.advance(0)
    assert [status for _, status in told(receiver)] == ["Dispatched", "Delivered"]


def test_who_wants_no_report_gets_none(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.configure(default_callback_url=receiver.url)
    api.sent(callback_url=receiver.url)
    api.sent(delivery_report="none")
    sinch_sandbox.advance(10)
    assert receiver.received == []
    assert sinch_sandbox.callbacks() == []


def test_the_url_of_the_plan(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.configure(default_callback_url=f"{receiver.url}/plan")
    api.sent(delivery_report="summary")
    api.sent(delivery_report="summary", callback_url=f"{receiver.url}/batch")
    sinch_sandbox.advance(3)
    assert sorted(each.path for each in receiver.received) == ["/sms/batch", "/sms/plan"]


def test_a_batch_changed_before_it_starts(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    later = in_(sinch_sandbox, hours=1)
    wanted = api.sent(send_at=later)
    api.update(wanted["id"], delivery_report="summary", callback_url=receiver.url)
    unwanted = api.sent(send_at=later, delivery_report="summary", callback_url=receiver.url)
    api.replace(unwanted["id"], send_at=later)
    moved = api.sent(send_at=later, delivery_report="summary", callback_url=receiver.url)
    api.update(moved["id"], send_at=in_(sinch_sandbox, hours=2))
    sinch_sandbox.advance(3603)
    assert [each["batch_id"] for each in receiver.bodies] == [wanted["id"]]
    sinch_sandbox.advance(3600)
    assert [each["batch_id"] for each in receiver.bodies] == [wanted["id"], moved["id"]]


def test_cancelling_reports_what_it_stopped_and_nothing_twice(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    waiting = "+447700900012"
    reported = {"delivery_report": "per_recipient", "callback_url": receiver.url}
    batch = api.sent(to=[TO, waiting], **reported)
    sinch_sandbox.advance(1)
    assert told(receiver) == [(PHONE, "Dispatched")]
    api.cancel(batch["id"])
    sinch_sandbox.advance(0)
    assert told(receiver)[1:] == [("447700900012", "Cancelled")]
    sinch_sandbox.advance(2)
    assert told(receiver)[2:] == [(PHONE, "Delivered")]


def test_a_batch_cancelled_before_its_time_has_nothing_to_report(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    for mode in ("summary", "per_recipient"):
        batch = api.sent(delivery_report=mode, callback_url=receiver.url, send_at=in_(sinch_sandbox, hours=1))
        api.cancel(batch["id"])
    sinch_sandbox.advance(7200)
    assert receiver.received == []


def test_a_summary_after_cancelling(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    batch = api.sent(to=[TO, "+447700900012"], delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(1)
    api.cancel(batch["id"])
    sinch_sandbox.advance(2)
    assert {each["status"] for each in receiver.bodies[0]["statuses"]} == {"Delivered", "Cancelled"}


def test_a_batch_to_a_group_reports_on_its_members(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    group = accepted(api.call("POST", "/groups", json={"members": [TO]}), 201)["id"]
    later = in_(sinch_sandbox, hours=1)
    for mode in ("per_recipient_final", "summary"):
        api.sent(to=[group], delivery_report=mode, callback_url=receiver.url, send_at=later)
    accepted(api.call("POST", f"/groups/{group}", json={"add": [OTHER], "remove": [TO]}))
    sinch_sandbox.advance(3603)
    reports = {each["type"]: each for each in receiver.bodies}
    assert len(receiver.received) == len(reports) == 2
    assert reports["recipient_delivery_report_sms"]["recipient"] == OTHER
    assert reports["delivery_report_sms"]["total_message_count"] == 1


def test_batches_that_move_up_in_the_queue_are_reported_on_once_and_in_time(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    sinch_sandbox.configure(plan_rate=1, report_queued=True, dispatch_delay=0, delivery_delay=0)
    ahead = api.sent(to=[f"+447700900{number}" for number in range(500, 600)])
    api.sent(to=[TO, OTHER], delivery_report="per_recipient", callback_url=receiver.url)
    sinch_sandbox.advance(9.5)
    assert sorted(told(receiver)) == [(PHONE, "Queued"), (OTHER, "Queued")]
    api.cancel(ahead["id"])
    sinch_sandbox.advance(0.5)
    assert told(receiver)[2:] == [(PHONE, "Dispatched"), (PHONE, "Delivered")]
    sinch_sandbox.advance(1)
    assert told(receiver)[4:] == [(OTHER, "Dispatched"), (OTHER, "Delivered")]
    sinch_sandbox.advance(86_400)
    assert len(receiver.received) == 6


def test_media_and_both_accounts(
    api: Api, project: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    media = {"type": "mt_media", "body": {"url": "https://media.example.test/cat.jpg"}}
    project.sent(**media, delivery_report="summary", callback_url=receiver.url)
    api.sent(**media, delivery_report="per_recipient_final", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    assert sorted(each["type"] for each in receiver.bodies) == [
        "delivery_report_mms",
        "recipient_delivery_report_mms",
    ]


def test_inbound_messages(sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.inbound(TO, "to nobody", NUMBER)
    sinch_sandbox.configure(default_callback_url=f"{receiver.url}/plan")
    first = sinch_sandbox.inbound(TO, "Yes, Å", NUMBER)
    sinch_sandbox.advance(0)
    assert receiver.received[0].path == "/sms/plan"
    assert {"account": "sandbox-plan", **receiver.bodies[0]} == first
    sinch_sandbox.configure(inbound_callback_url=f"{receiver.url}/inbound")
    sinch_sandbox.inbound(TO, "No", NUMBER)
    sinch_sandbox.advance(0)
    assert [each.path for each in receiver.received] == ["/sms/plan", "/sms/inbound"]


# The list


def test_callbacks_as_the_sandbox_shows_them(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    batch = api.sent(delivery_report="per_recipient_final", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    (callback,) = sinch_sandbox.callbacks()
    assert callback.pop("id") > 0
    assert callback == {
        "type": "recipient_delivery_report_sms",
        "url": receiver.url,
        "batch_id": batch["id"],
        "recipient": PHONE,
        "state": "delivered",
        "created_at": sinch_sandbox.now(),
        "due_at": None,
        "attempts": [{"at": sinch_sandbox.now(), "status": 200, "error": None}],
        "body": receiver.bodies[0],
    }


def test_filtering_and_forgetting(api: Api, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.answers = [404]
    first = api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    second = api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    assert [each["batch_id"] for each in sinch_sandbox.callbacks()] == [first["id"], second["id"]]
    assert [each["batch_id"] for each in sinch_sandbox.callbacks(state="dropped")] == [first["id"]]
    assert [each["state"] for each in sinch_sandbox.callbacks(batch_id=second["id"])] == ["delivered"]
    sinch_sandbox.clear_callbacks()
    assert sinch_sandbox.callbacks() == []
    assert len(sinch_sandbox.batches()) == 2


@pytest.mark.parametrize("forget", [SandboxClient.clear, SandboxClient.reset, SandboxClient.clear_callbacks])
def test_what_is_forgotten_is_not_sent(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver, forget: Any
) -> None:
    receiver.answers = [503]
    api.sent(delivery_report="summary", callback_url=receiver.url)
    sinch_sandbox.advance(3)
    forget(sinch_sandbox)
    sinch_sandbox.advance(86_400)
    assert (len(receiver.received), sinch_sandbox.callbacks()) == (1, [])
