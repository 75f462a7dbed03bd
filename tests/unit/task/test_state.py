"""Which journal belongs to a send, in Airflow's task state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.execution_time import task_runner

from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.sending.journal import Entry, Journal
from sinch_provider.sms.sending.payload import Fingerprint, Payload
from sinch_provider.task.attempt import Attempt
from sinch_provider.task.state import TaskState, clears_keep_state, journal_of, one_of_several
from tests.unit.task.contexts import START, Supervisor, context_of, send
from tests.versions import needs_task_state

pytestmark = needs_task_state
ANN, BEN, CAT = "+447700900222", "+447700900333", "+447700900444"


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    supervisor = Supervisor()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    return supervisor


@pytest.fixture
def context(supervisor: Supervisor) -> Any:
    return context_of(send())


def fingerprint(to: str = ANN, body: str = "Hi", secret: str = "secret") -> Fingerprint:
    return Payload.of_request({"to": [to], "body": body}).fingerprint(secret)


def entry(of: Fingerprint) -> Entry:
    return Entry("account", "af-x", "", 1, 0, 0, 1, START, START, of)


def test_a_journal_outlives_its_attempt(context, supervisor):
    journal = journal_of(context)
    assert journal is not None
    assert journal.read() is None
    journal.write(entry(fingerprint()))
    assert list(supervisor.values) == ["sinch_send"]
    again = journal_of(context_of(send(), try_number=2))
    assert again is not None
    assert again.read() == entry(fingerprint())


def test_a_journal_never_expires(context, supervisor):
    TaskState(context["task_state_store"], "key").set({"a": 1})
    assert supervisor.expires == {"key": None}


def test_each_send_key_has_a_journal_and_is_not_shown(context, supervisor):
    for key in ("a", "+447700900222"):
        journal = journal_of(context, key)
        assert journal is not None
        journal.write(entry(fingerprint()))
    assert len(supervisor.values) == 2
    assert all(each.startswith("sinch_send.") and "447700900222" not in each for each in supervisor.values)


def test_without_a_task_state_there_is_no_journal():
    assert journal_of({}) is None
    assert one_of_several({}, "inner", 1, fingerprint(), Attempt()) is None


def test_an_attempt_that_cannot_reach_airflow_must_not_send(context, supervisor):
    journal = journal_of(context)
    assert journal is not None
    supervisor.down = True
    with pytest.raises(SinchNotSentError, match=r"cannot be reached \(ConnectionError\)\. This attempt sent"):
        journal.write(entry(fingerprint()))


# One of several sends in a task


def journals(context: Any, *sends: Fingerprint, attempt: Attempt | None = None) -> list[Journal]:
    """The journals of an attempt's sends, in the order of execution."""
    attempt = attempt or Attempt()
    found = [one_of_several(context, "inner", n, each, attempt) for n, each in enumerate(sends, 1)]
    assert None not in found
    return [each for each in found if each is not None]


def written(context: Any, *sends: Fingerprint) -> None:
    attempt = Attempt()
    for n, each in enumerate(sends, 1):
        journal = one_of_several(context, "inner", n, each, attempt)
        assert journal is not None
        journal.write(entry(each))


def test_each_send_has_a_place(context, supervisor):
    written(context, fingerprint(ANN), fingerprint(BEN))
    assert sorted(supervisor.values) == ["sinch_send.inner.1", "sinch_send.inner.2"]


def test_the_order_of_sends_may_change(context):
    written(context, fingerprint(ANN), fingerprint(BEN))
    first, second, third = journals(context, fingerprint(BEN), fingerprint(CAT), fingerprint(ANN))
    assert first.read() == entry(fingerprint(BEN))
    assert second.read() is None
    assert third.read() == entry(fingerprint(ANN))
    assert [each.guessed for each in (first, second, third)] == [False] * 3


def test_another_text_at_the_same_place_is_a_guess(context):
    written(context, fingerprint(ANN, "At 10:00"), fingerprint(BEN))
    [journal] = journals(context, fingerprint(ANN, "At 10:01"))
    assert journal.read() == entry(fingerprint(ANN, "At 10:00"))
    assert journal.guessed
    assert not journal.one_of_many


def test_other_recipients_get_a_journal_of_their_own_that_proves_nothing(context):
    written(context, fingerprint(ANN))
    [journal] = journals(context, fingerprint(CAT))
    assert journal.read() is None
    assert journal.one_of_many
    assert journal.others == (entry(fingerprint(ANN)),)


def test_an_empty_task_state_proves_that_nothing_was_sent(context):
    [journal] = journals(context, fingerprint(ANN))
    assert journal.read() is None
    assert not journal.one_of_many


def test_after_a_new_secret_the_place_decides(context):
    written(context, fingerprint(ANN), fingerprint(BEN))
    first, second = journals(context, fingerprint(ANN, secret="new"), fingerprint(BEN, secret="new"))
    assert (first.read(), second.read()) == (entry(fingerprint(ANN)), entry(fingerprint(BEN)))
    assert first.guessed


def test_an_unreadable_journal_is_passed_over_and_proves_nothing(context, supervisor):
    supervisor.values["sinch_send.inner.1"] = json.dumps("edited by a person")
    [journal] = journals(context, fingerprint(ANN))
    assert journal.read() is None
    assert journal.one_of_many
    journal.write(entry(fingerprint(ANN)))
    assert "sinch_send.inner.2" in supervisor.values


def test_operators_with_other_task_ids_do_not_share_places(context, supervisor):
    attempt = Attempt()
    for name in ("one", "two"):
        journal = one_of_several(context, name, 1, fingerprint(), attempt)
        assert journal is not None
        journal.write(entry(fingerprint()))
    assert sorted(supervisor.values) == ["sinch_send.one.1", "sinch_send.two.1"]


def test_only_airflow_3_3_keeps_the_task_state_at_a_clear():
    from airflow import __version__

    assert clears_keep_state() is __version__.startswith("3.3.")
