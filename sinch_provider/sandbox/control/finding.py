"""Part of a text or of a number: what that means, for filters and for the search."""

from __future__ import annotations

import json
from typing import Any

from sinch_provider.sandbox.sinch import phone

NUMBER_MATCHES = "EXISTS (SELECT 1 FROM json_each(:q_digits) digits WHERE instr(m.recipient, digits.value))"


def text_matches(column: str) -> str:
    return f"instr(fold({column}), :q)"


def values(q: str) -> dict[str, Any]:
    """What the conditions above need to know."""
    return {"q": q.casefold(), "q_digits": json.dumps(phone.parts_of_number(q))}
