"""What must hold after every schedule of a campaign: Sinch's ledger is compared with what the task said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException

from sinch_provider.sms import errors
from sinch_provider.sms.campaign.exclusions import MAX_AGE
from sinch_provider.task import failures
from tests.crash.actors import AFTER_DEATH
from tests.crash.campaign.world import NINE, CampaignWorld, Entry, number, person_of, texts_of
from tests.crash.oracle import Verdict
from tests.crash.processes import OutOfReachError

_MOST_REQUESTS = 300
#: Events and faults that let time pass between cutting a batch and its request.
_DELAYS = {"pause", "stop", "slow", "api down", "refused", "clear"}
#: After these, a process may keep a plan that its successor does not know.
_OUTLIVED = {"pause", "stop", "slow", "api down", "clear", "redeploy"}
_DELAYING = {"rate_limited", "server_error", "lost_reply", "expired_token", "unknown_token"}


def judge(world: CampaignWorld) -> Verdict:
    """Compare the ledger with what every entry was asked to do, and with what it said."""
    batches, messages = world.sandbox.ledger()
    decoys = set(world.decoys)
    texted: Counter[str] = Counter()
    verdict = Verdict()
    wrong: list[str] = []
    for message in messages:
        if message["batch_id"] in decoys or message["status"] == "Cancelled":
            continue
        texted[message["to"]] += 1
        if message["body"] not in texts_of(person_of(message["to"])):
            wrong.append(f"got somebody else's text: {message['to']}")
    _judge_people(world, texted, verdict)
    problems = [*wrong, *world.broken, *_excluded(world), *_outside(world), *_ends(world)]
    if world.schedule.cap is not None and len(texted) > world.schedule.cap:
        problems.append(f"{len(texted)} people got a text, and {world.schedule.cap} may")
    if actions := world.counts[AFTER_DEATH]:
        problems.append(f"{actions} actions after SIGKILL")
    if missing := [each["id"] for each in batches if each["id"] in decoys and each["canceled"]]:
        problems.append(f"cancelled somebody else's batches {missing}")
    for actor in world.actors:
        if actor.requests > _MOST_REQUESTS:
            problems.append(f"{actor.requests} requests of one process")
    verdict.unexplained = len(problems)
    verdict.faults += problems
    return verdict


def _judge_people(world: CampaignWorld, texted: Counter[str], verdict: Verdict) -> None:
    repeated = Counter(each for people in world.repeated for each in people)
    asked = {number(person) for entry in world.entries for person in entry.people}
    for each, times in sorted(texted.items()):
        if each not in asked:
            verdict.recipients["unexpected"] += 1
            verdict.faults.append(f"unexpected: {each}")
        elif times > 1 + repeated[each]:
            verdict.recipients["duplicated"] += 1
            verdict.faults.append(f"duplicated: {each} got {times}")
        else:
            verdict.recipients["ok"] += 1
    last = next((each for each in reversed(world.entries) if each.succeeded), None)
    for each in sorted(_needed(world, last)) if last else ():
        if not texted[each]:
            verdict.recipients["lost"] += 1
            verdict.faults.append(f"lost: {each}, although the task succeeded")
    verdict.recipients["not sent"] += len(asked - set(texted))


def _needed(world: CampaignWorld, entry: Entry) -> set[str]:
    """Whom an entry that ended well has texted, or an earlier one."""
    late = {each for each, at in world.cancelled_people.items() if at >= entry.began}
    return {number(person) for person in entry.people} - set(world.excluded) - late


def _excluded(world: CampaignWorld) -> Iterator[str]:
    """Requests to people who had been excluded for longer than the exclusions may be old."""
    delayed = _delays(world)
    if "exclusions gone" in world.schedule.acts:
        # An entry that begins then cannot know; one that knew refuses, which is checked where it cuts.
        return
    for post in world.posts:
        at = post.cut if delayed else post.at
        for each in post.people:
            since = world.excluded.get(each)
            if since is not None and at > since + MAX_AGE:
                yield f"texted {at - since:.0f} s after being excluded: {each}"


def _delays(world: CampaignWorld) -> bool:
    """Whether time may pass between making a batch and its request."""
    schedule = world.schedule
    kinds = {each["kind"] for each in schedule.faults}
    return bool(schedule.acts & _DELAYS or kinds & _DELAYING)


def _outside(world: CampaignWorld) -> Iterator[str]:
    """Requests that have left outside the window."""
    if world.schedule.window is None:
        return
    opens, closes = (int(each[:2]) * 60 + int(each[3:]) for each in world.schedule.window)
    # The clocks of the workers say what time it is.
    wrong = (max(map(abs, world.schedule.skews)) + 1) / 60
    for post in world.posts:
        at = post.cut if _delays(world) else post.at
        minute = (NINE * 60 + (at - world.opened) / 60) % (24 * 60)
        if not opens - wrong <= minute < closes + wrong:
            yield f"texted at {minute // 60:.0f}:{minute % 60:02.0f}, outside the window"


def _ends(world: CampaignWorld) -> Iterator[str]:
    """How the task has ended, and whether what it said is true."""
    (ti,), schedule = world.tasks, world.schedule
    yield from (lie for entry in world.entries if (lie := _lie(entry)))
    if ti.state == "success" and world.plans and not schedule.acts & _OUTLIVED and any(world.plans.iterdir()):
        yield "a plan is left"
    undelivered = schedule.dispatch > 60 or "cancel batch" in schedule.acts
    if any("The canary has stopped" in str(each.error) for each in world.entries) and not undelivered:
        yield "the canary has stopped the campaign, although its texts were delivered"
    if ti.state == "success" or world.is_given_up:
        return
    cause = getattr(ti.error, "error", None) or ti.error
    known = (errors.SinchError, OutOfReachError, AirflowException)
    told = f"{type(cause).__name__}: {cause}"
    if not isinstance(ti.error, (failures.SinchTaskFailed, *known)):
        yield f"failed with {told}"
    elif world.healed:
        yield f"a clear without any trouble fails: {told}"


def _lie(entry: Entry) -> str | None:
    told = str(entry.error or "")
    if "Nothing was sent." in told and entry.accepted:
        return f"'Nothing was sent', although {entry.accepted} people were texted: {told}"
    summary: Any = entry.summary
    if summary is None or not entry.succeeded:
        return None
    people = len(set(entry.people))
    if summary["people"] != people:
        return f"the summary counts {summary['people']} of {people} people"
    return None


def struck_between(world: CampaignWorld) -> int:
    """Return how many kills came between the first and the last request to send."""
    return sum(0 < each < len(world.posts) for each in world.posts_at_kills)
