"""An account's queue at the rate of its plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sinch_sandbox.client import SandboxClient, SandboxError
from tests.unit.sandbox.wire import Api, accepted, in_, process, refused

QUEUED, DISPATCHED, DELIVERED = 400, 401, 0


@pytest.fixture
def slow(sinch_sandbox: SandboxClient) -> SandboxClient:
    """One message a second leaves the queue, and is delivered half a second later."""
    sinch_sandbox.configure(plan_rate=1, dispatch_delay=0, delivery_delay=0.5)
    return sinch_sandbox


def people(count: int, start: int = 0) -> list[str]:
    return [f"467{index:08}" for index in range(start, start + count)]


def counts(api: Api, batch: dict[str, Any]) -> dict[int, int]:
    return {code: count for code, _, count in api.statuses(batch["id"])}


def left(api: Api, batch: dict[str, Any]) -> int:
    """How many messages have left the queue."""
    return sum(count for code, count in counts(api, batch).items() if code != QUEUED)


def test_messages_leave_one_after_another(api: Api, slow: SandboxClient) -> None:
    batch = api.sent(to=people(4))
    assert counts(api, batch) == {DISPATCHED: 1, QUEUED: 3}
    slow.advance(0.999)
    assert counts(api, batch) == {DELIVERED: 1, QUEUED: 3}
    slow.advance(0.001)
    assert counts(api, batch) == {DELIVERED: 1, DISPATCHED: 1, QUEUED: 2}
    assert api.recipient(batch["id"], people(4)[1])["at"] == slow.now()
    slow.advance(2)
    assert counts(api, batch) == {DELIVERED: 3, DISPATCHED: 1}
    slow.advance(0.5)
    assert counts(api, batch) == {DELIVERED: 4}


def test_a_delay_in_the_queue_comes_on_top_and_holds_up_nobody_else(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    sinch_sandbox.configure(plan_rate=1)
    batch = api.sent(to=["+447700900012", *people(1)])
    sinch_sandbox.advance(2)
    assert api.recipient(batch["id"], people(1)[0])["status"] == "Dispatched"
    sinch_sandbox.advance(598)
    assert api.recipient(batch["id"], "447700900012")["status"] == "Dispatched"


def test_rates_that_do_not_divide_a_second(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(plan_rate=30, dispatch_delay=0)
    batches = [api.sent(to=people(7)) for _ in range(9)]
    start = sinch_sandbox.now()
    sinch_sandbox.advance(1)
    assert sum(left(api, batch) for batch in batches) == 31
    assert api.get(batches[0]["id"])["created_at"] == start
    sinch_sandbox.advance(1)
    assert sum(left(api, batch) for batch in batches) == 61


def test_a_large_batch_delays_those_behind_it_but_not_the_other_account(
    api: Api, project: Api, slow: SandboxClient
) -> None:
    api.sent(to=people(10))
    second, third = api.sent(to=people(2)), api.sent(to=people(1))
    other = project.sent(to=people(1))
    assert counts(project, other) == {DISPATCHED: 1}
    slow.advance(9)
    assert counts(api, second) == {QUEUED: 2}
    slow.advance(2)
    assert (left(api, second), left(api, third)) == (2, 0)
    slow.advance(1)
    assert left(api, third) == 1
    slow.advance(60)
    assert counts(api, api.sent(to=people(1))) == {DISPATCHED: 1}, "the queue has run dry"


def test_turns_are_taken_in_the_order_of_starts(api: Api, slow: SandboxClient) -> None:
    last = api.sent(to=people(5), send_at=in_(slow, seconds=20))
    first = api.sent(to=people(5), send_at=in_(slow, seconds=10))
    tie = api.sent(to=people(5), send_at=in_(slow, seconds=10))
    assert api.statuses(last["id"]) == []
    assert api.recipient(last["id"], people(1)[0])["status"] == "Queued"
    slow.advance(10)
    at_once = api.sent(to=people(5))
    slow.advance(15)
    assert [left(api, each) for each in (first, tie, at_once, last)] == [5, 5, 5, 1]


def test_members_of_groups_take_turns_too(api: Api, slow: SandboxClient) -> None:
    group = accepted(api.call("POST", "/groups", json={"members": people(3)}), 201)["id"]
    later = api.sent(to=[group], send_at=in_(slow, seconds=10))
    api.sent(to=people(12))
    accepted(api.call("POST", f"/groups/{group}", json={"add": people(1, 7)}))
    slow.advance(10)
    accepted(api.call("POST", f"/groups/{group}", json={"remove": people(8)}))
    assert counts(api, later) == {QUEUED: 4}
    slow.advance(3)
    assert left(api, later) == 2


def test_the_order_does_not_depend_on_how_often_anyone_asks(api: Api, slow: SandboxClient) -> None:
    def run(steps: list[float]) -> list[tuple[str, str]]:
        slow.reset()
        slow.configure(plan_rate=3, dispatch_delay=0)
        for position, seconds in enumerate((7, 3, 5, 3)):
            api.sent(to=people(8, 100 * position), send_at=in_(slow, seconds=seconds), client_reference="a")
        for step in steps:
            slow.advance(step)
        return [(message["to"], message["status"]) for message in slow.messages()]

    assert run([10]) == run([1] * 10) == run([3, 0.1, 2.9, 4])


def test_clearing_empties_the_queue(api: Api, slow: SandboxClient) -> None:
    api.sent(to=people(100))
    slow.clear()
    assert counts(api, api.sent(to=people(1))) == {DISPATCHED: 1}


# Expiry, cancel, change


def test_what_expires_in_the_queue_gives_its_turns_away(api: Api, slow: SandboxClient) -> None:
    short = api.sent(to=people(10), expire_at=in_(slow, seconds=4))
    behind = api.sent(to=people(2))
    never = api.sent(to=people(2), expire_at=in_(slow, seconds=5))
    slow.advance(4)
    assert counts(api, short) == {DELIVERED: 4, 406: 6}
    assert left(api, behind) == 1
    slow.advance(2)
    assert counts(api, never) == {406: 2}
    assert counts(api, api.sent(to=people(1))) == {DISPATCHED: 1}


def test_who_waits_behind_a_cancelled_batch_moves_up(api: Api, slow: SandboxClient) -> None:
    ahead = api.sent(to=people(2))
    large = api.sent(to=people(100))
    behind, last = api.sent(to=people(2)), api.sent(to=people(2))
    slow.advance(3.4)
    assert (left(api, large), left(api, behind)) == (2, 0)
    accepted(api.cancel(large["id"]))
    assert counts(api, large) == {DELIVERED: 1, DISPATCHED: 1, 407: 98}
    assert counts(api, behind) == {QUEUED: 2}
    slow.advance(0.599)
    assert left(api, behind) == 0
    slow.advance(0.001)
    assert left(api, behind) == 1
    slow.advance(2)
    assert (left(api, ahead), left(api, behind), left(api, last)) == (2, 2, 1)


def test_a_batch_cancelled_before_its_turn_leaves_no_gap(api: Api, slow: SandboxClient) -> None:
    api.sent(to=people(2))
    large, behind = api.sent(to=people(100)), api.sent(to=people(2))
    accepted(api.cancel(large["id"]))
    slow.advance(2)
    assert counts(api, large) == {407: 100}
    assert left(api, behind) == 1


def test_cancelling_what_is_over_moves_nobody(api: Api, slow: SandboxClient) -> None:
    stuck = api.sent(to=["+447700900012"])
    slow.advance(10)
    behind = api.sent(to=people(3))
    accepted(api.cancel(stuck["id"]))
    assert left(api, behind) == 1
    slow.advance(1)
    assert left(api, behind) == 2


def test_a_batch_can_be_changed_until_its_first_turn(api: Api, slow: SandboxClient) -> None:
    api.sent(to=people(3))
    second, third = api.sent(to=people(2)), api.sent(to=people(2))
    slow.advance(2)
    accepted(api.update(second["id"], to_add=people(1, 50)))
    slow.advance(3)
    assert (left(api, second), left(api, third)) == (3, 0)
    refused(api.update(second["id"], body="Too late."), 403, "batch_already_dispatched")
    accepted(api.replace(third["id"], to=people(1, 60)))
    slow.advance(1)
    assert counts(api, third) == {DISPATCHED: 1}


def test_a_batch_put_off_lets_the_others_pass(api: Api, slow: SandboxClient) -> None:
    api.sent(to=people(2))
    second, third = api.sent(to=people(5)), api.sent(to=people(1))
    accepted(api.update(second["id"], send_at=in_(slow, seconds=30)))
    slow.advance(2)
    assert left(api, third) == 1
    slow.advance(28)
    assert left(api, second) == 1


def test_a_changed_batch_does_not_leave_before_the_change(api: Api, slow: SandboxClient) -> None:
    api.sent(to=people(100))
    second = api.sent(to=people(1))
    slow.advance(10)
    slow.configure(plan_rate=None)
    accepted(api.update(second["id"], body="At once, please."))
    assert counts(api, second) == {DISPATCHED: 1}
    assert api.recipient(second["id"], people(1)[0])["at"] == slow.now()


def test_a_change_moves_nobody_who_is_not_behind_it(api: Api, slow: SandboxClient) -> None:
    api.sent(to=people(10))
    ahead, changed = api.sent(to=people(5)), api.sent(to=people(5))
    stuck = api.sent(to=["+447700900012"], send_at=in_(slow, hours=1))
    slow.configure(plan_rate=None)
    accepted(api.update(stuck["id"], body="Somewhat later."))
    accepted(api.cancel(changed["id"]))
    assert left(api, ahead) == 0
    slow.advance(9.999)
    assert left(api, ahead) == 0
    slow.advance(0.001)
    assert left(api, ahead) == 1


def test_what_has_left_stays_so_when_a_straggler_before_it_is_changed(api: Api, slow: SandboxClient) -> None:
    straggler, behind = api.sent(to=["+447700900012"]), api.sent(to=people(3))
    slow.advance(2.7)
    seen = slow.messages(batch_id=behind["id"])
    accepted(api.update(straggler["id"], to_add=["+447700900012", *people(2, 50)]))
    assert slow.messages(batch_id=behind["id"]) == seen
    accepted(api.cancel(straggler["id"]))
    assert slow.messages(batch_id=behind["id"]) == seen


# The setting


def test_a_rate_counts_for_what_starts_from_then_on(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(dispatch_delay=0)
    assert left(api, api.sent(to=people(5))) == 5
    sinch_sandbox.configure(plan_rate=0.5)
    slow = api.sent(to=people(5))
    assert left(api, slow) == 1
    sinch_sandbox.configure(plan_rate=None)
    assert left(api, api.sent(to=people(5))) == 5
    assert left(api, slow) == 1


@pytest.mark.parametrize("rate", [0, -1, 0.0001, True, "fast", 1e10])
def test_rates_that_make_no_sense(sinch_sandbox: SandboxClient, rate: object) -> None:
    with pytest.raises(SandboxError, match=r"422.*plan_rate"):
        sinch_sandbox.configure(plan_rate=rate)


def test_the_queue_outlives_kill_9(tmp_path: Path) -> None:
    options = ("--db", str(tmp_path / "sms.db"), "--clock", "manual", "--set", "plan_rate=1")
    with process(*options) as (client, running):
        api = Api(client.url)
        # Ahead of the real time, to which a sandbox would catch up when it starts again.
        client.advance(3600)
        first = api.sent(to=people(5))
        later = api.sent(to=people(2), send_at=in_(client, seconds=3))
        client.advance(2)
        running.kill()
        running.wait()
    with process(*options) as (client, _):
        api = Api(client.url)
        client.advance(4)
        assert (left(api, first), left(api, later)) == (5, 1)
