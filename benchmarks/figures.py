"""What a benchmark measured, and the form in which every benchmark reports it."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

#: The fewest rounds that a published figure rests on.
ROUNDS: Final = 5


@dataclass(frozen=True)
class Figure:
    """
    One quantity, measured once in each round.

    :param key: A name that does not change, such as ``send.operator``.
    :param title: What it is, for tables and plots.
    :param unit: Such as ``ms`` or ``s``; empty for a plain number.
    :param rounds: One value per round.
    :param limit: The most that we promise for the median; None without a promise.
    """

    key: str
    title: str
    unit: str
    rounds: Sequence[float]
    limit: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


@dataclass(frozen=True)
class Ratio:
    """
    One figure compared with that of a peer, which was measured in the same rounds.

    :param key: A name that does not change, such as ``send.operator/sdk``.
    :param title: What is compared.
    :param ours: The key of the first figure.
    :param peer: The key of the second figure.
    :param limit: The most that we promise; None without a promise.
    """

    key: str
    title: str
    ours: str
    peer: str
    limit: float | None = None


@dataclass(frozen=True)
class Plot:
    """
    A picture of a result.

    :param key: The name of its file.
    :param x: What the horizontal axis shows.
    :param y: What the vertical axis shows.
    :param lines: Points of lines by label, for measurements at several sizes. Without lines, the picture
        shows the medians of the figures ``bars`` as bars.
    :param bars: Keys of figures.
    :param log: Whether both axes are logarithmic. Bars have only one, that of the values.
    """

    key: str
    title: str
    x: str = ""
    y: str = ""
    lines: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    bars: Sequence[str] = ()
    log: bool = False
    kind: Literal["lines", "bars"] = "bars"


@dataclass(frozen=True)
class Result:
    """
    All that one benchmark found.

    :param name: The name of the script.
    :param title: What it measures, one line.
    :param floor: What the least possible work costs, and what that is: no client can be cheaper.
    :param notes: What a reader has to know, one sentence each.
    """

    name: str
    title: str
    floor: str
    figures: Sequence[Figure]
    ratios: Sequence[Ratio] = ()
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        named = {key for ratio in self.ratios for key in (ratio.ours, ratio.peer)}
        named.update(key for plot in self.plots for key in plot.bars)
        if unknown := named - {figure.key for figure in self.figures}:
            raise ValueError(f"{self.name}: a ratio or a plot names {min(unknown)!r}, which is no figure")

    def figure(self, key: str) -> Figure:
        return next(figure for figure in self.figures if figure.key == key)

    def median(self, key: str) -> float:
        return self.figure(key).median

    def ratio(self, ratio: Ratio) -> float:
        """The ratio of the medians."""
        return self.median(ratio.ours) / self.median(ratio.peer)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it, and what follows from it: medians, extremes, ratios."""
        figures = [
            {
                **asdict(figure),
                "rounds": [_rounded(value) for value in figure.rounds],
                "median": _rounded(figure.median),
                "min": _rounded(min(figure.rounds)),
                "max": _rounded(max(figure.rounds)),
            }
            for figure in self.figures
        ]
        ratios = [{**asdict(ratio), "value": _rounded(self.ratio(ratio))} for ratio in self.ratios]
        plots = [
            {
                **asdict(plot),
                "lines": {
                    label: [[_rounded(x), _rounded(y)] for x, y in points]
                    for label, points in plot.lines.items()
                },
            }
            for plot in self.plots
        ]
        return {**asdict(self), "figures": figures, "ratios": ratios, "plots": plots}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Result:
        """The result of which :meth:`to_dict` made this."""
        derived = ("median", "min", "max", "value")

        def fields(entry: Mapping[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in entry.items() if name not in derived}

        return cls(
            name=found["name"],
            title=found["title"],
            floor=found["floor"],
            figures=[Figure(**fields(each)) for each in found["figures"]],
            ratios=[Ratio(**fields(each)) for each in found["ratios"]],
            plots=[Plot(**each) for each in found["plots"]],
            notes=found["notes"],
        )


def _rounded(value: float) -> float:
    """Six digits: what a clock measures has no more, and a file of them can be read."""
    return value if isinstance(value, int) else float(f"{value:.6g}")


def readable(value: float) -> str:
    """Three digits of a measured value, all digits of one that was counted."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{2 - math.floor(math.log10(abs(value)))}f}"


def main(measure: Callable[[int], Result]) -> None:
    """Run one benchmark from the command line: print its figures, and write them as JSON if asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often everything is measured")
    parser.add_argument("--json", type=Path, help="write the result into this file")
    arguments = parser.parse_args()
    result = measure(arguments.rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps(result.to_dict(), indent=1) + "\n")
    _print(result)


def _print(result: Result) -> None:
    out = sys.stdout.write
    out(f"{result.title}\n  floor: {result.floor}\n")
    for figure in result.figures:
        low, high = readable(min(figure.rounds)), readable(max(figure.rounds))
        promise = "" if figure.limit is None else f", at most {figure.limit:,g}"
        out(
            f"  {figure.title}: {readable(figure.median)} {figure.unit} "
            f"({low} to {high}, {len(figure.rounds)} rounds{promise})\n"
        )
    for ratio in result.ratios:
        promise = "" if ratio.limit is None else f" (at most {ratio.limit:,g})"
        out(f"  {ratio.title}: {result.ratio(ratio):.3f}{promise}\n")
    for note in result.notes:
        out(f"  note: {note}\n")
