"""What must hold after a schedule, whatever it was: the sandbox's ledger against what the tasks said."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from airflow.exceptions import AirflowException

from sinch_provider import failures
from sinch_provider.sms import errors
from tests.crash.actors import AFTER_DEATH
from tests.crash.payloads import Payload, item
from tests.crash.world import OutOfReachError, TaskInstance, Try, World

_MOST_REQUESTS = 150
_BATCH_ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
_TWO_WEEKS = 13 * 86_400


@dataclass
class Verdict:
    """
    What became of every recipient, and what went wrong.

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
    batches, messages = world.sandbox.ledger()
    ledger = _Ledger(world, batches, messages)
    verdict = Verdict()
    for kind, number in (
        *(("unexpected", each) for each in ledger.unexpected()),
        *(("duplicated", each) for each in ledger.duplicated()),
    ):
        verdict.recipients[kind] += 1
        verdict.faults.append(f"{kind}: {number}")
    if attempts := world.counts[AFTER_DEATH]:
        verdict.unexplained += 1
        verdict.faults.append(f"{attempts} attempts to go on after SIGKILL")
    for batch_id in ledger.cancelled_decoys:
        verdict.unexplained += 1
        verdict.faults.append(f"cancelled somebody else's batch {batch_id}")
    for ti in world.tasks:
        verdict.states[ti.state] += 1
        _judge_recipients(ti, ledger, verdict)
        for problem in _problems(world, ti, ledger):
            verdict.unexplained += 1
            verdict.faults.append(problem)
    if _everybody_once(world) and verdict.held is not world.sandbox.finds_everybody_once(
        [number for ti in world.tasks for number in ti.payload.to]
    ):
        verdict.faults.append("the sandbox's own verdict is another")
    return verdict


def _everybody_once(world: World) -> bool:
    """Whether all recipients should have one message, so that the sandbox can be asked for its verdict."""
    asked_anew = {act for act, _ in world.struck} & {"clear", "change"}
    return not asked_anew and not world.decoys and all(ti.state == "success" for ti in world.tasks)


class _Ledger:
    """What the sandbox has accepted; a message cancelled before it left counts as not sent."""

    def __init__(self, world: World, batches: list[dict[str, Any]], messages: list[dict[str, Any]]) -> None:
        self._world = world
        self.cancelled_decoys = [
            each["id"] for each in batches if each["id"] in world.decoys and each["canceled"]
        ]
        self.batches = {each["id"]: each for each in batches if each["id"] not in world.decoys}
        messages = [each for each in messages if each["batch_id"] in self.batches]
        self.live: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for message in messages:
            if message["status"] != "Cancelled":
                self.live[message["batch_id"]].append(message)
        self.reached = Counter(f"+{each['to']}" for each in messages if each["status"] != "Cancelled")

    def payload(self, batch_id: str) -> Payload:
        batch = self.batches[batch_id]
        return Payload(tuple(sorted(f"+{number}" for number in batch["to"])), batch["body"])

    def unexpected(self) -> Iterator[str]:
        """Numbers that nobody asked to text, or not with this text."""
        asked = {(number, each.payload.body) for each in self._world.tries for number in each.payload.to}
        for messages in self.live.values():
            for message in messages:
                number = f"+{message['to']}"
                if (number, message["body"]) not in asked:
                    yield number

    def duplicated(self) -> set[str]:
        """
        Numbers that were texted more often than anybody asked for.

        With ``on_clear="resend"`` each cycle, which begins with a clear, is a licence for one batch.
        """
        twice: set[str] = set()
        groups: dict[Any, list[str]] = defaultdict(list)
        if self._world.schedule.on_clear == "adopt":
            for batch_id in self.live:
                groups[self.payload(batch_id).to].append(batch_id)
        for same in groups.values():
            for extra in sorted(same)[1:]:
                twice.update(f"+{each['to']}" for each in self.live[extra])
        for number, count in self.reached.items():
            if count > self._licences(number):
                twice.add(number)
        return twice

    def _licences(self, number: str) -> int:
        if self._world.schedule.on_clear == "adopt":
            return 1
        asked = [each for each in self._world.tries if number in each.payload.to]
        return len({(each.ti.map_index, each.cycle) for each in asked})


def _judge_recipients(ti: TaskInstance, ledger: _Ledger, verdict: Verdict) -> None:
    twice = ledger.duplicated()
    for number in ti.payload.to:
        if ledger.reached[number]:
            verdict.recipients["ok"] += number not in twice
        elif ti.state == "success":
            verdict.recipients["lost"] += 1
            verdict.faults.append(f"lost: {number}, although the task succeeded")
        else:
            verdict.recipients["not sent"] += 1


def _problems(world: World, ti: TaskInstance, ledger: _Ledger) -> Iterator[str]:
    """What is wrong with what a task said, or with how it ended."""
    if ti.state == "success":
        yield from _wrong_results(world, ti, ledger)
    elif ti.error is not None and (problem := _unexplained(world, ti)):
        yield problem
    for attempt in world.tries:
        if attempt.ti is ti and attempt.error is not None and (lie := _lie(world, attempt)):
            yield lie
    for actor in world.actors:
        if actor.owner is ti and actor.requests > _MOST_REQUESTS:
            yield f"{actor.requests} requests of one process"


def _wrong_results(world: World, ti: TaskInstance, ledger: _Ledger) -> Iterator[str]:
    pushes = [each for each in world.pushed if each[0] == ti.map_index]
    by_cycle: dict[int, set[Any]] = defaultdict(set)
    for _, cycle, _, value in pushes:
        by_cycle[cycle].add(value)
    for cycle, values in by_cycle.items():
        if len(values) > 1:
            yield f"different XComs in cycle {cycle}: {sorted(map(str, values))}"
    told = [value for _, _, stale, value in pushes if not stale]
    if not told:
        yield "success without an XCom"
    elif told[-1] not in ledger.live:
        yield f"the XCom {told[-1]} is no batch that was sent"
    elif set(ledger.payload(told[-1]).to) != set(ti.payload.to):
        yield f"the XCom {told[-1]} is a batch to others"


def _lie(world: World, attempt: Try) -> str | None:
    """What an error says that the ledger knows better."""
    text = str(attempt.error)
    if world.moves or attempt.stale:
        # Another place's try, or another process, has sent the same item, and this one cannot know.
        return None
    key = attempt.ti.map_index, attempt.cycle
    items = {item(world_item, variant) for world_item in range(max(1, world.schedule.mapped))
             for variant in ("A", "text", "recipients")}  # fmt: skip
    bodies = {each.body for each in items if set(each.to) & set(attempt.payload.to)}
    sent = [
        each["id"]
        for each in attempt.known
        if not each["canceled"]
        and each["body"] in bodies
        and each["id"] not in world.decoys
        and each["id"] not in world.before.get(key, set())
    ]
    if "Nothing was sent." in text and sent:
        return f"'Nothing was sent', although {sent} was: {text}"
    named = set(_BATCH_ID.findall(text))
    if strangers := named - {each["id"] for each in attempt.known}:
        return f"batches that are not there: {strangers}: {text}"
    return None


def _unexplained(world: World, ti: TaskInstance) -> str | None:
    """Why a failure should not have happened; None if it had to."""
    error = ti.error
    assert error is not None
    cause = getattr(error, "error", None) or error
    acts = {each.act for each in world.schedule.events}
    changed = any(each.get("to") == "recipients" for each in world.schedule.events) or "move" in acts
    stopped = world.schedule.cancel_on_kill and bool(acts & {"term", "clear"})
    far = world.clock.elapsed > _TWO_WEEKS
    # The token of a service plan cannot be renewed, and that of a project is renewed once.
    refused = any(each["kind"] in {"unknown_token", "expired_token"} for each in world.schedule.faults)
    if not _is_final(error) and ti.try_number > ti.max_tries:
        known = (errors.SinchError, OutOfReachError, AirflowException)
        return None if isinstance(error, known) else f"failed with {error!r}"
    allowed: list[type[BaseException]] = []
    if changed:
        allowed.append(errors.SinchPayloadChangedError)
    if stopped:
        allowed += [errors.SinchBatchCanceledError, failures.SinchDeliveryFailed]
    if far or world.schedule.label:
        # A batch with the same label, recipients and time may be somebody else's; the task says so.
        allowed.append(errors.SinchUncertainError)
    if refused:
        allowed += [errors.SinchAuthError, errors.SinchUncertainError, failures.SinchTaskFailed]
    if isinstance(cause, tuple(allowed)):
        return None
    return f"failed without need: {type(cause).__name__}: {cause}"


def _is_final(error: BaseException) -> bool:
    return isinstance(error, failures.SinchTaskFailed)
