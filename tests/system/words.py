"""The words of operators that the report counts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sinch_provider
from tests.system.processes import SystemTestError

#: What operators log about their decisions.
DECISIONS: Final = {
    "sent, and saw it accepted": "Sinch accepted batch",
    "an earlier attempt was about to": "was about to send. The outcome is unknown",
    "looked for the batch": "Looking for the batch at Sinch by its reference",
    "kept it": "already has this message and these recipients; keeping it",
    "kept it, with another text": "has the same recipients and another text; keeping it",
    "did not find it": "so Sinch has not accepted it",
    "not sent: no permission": "Airflow's task state cannot be reached",
    "not sent: permission too old": "to write to the task state",
    "not sent: stopped": "The task was stopped before",
}


def check_words() -> None:
    """
    Check that the package still contains these words.

    :raises SystemTestError: Some of the words have changed.
    """
    package = Path(sinch_provider.__file__).parent
    source = "".join(path.read_text() for path in package.rglob("*.py"))
    if unsaid := [words for words in DECISIONS.values() if words not in source]:
        raise SystemTestError(f"The package does not say any more: {', '.join(map(repr, unsaid))}")
