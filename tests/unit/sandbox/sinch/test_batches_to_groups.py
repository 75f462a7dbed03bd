"""Batches addressed to groups."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.server import Options, RunningSandbox
from tests.unit.sandbox.receiver import Receiver
from tests.unit.sandbox.wire import Api, accepted, constraint, in_, process, refused

ANNA, BOB, CARL, DORA = (f"9990000{index:04}" for index in range(1, 5))
UNKNOWN = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


def group(api: Api, *members: str, **fields: Any) -> str:
    made = accepted(api.call("POST", "/groups", json={"members": members, **fields}), 201)
    return str(made["id"])


def change(api: Api, group_id: str, **fields: Any) -> None:
    accepted(api.call("POST", f"/groups/{group_id}", json=fields))


def delete(api: Api, group_id: str) -> None:
    assert api.call("DELETE", f"/groups/{group_id}").status_code == 200


def reached(sandbox: SandboxClient, batch: dict[str, Any]) -> list[str]:
    return [message["to"] for message in sandbox.messages(batch_id=batch["id"])]


def test_groups_and_numbers_together(api: Api, sinch_sandbox: SandboxClient) -> None:
    inner = group(api, DORA)
    ops = group(api, BOB, CARL, child_groups=[inner])
    batch = api.sent(
        to=[f"+{ANNA}", ops], body="Hi ${name}", parameters={"name": {BOB: "Bob", "default": "you"}}
    )
    assert batch["to"] == [ANNA, ops]
    assert api.get(batch["id"])["to"] == [ANNA, ops]
    said = {message["to"]: message["body"] for message in sinch_sandbox.messages()}
    assert said == {ANNA: "Hi you", BOB: "Hi Bob", CARL: "Hi you", DORA: "Hi you"}
    sinch_sandbox.advance(3)
    report = api.report(batch["id"], type="full")
    assert report["total_message_count"] == 4
    assert sorted(report["statuses"][0]["recipients"]) == [ANNA, BOB, CARL, DORA]
    assert api.recipient(batch["id"], DORA)["status"] == "Delivered"


def test_who_is_in_two_groups_is_texted_once(api: Api, sinch_sandbox: SandboxClient) -> None:
    one, other = group(api, ANNA, BOB), group(api, BOB, CARL)
    targets = [CARL, one, other, one]
    assert reached(sinch_sandbox, api.sent(to=targets)) == [CARL, ANNA, BOB]
    sinch_sandbox.configure(duplicate_recipients="each")
    assert reached(sinch_sandbox, api.sent(to=targets)) == [CARL, ANNA, BOB, BOB, CARL, ANNA, BOB]


def test_unknown_groups_are_refused_at_once(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    gone, foreign = group(api, ANNA), group(project, ANNA)
    delete(api, gone)
    for each in (UNKNOWN, gone, foreign):
        refused(api.send(to=[BOB, each]), 403, "unknown_group", each)
        refused(api.send(to=[each], send_at=in_(sinch_sandbox, hours=1)), 403, "unknown_group", each)
    assert sinch_sandbox.batches() == []


# When the members count


def test_members_count_when_the_batch_is_sent(api: Api, sinch_sandbox: SandboxClient) -> None:
    ops = group(api, BOB)
    now = api.sent(to=[ops])
    later = api.sent(to=[ANNA, ops], send_at=in_(sinch_sandbox, hours=1))
    change(api, ops, add=[CARL], remove=[BOB])
    assert reached(sinch_sandbox, now) == [BOB]
    assert reached(sinch_sandbox, later) == [ANNA]
    assert api.statuses(later["id"]) == []
    sinch_sandbox.advance(3599)
    change(api, ops, add=[DORA])
    sinch_sandbox.advance(1)
    change(api, ops, remove=[CARL])
    assert reached(sinch_sandbox, later) == [ANNA, CARL, DORA]
    assert api.statuses(later["id"]) == [(400, "Queued", 3)]
    sinch_sandbox.advance(3)
    assert api.statuses(later["id"]) == [(0, "Delivered", 3)]
    assert api.get(later["id"]) == later
    assert api.recipient(later["id"], DORA)["at"] == in_(sinch_sandbox)


def test_a_change_after_the_start_comes_too_late_however_long_nobody_asked(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    ops = group(api, BOB)
    later = api.sent(to=[ops], send_at=in_(sinch_sandbox, hours=1))
    sinch_sandbox.advance(86_400)
    delete(api, ops)
    assert api.statuses(later["id"]) == [(0, "Delivered", 1)]
    assert api.recipient(later["id"], BOB)["at"] == in_(sinch_sandbox, hours=-23, seconds=3)


def test_a_group_deleted_meanwhile_is_empty(api: Api, sinch_sandbox: SandboxClient) -> None:
    ops = group(api, BOB)
    mixed = api.sent(to=[ANNA, ops], send_at=in_(sinch_sandbox, hours=1))
    alone = api.sent(to=[ops], send_at=in_(sinch_sandbox, hours=1))
    delete(api, ops)
    accepted(api.update(mixed["id"], body="Still on."))
    refused(api.update(mixed["id"], to_add=[UNKNOWN]), 403, "unknown_group")
    refused(api.replace(mixed["id"], to=[ANNA, ops]), 403, "unknown_group")
    sinch_sandbox.advance(3603)
    assert reached(sinch_sandbox, mixed) == [ANNA]
    assert api.report(alone["id"])["total_message_count"] == 0
    assert api.report(alone["id"])["statuses"] == []


def test_a_batch_to_nobody_is_over_as_soon_as_it_starts(api: Api, sinch_sandbox: SandboxClient) -> None:
    empty = group(api)
    batch = api.sent(to=[empty], feedback_enabled=True)
    assert api.report(batch["id"])["total_message_count"] == 0
    refused(api.update(batch["id"], body="Hello?"), 403, "batch_already_dispatched")
    assert accepted(api.cancel(batch["id"]))["canceled"] is False
    later = api.sent(to=[empty], send_at=in_(sinch_sandbox, hours=1))
    change(api, empty, add=[ANNA])
    accepted(api.update(later["id"], body="Hello?"))
    sinch_sandbox.advance(3600)
    assert reached(sinch_sandbox, later) == [ANNA]
    assert reached(sinch_sandbox, batch) == []


def test_members_are_reported_on_like_anyone_else(
    api: Api, sinch_sandbox: SandboxClient, receiver: Receiver
) -> None:
    ops = group(api, BOB)
    api.sent(
        to=[ANNA, ops],
        send_at=in_(sinch_sandbox, hours=1),
        delivery_report="per_recipient_final",
        callback_url=receiver.url,
    )
    change(api, ops, add=[CARL])
    sinch_sandbox.advance(3600)
    assert receiver.bodies == []
    sinch_sandbox.advance(3)
    assert sorted(each["recipient"] for each in receiver.bodies) == [ANNA, BOB, CARL]


def test_a_running_clock_plans_what_starts_though_nobody_asks(tmp_path: Path) -> None:
    path = str(tmp_path / "sms.db")
    with RunningSandbox(Options(db=path, speed=100)) as sandbox, closing(sqlite3.connect(path)) as ledger:
        api = Api(sandbox.url)
        api.sent(to=[group(api, BOB)], send_at=in_(sandbox, minutes=1))
        api.session.close()
        deadline = time.monotonic() + 30
        while ledger.execute("SELECT recipient FROM messages").fetchall() != [(BOB,)]:
            assert time.monotonic() < deadline
            time.sleep(0.02)


# Change and cancel


def test_a_scheduled_batch_can_be_cancelled_whoever_it_would_reach(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    ops = group(api, BOB)
    batches = [api.sent(to=to, send_at=in_(sinch_sandbox, hours=1)) for to in ([ops], [ANNA, ops])]
    for batch in batches:
        assert accepted(api.cancel(batch["id"]))["canceled"] is True
    sinch_sandbox.advance(3600)
    for batch in batches:
        assert api.report(batch["id"])["statuses"] == []
    assert BOB not in {message["to"] for message in sinch_sandbox.messages()}
    assert not any(message["received"] for message in sinch_sandbox.messages())


def test_an_updated_batch_goes_to_who_is_in_it_then(api: Api, sinch_sandbox: SandboxClient) -> None:
    ops, dev = group(api, BOB), group(api, CARL)
    batch = api.sent(to=[ANNA, ops], send_at=in_(sinch_sandbox, hours=1))
    accepted(api.update(batch["id"], to_add=[dev], to_remove=[ops], send_at=in_(sinch_sandbox, hours=2)))
    sinch_sandbox.advance(3600)
    change(api, dev, add=[DORA])
    assert reached(sinch_sandbox, batch) == [ANNA]
    accepted(api.update(batch["id"], to_remove=[ANNA], send_at=None))
    assert reached(sinch_sandbox, batch) == [CARL, DORA]
    accepted(api.replace(batch["id"], to=[ops]))
    assert reached(sinch_sandbox, batch) == [BOB]
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(0, "Delivered", 1)]


# Feedback, dry run, ledger


def test_feedback_on_a_batch_with_a_group_has_to_name_numbers(api: Api) -> None:
    batch = api.sent(to=[ANNA, group(api, BOB)], feedback_enabled=True)
    path = f"/batches/{batch['id']}/delivery_feedback"
    constraint(api.call("POST", path, json={"recipients": []}), "'recipients'", "group")
    assert api.call("POST", path, json={"recipients": [f"+{BOB}", ANNA]}).status_code == 202
    constraint(api.call("POST", path, json={"recipients": [CARL]}), "'recipients[0]'")


def test_a_dry_run_counts_the_members(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    ops = group(api, BOB, CARL)
    body = "a" * 161
    answer = accepted(api.dry_run("?per_recipient=true", to=[ANNA, BOB, ops], body=body))
    assert (answer["number_of_recipients"], answer["number_of_messages"]) == (3, 6)
    assert {each["recipient"] for each in answer["per_recipient"]} == {ANNA, BOB, CARL}
    assert accepted(project.dry_run(to=[ANNA, ops]))["number_of_recipients"] == 1
    assert sinch_sandbox.messages() == []


def test_clearing_takes_away_what_waits(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[group(api, BOB)], send_at=in_(sinch_sandbox, hours=1))
    sinch_sandbox.clear()
    sinch_sandbox.advance(3600)
    assert sinch_sandbox.messages() == []


@pytest.mark.parametrize("asleep", [0, 7200])
def test_what_waits_outlives_kill_9(tmp_path: Path, asleep: float) -> None:
    options = ("--db", str(tmp_path / "sms.db"), "--clock", "manual")
    with process(*options) as (client, running):
        api = Api(client.url)
        ops = group(api, BOB)
        batch = api.sent(to=[ANNA, ops], send_at=in_(client, hours=1))
        change(api, ops, add=[CARL])
        client.advance(asleep)
        running.kill()
        running.wait()
    with process(*options) as (client, _):
        api = Api(client.url)
        if not asleep:
            assert reached(client, batch) == [ANNA]
            client.advance(3603)
        assert reached(client, batch) == [ANNA, BOB, CARL]
        assert api.statuses(batch["id"]) == [(0, "Delivered", 3)]
