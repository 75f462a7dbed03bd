"""
Run the tests on every supported Airflow and Python, and print a table: ``make test-matrix``.

    python scripts/matrix.py [WORD...]

Words choose cells: versions of Airflow (``2.11.2`` or ``2.11``), versions of Python (``3.12``), the
dependencies ``newest`` or ``lowest``, and suites (``examples``, ``integration``, ``lost-replies``, ``unit``).
If no word of a kind is given, all of that kind run.

Each cell has its own environment, which ``scripts/setup.sh`` makes. Needs nothing but Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

ROOT: Final = Path(__file__).resolve().parents[1]
LOGS: Final = ROOT / "build" / "matrix"
PYTHONS: Final = ("3.11", "3.12", "3.13")
LOWEST: Final = "-lowest"
SUITES: Final = {
    "examples": ("tests/integration/test_example_dags.py",),
    "integration": ("tests/integration",),
    "lost-replies": ("tests/crash/test_sample.py",),
    "unit": ("tests/unit",),
}
#: Run by `make test`: they depend on tools and packaging, not on Airflow, or are a suite of their own.
ELSEWHERE: Final = (
    "tests/integration/test_code_blocks.py",
    "tests/integration/test_distributions.py",
    *SUITES["examples"],
)
#: The unit tests know one version of Airflow from inside. They run on both sets of dependencies of that.
UNIT: Final = ("3.3", "3.3-lowest")
NO_PYTHON_3_13: Final = "does not support Python 3.13"
EMPTY: Final = {
    ("2.11", "3.13"): f"Airflow 2.11 {NO_PYTHON_3_13}",
    ("3.0", "3.13"): f"Airflow 3.0 {NO_PYTHON_3_13}",
    ("3.3-lowest", "3.12"): "the lowest dependencies are those of the lowest Python",
    ("3.3-lowest", "3.13"): "the lowest dependencies are those of the lowest Python",
}


@dataclass(frozen=True)
class Cell:
    """
    An Airflow with its dependencies, and a Python.

    :param constraints: The name of a file in ``constraints/``.
    """

    constraints: str
    python: str

    @property
    def airflow(self) -> str:
        """The version of Airflow that the constraints name."""
        lines = (ROOT / "constraints" / f"{self.constraints}.txt").read_text().splitlines()
        (found,) = (line for line in lines if line.startswith("apache-airflow=="))
        return found.partition("==")[2]

    @property
    def dependencies(self) -> str:
        return "lowest" if self.constraints.endswith(LOWEST) else "newest"

    @property
    def suites(self) -> Sequence[str]:
        return [name for name in SUITES if name != "unit" or self.constraints in UNIT]

    @property
    def environment(self) -> Path:
        return ROOT / f".venv-{self.constraints}-{self.python}"

    def matches(self, words: set[str]) -> bool:
        """Whether words choose this cell. Words of a kind that is not named choose all of it."""
        airflows = words & _airflows()
        pythons = words & set(PYTHONS)
        sets = words & {"newest", "lowest"}
        return (
            (not airflows or bool(airflows & {self.airflow, self.airflow_line}))
            and (not pythons or self.python in pythons)
            and (not sets or self.dependencies in sets)
        )

    @property
    def airflow_line(self) -> str:
        """The first two parts of the version of Airflow."""
        return self.constraints.removesuffix(LOWEST)


@dataclass(frozen=True)
class Result:
    """How a suite of a cell ended. Without counts, it has no tests."""

    suite: str
    seconds: float
    good: bool
    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None


def cells() -> list[Cell]:
    """All cells, in the order of the versions."""
    names = sorted(
        (path.stem for path in (ROOT / "constraints").glob("*.txt")),
        key=lambda name: ([int(part) for part in name.removesuffix(LOWEST).split(".")], name),
    )
    return [Cell(name, python) for name in names for python in PYTHONS]


def _airflows() -> set[str]:
    found = {(each.airflow, each.airflow_line) for each in cells()}
    return {word for pair in found for word in pair}


def python_of(version: str) -> str | None:
    """Return the path of a Python that runs, on the PATH or among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python3"))]
    for each in candidates:
        # The launchers of version managers exist also for versions that are not active.
        if each and subprocess.run([each, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(each)
    return None


def install(cell: Cell, python: str) -> Result:
    """Make the environment of a cell, and check that its packages fit together."""
    began = time.monotonic()
    environment = {**_environment(), "AIRFLOW": cell.constraints}
    made = _logged(cell, "install", ["sh", "scripts/setup.sh", str(cell.environment), python], environment)
    good = made and _logged(cell, "check", [_python(cell), "-m", "pip", "check"], _environment())
    return Result("install", time.monotonic() - began, good)


def run(cell: Cell, suite: str) -> Result:
    """Run a suite in the environment of a cell."""
    began = time.monotonic()
    report = LOGS / f"{_name(cell, suite)}.xml"
    report.unlink(missing_ok=True)
    left = [] if suite == "examples" else [f"--ignore={path}" for path in ELSEWHERE]
    command = [_python(cell), "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider"]
    good = _logged(cell, suite, [*command, f"--junitxml={report}", *left, *SUITES[suite]], _environment())
    seconds = time.monotonic() - began
    if not report.exists():
        return Result(suite, seconds, False)
    counted = ElementTree.parse(report).getroot()[0]
    total, failed, errors, skipped = (
        int(counted.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
    )
    passed = total - failed - errors - skipped
    return Result(suite, seconds, good and passed > 0, passed, failed + errors, skipped)


def _python(cell: Cell) -> str:
    return str(cell.environment / "bin" / "python")


def _name(cell: Cell, suite: str) -> str:
    return f"{cell.constraints}-{cell.python}-{suite}"


def _environment() -> dict[str, str]:
    """The environment without what would lead to another Airflow or other packages."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AIRFLOW") and name not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }


def _logged(cell: Cell, suite: str, command: Sequence[str], environment: dict[str, str]) -> bool:
    """Run a command with its output in a file; whether it went well. If not, show the end of the output."""
    log = LOGS / f"{_name(cell, suite)}.log"
    with log.open("w") as output:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        last = log.read_text(errors="replace").splitlines()[-40:]
        print(*last, f"The whole output is in {log.relative_to(ROOT)}.", sep="\n", flush=True)
    return done.returncode == 0


def rows(words: set[str]) -> Iterator[tuple[Cell, Result | str]]:
    """Run the cells that words choose, one after the other. Gives each result, or why a cell is empty."""
    suites = words & set(SUITES) or set(SUITES)
    for cell in cells():
        if not cell.matches(words) or not suites & set(cell.suites):
            continue
        if reason := EMPTY.get((cell.constraints, cell.python)):
            yield cell, reason
            continue
        python = python_of(cell.python)
        if python is None:
            yield cell, f"there is no Python {cell.python} on this machine"
            continue
        installed = install(cell, python)
        yield cell, installed
        if installed.good:
            for suite in cell.suites:
                if suite in suites:
                    yield cell, run(cell, suite)


def line_of(cell: Cell, result: Result | str) -> str:
    """One line of the table."""
    start = f"{cell.airflow:<9}{cell.python:<8}{cell.dependencies:<14}"
    if isinstance(result, str):
        return f"{start}-  {result}"
    counts = "".join(
        f"{'' if count is None else count:>9}" for count in (result.passed, result.failed, result.skipped)
    )
    minutes, seconds = divmod(round(result.seconds), 60)
    verdict = "" if result.good else "  FAILED"
    return f"{start}{result.suite:<14}{counts}{minutes:>6}:{seconds:02}{verdict}"


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments choose; 1 if a suite failed or none ran."""
    words = {word for argument in arguments for word in argument.replace(",", " ").split()}
    known = {*_airflows(), *PYTHONS, "newest", "lowest", *SUITES}
    if unknown := words - known:
        print(f"Nothing is called {', '.join(sorted(unknown))}. There is: {', '.join(sorted(known))}")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{'Airflow':<9}{'Python':<8}{'dependencies':<14}{'suite':<14}"
        f"{'passed':>9}{'failed':>9}{'skipped':>9}{'time':>9}"
    ]
    results = []
    for cell, result in rows(words):
        lines.append(line_of(cell, result))
        print(lines[-1], flush=True)
        if not isinstance(result, str):
            results.append(result)
    print("", *lines, "", sep="\n")
    passed, failed, skipped = (
        sum(getattr(each, name) or 0 for each in results) for name in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(not results or not all(each.good for each in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
