"""Links between the documents lead somewhere, and decisions have one form."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

from sinch_provider import sms
from sinch_provider.get_provider_info import get_provider_info

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "sandbox/*.md", ".github/*.md")
    for path in ROOT.glob(pattern)
    if "_build" not in path.parts
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
        ROOT / "sinch_provider" / "sms" / "campaign",
        ROOT / "sandbox" / "sinch_sandbox",
        ROOT / "sandbox" / "sinch_sandbox" / "inbox" / "static",
    ]
    named = {each.strip("`") for each in re.findall(r"`[\w./-]+\.(?:py|md|js|toml|txt|sh)`", text)}
    examples = {"test_times_zones.py", "tests/unit/sms/fields/test_times.py", "reminder.txt"}
    lost = sorted(each for each in named - examples if not any((root / each).exists() for root in roots))
    assert lost == []


DOCS: Final = [page for page in PAGES if ROOT / "docs" in page.parents]
_INCLUDED: Final = re.compile(r"```\{literalinclude\} (\S+)\n((?: *:.*\n)*)")


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_included_code_exists(page: Path) -> None:
    for name, options in _INCLUDED.findall(page.read_text()):
        code = (page.parent / name).read_text()
        marks = re.findall(r'"(\[\w+ \w+\])"', options)
        for mark in marks:
            assert code.count(f"# {mark}\n") == 1
        if marks:
            shown = dedent(code.split(f"# {marks[0]}\n")[1].split(f"# {marks[1]}\n")[0])
            # What fits beside the table of contents.
            assert max(map(len, shown.splitlines())) <= 90


def test_every_page_is_in_a_table_of_contents() -> None:
    listed = set()
    for page in DOCS:
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.DOTALL):
            for name in (line for line in tree.splitlines() if line and not line.startswith(":")):
                found = list(page.parent.glob(f"{name}.md"))
                assert found, f"{page.name} lists {name}"
                listed.update(found)
    assert {page for page in DOCS if page.name != "index.md" or page.parent.name == "api"} <= listed


def public_classes() -> set[str]:
    """The classes that the provider describes to Airflow, as ``module.Class`` or by their names alone."""
    info = get_provider_info()
    modules = {
        name
        for kind in ("operators", "sensors", "triggers", "hooks")
        for entry in info[kind]
        for name in entry["python-modules"]
    }
    return {
        each.name
        for name in modules
        for each in ast.parse((ROOT / f"{name.replace('.', '/')}.py").read_text()).body
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_")
    }


def test_the_api_reference_has_every_public_name() -> None:
    text = "\n".join(page.read_text() for page in (ROOT / "docs" / "api").glob("*.md"))
    shown = set(
        re.findall(r"^\.\. auto(?:class|exception|function):: (?:\w+\.)+(\w+)(?:\(\))?$", text, re.MULTILINE)
    )
    assert public_classes() | set(sms.__all__) <= shown


def test_no_address_of_a_site_is_invented() -> None:
    """The documentation has no address yet, and neither has the project."""
    configuration = (ROOT / "docs" / "conf.py").read_text()
    assert not re.search(r"html_baseurl|source_repository|edit_page|https?://", configuration)
    assert "urls" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
