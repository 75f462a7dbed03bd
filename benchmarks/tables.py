"""A table of people and a table of opt-outs, in SQLite or in a Postgres of its own."""

from __future__ import annotations

import getpass
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

#: Rows that are read at once, as the operator does.
PORTION: Final = 1000
PEOPLE: Final = "select phone, name, table_number from people"
OPT_OUTS: Final = "select phone from opt_outs"
_CREATE: Final = (
    "create table people (phone varchar(20), name varchar(40), table_number integer)",
    "create table opt_outs (phone varchar(20))",
)
_STARTS_WITHIN: Final = 60
_DEBIAN: Final = Path("/usr/lib/postgresql")

Row = tuple[Any, ...]


def people(count: int) -> Iterator[Row]:
    """People in no order of their numbers, as in a table that has grown."""
    indexes = list(range(count))
    random.Random(count).shuffle(indexes)
    for index in indexes:
        yield f"+999{index:09}", f"Ann {index % 5000}", index % 80


def opt_outs(count: int) -> Iterator[Row]:
    """Numbers of others, so that everybody in the table is texted."""
    return ((f"+9998{index:08}",) for index in range(count))


def sqlite_tables(folder: Path, size: int, excluded: int) -> str:
    """Write both tables into a file; the source to read them from."""
    path = folder / f"people-{size}-{excluded}.db"
    with closing(sqlite3.connect(path)) as database, database:
        for statement in _CREATE:
            database.execute(statement)
        database.executemany("insert into people values (?, ?, ?)", people(size))
        database.executemany("insert into opt_outs values (?)", opt_outs(excluded))
    return f"sqlite:{path}"


class Postgres:
    """A server of the benchmark's own, reached only by a socket in its folder."""

    def __init__(self, folder: Path, user: str) -> None:
        self._folder = folder
        self._user = user

    def _target(self, database: str) -> str:
        return f"dbname={database} user={self._user} host={self._folder}"

    def tables(self, size: int, excluded: int) -> str:
        """Write both tables into a database; the source to read them from."""
        import psycopg

        name = f"people_{size}_{excluded}"
        with psycopg.connect(self._target("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        with psycopg.connect(self._target(name)) as connection, connection.cursor() as cursor:
            for statement in _CREATE:
                cursor.execute(statement)
            for table, rows in (("people", people(size)), ("opt_outs", opt_outs(excluded))):
                with cursor.copy(f"copy {table} from stdin") as copy:
                    for row in rows:
                        copy.write_row(row)
        return f"postgres:{self._target(name)}"

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self._target("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


def _program(name: str) -> str:
    """Find a program of Postgres; Debian keeps it off the PATH."""
    versions = sorted(_DEBIAN.glob("*/bin"), key=lambda each: int(each.parent.name.split(".")[0]))
    path = os.pathsep.join([*map(str, reversed(versions)), os.environ.get("PATH", os.defpath)])
    found = shutil.which(name, path=path)
    if found is None:
        raise SystemExit(
            f"There is no {name}. Install Postgres; in Debian, that is apt-get install postgresql."
        )
    return found


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """
    Start a server.

    :param folder: Where its data lie. Another user must be able to enter it.
    """
    is_root = os.geteuid() == 0
    # It refuses to run as root; its package brings a user for it.
    user = "postgres" if is_root else getpass.getuser()
    home = folder / "postgres"
    home.mkdir(mode=0o700)
    if is_root:
        folder.chmod(0o711)
        shutil.chown(home, user, user)
    as_user: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if is_root else {}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": home}
    data = str(home / "data")
    make = [_program("initdb"), "-D", data, "-A", "trust", "-U", user, "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, **quiet, **as_user)
    run = [
        _program("postgres"),
        "-D",
        data,
        "-c",
        "listen_addresses=",
        "-c",
        f"unix_socket_directories={home}",
    ]
    with subprocess.Popen([*run, "-c", "fsync=off"], **quiet, **as_user) as process:
        try:
            server = Postgres(home, user)
            deadline = time.monotonic() + _STARTS_WITHIN
            while not server.answers():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("Postgres did not start.")
                time.sleep(0.1)
            yield server
        finally:
            process.terminate()


@contextmanager
def opened(source: str, sql: str) -> Iterator[tuple[Sequence[str], Iterator[Row]]]:
    """Run a query, and read its rows a portion at a time: the names of its columns, and the rows."""
    kind, _, target = source.partition(":")
    if kind == "sqlite":
        database: Any = sqlite3.connect(target)
        named = {}
    else:
        import psycopg

        database = psycopg.connect(target)
        # Without a name, the driver would read all rows at once.
        named = {"name": "campaign"}
    with closing(database), closing(database.cursor(**named)) as cursor:
        cursor.execute(sql)
        rows = _fetched(cursor)
        first = next(rows, None)
        yield [column[0] for column in cursor.description], _chained(first, rows)


def _fetched(cursor: Any) -> Iterator[list[Row]]:
    while rows := cursor.fetchmany(PORTION):
        yield rows


def _chained(first: list[Row] | None, others: Iterator[list[Row]]) -> Iterator[Row]:
    yield from first or ()
    for rows in others:
        yield from rows
