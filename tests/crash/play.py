"""Play one schedule and judge it."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field

from tests.crash.oracle import Verdict, judge
from tests.crash.sandbox import Sandbox
from tests.crash.schedules import Schedule
from tests.crash.world import World


@dataclass
class Played:
    """A schedule, what it came to, and what struck."""

    schedule: Schedule
    verdict: Verdict
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)


def play(sandbox: Sandbox, schedule: Schedule) -> Played:
    """Play a schedule; must run inside ``points.instrumented()``."""
    world = World(sandbox, schedule)
    try:
        world.play()
        verdict = judge(world)
    except Exception:
        verdict = Verdict(faults=[f"broke: {traceback.format_exc()}"], unexplained=1)
    faults: Counter[str] = Counter()
    if schedule.faults:
        for fault in sandbox.struck():
            faults[f"{fault['kind']} on {fault['operation']}"] += fault["struck"]
    return Played(schedule, verdict, world.struck, faults, world.counts)
