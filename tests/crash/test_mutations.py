"""Every rule is needed: with one switched off, a schedule that held before goes wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.crash.mutations import MUTATIONS
from tests.crash.schedules import Event, Schedule, event

LATE: dict[str, Any] = {"resume": "after"}
CLEAR = event("finished", "clear")
MOVED = (event("finished", "move"), CLEAR)
MEANWHILE = (event("after XCom", "move"), event("after XCom", "clear"))


def _made(*events: Event, **settings: Any) -> Schedule:
    return Schedule(events=events, **settings)


def _fault(kind: str, operation: str = "send", **details: Any) -> dict[str, Any]:
    return {"kind": kind, "operation": operation, **details}


LAG = _fault("listing_lag", seconds=30, count=None)
NOT_TAKEN = _fault("lost_reply", how="reset", when="before")
TAKEN = _fault("lost_reply", how="reset", when="after")

NOTICED_BY = {
    "identity: loop index left out": Schedule(
        shape="loop", size=2, items="same", faults=({**NOT_TAKEN, "skip": 1},)
    ),
    "identity: mapped items taken for a loop": _made(*MOVED, shape="mapped", size=2, airflow="3.4"),
    "identity: own task id, or how many-th send, left out": _made(
        event("before XCom", "kill"), shape="twice", size=2, items="one phone", journal="none"
    ),
    "identity: send_key left out": _made(
        event("before XCom", "kill", 2), shape="mapped", size=2, items="one phone", keyed=True, journal="none"
    ),
    "identity: namespace left out": replace(
        _made(event("started", "staging sends")), faults=({**NOT_TAKEN, "skip": 1},)
    ),
    "identity: journal of another text taken": _made(
        event("between attempts", "move"),
        event("between sends", "kill"),
        shape="nested",
        size=2,
        items="one phone",
    ),
    "proof: first execution, also in loops": _made(
        event("finished", "clear", anew=True), shape="loop", size=2, items="same", airflow="3.4"
    ),
    "proof: first execution, also rescheduled": replace(
        _made(event("started", "reschedule"), airflow="3.4", journal="off"),
        faults=(TAKEN, _fault("server_error", "list", count=9)),
    ),
    "proof: first execution of a mapped send, also cleared": _made(*MEANWHILE, shape="mapped", size=2),
    "proof: empty journal, also where clears delete it": _made(
        event("after XCom", "kill"), event("started", "clear", 2, deaf=True), airflow="3.4"
    ),
    "proof: empty journal, also of mapped sends that move": _made(*MEANWHILE, shape="mapped", size=2),
    "look: none": _made(event("reply sent, not read", "kill")),
    "look: one, without time to settle": replace(
        _made(event("reply sent, not read", "kill"), retry_delay=1.0), faults=(LAG,)
    ),
    "look: settled before the longest exchange has ended": Schedule(faults=(_fault("late", seconds=80.0),)),
    "look: settled while the process was paused": replace(
        _made(event("leaving", "pause", seconds=240.0)), faults=(_fault("late", seconds=80.0),)
    ),
    "look: only the last day": _made(event("reply sent, not read", "kill"), retry_delay=1.5 * 86_400),
    "look: another label in the listing counts": Schedule(
        faults=(NOT_TAKEN, _fault("listing_unfiltered", "list", count=3))
    ),
    "look: an incomplete listing counts": Schedule(
        faults=(TAKEN, _fault("listing_partial", "list", items=0, count=60))
    ),
    "look: never too long ago": _made(
        event("finished", "delay", seconds=14 * 86_400.0), CLEAR, airflow="3.4"
    ),
    "table: another text is sent": _made(event("finished", "change", to="text"), CLEAR),
    "table: another text beside others is kept": _made(
        event("after intent", "kill", 2), shape="mapped", size=2, items="one phone", journal="none"
    ),
    "table: sent where some were reached": _made(event("finished", "change", to="recipients"), CLEAR),
    "table: sent where some were reached, mapped": _made(*MOVED, shape="mapped", size=2, items="chunks"),
    "table: others' batch is kept": _made(
        event("after intent", "kill", 2), shape="mapped", size=2, journal="none"
    ),
    "table: a cancelled batch is sent again by a retry": _made(
        event("after XCom", "kill"), event("between attempts", "cancel"), ahead=7200
    ),
    "cycle: max_tries only": _made(event("finished", "redeploy", retries=3), CLEAR, on_clear="resend"),
    "cycle: no token": replace(_made(CLEAR, on_clear="resend"), faults=({**NOT_TAKEN, "skip": 1},)),
    "cycle: other people, so a new one": _made(
        event("between sends", "kill"),
        event("between attempts", "change", to="recipients"),
        shape="nested",
        size=2,
        on_clear="resend",
    ),
    "fence: no intent is written": _made(event("started", "stop", **LATE)),
    "fence: a refusal is ignored": _made(event("after intent", "stop", **LATE)),
    "fence: old permissions are not renewed": _made(event("after intent", "stop", **LATE)),
    "fence: not asked through SOCKS": _made(event("started", "stop", **LATE), socks=True),
    "fence: another account is ignored": _made(
        event("reply sent, not read", "kill"), event("between attempts", "other account")
    ),
    "answers: a contradiction is believed": Schedule(faults=(_fault("contradicting", reply="other_batch"),)),
    "answers: any status is a refusal": Schedule(faults=(_fault("redirect", when="after"),)),
    "duplicates: left alone": _made(event("leaving", "stop", resume="during", during=30), hold=3600),
    "duplicates: also of mapped sends": _made(
        event("before XCom", "kill", 2), shape="mapped", size=2, items="same", journal="none"
    ),
    "duplicates: replace loses the label": _made(
        event("finished", "replace"), CLEAR, ahead=7200, airflow="3.4"
    ),
    "label: adopted without an intent": _made(event("after intent", "kill"), label="alerts", journal="none"),
    "callbacks: no look": _made(
        event("before intent", "refused"), event("callback", "callback again"), callbacks="failure"
    ),
    "callbacks: identity without the attempt": _made(
        event("before intent", "refused", count=2), callbacks="failure"
    ),
    "callbacks: identity without the loop index": Schedule(callbacks="success", shape="loop", size=2),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_missing_rule_is_noticed(play, name):
    schedule = NOTICED_BY[name]
    assert play(schedule).verdict.faults == []
    with MUTATIONS[name]():
        assert not play(schedule).verdict.held
