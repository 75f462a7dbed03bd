"""
Run the benchmarks, compare them with the committed figures, and write what they found.

    python benchmarks/bench.py [--only NAME ...] [--rounds N] [--write]

Without --only, those that take an hour or need another server do not run.

Exits with 1 if a benchmark fails, if a limit is broken, or if a ratio is worse by a third than the committed
one. A run that does not --write leaves JSON, page and plots in build/bench.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import page
from figures import ROUNDS, Result
from report import Conditions, Measured, Report
from verdict import Finding, findings

#: Each is a script beside this one. The page shows them in this order.
BENCHMARKS: Final = (
    "normalise",
    "arguments",
    "send",
    "campaign",
    "million",
    "looks",
    "polls",
    "waits",
    "triggerer",
    "imports",
    "accept",
    "polls_answered",
    "inbox",
    "start",
)
#: These run only if they are named. One starts Airflow fifteen times, the other needs Postgres.
LONG: Final = ("triggerer", "million")
RESULTS: Final = Path("benchmarks") / "results.json"
#: Where a run that only compares writes what it found.
_ASIDE: Final = Path("build") / "bench"
_RED: Final = "\033[31m{}\033[0m"


class FailedError(Exception):
    """A benchmark gave no result."""


def run(root: Path, name: str, rounds: int) -> Result:
    """
    Run one benchmark in a process of its own. It prints its figures itself.

    :raises FailedError: if it ends with an error, or writes no result.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        script = root / "benchmarks" / f"{name}.py"
        command = [sys.executable, str(script), "--rounds", str(rounds), "--json", str(file)]
        status = subprocess.run(command, check=False).returncode
        if status:
            raise FailedError(f"{name} ended with {status}; its error is above")
        try:
            return Result.from_dict(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FailedError(f"{name} wrote no result that can be read: {error!r}") from error


def run_all(
    root: Path, names: Iterable[str], rounds: int, load: float
) -> tuple[list[Measured], list[Finding]]:
    """Run benchmarks one after the other; give what they measured, and which of them failed."""
    measured, failed = [], []
    for name in names:
        print(f"\n{name}", flush=True)
        try:
            measured.append(Measured.now(load, run(root, name, rounds)))
        except FailedError as error:
            failed.append(Finding(f"failed: {error}", is_bad=True))
    return measured, failed


def merged(committed: Report | None, conditions: Conditions, measured: Sequence[Measured]) -> Report:
    """Add to what was measured the committed figures of all other benchmarks, if conditions are the same."""
    known = {} if committed is None or committed.conditions != conditions else _by_name(committed.benchmarks)
    known |= _by_name(measured)
    return Report(conditions, [known[name] for name in BENCHMARKS if name in known])


def _by_name(measured: Iterable[Measured]) -> dict[str, Measured]:
    return {each.result.name: each for each in measured}


def write(report: Report, text: str, folder: Path) -> None:
    """
    Write JSON, page and pictures below a folder. Pictures of earlier reports are deleted.

    :param text: The page as it was, for what people wrote in it.
    """
    images = folder / page.PAGE.parent / page.IMAGES
    for each in ((folder / RESULTS).parent, images):
        each.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS).write_text(report.to_json(), encoding="utf-8")
    (folder / page.PAGE).write_text(page.written(text, report), encoding="utf-8")
    for old in images.glob("*.svg"):
        old.unlink()
    for result in report.results:
        for plot in result.plots:
            # Only here, because only the extra `bench` installs matplotlib.
            import plots

            (images / f"{plot.key}.svg").write_text(plots.svg(result, plot), encoding="utf-8")


def tell(found: Iterable[Finding]) -> bool:
    """Print findings, the bad ones in red; whether there is a bad one."""
    is_bad = False
    for each in found:
        is_bad |= each.is_bad
        if each.is_bad:
            print(
                each.text if "NO_COLOR" in os.environ else _RED.format(each.text), file=sys.stderr, flush=True
            )
        else:
            print(f"note: {each.text}", flush=True)
    return is_bad


def main(arguments: Sequence[str] | None = None, root: Path = page.ROOT) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often everything is measured (%(default)s)"
    )
    parser.add_argument(
        "--write", action="store_true", help="make these the committed figures, and write the page"
    )
    given = parser.parse_args(arguments)
    if given.write and given.rounds < ROUNDS:
        parser.error(f"--write needs {ROUNDS} rounds or more")
    conditions, load = Conditions.here(), os.getloadavg()[0]
    committed = Report.read(root / RESULTS) if (root / RESULTS).exists() else None
    if given.write and given.only and committed is not None and committed.conditions != conditions:
        parser.error("the committed figures come from another machine or other versions: --write all of them")

    if load > page.IDLE:
        print(f"note: the load is {load:.1f}; other programs change what is measured", flush=True)
    names = [name for name in BENCHMARKS if (name in given.only if given.only else name not in LONG)]
    measured, found = run_all(root, names, given.rounds, load)
    results = [each.result for each in measured]
    found += findings([] if committed is None else committed.results, results)
    if given.write:
        report, folder = merged(committed, conditions, measured), root
    else:
        report, folder = Report(conditions, measured), root / _ASIDE
    write(report, (root / page.PAGE).read_text(encoding="utf-8"), folder)
    print(f"\nJSON, page and plots are in {folder}", flush=True)
    is_bad = tell(found)
    if not is_bad:
        ratios = sum(len(result.ratios) for result in results)
        print(f"{len(results)} benchmarks, {ratios} ratios: no limit is broken, no ratio worse by a third")
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main())
