"""What all benchmarks found, on which machine: the committed figures, and those of a new run."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from figures import Plot, Result

#: The packages that figures depend on: Airflow, peers, and the libraries below both.
_PACKAGES: Final = (
    "apache-airflow",
    "apache-airflow-providers-slack",
    "apache-airflow-providers-smtp",
    "aiohttp",
    "msgspec",
    "requests",
    "sinch",
)


@dataclass(frozen=True)
class Conditions:
    """What has to be the same for figures that are compared in seconds."""

    machine: str
    versions: Mapping[str, str]

    @classmethod
    def here(cls) -> Conditions:
        cores = len(os.sched_getaffinity(0))
        machine = f"{cores} cores, {_processor()}, {platform.system()} {platform.machine()}"
        versions = {name: _version(name) for name in _PACKAGES}
        return cls(machine, {"Python": platform.python_version(), **versions})


@dataclass(frozen=True)
class Measured:
    """
    The result of one benchmark, and when it was measured.

    :param date: The day.
    :param load: How many processes wanted a core just before the run.
    """

    date: str
    load: float
    result: Result

    @classmethod
    def now(cls, load: float, result: Result) -> Measured:
        return cls(time.strftime("%Y-%m-%d"), load, result)


@dataclass(frozen=True)
class Report:
    """The figures of all benchmarks, in the order in which they are shown."""

    conditions: Conditions
    benchmarks: Sequence[Measured]

    @property
    def results(self) -> list[Result]:
        return [each.result for each in self.benchmarks]

    def to_json(self) -> str:
        content = {
            "machine": self.conditions.machine,
            "versions": self.conditions.versions,
            "benchmarks": [
                {"date": each.date, "load": each.load, **each.result.to_dict()} for each in self.benchmarks
            ],
        }
        # The rounds of a figure are one line.
        return re.sub(r"\[[-\d.e,\s]+\]", _one_line, json.dumps(content, indent=1)) + "\n"

    @classmethod
    def read(cls, path: Path) -> Report:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        conditions = Conditions(content["machine"], content["versions"])
        return cls(
            conditions,
            [Measured(each["date"], each["load"], Result.from_dict(each)) for each in content["benchmarks"]],
        )


def identity(result: Result, plot: Plot) -> str:
    """What the file of a picture says about its figures, so that an old file is found without drawing."""
    figures = [asdict(result.figure(key)) for key in plot.bars]
    ours = sorted({ratio.ours for ratio in result.ratios} & set(plot.bars))
    content = json.dumps([asdict(plot), figures, ours], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _one_line(found: re.Match[str]) -> str:
    return re.sub(r"\s+", " ", found[0]).replace("[ ", "[").replace(" ]", "]")


def _processor() -> str:
    """The model of the processor, as Linux names it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
