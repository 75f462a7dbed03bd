"""
The code blocks of README and docs, and how each of them is run.

    python -m tests.code_blocks

lists them. A comment right before a block says what a reader sees from the text around it:

- ``<!-- not run: REASON -->``: the block cannot run here. Its syntax is still checked.
- ``<!-- file: PATH -->``: the reader saves the block under that name.
- ``<!-- fails -->``: the command or the Dag fails, and is meant to.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "sandbox/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
    if "_build" not in path.parts
)
#: What a command prints, or a drawing. Everything else is code.
OUTPUT: Final = frozenset({"text", ""})
SHELL: Final = frozenset({"sh", "console"})
DATA: Final = frozenset({"json", "ini", "toml"})

_BLOCK: Final = re.compile(
    r"(?:^ *<!-- (?P<note>not run|file|fails)(?:: (?P<said>.*?))? -->\n)?"
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<code>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND: Final = re.compile(r"^\$ (.*(?:(?<=\\)\n.*)*)", re.MULTILINE)

#: The names that snippets use without defining them.
GIVEN: Final = {
    "GUESTS": 'GUESTS = ["+447700900222"]',
    "TEXT": 'TEXT = "Doors open at 19:00."',
    "audience": """
        @task
        def audience() -> list[str]:
            return ["+447700900222"]
        """,
    "names": """
        @task
        def names() -> dict[str, Any]:
            return {"name": {"default": "there"}, "time": {"default": "19:30"}}
        """,
    "send": 'send = SinchSendBatchOperator(task_id="sent", to=["+447700900222"], body="Doors are open.")',
}
_IMPORTS: Final = """\
import json
from datetime import datetime, timedelta
from typing import Any

import pendulum
import pytest
from airflow.sdk import DAG, dag, task
from airflow.sdk.exceptions import AirflowFailException

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.notifications.sms import SinchSmsNotifier
from sinch_provider.operators.batches import *
from sinch_provider.operators.campaign import *
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_sandbox.client import SandboxClient
"""


@dataclass(frozen=True)
class Block:
    """
    One block of code.

    :param page: The file, relative to the repository.
    :param line: The line of its first line of code.
    :param language: What the fence says.
    :param code: Without the indentation that it has in a list.
    :param reason: Why it is not run; None: it is.
    :param file: Where the reader saves it.
    :param fails: Whether it is meant to fail.
    """

    page: str
    line: int
    language: str
    code: str
    reason: str | None = None
    file: str | None = None
    fails: bool = False

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def name(self) -> str:
        """A name for it, as Python has them."""
        return re.sub(r"\W", "_", f"{self.page}_{self.line}")

    @property
    def kind(self) -> str:
        """What is done with it: ``shell``, ``data``, ``dag``, ``test``, ``client``, ``snippet``."""
        if self.language in SHELL:
            return "shell"
        if self.language in DATA:
            return "data"
        if "@dag(" in self.code:
            return "dag"
        if re.search(r"^def test_", self.code, re.MULTILINE):
            return "test"
        return "client" if "ServicePlanCredentials(" in self.code else "snippet"

    @property
    def commands(self) -> str:
        """The commands of a shell block, without prompts and output."""
        if self.language == "sh":
            return self.code
        return "\n".join(_COMMAND.findall(self.code)) + "\n"

    @property
    def module(self) -> str:
        """The Python of the block, as a whole module."""
        if self.kind in {"dag", "client"}:
            return self.code
        if self.kind == "test":
            return f"{_IMPORTS}\nfirst_text_dag: DAG\nrun_my_dag: Any\n\n\n{self.code}"
        given = "\n".join(dedent(GIVEN[name]).strip() for name in sorted(missing(self.code) & set(GIVEN)))
        start = "start_date=pendulum.datetime(2026, 1, 1), catchup=False"
        head = f"@dag(dag_id={self.name!r}, schedule=None, {start})"
        body = indent(f"{given}\n{self.code}", "    ")
        return f"{_IMPORTS}\n\n{head}\ndef snippet() -> None:\n{body}\n\nsnippet()\n"


def missing(code: str) -> set[str]:
    """The names that code reads and does not define."""
    nodes = list(ast.walk(ast.parse(code)))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    return {node.id for node in nodes if isinstance(node, ast.Name)} - stored


def blocks_of(page: str) -> Iterator[Block]:
    """The code blocks of a page, in order."""
    text = (ROOT / page).read_text()
    for found in _BLOCK.finditer(text):
        if found["language"] in OUTPUT or found["language"].startswith("{"):
            continue
        note, said = found["note"], found["said"]
        yield Block(
            page,
            text.count("\n", 0, found.start("code")) + 1,
            found["language"],
            re.sub(rf"^{found['indent']}", "", found["code"], flags=re.MULTILINE),
            said if note == "not run" else None,
            said if note == "file" else None,
            note == "fails",
        )


BLOCKS: Final = [block for page in PAGES for block in blocks_of(page)]


def main() -> None:
    """List the blocks."""
    for block in BLOCKS:
        how = f"not run: {block.reason}" if block.reason else block.kind
        sys.stdout.write(f"{block!s:<34} {block.language:<8} {how}\n")
    counts = Counter("not run" if block.reason else block.kind for block in BLOCKS)
    listed = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    sys.stdout.write(f"{len(BLOCKS)} blocks: {listed}\n")


if __name__ == "__main__":
    main()
