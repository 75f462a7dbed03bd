"""Sending once: what a try finds of earlier ones, and what it does then; played with both clients."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pendulum
import pytest

from sinch_provider.sandbox.client import SandboxClient
from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import (
    SinchBadRequestError,
    SinchBatchCanceledError,
    SinchNotSentError,
    SinchPayloadChangedError,
    SinchRateLimitError,
    SinchSentTwiceError,
    SinchServerError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.sms.journal import Journal
from sinch_provider.sms.once import Attempt, OnClear, SendOnce, Sent, task_hash
from tests.unit.sms.conftest import Player

MARIA, LUKASZ = "+447700900222", "+447700900333"
SECRET = "plan-secret"
NOW = pendulum.now("UTC")


class ReplacedError(Exception):
    """What a store says to a try that has been replaced."""


class MemoryStore:
    """Keeps a journal in memory, and can refuse."""

    def __init__(self) -> None:
        self.value: Any = None
        self.writes = 0
        self.refuse: Callable[[], bool] = lambda: False

    def get(self) -> Any:
        return json.loads(json.dumps(self.value))

    def set(self, value: Any) -> None:
        if self.refuse():
            raise ReplacedError
        self.writes += 1
        self.value = json.loads(json.dumps(value))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def send(do: Player, sinch_sandbox: SandboxClient, store: MemoryStore) -> Callable[..., Sent]:
    """One try of a send; pauses move the sandbox's clock."""
    account = sandbox_account(sinch_sandbox)
    pauses = do._pause

    def pause(seconds: float) -> None:
        pauses(seconds)
        sinch_sandbox.advance(seconds)

    do._pause = pause  # type: ignore[method-assign]

    def one_try(
        try_number: int = 1,
        *,
        cycle: int = 1,
        map_index: int = -1,
        cleared: bool = False,
        to: Any = (MARIA, LUKASZ),
        body: str = "Hi",
        journal: bool = True,
        secret: str = SECRET,
        on_clear: str = "adopt",
        hold: timedelta | None = None,
        since: pendulum.DateTime = NOW,
        stopped: Callable[[], bool] = lambda: False,
        **fields: Any,
    ) -> Sent:
        task = task_hash("dag", "run", "task")
        once = SendOnce(
            endpoints.send(body, list(to), **fields),
            Attempt(task, map_index, cycle, try_number, since, cleared or cycle > 1),
            secret=secret,
            journal=Journal(store) if journal else None,
            on_clear=OnClear(on_clear),
            hold=hold,
            stopped=stopped,
        )
        sent: Sent = do.follow(account, once.steps())
        return sent

    return one_try


def sandbox_account(sandbox: SandboxClient) -> Account:
    plan = ServicePlanCredentials(sandbox.credentials.service_plan_id, sandbox.credentials.api_token)
    return Account(credentials=plan, base_url=sandbox.url)


def texts(sandbox: SandboxClient) -> list[tuple[str, str]]:
    """Number and text of every message, cancelled ones left out."""
    return sorted((each["to"], each["body"]) for each in sandbox.messages() if each["code"] != 407)


ONCE = [(MARIA[1:], "Hi"), (LUKASZ[1:], "Hi")]


def test_the_happy_path_costs_one_call_and_two_writes(send, sinch_sandbox, store):
    sent = send()
    assert sinch_sandbox.calls() == {"send": 1}
    assert store.writes == 2
    assert texts(sinch_sandbox) == ONCE
    [batch] = sinch_sandbox.batches()
    assert (sent.batch_id, sent.adopted) == (batch["id"], False)
    assert batch["client_reference"] == f"af-{task_hash('dag', 'run', 'task')}-1"


def test_a_retry_after_success_adopts_the_batch(send, sinch_sandbox):
    first = send()
    again = send(2)
    assert (again.batch_id, again.adopted) == (first.batch_id, True)
    assert sinch_sandbox.calls() == {"send": 1, "get": 1}


@pytest.mark.parametrize("how", ["close", "reset", "half_body"])
def test_a_lost_answer_leads_to_the_batch(send, sinch_sandbox, how):
    sinch_sandbox.fault("lost_reply", "send", how=how)
    assert send().adopted
    assert texts(sinch_sandbox) == ONCE
    assert sinch_sandbox.calls()["send"] == 1


@pytest.mark.parametrize("lag", [0.5, 10, 30])
def test_a_batch_that_is_listed_late_is_waited_for(send, sinch_sandbox, lag):
    sinch_sandbox.fault("listing_lag", "send", seconds=lag)
    sinch_sandbox.fault("server_error", "send", when="after", status=503)
    assert send().adopted
    assert texts(sinch_sandbox) == ONCE


def test_what_was_not_accepted_is_sent_again_once_that_is_certain(send, sinch_sandbox, do):
    sinch_sandbox.fault("lost_reply", "send", when="before")
    assert not send().adopted
    assert texts(sinch_sandbox) == ONCE
    assert sum(do.pauses) >= 45


def test_a_send_that_is_lost_again_and_again_ends_and_can_be_retried(send, sinch_sandbox):
    sinch_sandbox.fault("lost_reply", "send", when="before", count=None)
    with pytest.raises(SinchUnsettledError, match="lost 3 times") as caught:
        send()
    assert caught.value.transient
    sinch_sandbox.clear_faults()
    send(2)
    assert texts(sinch_sandbox) == ONCE


def test_an_intent_without_an_outcome_is_looked_up(send, sinch_sandbox, store):
    """The first try died after Sinch had accepted its batch and before it could write that down."""
    first = send()
    store.value["sends"][0].update(state="intent", batch_id=None)
    again = send(2)
    assert again.batch_id == first.batch_id
    assert texts(sinch_sandbox) == ONCE
    assert store.value["sends"][0]["state"] == "sent"


def test_an_intent_that_came_to_nothing_is_sent(send, sinch_sandbox, store):
    send()
    store.value["sends"][0].update(state="intent", batch_id=None)
    sinch_sandbox.clear()
    assert not send(2).adopted
    assert texts(sinch_sandbox) == ONCE


@pytest.mark.parametrize("value", [None, "garbage", {"version": 1, "sends": [{"cycle": 1}]}, {"version": 2}])
def test_a_wiped_or_spoilt_journal_is_made_up_for(send, sinch_sandbox, store, value):
    first = send()
    store.value = value
    assert send(2).batch_id == first.batch_id
    assert texts(sinch_sandbox) == ONCE


def test_without_a_journal_later_tries_look(send, sinch_sandbox):
    first = send(journal=False)
    assert send(2, journal=False).batch_id == first.batch_id
    assert sinch_sandbox.calls() == {"send": 1, "list": 1}


def test_a_refused_request_leaves_nothing_to_look_for(send, sinch_sandbox, store, do):
    sinch_sandbox.fault("rate_limited", "send", count=None)
    with pytest.raises(Exception, match="too many requests"):
        send()
    assert store.value["sends"][0]["state"] == "void"
    sinch_sandbox.clear_faults()
    sinch_sandbox.clear_calls()
    send(2)
    assert sinch_sandbox.calls() == {"send": 1}


def test_who_may_not_write_may_not_send(send, sinch_sandbox, store):
    store.refuse = lambda: True
    with pytest.raises(
        SinchNotSentError, match=r"out of reach \(ReplacedError\). This try has sent nothing."
    ):
        send()
    assert sinch_sandbox.calls().get("send", 0) == 0


def test_the_permission_is_asked_for_at_every_attempt(send, sinch_sandbox, store):
    """Replaced while the client waits to try again."""
    sinch_sandbox.fault("rate_limited", "send", count=None)
    store.refuse = lambda: store.writes >= 2
    with pytest.raises(SinchNotSentError):
        send()
    assert sinch_sandbox.calls()["send"] == 2


def test_a_stopped_task_does_not_send(send, sinch_sandbox):
    with pytest.raises(SinchNotSentError, match="told to stop"):
        send(stopped=lambda: True)
    assert sinch_sandbox.calls().get("send", 0) == 0


@pytest.mark.parametrize("clock", [0, 1], ids=["monotonic", "wall"])
def test_an_old_permission_is_renewed(send, sinch_sandbox, store, monkeypatch, clock):
    """Paused while asking for the permission: by the time it is there, another try may have taken over."""
    times = [0.0, 0.0]
    monkeypatch.setattr("sinch_provider.sms.journal._clocks", lambda: tuple(times))

    def paused_at_first() -> bool:
        if store.writes == 0:
            times[clock] += 2.5
        return False

    store.refuse = paused_at_first
    send()
    assert store.writes == 3


def test_a_permission_that_is_never_fresh_is_none(send, sinch_sandbox, store, monkeypatch):
    ticks = iter(range(0, 10_000, 3))
    monkeypatch.setattr("sinch_provider.sms.journal._clocks", lambda: (float(next(ticks)), 0.0))
    with pytest.raises(SinchNotSentError, match="longer than 2 s"):
        send()
    assert sinch_sandbox.calls().get("send", 0) == 0


def test_a_failure_to_note_the_batch_does_not_fail_the_send(send, sinch_sandbox, store):
    store.refuse = lambda: store.writes >= 1
    sent = send()
    store.refuse = lambda: False
    assert send(2).batch_id == sent.batch_id
    assert texts(sinch_sandbox) == ONCE


# Other payloads


@pytest.mark.parametrize("known", [True, False], ids=["id known", "intent only"])
def test_other_recipients_are_not_sent_to_by_a_retry(send, sinch_sandbox, store, known):
    send()
    if not known:
        store.value["sends"][0].update(state="intent", batch_id=None)
    with pytest.raises(SinchPayloadChangedError, match="Nothing more was sent"):
        send(2, to=[MARIA])
    assert texts(sinch_sandbox) == ONCE


@pytest.mark.parametrize("known", [True, False], ids=["id known", "intent only"])
def test_another_text_is_not_sent_by_a_retry(send, sinch_sandbox, store, known, caplog):
    first = send()
    if not known:
        store.value["sends"][0].update(state="intent", batch_id=None)
    assert send(2, body="Hello").batch_id == first.batch_id
    assert "The message has changed" in caplog.text
    assert texts(sinch_sandbox) == ONCE


def test_another_time_is_no_other_payload(send, sinch_sandbox):
    first = send(expire_at=pendulum.now("UTC").add(hours=1))
    assert send(2, cycle=2, expire_at=pendulum.now("UTC").add(hours=2)).batch_id == first.batch_id


def test_new_credentials_do_not_make_it_another_payload(send, sinch_sandbox):
    first = send()
    assert send(2, cycle=2, secret="rotated").batch_id == first.batch_id
    with pytest.raises(SinchPayloadChangedError):
        send(3, cycle=2, secret="rotated again", to=[MARIA])


def test_a_batch_changed_on_purpose_is_still_this_one(send, sinch_sandbox, do):
    sent = send(send_at=pendulum.now("UTC").add(hours=1))
    do(
        sandbox_account(sinch_sandbox),
        "batches.update",
        sent.batch_id,
        to_add=["+447700900444"],
        body="Changed",
    )
    assert send(2).batch_id == sent.batch_id
    assert send(2, cycle=2).batch_id == sent.batch_id
    assert len(sinch_sandbox.batches()) == 1


# After a clear


def test_a_clear_keeps_the_batch_if_nothing_has_changed(send, sinch_sandbox, caplog):
    caplog.set_level("INFO")
    first = send()
    assert send(2, cycle=2).batch_id == first.batch_id
    assert "on_clear='adopt'" in caplog.text
    assert send(3, cycle=2).batch_id == first.batch_id


def test_a_clear_sends_again_if_asked_to(send, sinch_sandbox):
    first = send()
    second = send(2, cycle=2, on_clear="resend")
    assert second.batch_id != first.batch_id
    assert send(3, cycle=2, on_clear="resend").batch_id == second.batch_id


@pytest.mark.parametrize("change", [{"body": "Hello"}, {"to": [MARIA]}])
def test_a_clear_sends_what_has_changed(send, sinch_sandbox, change):
    send()
    assert not send(2, cycle=2, **change).adopted
    assert len(sinch_sandbox.batches()) == 2


def test_a_clear_finds_what_was_in_flight(send, sinch_sandbox, store):
    first = send()
    store.value["sends"][0].update(state="intent", batch_id=None)
    assert send(2, cycle=2).batch_id == first.batch_id


def test_a_clear_without_a_journal_finds_the_batch_too(send, sinch_sandbox):
    first = send(journal=False)
    assert send(3, cycle=3, journal=False).batch_id == first.batch_id
    assert not send(4, cycle=4, journal=False, body="Hello").adopted


def test_items_that_moved_after_a_clear_find_their_batch(send, sinch_sandbox, store):
    """The audience has grown at its beginning: what was item 0 is item 1 now."""
    first = send(map_index=0)
    store.value = None
    assert send(map_index=1, cleared=True).batch_id == first.batch_id
    store.value = None
    assert not send(map_index=0, cleared=True, to=["+447700900444"]).adopted
    assert texts(sinch_sandbox) == sorted([*ONCE, ("447700900444", "Hi")])


# Cancelled, doubled


def test_a_cancelled_batch_is_not_sent_again_by_a_retry_but_by_a_clear(send, sinch_sandbox, do):
    tomorrow = pendulum.now("UTC").add(days=1)
    sent = send(send_at=tomorrow)
    do(sandbox_account(sinch_sandbox), "batches.cancel", sent.batch_id)
    with pytest.raises(SinchBatchCanceledError, match="was cancelled"):
        send(2, send_at=tomorrow)
    assert not send(2, cycle=2, send_at=tomorrow).adopted


def twins(send: Any, store: MemoryStore, **fields: Any) -> tuple[Sent, Sent]:
    """Two batches with one reference, as if the first process had been paused right before its request."""
    first = send(**fields)
    store.value = None
    second = send(**fields)
    store.value["sends"][0].update(state="intent", batch_id=None)
    return first, second


def test_a_twin_that_has_not_left_is_cancelled(send, sinch_sandbox, store):
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    first, second = twins(send, store, **tomorrow)
    assert send(2, **tomorrow).batch_id == first.batch_id
    assert {each["id"]: each["canceled"] for each in sinch_sandbox.batches()} == {
        first.batch_id: False,
        second.batch_id: True,
    }


def test_a_twin_that_has_left_is_reported(send, sinch_sandbox, store):
    twins(send, store)
    sinch_sandbox.advance(5)
    with pytest.raises(SinchSentTwiceError, match="a second time"):
        send(2)


def test_a_held_batch_stops_its_twin_before_it_leaves(send, sinch_sandbox, store):
    first, _ = twins(send, store, send_at=pendulum.now("UTC").add(minutes=3))
    store.value = None
    third = send(hold=timedelta(minutes=2))
    assert third.batch_id == first.batch_id
    sinch_sandbox.advance(3600)
    assert texts(sinch_sandbox) == ONCE
    assert len(sinch_sandbox.batches()) == 3


# Labels of the user's own, and trouble while looking


def test_a_reference_of_ones_own_may_be_shared(send, sinch_sandbox, store):
    other = send(client_reference="campaign", body="Another task's text", map_index=1)
    store.value = None
    sinch_sandbox.fault("lost_reply", "send")
    sent = send(client_reference="campaign")
    assert sent.batch_id != other.batch_id
    assert {each["client_reference"] for each in sinch_sandbox.batches()} == {"campaign"}
    store.value["sends"][0].update(state="intent", batch_id=None)
    assert send(2, client_reference="campaign", body="Changed").batch_id == sent.batch_id


def test_what_may_be_another_runs_is_neither_taken_nor_doubled(send, sinch_sandbox, store, monkeypatch):
    """Every run sends the same words to the same people under one label, and this one's answer is lost."""
    send(client_reference="alerts")
    store.value = None
    sinch_sandbox.advance(300)
    sinch_sandbox.fault("lost_reply", "send", when="before")
    later = pendulum.now("UTC").add(minutes=5)
    monkeypatch.setattr("pendulum.now", lambda tz=None: later)
    with pytest.raises(SinchUncertainError, match="may or may not be"):
        send(client_reference="alerts")
    assert len(sinch_sandbox.batches()) == 1


def test_a_label_given_up_between_tries_leads_to_no_other_batch(send, sinch_sandbox, store):
    """Their batches must be neither cancelled nor taken for ours."""
    theirs = send(client_reference="campaign", to=["+447700900444"], map_index=1)
    store.value = None
    ours = send(client_reference="campaign")
    store.value["sends"][0].update(state="intent", batch_id=None)
    assert send(2).batch_id == ours.batch_id
    assert {each["id"]: each["canceled"] for each in sinch_sandbox.batches()} == {
        theirs.batch_id: False,
        ours.batch_id: False,
    }


@pytest.mark.parametrize("journal", [True, False])
def test_a_label_of_ones_own_survives_a_clear(send, sinch_sandbox, journal):
    first = send(client_reference="campaign", journal=journal)
    assert send(2, cycle=2, client_reference="campaign", journal=journal).batch_id == first.batch_id


def test_labelled_items_that_moved_find_their_batch(send, sinch_sandbox, store):
    first = send(client_reference="campaign", map_index=0)
    store.value = None
    moved = send(client_reference="campaign", map_index=1, cleared=True)
    assert moved.batch_id == first.batch_id


def test_a_twin_with_other_recipients_is_not_ours_to_cancel(send, sinch_sandbox, store):
    """Another installation with the same Dag and run id on the same service plan."""
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    ours = send(**tomorrow)
    store.value = None
    theirs = send(to=["+447700900444"], **tomorrow)
    store.value = None
    assert send(2, **tomorrow).batch_id == ours.batch_id
    assert not any(each["canceled"] for each in sinch_sandbox.batches())
    assert len(sinch_sandbox.messages(batch_id=theirs.batch_id)) == 1


def test_a_batch_cancelled_while_it_is_held_is_no_success(send, sinch_sandbox, do):
    pause = do._pause

    def cancel(seconds: float) -> None:
        pause(seconds)
        [batch] = sinch_sandbox.batches()
        with SinchClient(sandbox_account(sinch_sandbox)) as client:
            client.batches.cancel(batch["id"])

    do._pause = cancel
    with pytest.raises(SinchBatchCanceledError, match="while it was held"):
        send(hold=timedelta(minutes=5))


def test_a_clear_sends_a_text_that_a_retry_could_not(send, sinch_sandbox, store):
    send(body="Hi")
    store.value["sends"][0].update(state="intent", batch_id=None)
    send(2, body="Hello")
    assert not send(3, cycle=3, body="Hello").adopted


def test_what_was_open_before_a_refusal_stays_open(send, sinch_sandbox, store):
    sinch_sandbox.fault("lost_reply", "send", when="before")
    sinch_sandbox.fault("rate_limited", "send", count=None)
    with pytest.raises(SinchRateLimitError):
        send()
    assert store.value["sends"][0]["state"] == "intent"


def test_an_old_run_can_be_cleared(send, sinch_sandbox):
    """Of a backfill, say: the time it is named after lies before anything Sinch still lists."""
    assert not send(2, cycle=2, since=NOW.subtract(days=60)).adopted


def test_what_cannot_be_looked_up_is_not_sent_and_can_be_retried(send, sinch_sandbox, store):
    send()
    store.value["sends"][0].update(state="intent", batch_id=None)
    sinch_sandbox.fault("server_error", "list", count=None)
    with pytest.raises(SinchUnsettledError, match="could not be found out") as caught:
        send(2)
    assert caught.value.transient
    assert sinch_sandbox.calls()["send"] == 1


def test_what_cannot_be_looked_up_after_a_lost_answer(send, sinch_sandbox):
    sinch_sandbox.fault("lost_reply", "send")
    sinch_sandbox.fault("server_error", "list", count=None)
    with pytest.raises(SinchUnsettledError, match="may or may not have been sent"):
        send()


def test_what_was_tried_too_long_ago_to_be_listed_is_left_to_a_human(send, store, monkeypatch):
    send()
    store.value["sends"][0].update(state="intent", batch_id=None, began="2024-01-01T00:00:00Z")
    with pytest.raises(SinchUncertainError, match="too long ago") as caught:
        send(2)
    assert not caught.value.transient


def test_a_filter_that_is_ignored_leads_to_no_wrong_batch(send, sinch_sandbox, store, monkeypatch):
    send(client_reference="someone-else")
    store.value = None
    real = endpoints.list_batches
    monkeypatch.setattr(
        endpoints, "list_batches", lambda **query: real(**{**query, "client_reference": None})
    )
    assert not send(2).adopted


def test_nothing_personal_is_kept(send, sinch_sandbox, store, caplog):
    caplog.set_level("DEBUG")
    sinch_sandbox.fault("lost_reply", "send")
    send(body="Very private words")
    for place in (json.dumps(store.value), caplog.text, sinch_sandbox.batches()[0]["client_reference"]):
        assert "447700900" not in place
        assert "private words" not in place
        assert "sandbox-token" not in place
        assert SECRET not in place


def test_a_bad_request_is_not_repeated(send, sinch_sandbox):
    sinch_sandbox.configure(default_originator=None)
    with pytest.raises(SinchBadRequestError, match="Nothing was sent"):
        send()


def test_trouble_before_the_effect_is_sent_again_after_a_look(send, sinch_sandbox):
    sinch_sandbox.fault("server_error", "send")
    assert not send().adopted
    assert sinch_sandbox.calls()["send"] == 2
    assert texts(sinch_sandbox) == ONCE


def test_trouble_that_stays_is_not_success(send, sinch_sandbox):
    sinch_sandbox.fault("server_error", "send", count=None)
    with pytest.raises((SinchUnsettledError, SinchServerError)):
        send()
    assert texts(sinch_sandbox) == []
