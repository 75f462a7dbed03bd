"""Every safeguard is needed: with one switched off, a schedule that held before goes wrong."""

from __future__ import annotations

import pytest

from tests.crash.exhaustive import HANG
from tests.crash.mutations import MUTATIONS
from tests.crash.schedules import Schedule, event

LATE = {"resume": "after"}
LAG = {"kind": "listing_lag", "operation": "send", "seconds": 30, "count": None}

#: As ``python -m tests.crash.mutations`` finds them.
NOTICED_BY = {
    "no intent is written": Schedule(events=(event("started", "stop", **LATE),)),
    "fence: a refusal is ignored": Schedule(events=(event("after intent", "stop", **LATE),)),
    "fence: old permissions are not renewed": Schedule(events=(event("after intent", "stop", **LATE),)),
    "no look before sending again": Schedule(events=(event("reply sent, not read", "kill"),)),
    "one look, without time to settle": Schedule(
        retry_delay=1.0, faults=(LAG,), events=(event("reply sent, not read", "kill"),)
    ),
    "looks without a start date": Schedule(
        retry_delay=1.5 * 86_400, events=(event("reply sent, not read", "kill"),)
    ),
    "rows of other cycles count": Schedule(
        faults=(HANG,),
        events=(event("after intent", "clear", grace=2), event("accepted, reply not sent", "kill")),
    ),
    "payloads are not compared": Schedule(
        events=(event("finished", "change", to="recipients"), event("finished", "clear"))
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_missing_safeguard_is_noticed(play, name):
    schedule = NOTICED_BY[name]
    assert play(schedule).verdict.held
    with MUTATIONS[name]():
        assert not play(schedule).verdict.held
