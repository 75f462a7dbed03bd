"""
``python -m tests.crash``: the exhaustive product and random schedules, on several processes.

``python -m tests.crash.campaign`` does the same for campaigns.

``--only 'JSON'`` plays one schedule, as printed for a failing one.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

from tests.crash.harnesses import HARNESSES
from tests.crash.workers import hush, play_all, player, prepare_airflow

_SHOWN = 10


def main(name: str = "sends", program: str = "python -m tests.crash", many: int = 10_000) -> int:
    """Play the schedules of a harness, and print what came of them."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--random", type=int, default=many, help="random schedules (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first random schedule (%(default)s)")
    parser.add_argument("--no-exhaustive", action="store_true", help="do not play the exhaustive product")
    parser.add_argument("--every", type=int, default=1, help="play only every nth schedule of the product")
    parser.add_argument("--only", help="play this schedule: JSON, or the seed of a random one")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    prepare_airflow()
    from tests.crash.report import Report

    if given.only:
        return _only(name, given.only)
    harness = HARNESSES[name]()
    hush()
    parts = []
    if not given.no_exhaustive:
        product = [schedule.to_json() for _, schedule in harness.schedules()][:: given.every]
        parts.append(("exhaustive", product))
    if given.random:
        parts.append(("random", [str(seed) for seed in range(given.seed, given.seed + given.random)]))
    failed = []
    for part, texts in parts:
        report, began = Report(), time.monotonic()
        for played in play_all(name, texts, given.workers):
            report.add(played)
        told = f", seeds {texts[0]} to {texts[-1]}" if part == "random" else ""
        print(f"\n== {part}{told}: {time.monotonic() - began:.0f} s")
        print("\n".join(report.lines()), flush=True)
        failed += report.failed
    if not failed:
        return 0
    from tests.crash.shrink import shrunk

    print(f"\n{len(failed)} schedules failed")
    with player(name) as play:
        for played in failed[:_SHOWN]:
            smallest = shrunk(played.schedule, lambda each: not play(each).verdict.held)
            print(f"\n{program} --only '{smallest.to_json()}'")
            print("  " + "\n  ".join(play(smallest).verdict.faults))
    return 1


def _only(name: str, text: str) -> int:
    from tests.crash.report import Report

    schedule = HARNESSES[name]().read(text)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with player(name) as play:
        played = play(schedule)
    report = Report()
    report.add(played)
    print(schedule.to_json())
    print("\n".join([*report.lines(), *played.verdict.faults]))
    return 0 if played.verdict.held else 1


if __name__ == "__main__":
    sys.exit(main())
