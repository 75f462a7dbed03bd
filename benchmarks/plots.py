"""The pictures of docs/benchmarks.md, as SVG. The same figures always give the same file."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Set as AbstractSet
from typing import Final

import matplotlib as mpl
from figures import Figure, Plot, Result, readable
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from report import identity

#: Inches.
_WIDTH: Final = 7.2
_BAR: Final = 0.48
#: Colours that colour-blind people can tell apart. Ours is always the first.
_OURS: Final = "#1565c0"
_PEERS: Final = "#b0b8c1"
_LIMIT: Final = "#c62828"
_LINES: Final = (_OURS, "#d9730d", "#2e7d32", "#8e44ad", "#616161")
_MARKERS: Final = "osD^v"


def svg(result: Result, plot: Plot) -> str:
    """Draw one picture of a result."""
    with mpl.rc_context():
        _set_style()
        height = 3.6 if plot.lines else 0.5 + _BAR * len(plot.bars)
        canvas = Canvas(figsize=(_WIDTH, height), layout="constrained", facecolor="white")
        axes = canvas.add_subplot()
        axes.set_title(_plain(plot.title), pad=10)
        if plot.lines:
            _draw_lines(axes, plot)
        else:
            bars = [result.figure(key) for key in plot.bars]
            # Where nothing is compared, nothing is another's.
            ours = {ratio.ours for ratio in result.ratios} or set(plot.bars)
            _draw_bars(axes, bars, ours, plot.log)
        out = io.StringIO()
        # With a date, or with the version of matplotlib, the file would change though no figure has changed.
        about = {"Date": None, "Creator": None, "Identifier": identity(result, plot)}
        canvas.savefig(out, format="svg", metadata=about)
    return re.sub(r"[ \t]+$", "", out.getvalue(), flags=re.MULTILINE)


def _draw_lines(axes: Axes, plot: Plot) -> None:
    for (label, points), colour, marker in zip(plot.lines.items(), _LINES, _MARKERS, strict=False):
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=colour, marker=marker, markersize=4, linewidth=1.6, label=_plain(label))
    axes.set(xlabel=plot.x, ylabel=plot.y)
    axes.grid(color="#e3e6ea", linewidth=0.7)
    axes.set_axisbelow(True)
    if plot.log:
        axes.set(xscale="log", yscale="log")
        axes.set_xticks(sorted({x for points in plot.lines.values() for x, _ in points}))
        # Whole decades: a little growth would look like much.
        values = [y for points in plot.lines.values() for _, y in points]
        axes.set_ylim(10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values))))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        axes.set_ylim(bottom=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_locator(NullLocator())
    if len(plot.lines) > 1:
        axes.legend()


def _draw_bars(axes: Axes, figures: list[Figure], ours: AbstractSet[str], is_log: bool) -> None:
    """Draw each figure as a bar below its name, from its smallest to its largest round as a thin line."""
    if is_log:
        axes.set(xscale="log", xlim=(min(min(each.rounds) for each in figures) / 10, None))
    for row, figure in enumerate(figures):
        text = f"{_plain(figure.title)}: {readable(figure.median)} {figure.unit}".rstrip()
        if figure.limit is not None:
            text += f" (at most {figure.limit:,g})"
            axes.vlines(figure.limit, row - 0.24, row + 0.24, color=_LIMIT, linewidth=2)
        # A promise is about ourselves too.
        is_ours = figure.key in ours or figure.limit is not None
        axes.barh(row, figure.median, height=0.4, color=_OURS if is_ours else _PEERS)
        axes.hlines(row, min(figure.rounds), max(figure.rounds), color="#212121", linewidth=1)
        axes.annotate(text, (0, row - 0.29), xycoords=("axes fraction", "data"), va="bottom")
    # The first figure is at the top, with its name above it.
    axes.set_ylim(len(figures) - 0.7, -0.75)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)


def _plain(title: str) -> str:
    """A title without the marks of code that the page shows as such."""
    return title.replace("`", "")


def _set_style() -> None:
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "axes.edgecolor": "#8a8f96",
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 10,
            "font.family": ["DejaVu Sans"],
            "font.size": 9,
            "legend.frameon": False,
            # Without these, identifiers would be random, and texts would be drawn as shapes.
            "svg.fonttype": "none",
            "svg.hashsalt": "benchmarks",
        }
    )
