"""Update, replace, cancel and delivery feedback."""

from __future__ import annotations

import pytest

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import CALLBACK, TO, Api, accepted, bad_format, constraint, in_, refused

UNKNOWN = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
OTHER, THIRD = "447700900333", "447700900444"


@pytest.fixture
def scheduled(api: Api, sinch_sandbox: SandboxClient) -> dict[str, object]:
    """A batch with everything that can change, an hour from its start."""
    return api.sent(
        to=[TO, OTHER],
        body="Hi ${name}",
        parameters={"name": {"default": "you"}},
        delivery_report="summary",
        callback_url=CALLBACK,
        client_reference="a",
        feedback_enabled=True,
        send_at=in_(sinch_sandbox, hours=1),
        expire_at=in_(sinch_sandbox, hours=2),
    )


# Update


def test_an_update_changes_what_it_names_and_nothing_else(
    api: Api, scheduled: dict[str, object], sinch_sandbox: SandboxClient
) -> None:
    sinch_sandbox.advance(1)
    changed = accepted(
        api.update(
            str(scheduled["id"]),
            to_add=["+447700900444"],
            to_remove=["+44 7700-900 333"],
            body="Late, ${name}",
            **{"from": "+447700900112"},
        )
    )
    assert changed == {
        **scheduled,
        "to": ["447700900222", THIRD],
        "body": "Late, ${name}",
        "from": "447700900112",
        "modified_at": sinch_sandbox.now(),
    }
    assert api.get(str(scheduled["id"])) == changed
    assert {each["to"]: each["body"] for each in sinch_sandbox.messages()} == {
        "447700900222": "Late, you",
        THIRD: "Late, you",
    }


@pytest.mark.parametrize(("add", "remove"), [("to_add", "to_remove"), ("toAdd", "toRemove")])
def test_adding_comes_before_removing(api: Api, scheduled: dict[str, object], add: str, remove: str) -> None:
    changed = accepted(api.update(str(scheduled["id"]), **{add: [THIRD, OTHER], remove: [THIRD]}))
    assert changed["to"] == ["447700900222", OTHER]


def test_an_update_never_takes_recipients_directly(api: Api, scheduled: dict[str, object]) -> None:
    assert accepted(api.update(str(scheduled["id"]), to=[THIRD]))["to"] == scheduled["to"]


def test_a_null_takes_a_field_back(
    api: Api, scheduled: dict[str, object], sinch_sandbox: SandboxClient
) -> None:
    sinch_sandbox.advance(60)
    names = ("delivery_report", "expire_at", "callback_url", "send_at", "parameters")
    changed = accepted(
        api.update(str(scheduled["id"]), **dict.fromkeys(names), client_reference=None, body=None)
    )
    assert changed["delivery_report"] == "none"
    assert changed["expire_at"] == in_(sinch_sandbox, days=3)
    assert not {"callback_url", "send_at", "parameters"} & set(changed)
    assert (changed["client_reference"], changed["body"]) == ("a", "Hi ${name}")
    assert api.statuses(str(scheduled["id"])) == [(400, "Queued", 2)]


def test_a_new_time_moves_the_default_expiry(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(send_at=in_(sinch_sandbox, hours=1))
    later = in_(sinch_sandbox, days=5)
    changed = accepted(api.update(batch["id"], send_at=later))
    assert (changed["send_at"], changed["expire_at"]) == (later, in_(sinch_sandbox, days=8))


def test_an_update_without_a_time_leaves_the_start_alone(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent()
    sinch_sandbox.advance(0.5)
    assert accepted(api.update(batch["id"], body="Changed"))["expire_at"] == batch["expire_at"]
    sinch_sandbox.advance(0.5)
    assert api.statuses(batch["id"]) == [(401, "Dispatched", 1)]


def test_updates_are_checked_as_a_whole(
    api: Api, scheduled: dict[str, object], sinch_sandbox: SandboxClient
) -> None:
    batch_id = str(scheduled["id"])
    bad_format(api.update(batch_id, to_add=["+12"]), "'to_add[0]'")
    bad_format(api.update(batch_id, to_remove=TO), "'to_remove'")
    bad_format(api.update(batch_id, **{"from": {"a": "b"}}), "'from'")
    bad_format(api.update(batch_id, type="mt_fax"), "'type'")
    constraint(api.update(batch_id, type="mt_binary"), "'type'")
    constraint(api.update(batch_id, to_add=[]), "'to_add'")
    constraint(api.update(batch_id, to_add=[f"467{index:08}" for index in range(101)]), "'to_add'")
    constraint(api.update(batch_id, to_remove=[TO, OTHER]), "'to'", "after the change")
    constraint(api.update(batch_id, send_at=in_(sinch_sandbox, hours=3)), "'expire_at'")
    constraint(api.update(batch_id, from_ton=1), "'from_ton'")
    refused(api.update(batch_id, callback_url=None), 403, "missing_callback_url")
    refused(api.update(batch_id, to_add=[UNKNOWN]), 403, "unknown_group")
    assert api.get(batch_id) == scheduled


def test_a_thousand_recipients_are_the_limit_of_an_update_too(api: Api) -> None:
    full = api.sent(to=[f"467{index:08}" for index in range(1000)])
    constraint(api.update(full["id"], to_add=["+447700900001"]), "'to'")


def test_the_type_may_be_repeated(api: Api) -> None:
    batch = api.sent(type="mt_binary", udh="050003C40201", body="SGVsbG8=")
    changed = accepted(api.update(batch["id"], type="mt_binary", udh="050003C40202"))
    assert (changed["udh"], changed["body"]) == ("050003C40202", "SGVsbG8=")


# Replace


def test_a_replacement_keeps_the_id_and_forgets_the_rest(
    api: Api, scheduled: dict[str, object], sinch_sandbox: SandboxClient
) -> None:
    sinch_sandbox.advance(1)
    start = in_(sinch_sandbox, hours=9)
    changed = accepted(
        api.replace(str(scheduled["id"]), to=["+447700900666"], body="Postponed.", send_at=start)
    )
    assert changed == {
        "id": scheduled["id"],
        "to": ["447700900666"],
        "from": "447700900111",
        "body": "Postponed.",
        "type": "mt_text",
        "canceled": False,
        "created_at": scheduled["created_at"],
        "modified_at": sinch_sandbox.now(),
        "delivery_report": "none",
        "send_at": start,
        "expire_at": in_(sinch_sandbox, days=3, hours=9),
        "feedback_enabled": False,
        "flash_message": False,
    }
    assert [each["to"] for each in sinch_sandbox.messages()] == ["447700900666"]


def test_a_replacement_may_be_of_another_type_and_starts_at_once(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    batch = api.sent(send_at=in_(sinch_sandbox, days=9))
    sinch_sandbox.advance(5 * 86_400)
    changed = accepted(api.replace(batch["id"], type="mt_binary", udh="00", body="SGVsbG8="))
    assert (changed["type"], changed["expire_at"]) == ("mt_binary", in_(sinch_sandbox, days=3))
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 1)]


def test_a_replacement_is_checked_like_a_send(api: Api, scheduled: dict[str, object]) -> None:
    constraint(api.replace(str(scheduled["id"]), to=...), "'to'")
    constraint(api.replace(str(scheduled["id"]), body=...), "'body'")
    refused(api.replace(str(scheduled["id"]), delivery_report="full"), 403, "missing_callback_url")
    assert api.get(str(scheduled["id"])) == scheduled


def test_after_dispatch_nothing_can_be_changed(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent()
    sinch_sandbox.advance(1)
    refused(api.update(batch["id"], body="Late"), 403, "batch_already_dispatched")
    refused(api.replace(batch["id"]), 403, "batch_already_dispatched")
    constraint(api.update(batch["id"], to_remove=[TO]))
    assert api.get(batch["id"]) == batch


def test_what_was_cancelled_cannot_be_changed(api: Api, scheduled: dict[str, object]) -> None:
    api.cancel(str(scheduled["id"]))
    refused(api.update(str(scheduled["id"]), body="x"), 403, "batch_already_dispatched")
    refused(api.replace(str(scheduled["id"])), 403, "batch_already_dispatched")


# Cancel


def test_cancelled_before_its_time_a_batch_has_an_empty_report_for_good(
    api: Api, scheduled: dict[str, object], sinch_sandbox: SandboxClient
) -> None:
    sinch_sandbox.advance(5)
    batch_id = str(scheduled["id"])
    canceled = accepted(api.cancel(batch_id))
    assert canceled == {**scheduled, "canceled": True, "modified_at": sinch_sandbox.now()}
    assert api.get(batch_id) == canceled
    sinch_sandbox.advance(2 * 3600)
    assert api.report(batch_id)["statuses"] == []
    assert api.report(batch_id)["total_message_count"] == 0
    assert accepted(api.call("GET", "/delivery_reports"))["count"] == 0
    assert {(each["status"], each["received"]) for each in sinch_sandbox.messages()} == {("Cancelled", False)}


def test_cancelled_while_queued_ends_cancelled_407(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent()
    assert accepted(api.cancel(batch["id"]))["canceled"] is True
    sinch_sandbox.advance(60)
    assert api.statuses(batch["id"]) == [(407, "Cancelled", 1)]


def test_cancelled_half_way_some_still_arrive(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=[TO, "+447700900000", "+447700900012", "+447700900402"])
    sinch_sandbox.advance(1)
    assert accepted(api.cancel(batch["id"]))["canceled"] is True
    sinch_sandbox.advance(3600)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 2), (407, "Cancelled", 1), (402, "Aborted", 1)]


def test_the_status_of_407_can_be_the_older_one(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(cancelled_status="Aborted")
    batch = api.sent()
    api.cancel(batch["id"])
    assert api.statuses(batch["id"]) == [(407, "Aborted", 1)]


def test_cancelling_twice_changes_nothing_more(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent()
    once = accepted(api.cancel(batch["id"]))
    sinch_sandbox.advance(5)
    assert accepted(api.cancel(batch["id"])) == once


def test_cancelling_what_is_done_changes_nothing(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent()
    sinch_sandbox.advance(3)
    assert accepted(api.cancel(batch["id"])) == batch
    assert api.statuses(batch["id"]) == [(0, "Delivered", 1)]


def test_cancelling_too_late_can_be_a_conflict(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(cancel_after_dispatch=409)
    batch = api.sent()
    sinch_sandbox.advance(1)
    response = api.cancel(batch["id"])
    assert (response.status_code, response.content) == (409, b"")
    assert api.get(batch["id"])["canceled"] is False
    assert api.cancel(api.sent()["id"]).status_code == 200


# Delivery feedback


def feedback(api: Api, batch_id: str, **body: object) -> int:
    response = api.call("POST", f"/batches/{batch_id}/delivery_feedback", json=body)
    assert response.status_code == 400 or response.content == b""
    return response.status_code


def test_feedback_for_some_and_for_all(api: Api) -> None:
    batch = api.sent(to=[TO, OTHER], feedback_enabled=True)
    assert feedback(api, batch["id"], recipients=["+447700900222"]) == 202
    assert feedback(api, batch["id"], recipients=["+447700900222"]) == 202
    assert feedback(api, batch["id"], recipients=[]) == 202


@pytest.mark.parametrize("body", [{}, {"recipients": None}, {"recipients": ["+12"]}, {"recipients": TO}])
def test_feedback_needs_a_list_of_numbers(api: Api, body: dict[str, object]) -> None:
    assert feedback(api, api.sent(feedback_enabled=True)["id"], **body) == 400


def test_feedback_needs_the_promise(api: Api) -> None:
    response = api.call("POST", f"/batches/{api.sent()['id']}/delivery_feedback", json={"recipients": []})
    constraint(response, "feedback_enabled")


def test_feedback_for_strangers_is_refused_or_accepted_as_set(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(feedback_enabled=True)
    assert feedback(api, batch["id"], recipients=[TO, OTHER]) == 400
    sinch_sandbox.configure(feedback_unknown_recipient="accept")
    assert feedback(api, batch["id"], recipients=[TO, OTHER]) == 202


# What is not there


@pytest.mark.parametrize("batch_id", [UNKNOWN, "nope"])
def test_an_unknown_batch_is_404_without_a_body(api: Api, batch_id: str) -> None:
    path = f"/batches/{batch_id}"
    for response in (
        api.call("GET", path),
        api.update(batch_id, body="x"),
        api.replace(batch_id),
        api.cancel(batch_id),
        api.call("POST", f"{path}/delivery_feedback", json={"recipients": []}),
        api.call("GET", f"{path}/delivery_report"),
        api.call("GET", f"{path}/delivery_report/447700900222"),
    ):
        assert (response.status_code, response.content) == (404, b"")


def test_an_id_that_cannot_be_one_can_be_a_format_error(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(malformed_batch_id=400)
    bad_format(api.call("GET", "/batches/nope"), "'nope' is not a valid identifier")
    assert api.call("GET", f"/batches/{UNKNOWN}").status_code == 404
