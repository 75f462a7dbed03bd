"""Every safeguard is needed: with one switched off, a schedule that held before goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.crash.campaign.mutations import MUTATIONS
from tests.crash.campaign.schedules import CampaignSchedule
from tests.crash.schedules import Event, event

CLEAR = event("finished", "clear")
EXCLUDED = event("noted", "exclude", who=-1)
#: So slow that exclusions are read again between two batches.
SLOW = 0.02
DAY = 86_400.0


def _made(*events: Event, **settings: Any) -> CampaignSchedule:
    return CampaignSchedule(events=events, **settings)


def _fault(kind: str, operation: str = "send", **details: Any) -> dict[str, Any]:
    return {"kind": kind, "operation": operation, **details}


LAG = _fault("listing_lag", seconds=30, count=None)
#: The first batch is listed half a minute after the others.
FIRST_LATE = _fault("listing_lag", seconds=30, count=1)
TAKEN = _fault("lost_reply", how="reset")

NOTICED_BY = {
    "people: the same number twice": CampaignSchedule(doubles=4),
    "reached: nobody": _made(CLEAR),
    "reached: nobody by cancelled batches": _made(
        event("after XCom", "pause", seconds=2.0), event("finished", "cancel batch"), CLEAR
    ),
    "reached: everybody by cancelled batches": _made(event("finished", "cancel batch"), CLEAR, dispatch=60),
    "look: open requests do not matter": CampaignSchedule(faults=(_fault("late", seconds=60.0),)),
    "look: accepted batches do not matter": _made(CLEAR, faults=(FIRST_LATE,), retry_delay=1.0),
    "look: a batch of an open request is one of the accepted": CampaignSchedule(
        faults=({**TAKEN, "skip": 1}, FIRST_LATE)
    ),
    "look: none is missing in the end": _made(
        CLEAR, faults=({**FIRST_LATE, "seconds": 400},), people=3, retry_delay=1.0
    ),
    "look: without time to settle": CampaignSchedule(faults=(_fault("late", seconds=60.0),)),
    "look: settled before the longest exchange has ended": CampaignSchedule(
        faults=(_fault("late", seconds=80.0),)
    ),
    "look: settled while the process was paused": _made(
        event("leaving", "pause", seconds=240.0), faults=(_fault("late", seconds=80.0),)
    ),
    "look: only the last day": _made(
        event("reply sent, not read", "kill"), journal="none", retry_delay=1.5 * DAY
    ),
    "look: another label in the listing counts": _made(CLEAR),
    "look: an incomplete listing counts": CampaignSchedule(
        faults=(TAKEN, _fault("listing_partial", "list", items=0, count=60))
    ),
    "look: never too long ago": _made(event("finished", "delay", seconds=14 * DAY), CLEAR, airflow="3.4"),
    "proof: an empty journal of a later attempt": _made(
        event("before journal read", "clear", 2, grace=3, raises=True), airflow="3.4", canary=2
    ),
    "proof: what follows a wait": CampaignSchedule(canary=2),
    "journal: no intent is written": _made(event("noted", "kill", 2), faults=(LAG,), retry_delay=1.0),
    "journal: accepted batches are not counted": _made(CLEAR, faults=(FIRST_LATE,), retry_delay=1.0),
    "journal: begins at zero where it was lost": _made(
        event("before XCom", "kill"),
        event("between attempts", "garble journal"),
        event("between attempts", "audience", to="other"),
        CLEAR,
        faults=(LAG,),
        retry_delay=1.0,
    ),
    "fence: a refusal is ignored": _made(event("after intent", "stop", resume="after")),
    "fence: old permissions are not renewed": _made(event("after intent", "stop", 2, resume="after")),
    "fence: a task that was asked to end sends on": _made(event("noted", "term", grace=99)),
    "fence: another account is ignored": _made(
        event("reply sent, not read", "kill"), event("between attempts", "other account")
    ),
    "answers: a contradiction is believed": CampaignSchedule(
        faults=(_fault("contradicting", reply="other_batch", when="before"),)
    ),
    "answers: any status is a refusal": CampaignSchedule(
        faults=(_fault("redirect", when="after"), LAG), retry_delay=1.0
    ),
    "answers: a lost one means accepted": CampaignSchedule(faults=({**TAKEN, "when": "before"},)),
    "answers: lost again and again means done": CampaignSchedule(people=15, faults=({**TAKEN, "count": 4},)),
    "exclusions: nobody": CampaignSchedule(excluded=2),
    "exclusions: never read again": _made(EXCLUDED, rate=SLOW),
    "exclusions: unreadable ones are none": _made(
        event("noted", "exclusions fail", count=9), excluded=1, rate=SLOW
    ),
    "exclusions: suddenly empty ones are none": _made(
        event("noted", "exclusions gone"), excluded=1, rate=SLOW
    ),
    "exclusions: later entries do not know that there were some": _made(
        event("noted", "kill"), event("between attempts", "exclusions gone"), excluded=1
    ),
    "exclusions: batches are made before they may leave": _made(event("noted", "exclude", who=4), rate=SLOW),
    "plan: its HMAC is not compared": _made(
        event("noted", "kill"), event("between attempts", "forge plan"), plan=True
    ),
    "window: any hour will do": CampaignSchedule(window=("10:30", "20:00")),
    "window: not asked again when a batch leaves": CampaignSchedule(
        window=("08:00", "09:07"), rate=0.006, people=24
    ),
    "cap: none": _made(event("finished", "audience", to="end"), CLEAR, cap=9),
    "exclusions: not asked again when a batch leaves": _made(
        EXCLUDED, event("noted", "exclude", who=4), languages=2, rate=SLOW
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_missing_safeguard_is_noticed(play, name):
    schedule = NOTICED_BY[name]
    assert play(schedule).verdict.faults == []
    with MUTATIONS[name]():
        assert not play(schedule).verdict.held
