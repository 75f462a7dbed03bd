"""Each hole that the guarantee names is one: what can happen in it does happen, and ``hole`` knows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.crash import holes
from tests.crash.schedules import Schedule, event

CLEAR = event("finished", "clear")
MEANWHILE = (event("after XCom", "move"), event("after XCom", "clear", quiet=True))

SHOWN_BY = {
    holes.PAUSED: Schedule(events=(event("leaving", "stop", resume="after"),)),
    holes.LATE: Schedule(
        faults=({"kind": "late", "operation": "send", "seconds": holes.SETTLES + 5},), retry_delay=600.0
    ),
    holes.REPLACED: Schedule(journal="none", events=(event("before intent", "stop", resume="after"),)),
    holes.DELETED: Schedule(
        events=(event("reply sent, not read", "kill"), event("between attempts", "wipe journal"))
    ),
    holes.ACCOUNT: Schedule(airflow="3.4", events=(event("finished", "other account"), CLEAR)),
    holes.LABEL: Schedule(
        label="alerts",
        faults=({"kind": "lost_reply", "operation": "send", "when": "before", "skip": 1},),
        events=(event("after intent", "others send", same=True),),
    ),
    holes.LIES: Schedule(
        faults=(
            {"kind": "lost_reply", "operation": "send", "when": "before"},
            {"kind": "listing_unfiltered", "operation": "list", "count": None},
            {"kind": "listing_unlabelled", "operation": "list", "count": None},
        )
    ),
    holes.RUNNING: Schedule(
        airflow="3.4",
        on_clear="resend",
        events=(event("after XCom", "kill"), event("started", "clear", 2, deaf=True)),
    ),
    holes.SAME_KEY: Schedule(
        shape="mapped",
        size=2,
        items="same",
        keyed=True,
        faults=({"kind": "listing_lag", "operation": "send", "seconds": 30, "count": None},),
    ),
    holes.QUIET: Schedule(shape="mapped", size=2, events=MEANWHILE),
}


@pytest.mark.parametrize("name", SHOWN_BY)
def test_a_hole_is_one(play, name):
    assert holes.hole(SHOWN_BY[name]) == name
    assert not play(SHOWN_BY[name]).verdict.held


def test_all_holes_are_shown():
    named = {value for name, value in vars(holes).items() if name.isupper() and isinstance(value, str)}
    assert named == set(SHOWN_BY)


@pytest.mark.parametrize("seconds", [1.0, 60.0, holes.SETTLES - 5])
def test_what_is_accepted_within_the_settle_time_is_found(play, seconds):
    late = {"kind": "late", "operation": "send", "seconds": seconds}
    assert play(Schedule(faults=(late,))).verdict.faults == []


@pytest.mark.parametrize("lag", [1, 45])
def test_so_is_what_is_listed_later_by_then(play, lag):
    late = {"kind": "late", "operation": "send", "seconds": holes.SETTLES - 50}
    lagging = {"kind": "listing_lag", "operation": "send", "seconds": lag, "count": None}
    assert play(Schedule(faults=(late, lagging))).verdict.faults == []


def test_another_account_that_the_journal_knows_of_is_refused(play):
    schedule = replace(SHOWN_BY[holes.ACCOUNT], airflow="3.3")
    played = play(schedule)
    assert (played.verdict.faults, played.verdict.states) == ([], {"failed": 1})
