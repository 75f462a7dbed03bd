"""The page for users says what the sandbox does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

import sinch_sandbox
from sinch_sandbox.core.faults import Fault, Kind, Operation
from sinch_sandbox.core.outcomes import MAGIC, MAGIC_PREFIX
from sinch_sandbox.core.settings import Settings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "sandbox.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The cells of the first column-by-column table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row] for row in rows]


def test_all_magic_numbers() -> None:
    listed = [row for row in table("Magic numbers") if row[0].startswith("+4477")]
    assert listed == [
        [f"+{MAGIC_PREFIX}{digits}", each.status, str(each.code), each.about]
        for digits, each in MAGIC.items()
    ]


def test_all_settings_with_their_defaults() -> None:
    words: dict[Any, str] = {None: "none", True: "true", False: "false"}
    listed = [(row[0], row[1]) for row in table("Settings")[2:]]
    assert listed == [
        (each.name, words[each.default] if type(each.default) in (bool, type(None)) else str(each.default))
        for each in fields(Settings)
    ]


def test_all_faults() -> None:
    named = {name.strip("`, ") for row in table("Faults") for name in row[0].split(",")}
    assert set(get_args(Kind)) <= named
    details = set(re.findall(r"`(\w+)`", PAGE.split("\n## Faults\n")[1].split("\n## ")[0]))
    assert set(get_args(Operation)) | set(Fault.model_fields) - {"kind"} <= details | {"operation"}


SANDBOX = Path(sinch_sandbox.__file__).parent
RESERVED = re.compile(r"\+?(447700900\d{3}|4670174(060[5-9]|06[1-9]\d)|1\d{3}55501\d\d|999\d*)")
"""Ofcom's and PTS's numbers for drama, the fictitious ones of North America, and a country that is none."""


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "docs" / "sandbox.md",
        ROOT / "docs" / "inbox.md",
        *(each for each in SANDBOX.rglob("*") if each.suffix in (".py", ".js", ".html", ".css")),
    ],
    ids=lambda path: path.name,
)
def test_no_number_can_be_real(path: Path) -> None:
    text = path.read_text()
    written = re.findall(r"\+\d[\d \-]{6,}\d|(?<![\w.#*])[1-9]\d{10,14}(?![\w.*])", text)
    numbers = {re.sub(r"[ \-]", "", each) for each in written}
    # A whole block of numbers is named by its first and last.
    assert {each for each in numbers if not RESERVED.fullmatch(each)} <= {"+4477", "+447700900000900999"}
