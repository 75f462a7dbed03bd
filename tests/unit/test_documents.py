"""Links between the documents lead somewhere, and decisions have one form."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from scripts.messages import messages_of

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "sandbox/*.md", ".github/*.md")
    for path in ROOT.glob(pattern)
)
DECISIONS: Final = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in _LINK.findall(page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_context_decision_and_consequences(page: Path) -> None:
    lines = page.read_text().splitlines()
    assert re.fullmatch(rf"# {int(page.stem[:4])}\. \S.*", lines[0])
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## Context", "## Decision", "## Consequences"]
    assert page.name in (page.parent / "README.md").read_text()


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/testing.md", "CONTRIBUTING.md"])
def test_files_that_are_named_exist(name: str) -> None:
    text = (ROOT / name).read_text().split("<!-- map")[0]
    roots = [
        ROOT,
        ROOT / "sinch_provider",
        ROOT / "sinch_provider" / "sms",
        ROOT / "sinch_provider" / "sms" / "sending",
        ROOT / "sandbox" / "sinch_sandbox",
        ROOT / "sandbox" / "sinch_sandbox" / "inbox" / "static",
    ]
    named = {each.strip("`") for each in re.findall(r"`[\w./-]+\.(?:py|md|js|toml|txt|sh)`", text)}
    examples = {"test_times_zones.py", "tests/unit/sms/fields/test_times.py", "reminder.txt"}
    lost = sorted(each for each in named - examples if not any((root / each).exists() for root in roots))
    assert lost == []


def quoted_errors(page: str) -> list[str]:
    """The errors that a table of a page quotes, without placeholders, field names and remarks in brackets."""
    table = (ROOT / page).read_text().split("| The error says |")[1].split("\n\n")[0]
    cells = [row.split("|")[1].strip() for row in table.splitlines()[2:]]
    # `base_url: must be https` is a rule of a field.
    plain = [re.sub(r"\([^)]*\).*|\.\.\.| and similar|`", "|", each.split(": ")[-1]) for each in cells]
    return [max(each.split("|"), key=len).strip() for each in plain]


@cache
def texts() -> frozenset[str]:
    return frozenset(each.text.lower() for each in messages_of([ROOT / "sinch_provider"]))


@pytest.mark.parametrize("quoted", quoted_errors("docs/connection.md"))
def test_errors_are_quoted_as_the_code_words_them(quoted: str) -> None:
    assert len(quoted) > 5
    assert any(quoted.lower() in text for text in texts())
