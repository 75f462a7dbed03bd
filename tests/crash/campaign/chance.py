"""Schedules of a campaign by chance, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from tests.crash import chance
from tests.crash.campaign.holes import hole
from tests.crash.campaign.points import OTHER_POINTS, PLAN_POINTS, TASK_POINTS
from tests.crash.campaign.product import AUDIENCES
from tests.crash.campaign.schedules import CampaignSchedule
from tests.crash.exhaustive import KINDS
from tests.crash.schedules import Event, event

#: Those of sending, three times: most of a campaign's life is there.
_SENDING = TASK_POINTS[5:13]
_STRUCK = (*TASK_POINTS, *_SENDING, *_SENDING, "looking", "looked", "waiting", *PLAN_POINTS)
_ANYWHERE = (*TASK_POINTS, *OTHER_POINTS)
_OPERATIONS = {"get": "delivery_report", "cancel": "send"}


def schedule(seed: int) -> CampaignSchedule:
    """Make the schedule of a seed."""
    source = random.Random(f"campaign {seed}")
    while True:
        made = _schedule(source, seed)
        if hole(made) is None:
            return made


def _schedule(source: random.Random, seed: int) -> CampaignSchedule:
    most = source.choice((1, 2, 3, 4, 5))
    people = max(3, min(40, most * source.randint(2, 10) + source.choice((0, 0, -1, 1))))
    made = CampaignSchedule(
        journal=source.choice(("durable",) * 5 + ("none",)),
        airflow=source.choice(("3.3", "3.3", "3.4", "3.4", "3.4 keep", "3.3 clear_on_success")),
        account=source.choice(("plan", "plan", "plan", "project")),
        retries=source.choice((0, 2, 4, 8, 8)),
        retry_delay=source.choice((0.0, 1.0, 1.0, 10.0, 60.0, 600.0)),
        skews=tuple(source.randint(-300, 300) for _ in range(4)) if source.random() < 0.3 else (0,),
        people=people,
        most=most,
        in_flight=source.choice((1, 1, 2, 3, 4, 8)),
        doubles=source.choice((0, 0, 0, 1, people // 2)),
        languages=source.choice((1, 1, 1, 2)),
        rate=source.choice((None, None, None, None, 0.05, 0.2, 5.0)),
        excluded=source.choice((0, 0, 1, 3)),
        window=source.choice((None,) * 6 + (("10:30", "20:00"), ("08:00", "09:07"))),
        canary=source.choice((0, 0, 0, 2, 5)),
        dispatch=source.choice((1, 1, 60, 4000)),
        plan=source.choice((False, False, True)),
        seed=seed,
    )
    if made.journal == "none":
        made = replace(made, airflow="3.3")
    faults = tuple(_fault(source, made) for _ in range(source.choice((0, 0, 1, 1, 2, 3))))
    events = [_kill(source, people // most) for _ in range(source.choice((0, 1, 1, 2, 2, 3)))]
    for _ in range(source.choice((0, 1, 1, 2, 3))):
        events += _trouble(source, people // most)
    return replace(made, faults=faults, events=tuple(events))


def _kill(source: random.Random, batches: int) -> Event:
    act, details = source.choice(list(KINDS.values()))
    details = dict(details)
    if act == "stop" and details["resume"] == "during":
        details["during"] = source.randint(1, 60)
    if act == "term":
        details["grace"] = source.randint(0, 8)
    if act == "kill" and source.random() < 0.2:
        details["orphan"] = 1
    if act == "pause":
        details["seconds"] = source.choice((1.0, 3.0, 30.0, 250.0))
    return event(source.choice(_STRUCK), act, _nth(source, batches), **details)


def _nth(source: random.Random, batches: int) -> int:
    return source.randint(1, max(1, batches)) if source.random() < 0.7 else source.choice((1, 2))


def _trouble(source: random.Random, batches: int) -> list[Event]:
    anywhere, nth = source.choice(_ANYWHERE), _nth(source, batches)
    idle = source.choice(("between attempts", "finished"))
    kind = source.choice(
        ("garble journal", "stale journal", "refused", "answer lost", "api down", "slow", "audience",
         "audience", "audience", "exclude", "exclude", "exclusions fail", "exclusions gone", "cancel batch",
         "cancel batch", "forge plan", "proxy repeats", "rotate", "clear", "clear", "clear", "clear",
         "redeploy", "delay")
    )  # fmt: skip
    cleared = [event("finished", "clear")] if idle == "finished" else []
    if kind in {"garble journal", "stale journal"}:
        return [event(source.choice((anywhere, "between attempts")), kind, back=source.randint(1, 4))]
    if kind in {"refused", "answer lost", "exclusions fail", "api down"}:
        return [event(anywhere, kind, nth, count=source.randint(1, 5))]
    if kind == "slow":
        seconds = source.choice((1.9, 3.0, 70.0))
        return [event(anywhere, kind, nth, count=source.randint(1, 8), seconds=seconds)]
    if kind == "audience":
        return [event(idle, kind, to=source.choice(AUDIENCES[1:])), *cleared]
    if kind == "exclude":
        return [event(anywhere, kind, nth, who=source.randint(0, 39)) for _ in range(source.randint(1, 3))]
    if kind in {"cancel batch", "exclusions gone"}:
        at = source.choice((anywhere, idle))
        again = cleared if at == "finished" else []
        return [event(at, kind, 1 if at == idle else nth, which=source.randint(0, 9)), *again]
    if kind == "forge plan":
        return [event("between attempts", kind)]
    if kind == "rotate":
        return [event(idle, kind), *cleared]
    if kind == "proxy repeats":
        return [event("reply sent, not read", kind, nth)]
    if kind == "redeploy":
        return [event(anywhere, kind, nth, retries=source.choice((0, 1, 3, 9)))]
    if kind == "delay":
        return [event(anywhere, kind, nth, seconds=source.choice((3600.0, 1.5 * 86_400, 14 * 86_400)))]
    at = source.choice((anywhere, anywhere, "finished"))
    nth = nth if at != "finished" else 1
    if source.random() < 0.2:
        return [event(at, "clear", nth, deaf=True)]
    return [event(at, "clear", nth, raises=source.random() < 0.7, grace=source.randint(0, 9))]


def _fault(source: random.Random, made: CampaignSchedule) -> dict[str, Any]:
    fault = chance.fault(source, made)
    if fault["kind"] == "listing_lag" and source.random() < 0.6:
        fault |= {"count": source.choice((1, 1, 2)), "skip": source.randint(0, 5)}
    if fault.get("reply", "").startswith("other_") and source.random() < 0.3:
        # The other replies are as true ones are: nobody could see that nothing was accepted.
        fault["when"] = "before"
    operation = fault["operation"]
    return {**fault, "operation": _OPERATIONS.get(operation, operation)}
