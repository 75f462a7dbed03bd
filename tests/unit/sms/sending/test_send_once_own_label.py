"""A client_reference that other sends have too: their batches are neither kept nor cancelled."""

from __future__ import annotations

from dataclasses import replace

import pendulum
import pytest

from sinch_provider.sms.errors import SinchUncertainError
from sinch_provider.sms.runtime import current, using
from tests.unit.sms.sending.attempts import ANNA, LUKASZ, MARIA, ONCE, MemoryStore, sandbox_account, texts

LABEL = {"client_reference": "daily"}
DOUBT = "may or may not be this send"


def test_it_is_sent_as_it_is(send, sinch_sandbox):
    send(**LABEL)
    assert [each["client_reference"] for each in sinch_sandbox.batches()] == ["daily"]


def test_a_first_attempt_after_a_clear_elsewhere_sends(send, sinch_sandbox):
    """Yesterday's run has sent the same to the same recipients with this reference."""
    send(place=MemoryStore(), **LABEL)
    assert not send(cleared=True, **LABEL).adopted
    assert len(sinch_sandbox.batches()) == 2


def test_a_second_task_with_the_label_and_the_text_sends(send, sinch_sandbox):
    send(place=MemoryStore(), name="first", **LABEL)
    assert not send(name="second", cleared=True, **LABEL).adopted


def test_a_retry_keeps_what_its_journal_names(send, sinch_sandbox, store):
    first = send(**LABEL)
    assert send(2, body="Changed", **LABEL).batch_id == first.batch_id
    assert send(3, cleared_after=2, **LABEL).batch_id == first.batch_id


def test_a_lost_answer_is_found_by_the_request(send, sinch_sandbox, store):
    other = send(place=MemoryStore(), to=[ANNA], body="Another task's text", **LABEL)
    sinch_sandbox.fault("lost_reply", "send")
    sent = send(**LABEL)
    assert sent.batch_id != other.batch_id
    assert texts(sinch_sandbox) == sorted([*ONCE, (ANNA[1:], "Another task's text")])


def test_a_lost_request_is_sent_again_though_others_texted_the_same_recipients(send, sinch_sandbox):
    """The label of all alerts, the phone on call, another text."""
    send(place=MemoryStore(), to=[MARIA], body="Disk full", **LABEL)
    sinch_sandbox.fault("lost_reply", "send", when="before")
    assert not send(to=[MARIA], body="Disk broken", **LABEL).adopted
    assert [text for _, text in texts(sinch_sandbox)] == ["Disk broken", "Disk full"]


def test_the_same_request_of_just_before_is_not_taken(send, sinch_sandbox):
    """Another run sent it 50 seconds before this one's intent; the answer to this one is lost."""
    send(place=MemoryStore(), **LABEL)
    sinch_sandbox.fault("lost_reply", "send", when="before")
    sinch_sandbox.advance(50)
    later = pendulum.now("UTC").add(seconds=50)
    with using(replace(current(), now=lambda: later)), pytest.raises(SinchUncertainError, match=DOUBT):
        send(**LABEL)
    assert len(sinch_sandbox.batches()) == 1


@pytest.mark.parametrize("body", ["Hi", "Hi at 10:01"])
@pytest.mark.parametrize("to", [[MARIA, LUKASZ], [MARIA, ANNA]])
def test_what_no_intent_explains_is_left_to_a_person(send, sinch_sandbox, body, to):
    """Without a journal, a retry cannot distinguish its batch from another task's."""
    first = send(journal=False, **LABEL)
    with pytest.raises(SinchUncertainError, match=DOUBT) as caught:
        send(2, journal=False, body=body, to=to, **LABEL)
    assert first.batch_id in str(caught.value)
    assert not caught.value.transient
    assert len(sinch_sandbox.batches()) == 1


def test_batches_to_other_recipients_do_not_matter(send, sinch_sandbox):
    send(place=MemoryStore(), to=[ANNA], **LABEL)
    assert not send(2, cleared_after=1, journal=False, **LABEL).adopted


def test_a_second_batch_with_the_label_is_never_cancelled(send, sinch_sandbox, store, do):
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    first = send(**LABEL, **tomorrow)
    send(place=MemoryStore(), **LABEL, **tomorrow)
    store.value.update(state="intent", batch_id=None)
    assert send(2, **LABEL, **tomorrow).batch_id == first.batch_id
    assert not any(each["canceled"] for each in sinch_sandbox.batches())


@pytest.mark.parametrize("state", ["sent", "intent"])
@pytest.mark.parametrize("label", [{}, {"client_reference": "another"}], ids=["given up", "changed"])
def test_the_journal_knows_the_batch_though_the_label_has_changed(send, sinch_sandbox, store, state, label):
    """A label that holds the time or the attempt differs from attempt to attempt."""
    theirs = send(to=[ANNA], place=MemoryStore(), **LABEL)
    ours = send(**LABEL)
    if state == "intent":
        store.value.update(state="intent", batch_id=None)
    assert send(2, **label).batch_id == ours.batch_id
    canceled = {each["id"]: each["canceled"] for each in sinch_sandbox.batches()}
    assert canceled == {theirs.batch_id: False, ours.batch_id: False}


def test_a_cancelled_one_of_another_send_is_no_reason_to_fail(send, sinch_sandbox, do):
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    other = send(place=MemoryStore(), **LABEL, **tomorrow)
    do(sandbox_account(sinch_sandbox), "batches.cancel", other.batch_id)
    assert not send(2, journal=False, **LABEL, **tomorrow).adopted
