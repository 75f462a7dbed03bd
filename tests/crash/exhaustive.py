"""Every point times every way to be struck times every nemesis, for one small batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product
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
    "SIGSTOP, goes on when its retry has looked": ("stop", {"resume": "during", "during": 28}),
    "SIGSTOP, goes on after its retry": ("stop", {"resume": "after"}),
    "SIGSTOP for 4 minutes": ("pause", {"seconds": 240.0}),
}

#: Points that are passed only after trouble, and the trouble.
LATER_POINTS: dict[str, tuple[Event, ...]] = {
    "looking": (event("reply sent, not read", "kill"),),
    "waiting": (event("mid-request", "kill"),),
    "on_kill": (event("journalled", "term", grace=9),),
    "cancelling": (event("before defer", "term", grace=9),),
    "between sends": (),
    "callback": (),
}


_MOVED = (event("finished", "move"), event("finished", "clear"))


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
        "journal garbled between attempts": events(event("between attempts", "garble journal")),
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
        "other text for the retry": events(event("between attempts", "change", to="text")),
        "other recipients for the retry": events(event("between attempts", "change", to="recipients")),
        "a day and a half between attempts": Schedule(retry_delay=1.5 * _DAY),
        "two weeks between attempts": Schedule(retry_delay=14 * _DAY),
        "cleared before": events(event("started", "clear", grace=0)),
        "cleared while running": events(event("after intent", "clear", grace=2)),
        "cleared while running, max_tries stays": events(event("after intent", "clear", raises=False)),
        "cleared while it waits": events(event("polling", "clear")),
        "cleared after": events(event("finished", "clear")),
        "cleared after, without a journal": events(event("finished", "clear"), journal="none"),
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
        "mapped items move": events(*_MOVED, shape="mapped", size=2),
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


def _more_nemeses() -> dict[str, Schedule]:
    """Return the events for other shapes of a send, other versions of Airflow, and untrue answers."""

    def made(*given: Event, **settings: Any) -> Schedule:
        return Schedule(events=given, **settings)

    def faults(*given: dict[str, Any], **settings: Any) -> Schedule:
        return Schedule(faults=given, **settings)

    clear, before = event("finished", "clear"), event("started", "clear", grace=0)
    running = event("after intent", "clear", grace=2)
    #: As a retry begins, and before Airflow tells it to stop.
    unheard = event("started", "clear", 2, deaf=True)
    changed = event("finished", "change", to="text")
    callback_again = event("callback", "callback again")
    bad = _fault("rate_limited", "send", retry_after=600)
    found = {
        "3.4, cleared after": made(clear, airflow="3.4"),
        "3.4, cleared before": made(before, airflow="3.4"),
        "3.4, cleared while running": made(running, airflow="3.4"),
        "3.4, cleared late, max_tries stays": made(event("journalled", "clear", raises=False), airflow="3.4"),
        "3.4, cleared while it waits": made(event("polling", "clear"), airflow="3.4"),
        "3.4, cleared, kept": made(clear, airflow="3.4 keep"),
        "3.4, a retry cleared unheard": made(unheard, airflow="3.4"),
        "3.4, a retry cleared unheard, max_tries stays": made(
            event("started", "clear", 2, deaf=True, raises=False), airflow="3.4"
        ),
        "3.4, a mapped retry cleared unheard": made(
            event("started", "clear", 3, deaf=True), shape="mapped", size=2, airflow="3.4"
        ),
        "3.4, nested, a retry cleared unheard": made(unheard, shape="nested", size=2, airflow="3.4"),
        "3.4, cleared, other text": made(changed, clear, airflow="3.4"),
        "3.4, cleared, other recipients": made(
            event("finished", "change", to="recipients"), clear, airflow="3.4"
        ),
        "3.4, cleared to send again": made(clear, airflow="3.4", on_clear="resend"),
        "3.4, cleared while running to send again": made(running, airflow="3.4", on_clear="resend"),
        "3.4, rescheduled": made(
            event("started", "reschedule"), event("before intent", "refused", count=3), airflow="3.4"
        ),
        "3.4, rescheduled after a lost answer": replace(
            made(event("started", "reschedule"), airflow="3.4"),
            faults=(_fault("lost_reply", "send", how="reset"), _fault("server_error", "list", count=6)),
        ),
        "3.3, cleared, nothing kept": made(clear, airflow="3.3 clear_on_success"),
        "cleared while running to send again": made(running, on_clear="resend"),
        "cleared quietly to send again": made(event("finished", "clear", quiet=True), on_clear="resend"),
        "fewer retries, cleared to send again": made(
            event("after intent", "redeploy", retries=2), clear, on_clear="resend"
        ),
        "a loop": made(shape="loop", size=2, items="same"),
        "a loop to one phone, cleared": made(clear, shape="loop", size=2, items="one phone", airflow="3.4"),
        "a loop made anew": made(
            event("finished", "clear", anew=True), shape="loop", size=2, items="same", airflow="3.4"
        ),
        "a loop without a journal": made(shape="loop", size=2, items="same", journal="none"),
        "inside another task": made(shape="nested", size=2),
        "inside another task, to one phone": made(shape="nested", size=2, items="one phone"),
        "inside another task, one operator": made(shape="nested", size=2, reused=True),
        "inside another task, in another order": made(
            event("between attempts", "move"), shape="nested", size=2, items="one phone"
        ),
        "inside another task, others in another order": made(
            event("between attempts", "move"), shape="nested", size=2
        ),
        "inside another task, cleared": made(clear, shape="nested", size=2, airflow="3.4"),
        "inside another task, no journal": made(shape="nested", size=2, journal="none"),
        "inside another task, with keys": made(
            event("between attempts", "move"), shape="nested", size=2, items="one phone", keyed=True
        ),
        "inside another task, to send again": made(clear, shape="nested", size=2, on_clear="resend"),
        "an operator that sends twice": made(shape="twice", size=2, items="one phone"),
        "an operator that sends twice, cleared": made(clear, shape="twice", size=2, items="one phone"),
        "another in on_execute_callback": made(shape="before", size=2, items="one phone"),
        "another in on_execute_callback, cleared": made(clear, shape="before", size=2, airflow="3.4"),
        "mapped items move, 3.4": made(*_MOVED, shape="mapped", size=2, airflow="3.4"),
        "mapped items move, no journal": made(*_MOVED, shape="mapped", size=2, journal="none"),
        "mapped items move, with keys": made(*_MOVED, shape="mapped", size=2, keyed=True, airflow="3.4"),
        "chunks, a new person in front": made(*_MOVED, shape="mapped", size=2, items="chunks"),
        "chunks, a new person in front, 3.4": made(
            *_MOVED, shape="mapped", size=2, items="chunks", airflow="3.4"
        ),
        "identical items": made(shape="mapped", size=2, items="same"),
        "identical items, cleared": made(clear, shape="mapped", size=2, items="same", airflow="3.4"),
        "mapped texts to one phone": made(shape="mapped", size=2, items="one phone"),
        "mapped texts to one phone move": made(*_MOVED, shape="mapped", size=2, items="one phone"),
        "mapped texts to one phone, with keys": made(
            *_MOVED, shape="mapped", size=2, items="one phone", keyed=True, airflow="3.4"
        ),
        "with a key, cleared": made(clear, keyed=True, airflow="3.4"),
        "a text with the time": made(clock_text=True),
        "a text with the time, cleared": made(clear, clock_text=True, airflow="3.4"),
        "a text with the time, no journal": made(clock_text=True, journal="none"),
        "mapped texts with the time, cleared": made(clear, clock_text=True, shape="mapped", size=2),
        "texts with the time inside another task": made(clock_text=True, shape="nested", size=2),
        "secret rotated between attempts": made(event("between attempts", "rotate")),
        "secret rotated, a text with the time": made(
            event("between attempts", "rotate"), clock_text=True, shape="mapped", size=2
        ),
        "secret rotated, a text with the time, a label of others": made(
            event("between attempts", "rotate"), clock_text=True, label="alerts"
        ),
        "inside another task, to send again, journal garbled": made(
            event("between attempts", "garble journal"), shape="nested", size=2, on_clear="resend"
        ),
        "secret rotated, cleared": made(event("finished", "rotate"), clear),
        "secret rotated, mapped items move": made(
            event("finished", "rotate"), *_MOVED, shape="mapped", size=2
        ),
        "through SOCKS": made(socks=True),
        "through SOCKS, answer lost": faults(_fault("lost_reply", "send", how="reset"), socks=True),
        "through SOCKS, never arrived": faults(
            _fault("lost_reply", "send", how="reset", when="before"), socks=True
        ),
        "through SOCKS, too many sends": faults(_fault("rate_limited", "send", count=2), socks=True),
        "through SOCKS, no journal": made(socks=True, journal="none"),
        "another account between attempts": made(event("between attempts", "other account")),
        "another account, cleared": made(event("finished", "other account"), clear),
        "another account, and back": made(
            event("finished", "other account"),
            clear,
            event("finished", "other account", 2),
            event("finished", "clear", 2),
        ),
        "replaced, cleared": made(event("finished", "replace"), clear, ahead=7200),
        "replaced, cleared, no journal": made(
            event("finished", "replace"), clear, ahead=7200, journal="none"
        ),
        "updated, cleared, 3.4": made(event("finished", "update"), clear, ahead=7200, airflow="3.4"),
        "cancelled by a person, cleared": made(event("finished", "cancel"), clear, ahead=7200),
        "cancelled by a person, cleared, 3.4": made(
            event("finished", "cancel"), clear, ahead=7200, airflow="3.4"
        ),
        "cancelled by a person, cleared, no journal": made(
            event("finished", "cancel"), clear, ahead=7200, journal="none"
        ),
        "cancelled too late, cleared": made(event("finished", "cancel"), clear),
        "cancelled by a person, not cleared": made(
            event("after XCom", "kill"), event("between attempts", "cancel"), ahead=7200
        ),
        "another installation sends": made(event("started", "staging sends")),
        "another installation sends, no journal": made(event("started", "staging sends"), journal="none"),
        "accepted 100 s later": faults(_fault("late", "send", seconds=100.0)),
        "accepted 80 s later, listing lags": faults(
            _fault("late", "send", seconds=80.0), _fault("listing_lag", "send", seconds=45, count=None)
        ),
        "accepted 60 s later, no journal": faults(_fault("late", "send", seconds=60.0), journal="none"),
        "listing ends too early": faults(_fault("listing_partial", "list", items=0, count=3)),
        "listing not filtered": faults(_fault("listing_unfiltered", "list", count=3)),
        "listing without labels": faults(_fault("listing_unlabelled", "list", count=3)),
        "listing without labels, mapped": faults(
            _fault("listing_unlabelled", "list", count=None), shape="mapped", size=2, journal="none"
        ),
        "listing garbled": faults(_fault("listing_garbled", "list", count=3)),
        "listing lies, no journal": faults(_fault("listing_unfiltered", "list", count=3), journal="none"),
        "redirected": faults(_fault("redirect", "send")),
        "redirected after it took effect": faults(_fault("redirect", "send", when="after")),
        "a proxy refuses": faults(_fault("refused_by_proxy", "send")),
        "a proxy refuses after it took effect": faults(_fault("refused_by_proxy", "send", when="after")),
        "alerts of failures": replace(made(callbacks="failure"), faults=(bad,)),
        "alerts of failures, run again": replace(made(callback_again, callbacks="failure"), faults=(bad,)),
        "alerts of failures, no journal": replace(made(callbacks="failure", journal="none"), faults=(bad,)),
        "alerts of success": made(clear, callbacks="success"),
        "alerts of the Dag": made(
            event("finished", "change", to="recipients"), clear, callbacks="dag", airflow="3.4"
        ),
        "alerts of failures, cleared": replace(made(clear, callbacks="failure"), faults=(bad,)),
        "a label of others, sent meanwhile": made(event("after intent", "others send"), label="alerts"),
        "a label of others, cleared, 3.4": made(clear, label="alerts", airflow="3.4"),
        "a label of others, no journal": made(label="alerts", journal="none"),
        "a label of others, replaced, cleared": made(
            event("finished", "replace"), clear, label="alerts", ahead=7200, airflow="3.4"
        ),
        "a label of others, mapped": made(*_MOVED, label="alerts", shape="mapped", size=2),
    }
    for reply in ("other_batch", "other_reference", "other_recipients", "other_text", "less", "trimmed"):
        found[f"answer contradicts ({reply})"] = faults(_fault("contradicting", "send", reply=reply))
    return found


NEMESES = _nemeses()
MORE_NEMESES = _more_nemeses()
#: Of the product with these, only every nth schedule is played.
_THINNED = 3


def schedules() -> Iterator[tuple[str, Schedule]]:
    """Return all schedules with their names."""
    for nemesis, base in NEMESES.items():
        yield from _product(nemesis, base)
    for number, (nemesis, base) in enumerate(MORE_NEMESES.items()):
        yield from islice(_product(nemesis, base), number % _THINNED, None, _THINNED)


def _product(nemesis: str, base: Schedule) -> Iterator[tuple[str, Schedule]]:
    points = [(each, ()) for each in (*TASK_POINTS, *TRIGGER_POINTS)] + list(LATER_POINTS.items())
    alone = base.shape in {"single", "mapped", "loop"} and not base.ahead
    for (at, first), (kind, (act, details)) in product(points, KINDS.items()):
        if at == "between sends" and base.shape not in {"nested", "twice", "before"}:
            continue
        if at == "callback" and not base.callbacks:
            continue
        if at == "accepted, reply not sent" and base.acts & {"others send", "staging sends"}:
            # Their answer would not come either.
            continue
        schedule = replace(
            base,
            mode="defer" if alone else "send",
            retries=base.retries + 1,
            cancel_on_kill=base.cancel_on_kill or at == "cancelling",
            faults=(HANG, *base.faults) if at == "accepted, reply not sent" else base.faults,
            events=(*base.events, *first, event(at, act, **details)),
        )
        if hole(schedule) is None:
            yield f"{nemesis} / {at} / {kind}", schedule
