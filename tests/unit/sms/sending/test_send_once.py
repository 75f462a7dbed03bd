"""Sending once: what an attempt finds of earlier ones, and what it does then; played with both clients."""

from __future__ import annotations

import json

import pendulum
import pytest

from sinch_provider.sms.errors import (
    SinchBadRequestError,
    SinchBatchCanceledError,
    SinchPayloadChangedError,
    SinchRateLimitError,
    SinchServerError,
    SinchUnsettledError,
)
from tests.unit.sms.sending.attempts import (
    ANNA,
    MARIA,
    ONCE,
    SECRET,
    MemoryStore,
    sandbox_account,
    texts,
)


def test_the_happy_path_costs_one_call_and_two_writes(send, sinch_sandbox, store):
    sent = send()
    assert sinch_sandbox.calls() == {"send": 1}
    assert store.writes == 2
    assert texts(sinch_sandbox) == ONCE
    [batch] = sinch_sandbox.batches()
    assert (sent.batch_id, sent.adopted) == (batch["id"], False)
    assert batch["client_reference"] == "af-task"


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


def test_a_send_that_is_lost_again_and_again_ends_and_can_be_retried(send, sinch_sandbox):
    sinch_sandbox.fault("lost_reply", "send", when="before", count=None)
    with pytest.raises(SinchUnsettledError, match="lost 3 times") as caught:
        send()
    assert caught.value.transient
    sinch_sandbox.clear_faults()
    send(2)
    assert texts(sinch_sandbox) == ONCE


def test_an_intent_without_an_outcome_is_looked_up(send, sinch_sandbox, store):
    """The first attempt died after Sinch had accepted its batch, and before it could write that."""
    first = send()
    store.value.update(state="intent", batch_id=None)
    again = send(2)
    assert again.batch_id == first.batch_id
    assert texts(sinch_sandbox) == ONCE
    assert store.value["state"] == "sent"


def test_an_intent_without_a_batch_is_sent(send, sinch_sandbox, store):
    send()
    store.value.update(state="intent", batch_id=None)
    sinch_sandbox.clear()
    assert not send(2).adopted
    assert texts(sinch_sandbox) == ONCE


@pytest.mark.parametrize("value", ["garbage", {"version": 1, "sends": [{"cycle": 1}]}, {"version": 2}])
def test_an_unreadable_journal_is_replaced_by_a_look_up(send, sinch_sandbox, store, value):
    first = send()
    store.value = value
    assert send(2).batch_id == first.batch_id
    assert texts(sinch_sandbox) == ONCE


def test_without_a_journal_later_attempts_look(send, sinch_sandbox):
    first = send(journal=False)
    assert send(2, journal=False).batch_id == first.batch_id
    assert sinch_sandbox.calls() == {"send": 1, "list": 1}


def test_a_refused_request_leaves_nothing_to_look_for(send, sinch_sandbox, store, do):
    sinch_sandbox.fault("rate_limited", "send", count=None)
    with pytest.raises(Exception, match="too many requests"):
        send()
    assert store.value["state"] == "void"
    sinch_sandbox.clear_faults()
    sinch_sandbox.clear_calls()
    send(2)
    assert sinch_sandbox.calls() == {"send": 1}


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
        store.value.update(state="intent", batch_id=None)
    with pytest.raises(SinchPayloadChangedError, match="Nothing more was sent"):
        send(2, to=[MARIA, ANNA])
    assert texts(sinch_sandbox) == ONCE


@pytest.mark.parametrize("known", [True, False], ids=["id known", "intent only"])
def test_another_text_is_not_sent_by_a_retry(send, sinch_sandbox, store, known, caplog):
    first = send()
    if not known:
        store.value.update(state="intent", batch_id=None)
    assert send(2, body="Hello").batch_id == first.batch_id
    assert "another text; keeping it" in caplog.text
    assert texts(sinch_sandbox) == ONCE


def test_another_time_is_no_other_payload(send, sinch_sandbox):
    first = send(expire_at=pendulum.now("UTC").add(hours=1))
    assert send(2, cleared_after=1, expire_at=pendulum.now("UTC").add(hours=2)).batch_id == first.batch_id


def test_new_credentials_do_not_make_it_another_payload(send, sinch_sandbox):
    first = send()
    assert send(2, cleared_after=1, secret="rotated").batch_id == first.batch_id
    with pytest.raises(SinchPayloadChangedError):
        send(3, cleared_after=1, secret="rotated-again", to=[ANNA])


def test_a_batch_changed_on_purpose_is_still_this_one(send, sinch_sandbox, do):
    sent = send(send_at=pendulum.now("UTC").add(hours=1))
    do(
        sandbox_account(sinch_sandbox),
        "batches.update",
        sent.batch_id,
        to_add=[ANNA],
        body="Changed",
    )
    assert send(2).batch_id == sent.batch_id
    assert send(2, cleared_after=1).batch_id == sent.batch_id
    assert len(sinch_sandbox.batches()) == 1


# After a clear


def test_a_clear_keeps_the_batch_if_nothing_has_changed(send, sinch_sandbox, caplog):
    caplog.set_level("INFO")
    first = send()
    assert send(2, cleared_after=1).batch_id == first.batch_id
    assert "keeping it" in caplog.text
    assert send(3, cleared_after=1).batch_id == first.batch_id


def test_a_clear_sends_again_if_asked_to(send, sinch_sandbox):
    first = send()
    second = send(2, cleared_after=1, on_clear="resend")
    assert second.batch_id != first.batch_id
    assert send(3, cleared_after=1, on_clear="resend").batch_id == second.batch_id


def test_a_clear_keeps_a_batch_with_another_text_and_says_so(send, sinch_sandbox, caplog):
    """The text may contain the time, which is no reason to text anybody twice."""
    first = send()
    assert send(2, cleared_after=1, body="Hello").batch_id == first.batch_id
    assert "another text; keeping it" in caplog.text
    assert "send_key" in caplog.text


@pytest.mark.parametrize(
    ("to", "said"),
    [([MARIA], None), ([MARIA, ANNA], "includes 1 of the 2 recipients"), ([ANNA], "includes none of the 1")],
    ids=["fewer", "some", "none"],
)
@pytest.mark.parametrize("journal", ["kept", "deleted", "none"])
def test_a_clear_with_other_recipients(send, sinch_sandbox, store, to, said, journal):
    first = send(journal=journal != "none")
    if journal == "deleted":
        store.value = None
    if said is None:
        assert send(2, cleared_after=1, to=to, journal=journal != "none").batch_id == first.batch_id
    else:
        with pytest.raises(SinchPayloadChangedError, match=said):
            send(2, cleared_after=1, to=to, journal=journal != "none")
    assert texts(sinch_sandbox) == ONCE


def test_a_clear_finds_what_was_in_flight(send, sinch_sandbox, store):
    first = send()
    store.value.update(state="intent", batch_id=None)
    assert send(2, cleared_after=1).batch_id == first.batch_id


def test_a_clear_without_a_journal_finds_the_batch_too(send, sinch_sandbox):
    first = send(journal=False)
    assert send(3, cleared_after=2, journal=False).batch_id == first.batch_id
    assert send(4, cleared_after=3, journal=False, body="Hello").batch_id == first.batch_id


# Cancelled, doubled


def test_a_cancelled_batch_is_not_sent_again_by_a_retry_but_by_a_clear(send, sinch_sandbox, do):
    tomorrow = pendulum.now("UTC").add(days=1)
    sent = send(send_at=tomorrow)
    do(sandbox_account(sinch_sandbox), "batches.cancel", sent.batch_id)
    with pytest.raises(SinchBatchCanceledError, match="was cancelled"):
        send(2, send_at=tomorrow)
    assert not send(2, cleared_after=1, send_at=tomorrow).adopted


# Trouble while looking


def test_what_was_open_before_a_refusal_stays_open(send, sinch_sandbox, store):
    sinch_sandbox.fault("lost_reply", "send", when="before")
    sinch_sandbox.fault("rate_limited", "send", count=None)
    with pytest.raises(SinchRateLimitError):
        send()
    assert store.value["state"] == "intent"


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


# What Sinch and the network do to a request


@pytest.mark.parametrize("journal", [True, False])
def test_a_text_that_sinch_trims_is_the_same_text(send, sinch_sandbox, store, journal):
    sinch_sandbox.configure(trim_bodies=True)
    first = send(body=" Hi\n", journal=journal)
    assert send(2, body=" Hi\n", journal=journal).batch_id == first.batch_id
    assert send(3, cleared_after=2, body=" Hi\n", journal=journal).batch_id == first.batch_id
    assert len(sinch_sandbox.batches()) == 1


@pytest.mark.parametrize("reply", ["other_batch", "other_reference", "other_recipients", "other_text"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_contradicts_is_looked_up(send, sinch_sandbox, store, reply, when):
    other = send(name="somebody", to=[ANNA], body="Bye", place=MemoryStore())
    sinch_sandbox.fault("contradicting", "send", reply=reply, when=when)
    sent = send()
    assert sent.batch_id != other.batch_id
    assert sent.adopted is (when == "after")
    assert texts(sinch_sandbox) == sorted([*ONCE, (ANNA[1:], "Bye")])
    assert send(2).batch_id == sent.batch_id


def test_an_answer_with_a_trimmed_text_is_believed(send, sinch_sandbox):
    sinch_sandbox.fault("contradicting", "send", reply="trimmed")
    assert not send(body="Hi ").adopted
    assert sinch_sandbox.calls() == {"send": 1}


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_tells_nothing_is_looked_up(send, sinch_sandbox, when):
    sinch_sandbox.fault("contradicting", "send", reply="less", when=when)
    assert send().adopted is (when == "after")
    assert texts(sinch_sandbox) == ONCE


@pytest.mark.parametrize("kind", ["redirect", "refused_by_proxy"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_proxy_says_is_no_answer_of_sinchs(send, sinch_sandbox, kind, when):
    sinch_sandbox.fault(kind, "send", when=when)
    assert send().adopted is (when == "after")
    assert texts(sinch_sandbox) == ONCE
