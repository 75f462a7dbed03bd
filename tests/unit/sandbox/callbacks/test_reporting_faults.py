"""Reports that come twice, late, in the wrong order, not at all, or lag behind when they are fetched."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_sandbox.client import SandboxClient, SandboxError
from tests.unit.sandbox.receiver import Receiver, told
from tests.unit.sandbox.wire import TO, Api

PHONE, OTHER = "447700900222", "447700900333"


@pytest.fixture
def sent(api: Api, receiver: Receiver) -> Any:
    """Send a batch that reports to the receiver."""

    def send(mode: str = "per_recipient", **fields: Any) -> dict[str, Any]:
        return api.sent(delivery_report=mode, callback_url=receiver.url, **fields)

    return send


def struck(sandbox: SandboxClient) -> list[int]:
    return [fault["struck"] for fault in sandbox.faults()]


def test_a_report_that_comes_twice(sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.fault("report_duplicate", "callback", match={"status": "Delivered"})
    sent()
    sinch_sandbox.advance(10)
    assert told(receiver) == [(PHONE, "Dispatched"), (PHONE, "Delivered"), (PHONE, "Delivered")]
    assert receiver.received[1].raw == receiver.received[2].raw
    assert struck(sinch_sandbox) == [1]


def test_a_report_that_comes_late(sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.fault("report_late", "callback", seconds=60)
    sent("summary")
    sinch_sandbox.advance(62.999)
    assert receiver.received == []
    sinch_sandbox.advance(0.001)
    assert len(receiver.received) == 1
    assert receiver.bodies[0]["statuses"] == [{"code": 0, "status": "Delivered", "count": 1}]


def test_a_report_that_never_comes(sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.fault("report_missing", match={"to": TO})
    sent("per_recipient_final", to=[TO, OTHER])
    sinch_sandbox.advance(4 * 86_400)
    assert told(receiver) == [(OTHER, "Delivered")]
    assert sorted(each["state"] for each in sinch_sandbox.callbacks()) == ["delivered", "withheld"]
    (withheld,) = sinch_sandbox.callbacks(state="withheld")
    assert (withheld["recipient"], withheld["attempts"], withheld["due_at"]) == (PHONE, [], None)


@pytest.mark.parametrize("steps", [[3], [1, 2]])
def test_reports_in_the_wrong_order(
    sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver, steps: list[float]
) -> None:
    sinch_sandbox.fault("report_out_of_order", "callback", match={"to": PHONE, "status": "Dispatched"})
    sent(to=[TO, OTHER])
    for seconds in steps:
        sinch_sandbox.advance(seconds)
    assert [status for recipient, status in told(receiver) if recipient == PHONE] == [
        "Delivered",
        "Dispatched",
    ]
    assert [status for recipient, status in told(receiver) if recipient == OTHER] == [
        "Dispatched",
        "Delivered",
    ]
    sinch_sandbox.advance(86_400)
    assert len(receiver.received) == 4


def test_the_last_report_has_none_to_come_after(
    sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    sinch_sandbox.fault("report_out_of_order", "callback", count=None)
    sent("summary")
    sent("per_recipient_final")
    sinch_sandbox.advance(3)
    assert len(receiver.received) == 2


def test_which_reports_are_meant(sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.fault("report_missing", match={"client_reference": "a"}, count=None)
    other = sent("summary", client_reference="b")
    sent("summary", client_reference="a")
    full = sent("full")
    sinch_sandbox.fault("report_missing", match={"batch_id": full["id"], "recipient": TO})
    sinch_sandbox.inbound(TO, "not a report", "+447700900111")
    sinch_sandbox.advance(3)
    assert [each["batch_id"] for each in receiver.bodies] == [other["id"]]
    assert struck(sinch_sandbox) == [1, 1]


def test_skip_count_and_chance(sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    numbers = [f"+447700900{number}" for number in range(500, 540)]
    sinch_sandbox.fault("report_missing", skip=1, count=2)
    sent("per_recipient_final", to=numbers)
    sinch_sandbox.advance(3)
    missing = set(numbers) - {f"+{recipient}" for recipient, _ in told(receiver)}
    assert missing == set(numbers[1:3])
    lost = []
    for _ in range(2):
        sinch_sandbox.clear_faults()
        sinch_sandbox.fault("report_missing", probability=0.5, seed=7, count=None)
        receiver.received.clear()
        sent("per_recipient_final", to=numbers)
        sinch_sandbox.advance(3)
        lost.append({recipient for recipient, _ in told(receiver)})
    assert lost[0] == lost[1]
    assert 5 < len(lost[0]) < 35


def test_they_add_up(sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver) -> None:
    sinch_sandbox.fault("report_duplicate")
    sinch_sandbox.fault("report_late", seconds=5)
    sent("summary")
    sinch_sandbox.advance(7)
    assert receiver.received == []
    sinch_sandbox.advance(1)
    assert len(receiver.received) == 2


def test_a_report_of_a_recipient_that_lags_behind(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent()
    sinch_sandbox.advance(10)
    sinch_sandbox.fault("report_gap", "recipient_report", seconds=8, match={"recipient_msisdn": PHONE})
    assert api.recipient(batch["id"], PHONE)["status"] == "Dispatched"
    assert api.recipient(batch["id"], PHONE)["status"] == "Delivered"


def test_a_report_of_a_batch_that_lags_behind(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent()
    sinch_sandbox.fault("report_gap", "delivery_report", seconds=60, count=None)
    sinch_sandbox.advance(10)
    assert api.statuses(batch["id"]) == [(400, "Queued", 1)]
    sinch_sandbox.advance(51)
    assert api.statuses(batch["id"]) == [(401, "Dispatched", 1)]
    sinch_sandbox.advance(2)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 1)]
    assert struck(sinch_sandbox) == [3]


def test_a_list_of_reports_that_lags_behind(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    sinch_sandbox.advance(3)
    sinch_sandbox.fault("report_gap", seconds=1)
    counts = [api.call("GET", "/delivery_reports").json()["count"] for _ in range(2)]
    assert counts == [0, 1]


def test_a_listing_error(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", "list", status=503)
    assert [api.call("GET", "/batches").status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("report_duplicate", "send"),
        ("report_late", "delivery_report"),
        ("report_gap", "get"),
        ("report_gap", "callback"),
        ("listing_lag", "list"),
        ("expired_token", "token"),
        ("unknown_token", "callback"),
        ("server_error", "callback"),
        ("lost_reply", "callback"),
    ],
)
def test_kinds_that_an_operation_does_not_know(
    sinch_sandbox: SandboxClient, kind: str, operation: str
) -> None:
    with pytest.raises(SandboxError, match=f"422.*fault {kind} does not apply to {operation}"):
        sinch_sandbox.fault(kind, operation)
    assert sinch_sandbox.faults() == []


def test_faults_of_calls_leave_callbacks_alone(
    sent: Any, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    sent("summary")
    sinch_sandbox.fault("server_error")
    sinch_sandbox.fault("latency", seconds=0)
    sinch_sandbox.advance(3)
    assert len(receiver.received) == 1
    assert struck(sinch_sandbox) == [0, 0]
