"""mypy sees what users write as Airflow does: good arguments pass, misspelt ones do not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
#: Pages whose Python is checked.
PAGES: Final = ("README.md", "docs/operators.md", "docs/quickstart.md")
#: The names that snippets use without defining them.
PRELUDE: Final = """
import json
from datetime import datetime, timedelta
from typing import Any
import pytest
from airflow.sdk import DAG, XComArg, chain, dag, task
from airflow.sdk.exceptions import AirflowFailException
from sinch_sandbox.client import SandboxClient
from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.operators.batches import *
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_provider.sms.models import Batch
GUESTS = ["+447700900222"]
TEXT = "Doors open at 19:00."
batch_id = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
reminder_dag: DAG
send = SinchSendBatchOperator(task_id="send", to=GUESTS, body=TEXT)
audience: Any
audiences: Any
confirmed: Any
"""
_BLOCK: Final = re.compile(r"^( *)```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


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


def snippets(page: str) -> list[str]:
    """The Python of a page, without the indentation that it has in a list."""
    return [
        re.sub(rf"^{indentation}", "", code, flags=re.MULTILINE)
        for indentation, code in _BLOCK.findall((ROOT / page).read_text())
    ]


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_the_documentation_passes(page: str, tmp_path: Path) -> None:
    files = []
    for number, code in enumerate(snippets(page)):
        file = tmp_path / f"{Path(page).stem}_{number}.py"
        whole = "@dag(" in code
        file.write_text(code if whole else f"{PRELUDE}\ndef snippet() -> None:\n{indent(code, '    ')}\n")
        files.append(str(file))
    assert files
    # Documentation leaves out the annotations of its functions.
    relaxed = (
        "--allow-untyped-defs",
        "--allow-incomplete-defs",
        "--allow-untyped-calls",
        "--check-untyped-defs",
    )
    assert mypy(*relaxed, *files) == ""
