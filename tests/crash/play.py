"""Play one schedule and judge it."""

from __future__ import annotations

import os
import traceback
from collections import Counter
from dataclasses import dataclass, field
from unittest import mock

from tests.crash.oracle import Verdict, judge
from tests.crash.sandbox import Sandbox
from tests.crash.schedules import Schedule
from tests.crash.world import World


@dataclass
class Played:
    """A schedule, its verdict, and the events that struck."""

    schedule: Schedule
    verdict: Verdict
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)


def play(sandbox: Sandbox, schedule: Schedule) -> Played:
    """Play a schedule; must run inside ``points.instrumented()``."""
    environment = {"ALL_PROXY": f"socks5h://127.0.0.1:{sandbox.proxy.port}"} if schedule.socks else {}
    world = World(sandbox, schedule)
    try:
        with mock.patch.dict(os.environ, environment):
            world.play()
        verdict = judge(world)
    except Exception:
        verdict = Verdict(faults=[f"broke: {traceback.format_exc()}"], unexplained=1)
    faults: Counter[str] = Counter()
    if schedule.faults:
        for fault in sandbox.struck():
            faults[f"{fault['kind']} on {fault['operation']}"] += fault["struck"]
    return Played(schedule, verdict, world.struck, faults, world.counts)
