"""Searches what an Airflow has stored and logged for numbers, texts and tokens."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

#: Written before Airflow started: the database is searched row by row, and these are the users' own.
_NOT_AIRFLOWS: Final = ("airflow.db", "passwords.json", "dags/")
#: What is not hidden, because it is the users' own. The page on privacy has to name each of these places.
ALLOWED: Final = {
    "dag_code.source_code": "written in a Dag's file",
    "serialized_dag.data": "written in a Dag's file",
    "dag_run.conf": "what a run is triggered with",
    "log.extra": "what a run is triggered with, in the audit log",
    "callback.data": "what a run is triggered with, in the callback of its deadline",
    "xcom of example_send_and_wait.audience": "what a task of one's own returns",
    "xcom of example_send_and_wait.names": "what a task of one's own returns",
}


Row = tuple[str, Mapping[str, object]]


def sqlite_rows(path: Path) -> Iterator[Row]:
    """Read all rows of an SQLite file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
        database.row_factory = sqlite3.Row
        tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            for row in map(dict, database.execute(f'select * from "{table}"')):
                yield table, row


def number_pattern(number: str) -> re.Pattern[str]:
    """Match a number in every notation, with or without its country."""
    national = re.sub(r"\D", "", number)[2:]
    return re.compile(r"[ ()/.-]?".join(national))


class Search:
    """
    Looks through the database and the files of an Airflow, several times: some rows live for seconds.

    :param home: The folder of the Airflow.
    :param rows: Reads the rows of its database, each with the name of its table.
    :param not_airflows: How the files begin that are not searched.
    """

    def __init__(
        self, home: Path, rows: Callable[[], Iterator[Row]], not_airflows: tuple[str, ...] = _NOT_AIRFLOWS
    ) -> None:
        self._home = home
        self._rows = rows
        self._not_airflows = not_airflows
        #: What was found: what it is, and where.
        self.found: Counter[tuple[str, str]] = Counter()
        self.rows = 0
        self.files = 0

    def look(self, private: Mapping[str, re.Pattern[str]]) -> None:
        """
        Look for everything private.

        :param private: A pattern of each thing by what it is.
        """
        seen: Counter[tuple[str, str]] = Counter()
        for place, content in self._contents():
            for what, pattern in private.items():
                if hits := len(pattern.findall(content)):
                    seen[what, place] += hits
        # Later looks see most of it again.
        self.found |= seen

    def _contents(self) -> Iterator[tuple[str, str]]:
        self.rows = self.files = 0
        for table, row in self._rows():
            self.rows += 1
            for column, value in row.items():
                yield _place(table, column, row), _text(value)
        for path in sorted(self._home.rglob("*")):
            name = path.relative_to(self._home).as_posix()
            if path.is_file() and not name.startswith(self._not_airflows):
                self.files += 1
                yield name, path.read_text(errors="replace")

    def verdict(self) -> list[str]:
        """Say what is where it must not be."""
        return [
            f"{what} in {place} ({count} times)"
            for (what, place), count in sorted(self.found.items())
            if place not in ALLOWED
        ]

    def unseen(self) -> list[str]:
        """Name the places that have private things for certain, and in which the search found none."""
        return sorted(ALLOWED.keys() - {place for _, place in self.found})

    def table(self) -> str:
        """List what was found in which place, and why it may be there."""
        places: dict[str, set[str]] = {}
        for what, place in self.found:
            places.setdefault(place, set()).add(what.split(" ")[0])
        return "\n".join(
            f"  {place:<40} {', '.join(sorted(kinds)):<16} {ALLOWED.get(place, 'WRONG')}"
            for place, kinds in sorted(places.items())
        )


def _place(table: str, column: str, row: Mapping[str, object]) -> str:
    if table == "xcom" and column == "value":
        return f"xcom of {row['dag_id']}.{row['task_id']}"
    return f"{table}.{column}"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)
