"""Schedules by chance: several events and faults each, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from tests.crash.exhaustive import KINDS
from tests.crash.holes import hole
from tests.crash.points import OTHER_POINTS, TASK_POINTS, TRIGGER_POINTS
from tests.crash.schedules import Event, Schedule, event

_DAY = 86_400.0
_OPERATIONS = ("send", "send", "send", "list", "list", "get", "delivery_report", "cancel")
_STRUCK = (
    *TASK_POINTS,
    *TASK_POINTS,
    *TRIGGER_POINTS,
    "looking",
    "waiting",
    "on_kill",
    "cancelling",
    "between sends",
    "callback",
)


def schedule(seed: int) -> Schedule:
    """Make the schedule of a seed."""
    source = random.Random(seed)
    while True:
        made = _schedule(source, seed)
        if hole(made) is None:
            return made


def _schedule(source: random.Random, seed: int) -> Schedule:
    made = Schedule(
        mode=source.choice(("send", "send", "wait", "defer", "defer")),
        journal=source.choice(("durable",) * 5 + ("none", "off")),
        airflow=source.choice(("3.3", "3.3", "3.4", "3.4", "3.4 keep", "3.3 clear_on_success")),
        account=source.choice(("plan", "plan", "project")),
        on_clear=source.choice(("adopt", "adopt", "adopt", "resend")),
        hold=source.choice((0,) * 6 + (120, 600)),
        shape=source.choice(
            ("single",) * 5 + ("mapped",) * 3 + ("loop", "nested", "nested", "twice", "before")
        ),
        keyed=source.random() < 0.2,
        clock_text=source.random() < 0.15,
        label=source.choice((None,) * 9 + ("alerts",)),
        callbacks=source.choice(("",) * 6 + ("failure", "failure", "success", "dag")),
        retries=source.choice((0, 2, 4, 8, 8)),
        retry_delay=source.choice((0.0, 1.0, 60.0, 60.0, 600.0)),
        cancel_on_kill=source.random() < 0.15,
        skews=tuple(source.randint(-300, 300) for _ in range(4)) if source.random() < 0.4 else (0,),
        socks=source.random() < 0.08,
        seed=seed,
    )
    if not made.has_journal:
        made = replace(made, on_clear="adopt")
    if made.journal == "none":
        made = replace(made, airflow="3.3")
    made = replace(made, **_shaped(source, made))
    faults = tuple(fault(source, made) for _ in range(source.choice((0, 0, 1, 1, 2, 3))))
    events = [_kill(source) for _ in range(source.choice((0, 1, 1, 2, 2, 3)))]
    for _ in range(source.choice((0, 1, 1, 2))):
        events += _trouble(source, made)
    if any(each.act == "cancel" for each in events):
        # It must hit neither the person's call nor the sends of others.
        faults = tuple(each for each in faults if each["operation"] != "cancel")
    return replace(made, faults=faults, events=tuple(events))


def _shaped(source: random.Random, made: Schedule) -> dict[str, Any]:
    """Give the settings that depend on how often the task sends."""
    if made.shape == "single":
        # What our own operators or a person change must not have left yet.
        return {"ahead": source.choice((0,) * 6 + (7200,)), "mode": made.mode}
    size = 2 if made.shape in {"twice", "before"} else source.choice((2, 2, 3))
    items = ["apart", "apart", "one phone"]
    if made.shape in {"mapped", "loop"} and not made.label and not made.keyed:
        items.append("same")
    if made.shape == "mapped" and not made.keyed:
        items += ["chunks", "chunks"]
    alone = made.shape in {"mapped", "loop"}
    return {
        "size": size,
        "items": source.choice(items),
        "reused": made.shape == "nested" and source.random() < 0.3,
        "mode": made.mode if alone else "send",
        # Several texts to one phone under one label of the user cannot be distinguished.
        "label": made.label if alone else None,
    }


def _kill(source: random.Random) -> Event:
    act, details = source.choice(list(KINDS.values()))
    details = dict(details)
    if act == "stop" and details["resume"] == "during":
        details["during"] = source.randint(1, 14) if source.random() < 0.6 else source.randint(15, 40)
    if act == "term":
        details["grace"] = source.randint(0, 8)
    if act == "kill" and source.random() < 0.2:
        details["orphan"] = 1
    if act == "pause":
        details["seconds"] = source.choice((1.0, 3.0, 30.0, 250.0))
    return event(source.choice(_STRUCK), act, source.choice((1, 1, 1, 2, 3)), **details)


def _trouble(source: random.Random, made: Schedule) -> list[Event]:
    anywhere = source.choice((*TASK_POINTS, *TRIGGER_POINTS, *OTHER_POINTS))
    nth = source.choice((1, 1, 2))
    kind = source.randrange(21)
    if kind == 0:
        return [event(anywhere, "garble journal", nth)]
    if kind == 1:
        return [event(anywhere, "refused", nth, count=source.randint(1, 3))]
    if kind == 2:
        return [event(anywhere, "answer lost", nth, count=source.randint(1, 2))]
    if kind == 3:
        return [event(anywhere, "api down", nth, count=source.randint(1, 5))]
    if kind == 4:
        return [
            event(anywhere, "slow", nth, count=source.randint(1, 8), seconds=source.choice((1.9, 3.0, 70.0)))
        ]
    if kind == 5:
        return [
            event(anywhere, "delay", nth, seconds=source.choice((3600.0, 1.5 * _DAY, 6 * _DAY, 14 * _DAY)))
        ]
    if kind == 12:
        return [event(anywhere, "redeploy", nth, retries=source.choice((0, 1, 3, 9)))]
    if kind == 13:
        return [event(anywhere, "clear others", nth)]
    if kind == 14:
        return [event(anywhere, "reschedule", nth)] if made.airflow.startswith("3.4") else []
    if kind == 15:
        at = source.choice(("between attempts", "finished"))
        events = [event(at, source.choice(("rotate", "other account")))]
        return [*events, event("finished", "clear")] if at == "finished" else events
    if kind == 16:
        return [event("callback", "callback again", nth)] if made.callbacks == "failure" else []
    if kind == 17:
        if made.account != "plan" or made.mode == "defer":
            return []
        act = source.choice(("cancel", "replace", "update")) if made.ahead else "cancel"
        return [event("finished", act), event("finished", "clear")]
    if kind == 18:
        if made.shape != "nested":
            return []
        return [event("between attempts", "move", nth)]
    if kind == 6:
        return [event(anywhere, "change", nth, to=source.choice(("text", "recipients")))]
    at = source.choice((anywhere, anywhere, "finished"))
    events = [event(at, "clear", nth, raises=source.random() < 0.7, grace=source.randint(0, 9))]
    if source.random() < 0.2:
        events = [event(at, "clear", nth, deaf=True)]
    elif source.random() < 0.1:
        events = [event(at, "clear", nth, quiet=True)]
    elif made.shape == "loop" and source.random() < 0.3:
        events = [event("finished", "clear", nth, anew=True)]
    if source.random() < 0.3:
        events.insert(0, event(at, "change", nth, to=source.choice(("text", "recipients", "A"))))
    if made.shape in {"mapped", "nested"} and source.random() < 0.6:
        events.insert(0, event(at, "move", nth))
    return events


def fault(source: random.Random, made: Schedule) -> dict[str, Any]:
    """Make a fault of the sandbox."""
    operation = source.choice(_OPERATIONS)
    if made.account == "project" and source.random() < 0.2:
        operation = "token"
    kind = source.choice(
        ("lost_reply", "lost_reply", "lost_reply", "malformed", "server_error", "rate_limited", "listing_lag",
         "listing_lag", "expired_token", "unknown_token", "latency", "late", "late", "contradicting",
         "contradicting", "redirect", "refused_by_proxy", "listing_partial", "listing_unfiltered",
         "listing_unlabelled",
         "listing_garbled")
    )  # fmt: skip
    count = source.choice((1, 1, 2, 3, 6))
    fault: dict[str, Any] = {"kind": kind, "operation": operation, "skip": source.choice((0, 0, 0, 1, 2))}
    if kind == "listing_lag":
        return {"kind": kind, "operation": "send", "seconds": source.choice((1, 10, 30)), "count": None}
    if kind.startswith("listing_"):
        return {**fault, "operation": "list", "count": source.choice((1, 2, 3, 6, None))}
    if kind == "late":
        return {
            "kind": kind,
            "operation": "send",
            "seconds": source.choice((1.0, 30.0, 60.0, 100.0)),
            "count": count,
        }
    if kind == "contradicting":
        replies = ("other_batch", "other_reference", "other_recipients", "other_text", "less", "trimmed")
        return {"kind": kind, "operation": "send", "reply": source.choice(replies), "count": count}
    if kind in {"redirect", "refused_by_proxy"}:
        return {**fault, "operation": "send", "when": source.choice(("before", "after")), "count": count}
    if kind == "unknown_token":
        count = 1
        fault["operation"] = "send" if operation == "token" else operation
    elif kind == "expired_token":
        fault["operation"] = "send" if operation == "token" else operation
        count = 1 if made.account == "project" else count
    elif kind == "latency":
        fault["seconds"] = 0.002
    elif kind == "rate_limited":
        fault["retry_after"] = source.choice((None, 1, 30, 120))
    elif kind == "lost_reply":
        # Those of the triggerer would be waited for in real time.
        hows = (
            ("close", "reset", "half_body", "hang") if operation in {"send", "list"} else ("close", "reset")
        )
        fault["how"] = source.choice(hows)
        fault["when"] = source.choice(("before", "after"))
    elif kind == "malformed":
        fault["body"] = source.choice(("html", "empty", "wrong_type", "truncated"))
    elif kind == "server_error":
        fault["status"] = source.choice((500, 502, 503))
        fault["when"] = source.choice(("before", "after"))
    return {**fault, "count": count}
