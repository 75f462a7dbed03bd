"""mypy sees what users write as Airflow does: good arguments pass, misspelt ones do not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.code_blocks import BLOCKS

ROOT: Final = Path(__file__).parents[2]
#: Names that airflow.sdk has, and its stub for type checkers has not.
NOT_IN_THE_STUB: Final = re.compile(
    r'.*: error: Module "airflow\.sdk" has no attribute "(AsyncCallback|Deadline\w+)"  \[attr-defined\]\n'
)


def mypy(*arguments: str) -> str:
    """Run mypy as a user would, with the project's settings; return what it reports."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    return done.stdout + done.stderr


def test_good_arguments_pass_and_bad_ones_are_refused() -> None:
    assert mypy("tests/typing/good.py", "tests/typing/bad.py") == ""


def test_every_bad_line_is_expected_to_fail() -> None:
    lines = (ROOT / "tests/typing/bad.py").read_text().splitlines()
    calls = [line for line in lines if re.match(r" {4}.*\w\(.*\)", line)]
    assert len(calls) > 30
    assert [line for line in calls if "# type: ignore[" not in line] == []


def test_the_example_dags_pass() -> None:
    assert mypy("example_dags") == ""


def test_the_code_of_the_documentation_passes(tmp_path: Path) -> None:
    files = []
    for block in BLOCKS:
        # What is not run may need packages that are not there.
        if block.language == "python" and block.reason is None:
            file = tmp_path / f"{block.name}.py"
            file.write_text(block.module)
            files.append(str(file))
    # Documentation leaves out the annotations of its functions.
    relaxed = (
        "--allow-untyped-defs",
        "--allow-incomplete-defs",
        "--allow-untyped-calls",
        "--check-untyped-defs",
    )
    assert NOT_IN_THE_STUB.sub("", mypy(*relaxed, *files)) == ""
