"""The generated parts of docs/benchmarks.md; the text around them is written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from figures import Figure, Result, readable
from report import Measured, Report

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = Path("docs") / "benchmarks.md"
#: Where the page finds its pictures.
IMAGES: Final = Path("images") / "benchmarks"
#: With more load than this before a run, other programs have changed its figures.
IDLE: Final = 1.0


def written(page: str, report: Report) -> str:
    """Give the page with the parts that come from the report."""
    parts = {"machine": _machine(report), "limits": _limits(report.results), "figures": _sections(report)}
    for name, lines in parts.items():
        page = _replaced(page, name, "\n".join(lines).strip())
    return page


def _replaced(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- {name}: written by benchmarks/bench.py -->\n", f"<!-- end of {name} -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text}\n\n{end}{rest.split(end)[1]}"


def _machine(report: Report) -> Iterator[str]:
    yield f"Measured on {report.conditions.machine}."
    yield ", ".join(f"{name} {version}" for name, version in report.conditions.versions.items()) + "."


def _limits(results: Sequence[Result]) -> Iterator[str]:
    yield from _table("Where", "What", "Measured", "At most")
    for result in results:
        for figure in result.figures:
            if figure.limit is not None:
                value = _judged(
                    f"{readable(figure.median)} {figure.unit}".strip(), figure.median, figure.limit
                )
                yield _row(_link(result), figure.title, value, f"{figure.limit:,g}")
        for ratio in result.ratios:
            if ratio.limit is not None:
                value = _judged(readable(result.ratio(ratio)), result.ratio(ratio), ratio.limit)
                yield _row(_link(result), ratio.title, value, f"{ratio.limit:,g}")


def _sections(report: Report) -> Iterator[str]:
    for measured in report.benchmarks:
        yield from _section(measured)


def _section(measured: Measured) -> Iterator[str]:
    result = measured.result
    yield from (f"### {_heading(result)}", "")
    yield from (f"**Floor:** {result.floor.rstrip('.')}.", "")
    yield from _figures(result.figures)
    yield ""
    if result.ratios:
        yield from _ratios(result)
        yield ""
    for plot in result.plots:
        yield from (f"![{plot.title}]({(IMAGES / plot.key).as_posix()}.svg)", "")
    if result.notes:
        yield from (f"- {note.rstrip('.')}." for note in result.notes)
        yield ""
    yield from (f"{_when(measured)} Alone: `python benchmarks/{result.name}.py`.", "")


def _figures(figures: Sequence[Figure]) -> Iterator[str]:
    has_limits = any(figure.limit is not None for figure in figures)
    limit_head = ("At most",) if has_limits else ()
    yield from _table("What", "Median", "Lowest", "Highest", "Unit", *limit_head)
    for figure in figures:
        limit = ("" if figure.limit is None else f"{figure.limit:,g}",) if has_limits else ()
        yield _row(
            figure.title,
            _judged(readable(figure.median), figure.median, figure.limit),
            readable(min(figure.rounds)),
            readable(max(figure.rounds)),
            figure.unit,
            *limit,
        )


def _ratios(result: Result) -> Iterator[str]:
    has_limits = any(ratio.limit is not None for ratio in result.ratios)
    yield from _table("Compared", "Ratio", *(("At most",) if has_limits else ()))
    for ratio in result.ratios:
        value = result.ratio(ratio)
        limit = ("" if ratio.limit is None else f"{ratio.limit:,g}",) if has_limits else ()
        yield _row(ratio.title, _judged(readable(value), value, ratio.limit), *limit)


def _when(measured: Measured) -> str:
    rounds = min(len(figure.rounds) for figure in measured.result.figures)
    text = f"{measured.date}, {rounds} rounds."
    if measured.load > IDLE:
        text += f" The load before the run was {measured.load:.1f}: other programs were running."
    return text


def _judged(text: str, value: float, limit: float | None) -> str:
    return text if limit is None or value <= limit else f"**{text}, above the limit**"


def _table(*heads: str) -> Iterator[str]:
    yield _row(*heads)
    yield "|---" * len(heads) + "|"


def _row(*cells: str) -> str:
    return f"| {' | '.join(_escaped(cells))} |"


def _escaped(cells: Iterable[str]) -> Iterator[str]:
    return (cell.replace("|", "\\|") for cell in cells)


def _heading(result: Result) -> str:
    return result.title.rstrip(".")


def _link(result: Result) -> str:
    # As GitHub makes anchors of headings.
    anchor = re.sub(r"[^\w -]", "", _heading(result).lower()).replace(" ", "-")
    return f"[{result.name}](#{anchor})"
