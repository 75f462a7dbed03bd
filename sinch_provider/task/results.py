"""Where the results of a campaign go: a table of a database, or a file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import uuid4

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.masking import mask_number, mask_text
from sinch_provider.sms.runtime import utcnow
from sinch_provider.task.arguments import is_template

if TYPE_CHECKING:
    from sinch_provider.sms.campaign.results import Result

PLAIN: Final = "plain"
MASKED: Final = "masked"
HASHED: Final = "hashed"
_NUMBERS: Final = (PLAIN, MASKED, HASHED)

#: Columns and their types, which all databases know. Times are UTC as text, which all of them read as a time.
#: MySQL allows keys of 767 bytes, and takes four for a character.
COLUMNS: Final[Mapping[str, str]] = {
    "campaign": "VARCHAR(64) NOT NULL",
    "recipient_hash": "VARCHAR(64) NOT NULL",
    "recipient": "VARCHAR(32)",
    "id": "VARCHAR(1000)",
    "batch_id": "VARCHAR(64) NOT NULL",
    "status": "VARCHAR(64) NOT NULL",
    "code": "INTEGER NOT NULL",
    "kind": "VARCHAR(16) NOT NULL",
    "parts": "INTEGER",
    "status_at": "VARCHAR(32)",
    "updated_at": "VARCHAR(32) NOT NULL",
}
_LONGEST_ID: Final = 1000
#: Rows that go to the database together.
_PORTION: Final = 1000
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_$]{0,62}"
#: Airflow finds no other task in here, so it would not wait for that one.
_NOT_TEXT: Final = "must be text, such as a template that pulls another task's output"
_TABLE: Final = re.compile(rf"{_NAME}(?:\.{_NAME}){{0,2}}")
_CSV: Final = ".csv"
_LINES: Final = (".jsonl", ".ndjson")
_ADVICE: Final = "Retry or clear the task: it texts nobody again, and writes all results."

Row = tuple[Any, ...]


@dataclass
class ResultsTable:
    """
    A table for the results of campaigns, one row for each person. It is made if it is not there.

    Its key is the campaign's reference and the hash of the number, keyed with the account's secret. Times are
    in UTC. Of an id, it has the first thousand characters.

    :param conn_id: The connection of the database. Its provider must be installed. (templated)
    :param table: The table, perhaps with its schema, such as ``marketing.sms_results``. (templated)
    :param numbers: What is in the column ``recipient``: ``hashed`` leaves it empty, ``masked`` and ``plain``
        fill it.
    :param with_times: Whether to ask Sinch for the time of each result, ten calls for a thousand people.
    :param hook_params: Arguments of the database's hook.
    """

    conn_id: str
    table: str
    numbers: str = HASHED
    with_times: bool = False
    hook_params: Mapping[str, Any] | None = None

    template_fields: ClassVar[Sequence[str]] = ("conn_id", "table")

    def faults(self, field: str = "results") -> list[Fault]:
        """Return what is wrong with it. What is a template yet is not looked at."""
        faults = _faults_of_numbers(field, self.numbers)
        if not isinstance(self.conn_id, str) or not self.conn_id.strip():
            faults.append(Fault(f"{field}.conn_id", "must be the id of a connection"))
        if not isinstance(self.table, str):
            faults.append(Fault(f"{field}.table", _NOT_TEXT))
        elif not _TABLE.fullmatch(self.table) and not is_template(self.table):
            rule = 'must be the name of a table, such as "sms_results" or "marketing.sms_results"'
            faults.append(Fault(f"{field}.table", rule))
        return faults

    def prepare(self) -> None:
        """
        Make the table if it is not there. Before the first text, so that nothing is sent if that fails.

        :raises AirflowException: It cannot be read or made.
        """
        self._use(self._make_if_missing, f"Results cannot be written to {self._named}", "Nothing was sent.")

    def write(self, campaign: str, results: Iterable[Result], secret: str) -> int:
        """
        Replace the rows of a campaign, all of them or none.

        :param campaign: Its reference.
        :param results: The results of everybody.
        :param secret: The key of hashes.
        :returns: How many rows there are now.
        :raises AirflowException: The database refuses them. It has the rows that it had before.
        """
        rows = _rows(campaign, results, secret, self.numbers)

        def replace(hook: Any, database: Any) -> int:
            self._make_if_missing(hook, database)
            return self._replace(hook, database, campaign, rows)

        return self._use(replace, f"The texts were sent, but not their results to {self._named}", _ADVICE)

    @property
    def _named(self) -> str:
        return f"the table {self.table} of {self.conn_id!r}"

    def _use(self, use: Callable[[Any, Any], int], what: str, advice: str) -> int:
        from airflow.providers.common.compat.sdk import AirflowException, BaseHook

        try:
            connection = BaseHook.get_connection(self.conn_id)
            hook: Any = connection.get_hook(hook_params=dict(self.hook_params or {}))
            with closing(_connected(hook)) as database:
                if getattr(hook, "supports_autocommit", False):
                    hook.set_autocommit(database, False)
                try:
                    return use(hook, database)
                except BaseException:
                    with suppress(Exception):
                        database.rollback()
                    raise
        except AirflowException as error:
            # It comes from Airflow: there is no such connection, or its provider is not installed.
            reason = mask_text(str(error))
        except Exception as error:
            reason = _reason(error)
        # Raised outside the block: otherwise Airflow would log what the driver says, and that quotes rows.
        raise AirflowException(f"{what} ({reason}). {advice}")

    def _make_if_missing(self, hook: Any, database: Any) -> int:
        # Not every database knows IF NOT EXISTS.
        if not self._is_there(hook, database):
            columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            key = "PRIMARY KEY (campaign, recipient_hash)"
            try:
                with closing(database.cursor()) as cursor:
                    cursor.execute(f"CREATE TABLE {self.table} ({columns}, {key})")
                database.commit()
            except Exception as error:
                database.rollback()
                # Another task may have made it meanwhile.
                if not self._is_there(hook, database):
                    raise _NoRowsError(error) from None
        return 0

    def _is_there(self, hook: Any, database: Any) -> bool:
        columns = ", ".join(COLUMNS)
        nobody = f"SELECT {columns} FROM {self.table} WHERE campaign = {_placeholder(hook)}"
        try:
            with closing(database.cursor()) as cursor:
                cursor.execute(nobody, ("",))
                cursor.fetchall()
        except Exception:
            # In Postgres, the transaction takes no more statements.
            database.rollback()
            return False
        return True

    def _replace(self, hook: Any, database: Any, campaign: str, rows: Iterator[Row]) -> int:
        place = _placeholder(hook)
        values = ", ".join([place] * len(COLUMNS))
        insert = f"INSERT INTO {self.table} ({', '.join(COLUMNS)}) VALUES ({values})"
        written = 0
        with closing(database.cursor()) as cursor:
            cursor.execute(f"DELETE FROM {self.table} WHERE campaign = {place}", (campaign,))
            while portion := list(islice(rows, _PORTION)):
                _insert(cursor, insert, portion)
                written += len(portion)
        database.commit()
        return written


@dataclass
class ResultsFile:
    """
    A file for the results of one campaign, one line for each person: CSV, or JSON Lines.

    It is written under another name and then moved, so that nobody ever finds half of it.

    :param path: As ``ObjectStoragePath`` takes it, such as ``s3://conn_id@bucket/results.csv``; it ends in
        ``.csv``, ``.jsonl`` or ``.ndjson``. (templated)
    :param numbers: What is in the column ``recipient``: ``hashed`` leaves it out, ``masked`` and ``plain``
        fill it.
    :param with_times: Whether to ask Sinch for the time of each result, ten calls for a thousand people.
    """

    path: str
    numbers: str = HASHED
    with_times: bool = False

    template_fields: ClassVar[Sequence[str]] = ("path",)

    def faults(self, field: str = "results") -> list[Fault]:
        """Return what is wrong with it. What is a template yet is not looked at."""
        faults = _faults_of_numbers(field, self.numbers)
        if not isinstance(self.path, str):
            faults.append(Fault(f"{field}.path", _NOT_TEXT))
        elif not self.path.lower().endswith((_CSV, *_LINES)) and not is_template(self.path):
            faults.append(Fault(f"{field}.path", "must end in .csv, .jsonl or .ndjson"))
        return faults

    def prepare(self) -> None:
        """
        Try whether the file can be written. Before the first text, so that nothing is sent if it cannot.

        :raises AirflowException: It cannot.
        """

        def touch(place: Any, part: Any) -> int:
            with part.open("w"):
                pass
            part.unlink()
            return 0

        self._use(touch, "Results cannot be written to", "Nothing was sent.")

    def write(self, campaign: str, results: Iterable[Result], secret: str) -> int:
        """
        Write the file anew.

        :param campaign: Its reference.
        :param results: The results of everybody.
        :param secret: The key of hashes.
        :returns: How many lines it has, without that of names.
        :raises AirflowException: It cannot be written. The file is as it was before.
        """
        rows = _rows(campaign, results, secret, self.numbers)
        without = {
            name
            for name, there in (("recipient", self.numbers != HASHED), ("status_at", self.with_times))
            if not there
        }
        kept = [place for place, name in enumerate(COLUMNS) if name not in without]
        names = [name for name in COLUMNS if name not in without]

        def replace(place: Any, part: Any) -> int:
            written = 0
            lines = place.name.lower().endswith(_LINES)
            with part.open("w", encoding="utf-8", newline="") as file:
                table = csv.writer(file)
                if not lines:
                    table.writerow(names)
                for row in rows:
                    values = [row[index] for index in kept]
                    if lines:
                        said = dict(zip(names, values, strict=True))
                        file.write(json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n")
                    else:
                        table.writerow(values)
                    written += 1
            part.fs.mv(part.path, place.path)
            return written

        return self._use(replace, "The texts were sent, but not their results to", _ADVICE)

    def _use(self, use: Callable[[Any, Any], int], what: str, advice: str) -> int:
        from airflow.providers.common.compat.sdk import AirflowException, ObjectStoragePath

        part: Any = None
        try:
            place = ObjectStoragePath(self.path)
            part = place.with_name(f".{place.name}.{uuid4().hex[:8]}.part")
            return use(place, part)
        except Exception as error:
            reason = _reason(error)
        finally:
            with suppress(Exception):
                part.unlink()
        name = mask_text(self.path.rpartition("/")[2])
        raise AirflowException(f"{what} the file {name!r} ({reason}). {advice}")


def _faults_of_numbers(field: str, numbers: Any) -> list[Fault]:
    if numbers in _NUMBERS:
        return []
    return [Fault(f"{field}.numbers", f"must be one of {', '.join(_NUMBERS)}")]


def _rows(campaign: str, results: Iterable[Result], secret: str, numbers: str) -> Iterator[Row]:
    """The values of each result, in the order of the columns."""
    from sinch_provider.sms.campaign.results import hashed

    now = _written(utcnow())
    for each in results:
        yield (
            campaign,
            hashed(each.number, secret),
            {PLAIN: f"+{each.number}", MASKED: mask_number(each.number)}.get(numbers),
            each.id[:_LONGEST_ID] or None,
            each.batch_id,
            each.status,
            each.code,
            each.kind.value,
            each.parts,
            None if each.at is None else _written(each.at),
            now,
        )


def _written(time: Any) -> str:
    # The form that every database reads as a time without a zone.
    return str(time.strftime("%Y-%m-%d %H:%M:%S"))


def _placeholder(hook: Any) -> str:
    return str(getattr(hook, "placeholder", "%s"))


def _insert(cursor: Any, statement: str, rows: Sequence[Row]) -> None:
    if type(cursor).__module__.startswith("psycopg2"):
        # Its own executemany makes a round trip for each row.
        import_module("psycopg2.extras").execute_batch(cursor, statement, rows, page_size=_PORTION)
    else:
        cursor.executemany(statement, rows)


class _NoRowsError(Exception):
    """An error before the first row. Nobody is in what the driver says, so it may be quoted."""

    def __init__(self, error: Exception) -> None:
        said = mask_text(str(error).strip().partition("\n")[0])
        super().__init__(f"{type(error).__name__}: {said}")


def _connected(hook: Any) -> Any:
    try:
        return hook.get_conn()
    except Exception as error:
        raise _NoRowsError(error) from None


def _reason(error: Exception) -> str:
    """What went wrong, without the driver's own words: these quote values of rows."""
    if isinstance(error, _NoRowsError):
        return str(error)
    named = (getattr(error, name, None) for name in ("sqlstate", "pgcode", "sqlite_errorname"))
    code = next((each for each in named if each), None)
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    more = code or number
    return f"{type(error).__name__} {more}" if more is not None else type(error).__name__
