"""Conditions that match a part of a text, of a number or of a reference, for filters and for the search."""

from __future__ import annotations

from typing import Any

from sinch_sandbox.core import phone

NUMBER_MATCHES = "(:q_digits != '' AND (instr(m.recipient, :q_digits) OR instr(m.recipient, :q_number)))"
BATCH_MATCHES = "(b.id = :q_id OR instr(fold(coalesce(b.client_reference, '')), :q))"
"""A part of an id says nothing about a batch, so ids match as a whole."""


def text_matches(column: str) -> str:
    """A condition on a column that has a text."""
    return f"instr(fold({column}), :q)"


def values(q: str) -> dict[str, Any]:
    """The values of the conditions above."""
    parts = phone.parts_of_number(q) or [""]
    return {"q": q.casefold(), "q_id": q.strip().upper(), "q_digits": parts[0], "q_number": parts[-1]}
