"""Every point times every way to be struck times every nemesis, for one small batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from tests.crash.holes import hole
from tests.crash.points import TASK_POINTS, TRIGGER_POINTS
from tests.crash.schedules import Event, Schedule, event

HANG: dict[str, Any] = {"kind": "lost_reply", "operation": "send", "how": "hang"}
_DAY = 86_400.0

#: How a process can be struck, and with what details.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "SIGKILL": ("kill", {}),
    "SIGKILL of the supervisor too": ("kill", {"notice": 320.0}),
    "SIGTERM, killed at once": ("term", {"grace": 0}),
    "SIGTERM, killed after 2 points": ("term", {"grace": 2}),
    "SIGTERM, goes on to the end": ("term", {"grace": 99}),
    "SIGSTOP, goes on before its retry": ("stop", {"resume": "before"}),
    "SIGSTOP, goes on early in its retry": ("stop", {"resume": "during", "during": 2}),
    "SIGSTOP, goes on late in its retry": ("stop", {"resume": "during", "during": 7}),
    "SIGSTOP, goes on after its retry": ("stop", {"resume": "after"}),
    "SIGSTOP for 4 minutes": ("pause", {"seconds": 240.0}),
}

#: Points that are passed only after trouble, and the trouble.
LATER_POINTS: dict[str, tuple[Event, ...]] = {
    "looking": (event("reply sent, not read", "kill"),),
    "waiting": (event("mid-request", "kill"),),
    "on_kill": (event("journalled", "term", grace=9),),
    "cancelling": (event("before defer", "term", grace=9),),
}


def _fault(kind: str, operation: str, **details: Any) -> dict[str, Any]:
    return {"kind": kind, "operation": operation, **details}


def _nemeses() -> dict[str, Schedule]:
    def faults(*given: dict[str, Any]) -> Schedule:
        return Schedule(faults=given)

    def events(*given: Event, **settings: Any) -> Schedule:
        return Schedule(events=given, **settings)

    found = {
        "none": Schedule(),
        "listing lag of 30 s": faults(_fault("listing_lag", "send", seconds=30, count=None)),
        "slow answers": faults(_fault("latency", "*", seconds=0.005, count=4)),
        "too many sends": faults(_fault("rate_limited", "send", retry_after=7, count=2)),
        "too many sends for long": faults(_fault("rate_limited", "send", retry_after=600)),
        "too many looks": faults(_fault("rate_limited", "list", count=3)),
        "looks fail": faults(_fault("server_error", "list", status=503, count=4)),
        "looks lost": faults(_fault("lost_reply", "list", how="reset", count=4)),
        "looks malformed": faults(_fault("malformed", "list", body="truncated")),
        "reads fail": faults(_fault("server_error", "get", count=2)),
        "reports fail": faults(_fault("server_error", "delivery_report", count=7)),
        "token expires": faults(_fault("expired_token", "send")),
        "token unknown": faults(_fault("unknown_token", "send")),
        "token unknown to looks": faults(_fault("unknown_token", "list")),
        "token endpoint fails": Schedule(
            account="project", faults=(_fault("server_error", "token"), _fault("lost_reply", "token"))
        ),
        "project's token expires": Schedule(
            account="project", faults=(_fault("expired_token", "send"), _fault("expired_token", "list"))
        ),
        "clocks 5 minutes apart": Schedule(skews=(300, -300)),
        "clocks 5 minutes apart, otherwise": Schedule(skews=(-300, 300)),
        "journal refused": events(event("before intent", "refused")),
        "journal refused after the send": events(event("read, not journalled", "refused", count=2)),
        "journal's answer lost": events(event("before intent", "answer lost")),
        "journal slow": events(event("before intent", "slow", count=3, seconds=3.0)),
        "journal very slow": events(event("before intent", "slow", count=9, seconds=40.0)),
        "journal wiped between tries": events(event("between tries", "wipe journal")),
        "journal wiped after the intent": events(event("after intent", "wipe journal")),
        "journal garbled between tries": events(event("between tries", "garble journal")),
        "XCom wiped": events(event("after XCom", "wipe XCom")),
        "API server down after the send": events(event("read, not journalled", "api down", count=4)),
        "API server down at the start": events(event("started", "api down", count=2)),
        "API server down at the XCom": events(event("before XCom", "api down")),
        "no journal": Schedule(journal="none"),
        "journal not wanted": Schedule(journal="off"),
        "no journal, 30 s of lag, clocks apart": Schedule(
            journal="none", skews=(300, -300), faults=(_fault("listing_lag", "send", seconds=30, count=None),)
        ),
        "hold": Schedule(hold=120),
        "other text for the retry": events(event("between tries", "change", to="text")),
        "other recipients for the retry": events(event("between tries", "change", to="recipients")),
        "a day and a half between tries": Schedule(retry_delay=1.5 * _DAY),
        "two weeks between tries": Schedule(retry_delay=14 * _DAY),
        "cleared before": events(event("started", "clear", grace=0)),
        "cleared while running": events(event("after intent", "clear", grace=2)),
        "cleared while running, max_tries stays": events(event("after intent", "clear", raises=False)),
        "cleared while it waits": events(event("polling", "clear")),
        "cleared after": events(event("finished", "clear")),
        "cleared after, without a journal": events(event("finished", "clear"), journal="none"),
        "cleared after, journal wiped": events(event("finished", "wipe journal"), event("finished", "clear")),
        "cleared after, to send again": events(event("finished", "clear"), on_clear="resend"),
        "cleared after, other text": events(
            event("finished", "change", to="text"), event("finished", "clear")
        ),
        "cleared after, other recipients": events(
            event("finished", "change", to="recipients"), event("finished", "clear")
        ),
        "cleared, other recipients, and back": events(
            event("finished", "change", to="recipients"),
            event("finished", "clear"),
            event("finished", "change", 2, to="A"),
            event("finished", "clear", 2),
        ),
        "mapped items move": events(event("finished", "move"), event("finished", "clear"), mapped=2),
        "mapped items move, journal wiped": events(
            event("finished", "wipe journal"), event("finished", "move"), event("finished", "clear"), mapped=2
        ),
        "killed again in the retry": events(event("looking", "kill"), event("leaving", "kill", 2)),
        "cancelled when killed": Schedule(cancel_on_kill=True),
        "another task cleared": events(event("after intent", "clear others")),
        "more retries from now on": events(event("after intent", "redeploy", retries=9)),
        "fewer retries from now on, no journal": events(
            event("after intent", "redeploy", retries=2), journal="none"
        ),
        "a label of others, too": Schedule(label="alerts"),
        "a label of others, too, cleared after": events(event("finished", "clear"), label="alerts"),
        "triggerer restarted": events(event("polling", "kill")),
    }
    for how, when in product(("close", "reset", "half_body", "hang"), ("before", "after")):
        found[f"send lost ({how}, {when} it took effect)"] = faults(
            _fault("lost_reply", "send", how=how, when=when)
        )
    for when in ("before", "after"):
        found[f"send fails {when} it took effect"] = faults(_fault("server_error", "send", when=when))
    for body in ("html", "empty", "wrong_type", "truncated"):
        found[f"send malformed ({body})"] = faults(_fault("malformed", "send", body=body))
    return found


NEMESES = _nemeses()


def schedules() -> Iterator[tuple[str, Schedule]]:
    """Give all of them, with what they are called."""
    points = [(each, ()) for each in (*TASK_POINTS, *TRIGGER_POINTS)] + list(LATER_POINTS.items())
    for nemesis, base in NEMESES.items():
        for (at, first), (kind, (act, details)) in product(points, KINDS.items()):
            schedule = replace(
                base,
                mode="defer",
                retries=base.retries + 1,
                cancel_on_kill=base.cancel_on_kill or at == "cancelling",
                faults=(HANG, *base.faults) if at == "accepted, reply not sent" else base.faults,
                events=(*base.events, *first, event(at, act, **details)),
            )
            if hole(schedule) is None:
                yield f"{nemesis} / {at} / {kind}", schedule
