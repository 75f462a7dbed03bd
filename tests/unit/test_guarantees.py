"""What the page about guarantees says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from sinch_provider.sms.fields.table import MIN_HOLD
from sinch_provider.sms.sending.decision import RULES, Action, Found, Proof, Scope
from sinch_provider.sms.sending.listing import CLOCK_MARGIN, LISTED_FOR, LISTING_LAG

PAGE = (Path(__file__).parents[2] / "docs" / "guarantees.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without their head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def words(retry: Action, clear: Action) -> str:
    return retry.value if retry is clear else f"retry: {retry.value}; clear: {clear.value}"


def test_the_table_of_what_is_found_is_the_one_in_code():
    in_code = [[found.value, *(words(*RULES[found, scope]) for scope in Scope)] for found in Found]
    assert table("What an attempt does about what it finds") == in_code


def test_the_proofs_are_those_in_code():
    assert table("When an attempt sends without looking") == [[each.value] for each in Proof]


def test_the_figures_are_those_in_code():
    assert LISTING_LAG.total_seconds() == 45
    assert "3 x `timeout` + 45 s" in PAGE
    assert CLOCK_MARGIN.total_seconds() == 600
    assert "less than ten minutes apart" in PAGE
    assert LISTED_FOR.days == 13
    assert "13 days" in PAGE
    assert MIN_HOLD.total_seconds() == 120


def test_links_within_the_page_lead_somewhere():
    headings = {
        re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-")
        for each in re.findall(r"^#+ (.*)$", PAGE, re.M)
    }
    assert set(re.findall(r"\]\(#([a-z-]+)\)", PAGE)) <= headings
