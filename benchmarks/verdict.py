"""Whether a result keeps what we promise, and what the committed one had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from figures import Result, readable

#: A ratio may be this much higher than the committed one. Less than that is noise.
WORSE: Final = 4 / 3


@dataclass(frozen=True)
class Finding:
    """
    One thing to know about a result.

    :param is_bad: Whether the run has failed because of it.
    """

    text: str
    is_bad: bool


def findings(committed: Sequence[Result], measured: Sequence[Result]) -> list[Finding]:
    """
    Compare what was measured with the limits, and with the committed results of the same benchmarks.

    Seconds are not compared with committed seconds, because machines differ; ratios are.
    """
    before = {result.name: result for result in committed}
    found: list[Finding] = []
    for result in measured:
        found += _broken_limits(result)
        if result.name in before:
            found += _changes(before[result.name], result)
        else:
            found.append(Finding(f"{result.name} is new", is_bad=False))
    return found


def _broken_limits(result: Result) -> Iterator[Finding]:
    for figure in result.figures:
        if figure.limit is not None and figure.median > figure.limit:
            value = f"{readable(figure.median)} {figure.unit}".strip()
            yield Finding(_above(figure.title, figure.key, value, figure.limit), is_bad=True)
    for ratio in result.ratios:
        if ratio.limit is not None and result.ratio(ratio) > ratio.limit:
            value = f"{result.ratio(ratio):.3f}"
            yield Finding(_above(ratio.title, ratio.key, value, ratio.limit), is_bad=True)


def _above(title: str, key: str, value: str, limit: float) -> str:
    return f"above its limit: {title} ({key}): {value}, at most {limit:,g} is promised"


def _changes(before: Result, now: Result) -> Iterator[Finding]:
    ratios = {ratio.key: before.ratio(ratio) for ratio in before.ratios}
    for ratio in now.ratios:
        value = now.ratio(ratio)
        if ratio.key not in ratios:
            yield Finding(f"new ratio: {ratio.title} ({ratio.key}): {value:.3f}", is_bad=False)
        elif value > ratios[ratio.key] * WORSE:
            text = f"worse: {ratio.title} ({ratio.key}): {value:.3f}, was {ratios[ratio.key]:.3f}"
            yield Finding(text, is_bad=True)
    # Nothing would notice any more if it got worse.
    for key in sorted(ratios.keys() - {ratio.key for ratio in now.ratios}):
        yield Finding(f"no longer measured: the ratio {key}", is_bad=True)
    figures, others = ({figure.key for figure in each.figures} for each in (before, now))
    for key in sorted(others - figures):
        yield Finding(f"new figure: {key}", is_bad=False)
    for key in sorted(figures - others):
        yield Finding(f"no longer measured: {key}", is_bad=False)
