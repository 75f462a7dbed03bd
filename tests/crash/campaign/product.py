"""Every point times every way to be struck times every nemesis; journals, lags and audiences by turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, Final

from tests.crash.campaign.holes import hole
from tests.crash.campaign.points import PLAN_POINTS, TASK_POINTS
from tests.crash.campaign.schedules import CampaignSchedule
from tests.crash.exhaustive import HANG, KINDS
from tests.crash.schedules import Event, event

_DAY: Final = 86_400.0
_ACCEPTED: Final = "accepted, reply not sent"
_ONCE: Final = TASK_POINTS[:5] + TASK_POINTS[-4:]

#: Points, also those that are passed only after other trouble, and that trouble.
POINTS: Final[Mapping[str, tuple[Event, ...]]] = {
    **dict.fromkeys(TASK_POINTS, ()),
    "looking": (event("reply sent, not read", "kill"),),
    "looked": (event("reply sent, not read", "kill"),),
    "waiting": (event("mid-request", "kill"),),
    **dict.fromkeys(PLAN_POINTS, ()),
}
#: What has become of the journal when the next entry begins.
JOURNALS: Final = ("kept", "deleted", "absent", "unreadable", "stale")
#: How long Sinch takes to list batches.
LAGS: Final[Mapping[str, tuple[dict[str, Any], ...]]] = {
    "none": (),
    "all": ({"kind": "listing_lag", "operation": "send", "seconds": 30, "count": None},),
    "first": ({"kind": "listing_lag", "operation": "send", "seconds": 30, "count": 1},),
    "second": ({"kind": "listing_lag", "operation": "send", "seconds": 30, "count": 1, "skip": 1},),
}
AUDIENCES: Final = ("same", "front", "end", "middle", "other", "fewer", "reversed", "swapped", "doubled")
#: Requests on their way at once.
IN_FLIGHT: Final = (1, 2, 4)
#: Whether a plan keeps the checked people.
PLANS: Final = {False: "no plan", True: "plan"}


def _fault(kind: str, operation: str = "send", **details: Any) -> dict[str, Any]:
    return {"kind": kind, "operation": operation, **details}


def _nemeses() -> dict[str, CampaignSchedule]:
    def faults(*given: dict[str, Any], **settings: Any) -> CampaignSchedule:
        return CampaignSchedule(faults=given, **settings)

    def events(*given: Event, **settings: Any) -> CampaignSchedule:
        return CampaignSchedule(events=given, **settings)

    clear = event("finished", "clear")
    excluded = event("noted", "exclude", who=-1)
    found = {
        "none": CampaignSchedule(),
        "cleared": events(clear),
        "cleared, secret rotated": events(event("finished", "rotate"), clear),
        "secret rotated": events(event("between attempts", "rotate")),
        "cleared while running": events(event("before intent", "clear", 2, grace=3)),
        "cleared while it sends": events(event("reply sent, not read", "clear", 2, grace=0)),
        "cleared by a deaf one": events(event("noted", "clear", deaf=True)),
        "answer lost": faults(_fault("lost_reply", how="reset")),
        "answer lies, not accepted": faults(_fault("contradicting", reply="other_batch", when="before")),
        "redirected, accepted, listed late": faults(_fault("redirect", when="after", count=2), *LAGS["all"]),
        "answer lost, second batch": faults(_fault("lost_reply", how="close", skip=1)),
        "request lost": faults(_fault("lost_reply", how="reset", when="before", skip=1)),
        "two answers lost": faults(_fault("lost_reply", how="half_body", count=2)),
        "answers lost again and again": faults(_fault("lost_reply", how="reset", count=4)),
        "500, accepted": faults(_fault("server_error", when="after", count=2)),
        "500, not accepted": faults(_fault("server_error", status=503, count=2)),
        "too many requests": faults(_fault("rate_limited", retry_after=7, count=2)),
        "too many requests for long": faults(_fault("rate_limited", retry_after=600, skip=1)),
        "malformed": faults(_fault("malformed", body="html", skip=1)),
        "accepted 60 s later": faults(_fault("late", seconds=60.0, skip=1)),
        "redirected, accepted": faults(_fault("redirect", when="after")),
        "a proxy refuses, accepted": faults(_fault("refused_by_proxy", when="after", skip=1)),
        "a proxy repeats": events(event("reply sent, not read", "proxy repeats", 2)),
        "token unknown": faults(_fault("unknown_token", skip=1)),
        "looks fail": faults(_fault("server_error", "list", status=503, count=4)),
        "looks lost": faults(_fault("lost_reply", "list", how="reset", count=4)),
        "listing ends too early": faults(_fault("listing_partial", "list", items=1, count=3)),
        "listing not filtered": faults(_fault("listing_unfiltered", "list", count=3)),
        "listing without references": faults(_fault("listing_unlabelled", "list", count=3)),
        "listing garbled": faults(_fault("listing_garbled", "list", count=3)),
        "batch cancelled": events(event("read, not journalled", "cancel batch", 2), dispatch=60),
        "batch cancelled too late": events(event("noted", "cancel batch", 2)),
        "batch cancelled, cleared": events(event("finished", "cancel batch", which=1), clear, dispatch=4000),
        "batch cancelled, then again": events(
            event("finished", "cancel batch"),
            clear,
            event("finished", "cancel batch", 2),
            event("finished", "clear", 2),
            dispatch=4000,
        ),
        "report fails": replace(
            faults(_fault("server_error", "delivery_report", count=7), dispatch=60),
            events=(event("noted", "cancel batch", 2),),
        ),
        "journal refused": events(event("before intent", "refused", 2)),
        "journal's answer lost": events(event("before intent", "answer lost", 2)),
        "journal not closed": events(event("before close", "refused", count=9)),
        "journal slow": events(event("before intent", "slow", 2, count=9, seconds=40.0)),
        "API server down": events(event("noted", "api down", count=3)),
        "excluded meanwhile": events(excluded, rate=0.04),
        "excluded before": CampaignSchedule(excluded=2),
        "exclusions unreadable": events(excluded, event("noted", "exclusions fail", count=2), rate=0.04),
        "exclusions gone": events(event("noted", "exclusions gone"), excluded=2, rate=0.04),
        "window opens later": CampaignSchedule(window=("10:30", "20:00")),
        "window closes soon": CampaignSchedule(window=("08:00", "09:07"), rate=0.04),
        "window and canary": CampaignSchedule(window=("08:00", "09:07"), canary=2),
        "cleared before the window": events(event("deferred", "clear"), window=("10:30", "20:00")),
        "capped": events(event("finished", "audience", to="end"), clear, cap=9),
        "a canary": CampaignSchedule(canary=2),
        "a canary, cleared while it waits": events(event("deferred", "clear"), canary=2),
        "a canary, excluded meanwhile": events(event("deferred", "exclude", who=-1), canary=4),
        "clocks 5 minutes apart": CampaignSchedule(skews=(300, -300)),
        "clocks 5 minutes apart, otherwise": CampaignSchedule(skews=(-300, 300)),
        "two languages, doubles": CampaignSchedule(languages=2, doubles=4, people=12),
        "two weeks later": CampaignSchedule(retry_delay=14 * _DAY),
        "plan forged": events(event("between attempts", "forge plan"), plan=True),
        "many wait at Sinch": CampaignSchedule(rate=0.005, dispatch=4000),
        "many wait at Sinch, cleared": events(event("deferred", "clear"), rate=0.005, dispatch=4000),
        "killed again": events(event("looking", "kill"), event("leaving", "kill", 4)),
    }
    for reply in ("other_batch", "other_reference", "other_recipients", "other_text", "less", "trimmed"):
        found[f"answer contradicts ({reply})"] = faults(_fault("contradicting", reply=reply, skip=1))
    return found


NEMESES: Final = _nemeses()


def schedules() -> Iterator[tuple[str, CampaignSchedule]]:
    """Return schedules with their names. Any two values of different kinds meet in at least one."""
    turns = _turns()
    for (nemesis, base), (at, first), kind in product(NEMESES.items(), POINTS.items(), KINDS):
        journal, lag, audience, in_flight, nth, plan = next(turns)
        nth = 1 if at in _ONCE or at not in TASK_POINTS else nth
        act, details = KINDS[kind]
        struck = replace(
            base,
            retries=base.retries + 1,
            in_flight=in_flight,
            plan=plan or at in PLAN_POINTS,
            faults=(*((HANG,) if at == _ACCEPTED else ()), *base.faults),
            events=(*base.events, *first, event(at, act, nth, **details)),
        )
        struck = _with_audience(_with_journal(struck, journal), audience)
        for each in dict.fromkeys((lag, "none")):
            made = _with_lag(struck, each)
            if hole(made) is None:
                names = nemesis, f"{at} {nth}", kind, journal, each, audience, in_flight, PLANS[made.plan]
                yield " / ".join(map(str, names)), made
                break


def _turns() -> Iterator[tuple[str, str, str, int, int, bool]]:
    """Return journals, lags, audiences, requests in flight, how many-th passes are struck, and plans."""
    combinations = list(product(JOURNALS, LAGS, AUDIENCES, IN_FLIGHT, (1, 2, 3), PLANS))
    place = 0
    while True:
        # A step that shares no factor with their number passes all of them, and neighbours differ in all.
        place = (place + 601) % len(combinations)
        yield combinations[place]


def _with_lag(made: CampaignSchedule, lag: str) -> CampaignSchedule:
    if lag == "none":
        return made
    # An attempt that comes later than the lag would not notice it.
    return replace(made, faults=(*made.faults, *LAGS[lag]), retry_delay=min(made.retry_delay, 1.0))


def _with_journal(made: CampaignSchedule, journal: str) -> CampaignSchedule:
    if journal == "absent":
        return replace(made, journal="none")
    if journal == "deleted":
        # The task fails at once, and its clear deletes the journal.
        return replace(made, airflow="3.4", retries=0, events=(*made.events, event("finished", "clear", 1)))
    act = {"unreadable": "garble journal", "stale": "stale journal"}.get(journal)
    return made if act is None else replace(made, events=(*made.events, event("between attempts", act)))


def _with_audience(made: CampaignSchedule, audience: str) -> CampaignSchedule:
    if audience == "same":
        return made
    at = "between attempts" if made.retries else "finished"
    return replace(made, events=(event(at, "audience", to=audience), *made.events))
