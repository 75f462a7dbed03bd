"""Play one schedule of a campaign and judge it."""

from __future__ import annotations

import shutil
import traceback
from collections import Counter

from tests.crash.campaign.oracle import judge, struck_between
from tests.crash.campaign.schedules import CampaignSchedule
from tests.crash.campaign.world import CampaignWorld
from tests.crash.oracle import Verdict
from tests.crash.play import Played
from tests.crash.sandbox import Sandbox

BETWEEN = "killed between first and last POST"


def play(sandbox: Sandbox, schedule: CampaignSchedule) -> Played:
    """Play a schedule; must run inside ``points.instrumented()``."""
    world = CampaignWorld(sandbox, schedule)
    try:
        world.play()
        verdict = judge(world)
    except Exception:
        verdict = Verdict(faults=[f"broke: {traceback.format_exc()}"], unexplained=1)
    if world.plans:
        shutil.rmtree(world.plans)
    for ti in world.tasks:
        verdict.states[ti.state] += 1
    world.counts[BETWEEN] += struck_between(world)
    world.counts["entries"] += len(world.entries)
    world.counts["healed by a clear"] += world.healed
    faults: Counter[str] = Counter()
    if schedule.faults and not world.healed:
        for fault in sandbox.struck():
            faults[f"{fault['kind']} on {fault['operation']}"] += fault["struck"]
    return Played(schedule, verdict, world.struck, faults, world.counts)
