"""
A campaign to a million people in Postgres: CPU, time, memory, writes to the journal and calls to Sinch.

Postgres must be installed. It runs in a temporary folder, and is reached only by a socket there.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from campaign import EXCLUDED, bytes_of, figures_of, floor_of, measured, ratios_of
from figures import Plot, Result, main
from tables import postgres

PEOPLE: Final = 1_000_000
BYTES: Final = 150


def measure(rounds: int) -> Result:
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as database:
        found = measured(rounds, PEOPLE, database.tables, ["floor"])
    return Result(
        "million",
        f"A campaign to {PEOPLE:,} people in Postgres, two values for each, {EXCLUDED:,} numbers excluded",
        floor_of(found),
        [*bytes_of("million", found, PEOPLE, BYTES), *figures_of("million", found)],
        ratios_of("million", found),
        [
            Plot(
                "million",
                "A campaign to a million people: CPU (s)",
                bars=[f"million.{each}.cpu" for each in ("campaign", "check", "retry", "floor")],
            )
        ],
        [
            "The campaign is the operator, with Airflow's hook for Postgres, in one process.",
            "The floor neither checks nor de-duplicates, and excludes nobody.",
        ],
    )


if __name__ == "__main__":
    main(measure)
