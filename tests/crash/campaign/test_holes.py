"""Each known gap of campaigns is one: what can happen in it does happen, and ``hole`` knows it."""

from __future__ import annotations

import pytest

from tests.crash import holes as common
from tests.crash.campaign import holes
from tests.crash.campaign.schedules import CampaignSchedule
from tests.crash.schedules import event

CLEAR = event("finished", "clear")
FIRST_LATE = {"kind": "listing_lag", "operation": "send", "seconds": 30, "count": 1}

SHOWN_BY = {
    common.PAUSED: CampaignSchedule(events=(event("leaving", "stop", resume="after"),)),
    common.LATE: CampaignSchedule(
        faults=({"kind": "late", "operation": "send", "seconds": common.SETTLES + 5},), retry_delay=600.0
    ),
    common.REPLACED: CampaignSchedule(
        journal="none", events=(event("before intent", "stop", resume="after"),)
    ),
    common.ACCOUNT: CampaignSchedule(airflow="3.4", events=(event("finished", "other account"), CLEAR)),
    holes.REPEATED: CampaignSchedule(
        retry_delay=1.0,
        faults=({**FIRST_LATE, "skip": 2},),
        events=(event("reply sent, not read", "proxy repeats"), event("before XCom", "kill")),
    ),
    holes.OLDER: CampaignSchedule(
        retry_delay=1.0,
        faults=({**FIRST_LATE, "skip": 1},),
        events=(event("before XCom", "kill"), event("between attempts", "stale journal", back=3)),
    ),
}


@pytest.mark.parametrize("name", SHOWN_BY)
def test_a_hole_is_one(play, name):
    assert holes.hole(SHOWN_BY[name]) == name
    assert not play(SHOWN_BY[name]).verdict.held


def test_all_holes_of_campaigns_are_shown():
    named = {value for name, value in vars(holes).items() if name.isupper() and isinstance(value, str)}
    assert named <= set(SHOWN_BY)
