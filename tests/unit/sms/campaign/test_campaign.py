"""One entry into a campaign after the other: whatever happens, everybody gets one text. With both clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sinch_provider.sms.campaign.campaign import Campaign
from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.cut import Still, messages_for
from sinch_provider.sms.campaign.journal import CampaignJournal
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.campaign.reached import Reached
from sinch_provider.sms.campaign.rows import rows_of
from sinch_provider.sms.campaign.sending import Round, Sending
from sinch_provider.sms.errors import (
    SinchAccountChangedError,
    SinchAuthError,
    SinchError,
    SinchNotSentError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.memory import Memory
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.conftest import Player
from tests.unit.sms.sending.attempts import NOW, MemoryStore, sandbox_account

PEOPLE = [f"+99950100{number:03}" for number in range(25)]
BATCH = 10
REFERENCE = "af-campaign"


class Entry:
    """An entry into the task: it runs the whole procedure, with ten people in a batch."""

    def __init__(self, do: Player, sandbox: SandboxClient, store: MemoryStore | None) -> None:
        self.do = do
        self.sandbox = sandbox
        self.store = store
        self.stopped: Callable[[], bool] = lambda: False
        self.still: Still = lambda people, _: people
        self.reached: Reached | None = None

    def __call__(
        self,
        people: Iterable[Any] = PEOPLE,
        *,
        first: bool = False,
        layout: Layout = Layout(body="Hi"),  # noqa: B008 - it is frozen
        **options: Any,
    ) -> Round:
        account = sandbox_account(self.sandbox)
        store = None if self.store is None else self.store
        journal = CampaignJournal(store, account, REFERENCE)
        settling = Settling(account, Memory())
        campaign = Campaign(account, REFERENCE, NOW, journal, settling, lambda empty: first or empty)
        options = {"stopped": self.stopped, "max_in_flight": 2, **options}
        sending = Sending(account, REFERENCE, journal, settling, **options)
        with check(rows_of(people), layout) as audience:

            def messages(found: Reached) -> Iterable[Any]:
                return messages_for(
                    audience,
                    lambda person: None if int(person.number) in found.people else {},
                    BATCH,
                    self.still,
                )

            async def steps() -> tuple[Reached, Round]:
                found = await campaign.find()
                return await campaign.send(found, messages, sending)

            self.reached, done = self.do.follow(account, steps())
        return done


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def enter(do: Player, sinch_sandbox: SandboxClient, store: MemoryStore) -> Entry:
    # The sandbox's clock goes on while an attempt waits.
    do.on_pause = lambda: sinch_sandbox.advance(do.pauses[-1])
    return Entry(do, sinch_sandbox, store)


def received(sandbox: SandboxClient) -> Counter[str]:
    return Counter(f"+{each['to']}" for each in sandbox.messages() if each["code"] != 407)


ONCE = Counter(PEOPLE)


def test_everybody_gets_one_text_and_a_retry_adds_none(enter, sinch_sandbox, do):
    done = enter(first=True)
    assert (done.people, done.batches) == (25, 3)
    assert sinch_sandbox.calls() == {"send": 3}
    assert enter().people == 0
    assert received(sinch_sandbox) == ONCE
    assert do.pauses == []


def test_people_who_come_later_are_added(enter, sinch_sandbox):
    enter(PEOPLE[:12], first=True)
    done = enter(list(reversed(PEOPLE)))
    assert done.people == 13
    assert received(sinch_sandbox) == ONCE


def test_the_first_entry_of_a_kept_journal_looks_for_nothing(enter, sinch_sandbox):
    enter()
    assert sinch_sandbox.calls() == {"send": 3}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_is_settled_by_the_listing(enter, sinch_sandbox, when, do):
    sinch_sandbox.fault("lost_reply", "send", when=when, count=1)
    enter(first=True)
    assert received(sinch_sandbox) == ONCE
    # It waits only if the batch is not there.
    assert bool(do.pauses) == (when == "before")


def test_a_batch_whose_answer_was_lost_is_not_taken_for_one_that_is_listed_late(enter, sinch_sandbox):
    sinch_sandbox.fault("listing_lag", "send", seconds=30, count=1)
    sinch_sandbox.fault("lost_reply", "send", when="after", skip=1)
    enter(first=True, max_in_flight=1)
    assert received(sinch_sandbox) == ONCE


def test_nor_is_a_cancelled_batch_to_the_same_people(enter, sinch_sandbox, do):
    sinch_sandbox.configure(dispatch_delay=600)
    enter(PEOPLE[:10], first=True)
    (batch,) = sinch_sandbox.batches()
    do(sandbox_account(sinch_sandbox), "batches.cancel", batch["id"])
    sinch_sandbox.fault("listing_lag", "send", seconds=30, count=1)
    sinch_sandbox.fault("lost_reply", "send", when="after")
    enter(PEOPLE[:10])
    assert received(sinch_sandbox) == Counter(PEOPLE[:10])


@pytest.mark.parametrize("lag", [5, 30])
def test_a_batch_that_is_listed_late_is_waited_for(enter, sinch_sandbox, lag):
    sinch_sandbox.fault("listing_lag", "send", seconds=lag, count=None)
    sinch_sandbox.fault("lost_reply", "send", when="after", count=2)
    enter(first=True)
    assert received(sinch_sandbox) == ONCE


def test_a_late_request_is_waited_for(enter, sinch_sandbox):
    sinch_sandbox.fault("late", "send", seconds=20)
    enter(first=True)
    assert received(sinch_sandbox) == ONCE


def test_lost_again_and_again_a_retry_finds_out(enter, sinch_sandbox):
    sinch_sandbox.fault("lost_reply", "send", when="after", count=None)
    with pytest.raises(SinchUnsettledError):
        enter(first=True, max_in_flight=1)
    sinch_sandbox.clear_faults()
    enter()
    assert received(sinch_sandbox) == ONCE


@pytest.mark.parametrize("after", [0, 1, 2])
def test_replaced_by_another_attempt_nothing_more_leaves(enter, sinch_sandbox, store, after):
    writes = 0

    def refuse() -> bool:
        nonlocal writes
        writes += 1
        return writes > after

    store.refuse = refuse
    with pytest.raises(SinchNotSentError):
        enter(first=True, max_in_flight=1)
    assert len(sinch_sandbox.batches()) == after
    store.refuse = lambda: False
    enter()
    assert received(sinch_sandbox) == ONCE


@pytest.mark.parametrize("fate", ["kept", "deleted", "absent", "unreadable"])
@pytest.mark.parametrize("lag", [0, 30])
def test_whatever_becomes_of_the_journal(enter, sinch_sandbox, store, fate, lag):
    if lag:
        sinch_sandbox.fault("listing_lag", "send", seconds=lag, count=None)
    if fate == "absent":
        enter.store = None
    enter(PEOPLE[:15], first=True)
    if fate == "deleted":
        store.value = None
    if fate == "unreadable":
        store.value = {"version": 99}

    # A journal that a clear has deleted proves nothing.
    class Cleared(MemoryStore):
        def get(self) -> Any:
            return store.value or {}

    if fate in {"deleted", "unreadable"}:
        enter.store = Cleared()
    enter()
    assert received(sinch_sandbox) == ONCE


def test_a_journal_that_was_lost_begins_with_what_is_listed(enter, sinch_sandbox, store):
    enter(PEOPLE[:15], first=True)
    store.value = {"version": 99}
    sinch_sandbox.fault("listing_lag", "send", seconds=30, count=None)
    enter()
    assert store.value["accepted"] == 3
    enter()
    assert received(sinch_sandbox) == ONCE


def test_with_a_rate_a_batch_is_made_when_it_may_leave(enter, sinch_sandbox, do):
    waited = []

    def still(people: Any, _: Any) -> Any:
        waited.append(len(do.pauses))
        return people

    enter.still = still
    enter(first=True, max_in_flight=1, rate=0.1)
    assert waited == [0, 1, 2]


def test_a_killed_attempt_leaves_its_intents(enter, sinch_sandbox, store):
    class KilledError(BaseException):
        pass

    def kill() -> None:
        raise KilledError

    sends = 0
    real = store.set

    def set_and_die(value: Any) -> None:
        nonlocal sends
        real(value)
        sends += 1
        if sends == 2:
            kill()

    store.set = set_and_die
    with pytest.raises(KilledError):
        enter(first=True, max_in_flight=1)
    store.set = real
    enter()
    assert received(sinch_sandbox) == ONCE


@pytest.mark.parametrize("fail_fast", [False, True])
def test_a_refused_batch_does_not_stop_the_others(enter, sinch_sandbox, fail_fast):
    sinch_sandbox.configure(text_limit=20)
    layout = Layout(
        number_column="number", language_column="language", bodies={"en": "Hi", "sv": "Hej! " * 10}
    )
    people = [
        {"number": number, "language": "sv" if index < 10 else "en"} for index, number in enumerate(PEOPLE)
    ]
    done = enter(people, first=True, layout=layout, fail_fast=fail_fast, max_in_flight=1)
    assert (done.people, done.refused.people) == ((0, 10) if fail_fast else (15, 10))
    assert received(sinch_sandbox) == Counter(PEOPLE[25 if fail_fast else 10 :])
    (error,) = done.refused.errors.values()
    assert error.status == 400


def test_a_wrong_token_stops_everything(enter, sinch_sandbox):
    sinch_sandbox.fault("unknown_token", "send", count=None)
    with pytest.raises(SinchAuthError):
        enter(first=True)
    assert received(sinch_sandbox) == {}
    sinch_sandbox.clear_faults()
    enter()
    assert received(sinch_sandbox) == ONCE


def test_who_was_cancelled_before_it_left_is_not_reached(enter, sinch_sandbox, do):
    sinch_sandbox.configure(dispatch_delay=60)
    enter(PEOPLE[:10], first=True)
    (batch,) = sinch_sandbox.batches()
    do(sandbox_account(sinch_sandbox), "batches.cancel", batch["id"])
    enter(PEOPLE[:10])
    assert received(sinch_sandbox) == Counter(PEOPLE[:10])


def test_a_batch_that_is_missing_is_unsettled(enter, sinch_sandbox, store):
    enter(PEOPLE[:20], first=True)
    store.value["accepted"] += 1
    with pytest.raises(SinchUnsettledError, match="1 batches are missing"):
        enter()
    assert len(sinch_sandbox.batches()) == 2


def test_another_account_is_refused(enter, store):
    enter(first=True)
    store.value["account"] = "another"
    with pytest.raises(SinchAccountChangedError):
        enter()


def test_too_old_to_be_listed_is_for_a_person(enter, store):
    enter(first=True)
    store.value["began"] = "2025-01-01T00:00:00Z"
    with pytest.raises(SinchUncertainError, match="lists only the batches of the last"):
        enter()


def test_the_journal_names_nobody_and_is_small(enter, store):
    enter(first=True)
    assert "99950100" not in str(store.value)
    assert len(str(store.value)) < 1000


def test_a_stopped_task_sends_no_more(enter, sinch_sandbox):
    enter.stopped = lambda: len(sinch_sandbox.batches()) >= 1
    with pytest.raises(SinchError, match="stopped"):
        enter(first=True, max_in_flight=1)
    assert len(sinch_sandbox.batches()) == 1


def test_without_a_journal_another_attempt_that_sends_is_noticed(do, sinch_sandbox, enter):
    entry = Entry(do, sinch_sandbox, None)
    seen: list[int] = []

    def somebody_sends() -> bool:
        # The fence asks before each request. Meanwhile the attempt before this one goes on.
        seen.append(len(seen))
        if len(seen) == 1:
            enter([PEOPLE[-1]])
        return False

    entry.stopped = somebody_sends
    with pytest.raises(SinchNotSentError, match="Another attempt of this campaign is sending"):
        entry(first=True)
    assert max(received(sinch_sandbox).values()) == 1
