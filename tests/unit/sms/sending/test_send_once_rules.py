"""When an attempt looks, and what it does about what it finds; played with both clients."""

from __future__ import annotations

import pendulum
import pytest

from sinch_provider.sms.errors import (
    SinchAccountChangedError,
    SinchBatchCanceledError,
    SinchPayloadChangedError,
    SinchUncertainError,
)
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import Found
from sinch_provider.sms.sending.memory import Memory
from sinch_provider.sms.sending.refusals import refusal
from tests.unit.sms.sending.attempts import (
    ANNA,
    LUKASZ,
    MARIA,
    ONCE,
    MemoryStore,
    sandbox_account,
    texts,
)

ITEM = {"single": False}


# Nothing needs to be looked for


def test_a_send_that_never_ran_asks_nothing_after_a_clear_elsewhere(send, sinch_sandbox):
    send(cleared=True)
    assert sinch_sandbox.calls() == {"send": 1}


def test_a_mapped_item_that_never_ran_looks_once_and_once_more_when_it_is_settled(send, sinch_sandbox, do):
    send(cleared=True, **ITEM)
    assert sinch_sandbox.calls() == {"list": 2, "send": 1}
    assert sum(do.pauses) == 135


def test_sends_of_one_attempt_share_a_listing(send, sinch_sandbox):
    memory = Memory()
    for number in (MARIA, LUKASZ, ANNA):
        send(2, to=[number], cleared=True, memory=memory, place=MemoryStore(), **ITEM)
    assert sinch_sandbox.calls() == {"list": 2, "send": 3}


# Mapped items and operators in tasks


def items(send, chunks, *, body="Hi", journal=False, **attempt):
    return [
        send(to=chunk, body=body, place=MemoryStore(), journal=journal, **ITEM, **attempt).batch_id
        for chunk in chunks
    ]


def test_items_that_moved_find_their_batches(send, sinch_sandbox):
    first = items(send, [[MARIA], [LUKASZ]])
    assert items(send, [[LUKASZ], [MARIA]], try_number=2, cleared=True) == first[::-1]
    assert texts(sinch_sandbox) == ONCE


def test_chunks_that_shifted_fail_and_say_how_many_were_reached(send, sinch_sandbox):
    items(send, [[MARIA, LUKASZ]])
    with pytest.raises(SinchPayloadChangedError, match="includes 1 of the 2 recipients of this send"):
        items(send, [[ANNA, MARIA]], try_number=2, cleared=True)
    assert texts(sinch_sandbox) == ONCE


def test_an_item_whose_text_has_changed_fails_after_a_clear(send, sinch_sandbox):
    items(send, [[MARIA, LUKASZ]])
    with pytest.raises(SinchPayloadChangedError, match=r"another text\. It may or may not be this send"):
        items(send, [[MARIA, LUKASZ]], body="Hi at 10:01", try_number=2, cleared=True)
    assert texts(sinch_sandbox) == ONCE


def test_an_item_with_a_time_in_its_text_is_kept_by_a_retry(send, sinch_sandbox, store):
    sent = send(**ITEM)
    assert send(2, body="Hi at 10:01", **ITEM).batch_id == sent.batch_id
    store.value.update(state="intent", batch_id=None)
    assert send(3, body="Hi at 10:02", **ITEM).batch_id == sent.batch_id
    assert texts(sinch_sandbox) == ONCE


def test_a_lost_alert_is_not_taken_for_another_to_the_same_phone(send, sinch_sandbox):
    """Three items text the phone on call; the answer to the second is lost before it took effect."""
    places = [MemoryStore() for _ in range(3)]
    sinch_sandbox.fault("lost_reply", "send", when="before", skip=1)
    for place, text in zip(places, ("one", "two", "three"), strict=True):
        send(to=[MARIA], body=text, place=place, **ITEM)
    assert [text for _, text in texts(sinch_sandbox)] == ["one", "three", "two"]


def test_an_item_with_new_people_is_sent_after_a_clear(send, sinch_sandbox):
    items(send, [[MARIA, LUKASZ]])
    items(send, [[ANNA]], try_number=2, cleared=True)
    assert texts(sinch_sandbox) == sorted([*ONCE, (ANNA[1:], "Hi")])


def test_personal_texts_are_compared_for_our_people_only(send, sinch_sandbox):
    names = {"name": {MARIA: "Maria", LUKASZ: "Lukasz", "default": "you"}}
    fewer = {"name": {MARIA: "Maria", "default": "there"}}
    sent = items(send, [[MARIA, LUKASZ]], body="Hi ${name}", parameters=names)
    again = items(send, [[MARIA]], body="Hi ${name}", parameters=fewer, try_number=2, cleared=True)
    assert again == sent


def test_with_a_key_a_mapped_item_keeps_its_batch_whatever_the_text(send, sinch_sandbox):
    sent = items(send, [[MARIA]], keyed=True)
    assert items(send, [[MARIA]], body="Hi at 10:01", keyed=True, try_number=2, cleared=True) == sent


def test_what_another_send_of_this_attempt_has_is_not_ours(send, sinch_sandbox):
    memory = Memory()
    first = send(to=[MARIA], body="Part one", memory=memory, place=MemoryStore(), **ITEM)
    second = send(2, to=[MARIA], body="Part two", cleared=True, memory=memory, place=MemoryStore(), **ITEM)
    assert first.batch_id != second.batch_id


# Resend


def test_each_clear_sends_again_and_each_retry_does_not(send, sinch_sandbox, store):
    resend = {"on_clear": "resend"}
    first = send(**resend).batch_id
    assert send(2, **resend).batch_id == first
    second = send(3, cleared_after=2, **resend).batch_id
    assert second != first
    assert send(4, cleared_after=2, **resend).batch_id == second
    references = {each["client_reference"] for each in sinch_sandbox.batches()}
    assert len(references) == 2
    assert all(each.startswith("af-task-") for each in references)


def test_a_retry_finds_what_was_open_under_the_token(send, sinch_sandbox, store):
    first = send(on_clear="resend")
    store.value.update(state="intent", batch_id=None)
    assert send(2, on_clear="resend").batch_id == first.batch_id


def test_a_deleted_journal_is_a_new_cycle(send, sinch_sandbox, store):
    """Airflow 3.4 deletes it at a clear."""
    first = send(on_clear="resend")
    store.value = None
    assert send(2, on_clear="resend", cleared_after=1).batch_id != first.batch_id


def test_fewer_retries_and_a_clear_are_told_from_a_retry_or_said(send, sinch_sandbox, store):
    """retries 1 -> 0 and a clear give max_tries 1 + 0 again."""
    send(on_clear="resend", retries=1)
    with pytest.raises(SinchUncertainError, match="retries have changed"):
        send(2, on_clear="resend", retries=0, max_tries=1)
    assert len(sinch_sandbox.batches()) == 1


def test_a_changed_number_of_retries_alone_is_no_clear(send, sinch_sandbox, store):
    first = send(on_clear="resend", retries=1)
    assert send(2, on_clear="resend", retries=2, max_tries=1).batch_id == first.batch_id


# Cancelled


@pytest.fixture
def cancelled(send, do, sinch_sandbox):
    """A batch that was cancelled before it left."""
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    sent = send(**tomorrow)
    do(sandbox_account(sinch_sandbox), "batches.cancel", sent.batch_id)
    return sent.batch_id, tomorrow


def test_a_retry_of_the_clear_does_not_trip_over_the_cancelled_batch(send, sinch_sandbox, store, cancelled):
    _, tomorrow = cancelled
    second = send(2, cleared_after=1, **tomorrow)
    store.value.update(state="intent", batch_id=None)
    assert send(3, cleared_after=1, **tomorrow).batch_id == second.batch_id
    sinch_sandbox.fault("lost_reply", "send", when="before")
    assert len(sinch_sandbox.batches()) == 2


def test_what_is_lost_after_a_cancelled_batch_is_looked_for_in_full(send, sinch_sandbox, store, cancelled):
    _, tomorrow = cancelled
    sinch_sandbox.fault("lost_reply", "send", when="before")
    assert not send(2, cleared_after=1, **tomorrow).adopted
    assert [each["canceled"] for each in sinch_sandbox.batches()].count(False) == 1


def test_a_cancelled_batch_without_a_journal_is_replaced_only_once_all_is_settled(
    send, sinch_sandbox, do, cancelled, store
):
    """The first attempt after the clear has sent, died, and its batch is not listed yet."""
    _, tomorrow = cancelled
    store.value = None
    sinch_sandbox.fault("listing_lag", "send", seconds=30)
    second = send(2, cleared_after=1, **tomorrow)
    store.value = None
    do.pauses.clear()
    assert send(3, cleared_after=1, **tomorrow).batch_id == second.batch_id


def test_a_batch_that_a_person_cancelled_stays_cancelled_in_the_retry_of_a_clear(
    send, do, sinch_sandbox, store
):
    tomorrow = {"send_at": pendulum.now("UTC").add(days=1)}
    sent = send(**tomorrow)
    assert send(2, cleared_after=1, **tomorrow).batch_id == sent.batch_id
    do(sandbox_account(sinch_sandbox), "batches.cancel", sent.batch_id)
    with pytest.raises(SinchBatchCanceledError):
        send(3, cleared_after=1, **tomorrow)


# Accounts


def test_a_rotated_token_is_the_same_account(send, sinch_sandbox, store):
    first = send()
    assert send(2, secret="rotated").batch_id == first.batch_id
    store.value.update(state="intent", batch_id=None)
    assert send(3, secret="rotated").batch_id == first.batch_id


@pytest.mark.parametrize("state", ["sent", "intent"])
@pytest.mark.parametrize("attempt", [{}, {"cleared_after": 1}], ids=["retry", "clear"])
def test_another_account_fails_and_says_so(send, sinch_sandbox, store, state, attempt):
    first = send()
    if state == "intent":
        store.value.update(state="intent", batch_id=None)
    with pytest.raises(SinchAccountChangedError, match="another account") as caught:
        send(2, plan="another-plan", **attempt)
    assert not caught.value.transient
    assert (first.batch_id in str(caught.value)) is (state == "sent")
    assert sinch_sandbox.calls() == {"send": 1}


def test_an_account_that_refused_can_be_replaced(send, sinch_sandbox, store):
    sinch_sandbox.fault("rate_limited", "send", count=None)
    with pytest.raises(Exception, match="too many"):
        send(plan="elsewhere")
    sinch_sandbox.clear_faults()
    send(2)
    assert texts(sinch_sandbox) == ONCE


# One key


def test_a_second_send_with_the_key_keeps_the_batch_of_the_first(send, sinch_sandbox):
    memory = Memory()
    first = send(keyed=True, memory=memory, place=MemoryStore())
    assert send(keyed=True, memory=memory, place=MemoryStore(), body="Bye").batch_id == first.batch_id
    assert texts(sinch_sandbox) == ONCE


def test_a_mapped_item_with_the_key_of_another_keeps_its_batch(send, sinch_sandbox):
    """Each looks once before it sends."""
    item = {**ITEM, "keyed": True, "mapped": True}
    first = send(place=MemoryStore(), **item)
    assert send(place=MemoryStore(), **item).batch_id == first.batch_id
    assert sinch_sandbox.calls() == {"list": 2, "send": 1}


# What an attempt refuses


def test_a_journalled_batch_that_sinch_does_not_show_any_more_is_kept(send, sinch_sandbox, store, caplog):
    sent = send()
    sinch_sandbox.clear()
    again = send(2)
    assert (again.batch_id, again.batch) == (sent.batch_id, None)
    assert "does not show it any more" in caplog.text
    with pytest.raises(SinchPayloadChangedError, match="to other recipients"):
        send(2, to=[ANNA])
    assert send(2, to=[ANNA], secret="rotated").batch_id == sent.batch_id


def test_resend_needs_a_journal_that_can_be_read(send, sinch_sandbox, store):
    store.value = "edited by a person"
    with pytest.raises(SinchUncertainError, match="cannot distinguish a retry from a clear"):
        send(2, on_clear="resend")
    assert sinch_sandbox.calls() == {}


def test_an_error_names_at_most_five_batches():
    batches = [Batch.from_json({"id": f"B{number}", "to": [MARIA[1:]]}) for number in range(7)]
    error = refusal(Found.SOME, batches, frozenset({MARIA[1:], ANNA[1:]}))
    assert "B0, B1, B2, B3, B4, ..." in str(error)
    assert "includes 1 of the 2 recipients" in str(error)
    assert "the other 1" in error.advice
