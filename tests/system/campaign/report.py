"""What the campaign must have come to, and what it has come to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg.rows import dict_row

from tests.journey.search import Row, Search
from tests.system.campaign.people import DATABASE, NAME, PREFIX, People
from tests.system.campaign.schedule import PLACES, Schedule
from tests.system.campaign.sinch import Sinch
from tests.system.campaign.striker import Struck
from tests.system.report import table
from tests.system.services import Postgres

#: What nothing of may be in Airflow.
_PRIVATE: Final = {
    "number": re.compile(rf"{PREFIX}\d{{6}}"),
    "text": re.compile("your table is waiting"),
    "value in a text": re.compile(rf"{NAME} \d"),
}
#: Where the text is, because it is written in the Dag's file.
_IN_A_FILE: Final = "dag_code.source_code"
#: The users' own database, which is searched row by row as far as it is Airflow's, and Sinch.
_NOT_AIRFLOWS: Final = ("postgres/", "ledger.db", "sandbox.log")


@dataclass
class Outcome:
    """
    What the campaign has come to.

    :param sinch: People by what the sandbox's verdict says of them.
    :param results: Rows of the table of results by kind.
    :param faults: What must not be, one line each.
    """

    sinch: dict[str, int]
    results: dict[str, int]
    faults: list[str]


def collect(people: People, sinch: Sinch, database: Postgres, state: str) -> Outcome:
    """Compare the people with the sandbox's ledger and with the table of results."""
    verdict = sinch.client.verdict(people.texted)
    excluded = [each for each in verdict.unexpected if f"+{each}" in people.excluded]
    found = {
        "ok": len(verdict.ok),
        "lost": len(verdict.lost),
        "duplicated": len(verdict.duplicated),
        "excluded and texted": len(excluded),
        "others": len(verdict.unexpected) - len(excluded),
    }
    faults = [f"{number:,} people {what}" for what, number in found.items() if number and what != "ok"]
    if state != "success":
        faults.append(f"the task is {state}")
    statuses = {f"+{each['to']}": str(each["status"]) for each in sinch.client.messages()}
    rows = database.query("select recipient, status, kind from sms_results", database=DATABASE)
    written = {str(number): str(status) for number, status, _ in rows}
    if len(rows) != len(people.texted) or written.keys() != people.texted:
        faults.append(f"the table of results has {len(rows):,} rows for {len(written.keys()):,} people")
    if wrong := sum(statuses.get(number) != status for number, status in written.items()):
        faults.append(f"{wrong:,} results are not what became of the texts")
    return Outcome(found, dict(Counter(str(kind) for *_, kind in rows)), faults)


def searching(folder: Path, database: Postgres) -> tuple[Search, Callable[[], None]]:
    """
    Prepare the search of Airflow's database and of all files for numbers, texts and names.

    :returns: What is found, and what looks once more.
    """

    def rows() -> Iterator[Row]:
        with database.connect("airflow") as connection, connection.cursor(row_factory=dict_row) as cursor:
            tables = cursor.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
            for each in tables:
                for row in cursor.execute(f'select * from "{each["tablename"]}"'):
                    yield each["tablename"], row

    found = Search(folder, rows, _NOT_AIRFLOWS)
    return found, lambda: found.look(_PRIVATE)


def wrong_places(found: Search) -> list[str]:
    """Say what is where it must not be, or that the search does not see what is there for certain."""
    if _IN_A_FILE not in {place for _, place in found.found}:
        return [f"the search has not seen the text in {_IN_A_FILE}", *found.verdict()]
    return found.verdict()


def kills_table(kills: Sequence[Struck], batches: int) -> str:
    """List every kill, and at which batch it struck."""
    lines = [f"{'Kill':>4}  {'who':<12}{'where':<18}{'batches accepted':>18}{'attempt':>9}{'second':>9}"]
    lines += [
        f"{each.number:>4}  {each.kind:<12}{each.place:<18}{f'{each.batches} of {batches}':>18}"
        f"{each.attempt:>9}{each.seconds:>9.0f}"
        for each in kills
    ]
    return "\n".join(lines)


def places_table(kills: Sequence[Struck]) -> str:
    """Count the kills by place and by who was killed."""
    kinds = sorted({each.kind for each in kills})
    counts = Counter((each.place, each.kind) for each in kills)
    rows = [
        (place, [*(counts[place, kind] for kind in kinds), sum(each.place == place for each in kills)])
        for place in PLACES
    ]
    total = [*(sum(each.kind == kind for each in kills) for kind in kinds), len(kills)]
    return table("Kills", [*kinds, "all"], [*rows, ("all", total)])


def outcome_table(outcome: Outcome) -> str:
    """Count the people."""
    rows = [
        *outcome.sinch.items(),
        *((f"result: {kind}", number) for kind, number in outcome.results.items()),
    ]
    return table("People", ["number"], [(name, [number]) for name, number in rows])


def unstruck(kills: Sequence[Struck], schedule: Schedule) -> list[str]:
    """Say whether kills of the schedule have not happened."""
    parts = (schedule.first, schedule.canary, schedule.sending, schedule.delivery, schedule.last)
    wanted = sum(map(len, parts))
    return [f"only {len(kills)} of {wanted} kills have happened"] if len(kills) < wanted else []
