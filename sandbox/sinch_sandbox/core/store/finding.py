"""Conditions that match a part of a text or of a number, for filters and for the search."""

from __future__ import annotations

from typing import Any

from sinch_sandbox.core import phone

NUMBER_MATCHES = "(:q_digits != '' AND (instr(m.recipient, :q_digits) OR instr(m.recipient, :q_number)))"


def text_matches(column: str) -> str:
    """A condition on a column that has a text."""
    return f"instr(fold({column}), :q)"


def values(q: str) -> dict[str, Any]:
    """The values of the conditions above."""
    parts = phone.parts_of_number(q) or [""]
    return {"q": q.casefold(), "q_digits": parts[0], "q_number": parts[-1]}
