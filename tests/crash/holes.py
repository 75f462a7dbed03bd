"""What the guarantee leaves open, and says so: the harness does not count it, ``test_window.py`` shows it."""

from __future__ import annotations

from tests.crash.points import TASK_POINTS, UNGUARDED
from tests.crash.schedules import Schedule

_LISTED = 13 * 86_400.0
_BEFORE_SENDING = {*TASK_POINTS[:5], "looking", "waiting"}
_BEFORE_REPEATING = {"accepted, reply not sent", "reply sent, not read"}


def hole(schedule: Schedule) -> str | None:
    """Say which of the holes a schedule may fall into."""
    acts = {each.act for each in schedule.events}
    stopped = {each.at for each in schedule.events if each.act == "stop" and each.get("resume") != "before"}
    traceless = not schedule.has_journal or bool(acts & {"wipe journal", "garble journal"})
    if stopped & set(UNGUARDED):
        return "paused after the last check, gone on with after its retry has sent"
    to_send = _BEFORE_SENDING | (_BEFORE_REPEATING if _may_send_again(schedule) else set())
    if stopped & to_send and not schedule.has_journal:
        return "no journal, and paused before the request leaves"
    times = [schedule.retry_delay, *(each.get("seconds", 0.0) for each in schedule.events)]
    if (traceless or "move" in acts) and max(times) >= _LISTED / 2:
        return "no journal, or that of another place, and tries further apart than Sinch lists batches"
    if "wipe journal" in acts:
        return "somebody deletes the journal, and an empty one proves that nothing was sent"
    if traceless and schedule.label and acts & {"change", "move"}:
        return "no journal, a label that others use too, and other recipients or another text"
    return None


def _may_send_again(schedule: Schedule) -> bool:
    """Whether a send may be answered although it took no effect, so that its process sends another time."""
    without_effect = {"expired_token", "rate_limited", "server_error"}
    return any(
        each["operation"] == "send" and (each["kind"] in without_effect or each.get("when") == "before")
        for each in schedule.faults
    )
