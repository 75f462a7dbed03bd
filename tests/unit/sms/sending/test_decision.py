"""The rules of sending once: every case has one, and proofs and cycles are what the guarantee says."""

from __future__ import annotations

from itertools import product

import pytest

from sinch_provider.sms.sending import decision
from sinch_provider.sms.sending.decision import Action, Cycle, Found, Proof, Scope, Send, cycle, decide, proof
from tests.unit.sms.sending.attempts import NOW

ITEM = {"single": False}
#: A later attempt on an Airflow whose clears keep the journal.
KEPT = {"first": False, "journal_outlives_clears": True}


def test_every_case_has_a_rule():
    assert set(decision.RULES) == set(product(Found, Scope))


def test_actions_are_in_the_words_of_the_guarantee():
    assert {each.value for each in Action} == {
        "send", "keep it", "keep it and warn", "fail", "send if nothing of it has left, otherwise fail",
    }  # fmt: skip


def test_only_a_clear_sends_in_place_of_a_cancelled_batch():
    for scope in Scope:
        assert decide(Found.CANCELLED, scope, cleared=False) is Action.FAIL
        assert decide(Found.CANCELLED, scope, cleared=True) is Action.SEND_IF_NOTHING_LEFT


def test_other_cases_are_the_same_after_a_retry_and_after_a_clear():
    for found, scope in product(set(Found) - {Found.CANCELLED}, Scope):
        assert decide(found, scope, cleared=False) is decide(found, scope, cleared=True)


@pytest.mark.parametrize(
    ("facts", "scope"),
    [({}, Scope.OWN), (ITEM, Scope.SHARED), ({**ITEM, "keyed": True}, Scope.OWN)],
)
def test_a_key_makes_the_reference_the_sends_own(facts, scope):
    assert Send("af-task", NOW, **facts).scope is scope


@pytest.mark.parametrize(
    ("facts", "empty_journal", "expected"),
    [
        ({}, True, Proof.FIRST),
        ({"cleared": True}, False, Proof.FIRST),
        ({"cleared": True, "in_loop": True}, True, None),
        ({"in_loop": True}, False, Proof.FIRST_UNCLEARED),
        (ITEM, False, Proof.FIRST_UNCLEARED),
        ({**ITEM, "cleared": True}, True, None),
        ({**ITEM, "keyed": True, "cleared": True}, True, None),
        ({"first": False}, True, None),
        (KEPT, True, Proof.EMPTY_JOURNAL),
        (KEPT, False, None),
        ({**KEPT, "cleared": True}, True, Proof.EMPTY_JOURNAL),
        ({**KEPT, "cleared": True}, False, None),
        ({**KEPT, "cleared": True, "in_loop": True}, True, None),
        ({**KEPT, "in_loop": True}, True, Proof.EMPTY_JOURNAL_UNCLEARED),
        ({**ITEM, **KEPT}, True, Proof.EMPTY_JOURNAL_UNCLEARED),
        ({**ITEM, **KEPT, "cleared": True}, True, None),
        ({**ITEM, "first": False}, True, None),
    ],
)
def test_what_proves_that_nothing_was_sent(facts, empty_journal, expected):
    assert proof(Send("af-task", NOW, **facts), empty_journal=empty_journal) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"max_tries": 2, "retries": 2}, Cycle.SAME),
        ({"max_tries": 4, "retries": 2}, Cycle.NEW),
        ({"max_tries": 2, "retries": 3}, Cycle.SAME),
        ({"max_tries": 2, "retries": 1}, Cycle.UNCLEAR),
        ({"max_tries": 2, "retries": 0}, Cycle.UNCLEAR),
        ({"max_tries": 1, "retries": 0}, Cycle.NEW),
    ],
    ids=str,
)
def test_whether_the_task_was_cleared_since_the_first_attempt_of_its_cycle(now, expected):
    """The first attempt of the cycle was number 1, with two retries."""
    assert cycle(Send("af-task", NOW, **now), try_number=1, max_tries=2, retries=2) is expected
