"""
The known gaps of the guarantee. The harness leaves them out, and ``test_holes.py`` shows each of them.

``docs/guarantees.md`` lists the same gaps.
"""

from __future__ import annotations

from tests.crash.points import TASK_POINTS, UNGUARDED
from tests.crash.schedules import Schedule

#: Three times the connection's time limit, and how long Sinch may take to list what it has accepted.
SETTLES = 3 * 30.0 + 45.0
_BEFORE_SENDING = {*TASK_POINTS[:5], "looking", "waiting", "between sends"}
_BEFORE_REPEATING = {"accepted, reply not sent", "reply sent, not read"}
_BEFORE_THE_NEXT = {*TASK_POINTS[:9], "between sends"}

PAUSED = "paused between the last permission and the first byte"
LATE = "accepted later than 3 x timeout + 45 s"
REPLACED = "no journal, and a replaced attempt that still runs"
DELETED = "somebody deletes or edits the journal"
ACCOUNT = "no journal that can be read, or one that a clear deleted, and another account since"
LABEL = (
    "a client_reference of the user's own, and somebody else's batch with the same message, sent after the "
    "intent or shortly before it, by less than the difference of the workers' clocks"
)
LIES = "a listing that is neither filtered nor labelled, and the same message by somebody else"
RUNNING = "to send again: a clear that deletes the journal of a retry that has not read it yet, and runs on"
SAME_KEY = "two mapped items with the same send_key"
QUIET = "mapped items that moved, and a clear that does not count as one of the run"


def hole(schedule: Schedule) -> str | None:
    """Return the gap that a schedule may hit, or None."""
    acts = schedule.acts
    stops = [each for each in schedule.events if each.act == "stop"]
    # A process that is stopped a second time continues only at the end.
    stopped = {each.at for each in stops if each.get("resume") != "before" or len(stops) > 1}
    if stopped & set(UNGUARDED):
        return PAUSED
    if _latest(schedule) > SETTLES:
        return LATE
    to_send = _BEFORE_SENDING | (_BEFORE_REPEATING if _may_send_again(schedule) else set())
    if schedule.shape in {"nested", "twice", "before"}:
        to_send |= _BEFORE_THE_NEXT
    if stopped & to_send and not schedule.has_journal:
        return REPLACED
    if "wipe journal" in acts:
        # A garbled journal is recognised.
        return DELETED
    wiped = schedule.airflow in {"3.4", "3.3 clear_on_success"} and "clear" in acts
    if "other account" in acts and (wiped or not schedule.has_journal or "garble journal" in acts):
        return ACCOUNT
    if any(each.act == "others send" and each.get("same") for each in schedule.events):
        return LABEL
    if schedule.label and len(set(schedule.skews)) > 1:
        return LABEL
    if schedule.keyed and schedule.items == "same" and schedule.shape == "mapped":
        return SAME_KEY
    if {"listing_unfiltered", "listing_unlabelled"} <= {each["kind"] for each in schedule.faults}:
        return LIES
    if schedule.airflow == "3.4" and schedule.on_clear == "resend" and _runs_on(schedule):
        return RUNNING
    quiet = any(each.get("quiet") for each in schedule.events)
    if quiet and "move" in acts:
        return QUIET
    return None


def _runs_on(schedule: Schedule) -> bool:
    """Whether an attempt, or an operator inside it, may continue after a clear that it does not notice."""
    cleared = [each for each in schedule.events if each.act == "clear" and each.at != "finished"]
    return any(each.get("deaf") or schedule.shape in {"nested", "before"} for each in cleared)


def _latest(schedule: Schedule) -> float:
    """Return the seconds after which a batch is listed at the latest."""
    accepted = [each.get("seconds", 1.0) for each in schedule.faults if each["kind"] == "late"]
    lags = [each.get("seconds", 1.0) for each in schedule.faults if each["kind"] == "listing_lag"]
    return max(accepted, default=0.0) + max(lags, default=0.0)


def _may_send_again(schedule: Schedule) -> bool:
    """Whether a send may be answered without an effect, so that its process sends again."""
    without_effect = {"expired_token", "rate_limited", "server_error", "redirect", "refused_by_proxy"}
    return any(
        each["operation"] == "send" and (each["kind"] in without_effect or each.get("when") == "before")
        for each in schedule.faults
    )
