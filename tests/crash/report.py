"""Totals of the schedules that were played, and how they are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.crash.nemeses import KILLS
from tests.crash.play import Played

_CLASSES = ("ok", "not sent", "duplicated", "lost", "unexpected")


class Report:
    """Totals over many schedules."""

    def __init__(self) -> None:
        self.schedules = self.unexplained = 0
        self.recipients: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self.struck: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.failed: list[Played] = []

    def add(self, played: Played) -> None:
        """Add one schedule."""
        self.schedules += 1
        self.recipients += played.verdict.recipients
        self.states += played.verdict.states
        self.struck += played.struck
        self.faults += played.faults
        self.counts += played.counts
        self.unexplained += played.verdict.unexplained
        if not played.verdict.held:
            self.failed.append(played)

    def lines(self) -> Iterable[str]:
        """Write the totals as lines."""
        kills = {key: n for key, n in self.struck.items() if key[0] in {*KILLS, "pause"}}
        faults = sum(self.faults.values())
        yield f"{self.schedules} schedules, {sum(kills.values())} kills, {faults} faults struck"
        yield ""
        yield (
            "kills by point" + " " * 14 + "".join(f"{name:>8}" for name in ("KILL", "TERM", "STOP", "pause"))
        )
        for point in dict.fromkeys(name for _, name in sorted(kills, key=lambda key: key[1])):
            cells = "".join(f"{kills.get((act, point), 0):>8}" for act in (*KILLS, "pause"))
            yield f"  {point:<26}{cells}"
        yield "faults struck: " + _told(self.faults)
        others = Counter[str]()
        for (act, _), n in self.struck.items():
            if act not in {*KILLS, "pause"}:
                others[act] += n
        yield "in Airflow: " + _told(others)
        yield "passed: " + _told(self.counts)
        yield "tasks: " + _told(self.states)
        yield "recipients: " + ", ".join(f"{name} {self.recipients[name]}" for name in _CLASSES)
        yield (
            f"{self.recipients['duplicated']} duplicated, {self.recipients['lost']} lost, "
            f"{self.recipients['unexpected']} unexpected, {self.unexplained} unexplained"
        )


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "none"
