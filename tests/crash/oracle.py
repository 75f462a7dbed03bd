"""What must hold after every schedule: the sandbox's ledger is compared with what the tasks reported."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.crash import words
from tests.crash.actors import AFTER_DEATH
from tests.crash.failures import without_need
from tests.crash.payloads import Payload, item_of
from tests.crash.processes import Push
from tests.crash.world import TaskInstance, World

_MOST_REQUESTS = 150
#: Faults that can prevent a callback's only look from finding the batch of its earlier run.
_BLINDING = {
    "lost_reply", "malformed", "server_error", "late", "listing_lag", "rate_limited", "contradicting",
    "redirect", "refused_by_proxy", "listing_partial", "listing_unlabelled", "unknown_token", "expired_token",
}  # fmt: skip


@dataclass
class Verdict:
    """
    The verdict for every recipient, and all faults.

    :param recipients: ``ok``, ``lost``, ``unexpected``, ``duplicated``; and ``not sent``: the task failed
        and said so.
    :param states: How the tasks ended.
    """

    recipients: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    unexplained: int = 0

    @property
    def held(self) -> bool:
        return not self.faults


def judge(world: World) -> Verdict:
    """Compare the ledger with what every task was asked to do and what it said about it."""
    ledger = Ledger(world, *world.sandbox.ledger())
    verdict = Verdict()
    for kind, number in (
        *(("unexpected", each) for each in ledger.unexpected()),
        *(("duplicated", each) for each in sorted(ledger.duplicated())),
    ):
        verdict.recipients[kind] += 1
        verdict.faults.append(f"{kind}: {number}")
    _judge_recipients(world, ledger, verdict)
    problems = [*_broken_rules(world, ledger), *_wrong_alerts(world, ledger)]
    for ti in world.tasks:
        verdict.states[ti.state] += 1
        problems += _problems(world, ti, ledger)
    verdict.unexplained = len(problems)
    verdict.faults += problems
    if _everybody_once(world) and verdict.held is not world.sandbox.finds_everybody_once(
        [number for ti in world.tasks for payload in ti.payloads for number in payload.to]
    ):
        verdict.faults.append("the sandbox's own verdict is another")
    return verdict


def _everybody_once(world: World) -> bool:
    """Whether all recipients should have one message, so that the sandbox can be asked for its verdict."""
    asked_anew = {act for act, _ in world.struck} & {"clear", "change", "move", "replace", "update", "cancel"}
    plain = world.schedule.items == "apart" and not world.decoys and not world.alerts
    return plain and not asked_anew and all(ti.state == "success" for ti in world.tasks)


class Ledger:
    """What the sandbox has accepted; a message cancelled before it left counts as not sent."""

    def __init__(self, world: World, batches: list[dict[str, Any]], messages: list[dict[str, Any]]) -> None:
        self._world = world
        decoys = set(world.decoys)
        self.cancelled_decoys = [each["id"] for each in batches if each["id"] in decoys and each["canceled"]]
        self.batches = {each["id"]: each for each in batches if each["id"] not in decoys}
        self.live: dict[str, list[dict[str, Any]]] = defaultdict(list)
        #: How often each recipient got the text of each item, and how often each alert was sent.
        self.reached: Counter[tuple[str, int]] = Counter()
        self.alerts: Counter[str] = Counter()
        for message in messages:
            if message["batch_id"] not in self.batches or message["status"] == "Cancelled":
                continue
            if message["body"].startswith("alert"):
                self.alerts[message["body"]] += 1
                continue
            self.live[message["batch_id"]].append(message)
            self.reached[f"+{message['to']}", item_of(message["body"])] += 1

    def payload(self, batch_id: str) -> Payload:
        batch = self.batches[batch_id]
        to = tuple(sorted(f"+{number}" for number in batch["to"]))
        return Payload(to, batch["body"], item_of(batch["body"]))

    def unexpected(self) -> Iterator[str]:
        """Numbers that nobody asked to text, or not with this text."""
        asked = {
            (number, payload.body)
            for attempt in self._world.attempts
            for payload in attempt.payloads
            for number in payload.to
        }
        for messages in self.live.values():
            for message in messages:
                if (f"+{message['to']}", message["body"]) not in asked | self._world.changed:
                    yield f"+{message['to']}"

    def duplicated(self) -> set[str]:
        """Numbers that were texted more often than anybody asked for."""
        return {
            number for (number, sent), count in self.reached.items() if count > self._licences(number, sent)
        }

    def _licences(self, number: str, sent: int) -> int:
        """
        Return how many texts of one send a recipient may get.

        With ``on_clear="resend"`` each cycle, which begins with a clear, is a licence for one batch.
        """
        asked: dict[Any, int] = defaultdict(int)
        for attempt in self._world.attempts:
            times = sum(number in each.to and each.item == sent for each in attempt.payloads)
            key = attempt.ti.place, attempt.cycle
            asked[key] = max(asked[key], times)
        if self._world.schedule.on_clear == "resend":
            unnoticed = {place: self._world.unnoticed[place] for place, _ in asked}
            return sum(asked.values()) + sum(unnoticed.values())
        schedule = self._world.schedule
        return schedule.size if schedule.items == "same" and not schedule.keyed else 1


def _judge_recipients(world: World, ledger: Ledger, verdict: Verdict) -> None:
    twice = ledger.duplicated()
    # Iterations of a loop are separate sends even if their text is the same; mapped items may count as one.
    each_alone = world.schedule.shape == "loop" and not world.schedule.keyed
    needed: Counter[tuple[str, int]] = Counter()
    for ti in world.tasks:
        for payload in ti.payloads:
            for number in payload.to:
                needed[number, payload.item] += ti.state == "success"
                told = ledger.reached[number, payload.item]
                if told >= (needed[number, payload.item] if each_alone else 1):
                    verdict.recipients["ok"] += number not in twice
                elif ti.state == "success":
                    verdict.recipients["lost"] += 1
                    verdict.faults.append(f"lost: {number}, although the task succeeded")
                else:
                    verdict.recipients["not sent"] += 1


def _broken_rules(world: World, ledger: Ledger) -> Iterator[str]:
    if actions := world.counts[AFTER_DEATH]:
        yield f"{actions} actions after SIGKILL"
    for batch_id in ledger.cancelled_decoys:
        yield f"cancelled somebody else's batch {batch_id}"
    for batch_id, sender in world.cancelled.items():
        again = {each for push in world.pushed if (push.ti.place, push.cycle) == sender for each in push.ids}
        if world.schedule.size == 1 and again - set(world.cancelled):
            yield f"sent again without a clear, although a person had cancelled {batch_id}"


def _wrong_alerts(world: World, ledger: Ledger) -> Iterator[str]:
    """An alert goes out once for each callback; twice if the look for the first one had to fail."""
    struck = {fault["kind"] for fault in world.schedule.faults} & _BLINDING
    blind = (
        struck
        or world.schedule.label
        or world.schedule.acts & {"stop", "kill", "term", "rotate", "other account"}
    )
    for body, alert in world.alerts.items():
        sent = ledger.alerts[body]
        if alert.told and not sent:
            yield f"'{body}' was never sent, although its callback ended well"
        if sent > (2 * alert.runs if blind else 1):
            yield f"'{body}' was sent {sent} times in {alert.runs} runs of its callback"
    if unknown := set(ledger.alerts) - set(world.alerts):
        yield f"alerts of nobody: {sorted(unknown)}"


def _problems(world: World, ti: TaskInstance, ledger: Ledger) -> Iterator[str]:
    """What is wrong with what a task said, or with how it ended."""
    if ti.state == "success":
        yield from _wrong_results(world, ti, ledger)
    elif ti.error is not None and (problem := without_need(world, ti)):
        yield problem
    for attempt in world.attempts:
        if attempt.ti is ti and attempt.error is not None and (lie := words.lie(world, attempt)):
            yield lie
    for actor in world.actors:
        if actor.owner is ti and actor.requests > _MOST_REQUESTS * max(1, len(ti.payloads)):
            yield f"{actor.requests} requests of one process"


def _wrong_results(world: World, ti: TaskInstance, ledger: Ledger) -> Iterator[str]:
    pushes = [each for each in world.pushed if each.ti is ti]
    if world.schedule.items != "same" and not world.unnoticed[ti.place]:
        # Identical items may count as one send. Airflow may see no new cycle where this model sees one.
        yield from _changing_results(pushes)
    told = [each for each in pushes if not each.stale]
    if not told:
        yield "success without an XCom"
        return
    new = world.schedule.on_clear == "resend" and ti.cycle > 1
    for batch_id, payload in zip(told[-1].ids, ti.payloads, strict=True):
        if batch_id not in ledger.live:
            yield f"the XCom {batch_id} is no batch that was sent"
        elif not set(payload.to) <= set(ledger.payload(batch_id).to):
            yield f"the XCom {batch_id} is a batch to others"
        elif ledger.payload(batch_id).item != payload.item:
            yield f"the XCom {batch_id} is a batch of another send"
        elif new and batch_id in world.before[ti.place, ti.cycle]:
            yield f"the XCom {batch_id} is older than the clear that asked for a new send"


def _changing_results(pushes: list[Push]) -> Iterator[str]:
    found: dict[Any, set[str]] = defaultdict(set)
    for push in pushes:
        for batch_id, payload in zip(push.ids, push.payloads, strict=True):
            found[push.cycle, payload.item, payload.to].add(batch_id)
    for (cycle, sent, _), ids in found.items():
        if len(ids) > 1 and max(len(each.payloads) for each in pushes) == len(
            {(p.item, p.to) for p in pushes[0].payloads}
        ):
            yield f"different XComs of item {sent} in cycle {cycle}: {sorted(ids)}"
