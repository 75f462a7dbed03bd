"""Decides which messages a batch consists of and when each of them leaves.

Most batches are planned when they are accepted. A batch for a later time is planned at its start if it has
groups among its recipients, since their members at that time count, or if the account has a rate, since
turns go by the order of starts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace as with_changes
from typing import NamedTuple

from sinch_sandbox.core import phone
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.batches import Batch, Message
from sinch_sandbox.core.store.queue import Turns, in_order
from sinch_sandbox.core.times import SECOND
from sinch_sandbox.sinch import groups
from sinch_sandbox.sinch.composing import Schedule, common_text, compose


class _Plan(NamedTuple):
    batch: Batch
    messages: list[Message]
    waits: bool
    turns: Turns | None


def groups_among(targets: Iterable[str]) -> list[str]:
    return [target for target in targets if phone.is_group_id(target)]


def recipients(sandbox: Sandbox, account: str, targets: list[str], *, expand: bool = True) -> list[str]:
    """The numbers a batch goes to now; without ``expand`` only those it names itself."""
    numbers = targets
    if groups_among(targets):
        numbers = []
        for target in targets:
            if not phone.is_group_id(target):
                numbers.append(target)
            elif expand:
                numbers += groups.members_now(sandbox, account, target)
    return list(dict.fromkeys(numbers)) if sandbox.settings.duplicate_recipients == "one" else numbers


def accept(sandbox: Sandbox, batch: Batch, listed_at: int) -> Batch:
    """Write a new batch and its planned messages to the store."""
    settle(sandbox, batch.created_at)
    plan = _plan(sandbox, batch, batch.created_at)
    with sandbox.store.transaction():
        seq = sandbox.store.batches.add(plan.batch, common_text(batch.fields), plan.messages, listed_at)
        accepted = with_changes(plan.batch, seq=seq)
        _queue(sandbox, plan._replace(batch=accepted))
    return accepted


def settle(sandbox: Sandbox, now: int | None = None) -> None:
    """Let late calls take effect and plan the batches whose time has come.

    Call this before reading what was sent, and before changing what plans depend on.
    """
    now = sandbox.clock.now() if now is None else now
    for at, effect in sandbox.late.due(now):
        _start_waiting(sandbox, at)
        effect(at)
    _start_waiting(sandbox, now)


def _start_waiting(sandbox: Sandbox, now: int) -> None:
    if now < sandbox.store.queue.next_start():
        return
    with sandbox.store.transaction():
        for batch in sandbox.store.queue.due(now):
            _write(sandbox, _plan(sandbox, batch, now))


def change(sandbox: Sandbox, changed: Batch, now: int) -> Batch:
    """Plan a changed batch again, and with it those behind it in the queue."""
    with sandbox.store.transaction():
        behind = sandbox.store.queue.behind(changed, now)
        planned = _replan(sandbox, in_order([changed, *behind]), now, changed)
    return next(batch for batch in planned if batch.seq == changed.seq)


def cancel(sandbox: Sandbox, batch: Batch, now: int) -> None:
    """Stop the messages that have not left yet; batches behind this one move up."""
    with sandbox.store.transaction():
        sandbox.store.batches.cancel(batch, now, sandbox.settings.cancelled_status)
        turns, behind = sandbox.store.queue.turns(batch), sandbox.store.queue.behind(batch, now)
        sandbox.store.queue.leave(batch)
        if turns is None or turns.free_at <= now:
            return
        if turns.first_at <= now:
            taken = math.floor((now - turns.first_at) / turns.every) + 1
            sandbox.store.queue.take(batch, turns._replace(free_at=turns.first_at + taken * turns.every))
        _replan(sandbox, behind, now)


def _replan(sandbox: Sandbox, batches: list[Batch], now: int, changed: Batch | None = None) -> list[Batch]:
    """Give new turns to batches that have not begun; only the changed one may get other recipients."""
    turns = [sandbox.store.queue.turns(batch) for batch in batches]
    for batch in batches:
        sandbox.store.queue.leave(batch)
    planned = []
    for batch, before in zip(batches, turns, strict=True):
        known = None if batch is changed else sandbox.store.messages.recipients(batch)
        planned.append(_write(sandbox, _plan(sandbox, batch, now, before, known)))
    return planned


def _plan(
    sandbox: Sandbox, batch: Batch, now: int, before: Turns | None = None, known: list[str] | None = None
) -> _Plan:
    """
    :param before: the turns it had before; turns that have passed do not change.
    :param known: its recipients, if its groups have been expanded already.
    """
    rate = sandbox.settings.plan_rate
    targets = batch.fields["to"]
    waits = batch.starts_at > now and (rate is not None or bool(groups_among(targets)))
    if known is None:
        known = recipients(sandbox, batch.account, targets, expand=not waits)
    first_at: float = batch.starts_at
    every = 0.0
    if before is not None:
        first_at = max(first_at, min(now, before.first_at))
    if rate is not None and not waits:
        first_at = max(first_at, sandbox.store.queue.free_at(batch.account))
        every = SECOND / rate
    messages = compose(
        batch.fields,
        known,
        Schedule(first_at, batch.expires_at, every),
        sandbox.outcomes,
        sandbox.settings,
    )
    turns = None
    if every:
        in_time = max(0, math.ceil((batch.expires_at - first_at) / every))
        turns = Turns(first_at, every, first_at + min(len(messages), in_time) * every)
    leaving = [
        message.final_at if message.dispatched_at is None else message.dispatched_at for message in messages
    ]
    leaves_at = min((at for at in leaving if at is not None), default=None if waits else batch.starts_at)
    return _Plan(with_changes(batch, leaves_at=leaves_at), messages, waits, turns)


def _write(sandbox: Sandbox, plan: _Plan) -> Batch:
    sandbox.store.batches.rewrite(plan.batch, common_text(plan.batch.fields), plan.messages)
    sandbox.store.queue.leave(plan.batch)
    _queue(sandbox, plan)
    return plan.batch


def _queue(sandbox: Sandbox, plan: _Plan) -> None:
    if plan.waits:
        sandbox.store.queue.wait(plan.batch)
    elif plan.turns is not None:
        sandbox.store.queue.take(plan.batch, plan.turns)
