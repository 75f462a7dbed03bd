"""Where the rows of a campaign come from: a value, a query, or a file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, TypeVar

from airflow.providers.common.compat.sdk import AirflowException, BaseHook, ObjectStoragePath

from sinch_provider.sms.campaign.rows import PORTION, Rows, rows_of
from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.fields.recipients import is_group_id
from sinch_provider.sms.masking import mask_text

T = TypeVar("T")

#: What reads all rows, before the source is closed.
Use = Callable[[Rows], T]

#: Databases that send all rows at once, unless the cursor has a name.
_NEED_A_NAME: Final = frozenset({"postgres", "redshift"})
#: What nobody calls a column.
_LIKE_A_NUMBER: Final = re.compile(r"\s*\+?[\d\s().\-/]{5,}\s*")
#: What nobody calls the only column: a number, whatever a program or a person wrote around it.
_WITH_A_NUMBER: Final = re.compile(r"(?:\d\D*){5}")
_LINES: Final = (".jsonl", ".ndjson")


def _are_names(names: Sequence[str]) -> bool:
    """
    Whether the first line of a file has names of columns. If it has a person, that one would be lost.

    Where there are several columns, that of the numbers has to be named, so names are missed anyway. Some may
    have a date in them.
    """
    if len(names) == 1 and _WITH_A_NUMBER.search(names[0]):
        return False
    return bool(names) and not any(
        _LIKE_A_NUMBER.fullmatch(each) or is_group_id(each.strip()) for each in names
    )


def read_value(value: Any, use: Use[T]) -> T:
    """Read rows that are a value: a list, or another task's output."""
    return use(rows_of(value))


def read_query(
    sql: str,
    conn_id: str,
    use: Use[T],
    *,
    parameters: Mapping[str, Any] | Sequence[Any] | None = None,
    hook_params: Mapping[str, Any] | None = None,
) -> T:
    """
    Read the rows of a query, a portion at a time, and close the database.

    Neither the query nor its parameters are logged, as the hooks of Airflow's providers would do.

    :param sql: One statement.
    :param conn_id: The connection of the database. Its provider must be installed.
    :param parameters: As the database's driver takes them.
    :param hook_params: Arguments of its hook.
    :raises AirflowException: The query failed.
    """
    connection = BaseHook.get_connection(conn_id)
    hook: Any = connection.get_hook(hook_params=dict(hook_params or {}))
    named = {"name": "sinch_campaign"} if connection.conn_type in _NEED_A_NAME else {}
    try:
        with closing(hook.get_conn()) as database, closing(database.cursor(**named)) as cursor:
            cursor.execute(sql, *([parameters] if parameters is not None else []))
            rows = _fetched(cursor)
            first = next(rows, None)
            if cursor.description is None:
                raise AirflowException(f"The query of {conn_id!r} returns no rows: it must be a SELECT.")
            names = [column[0] for column in cursor.description]
            return use(rows_of(_all(first, rows), names))
    except (SinchError, AirflowException):
        raise
    except Exception as error:
        # What drivers say quotes the values of rows and parameters.
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        reason = f"{type(error).__name__}{f', {state}' if state else ''}"
        failure = AirflowException(
            f"The query of {conn_id!r} failed ({reason}). The database's own log says more."
        )
    # Raised outside the block: otherwise Airflow would log the other error too.
    raise failure


def _fetched(cursor: Any) -> Iterator[Sequence[Sequence[Any]]]:
    while rows := cursor.fetchmany(PORTION):
        yield rows


def _all(first: Sequence[Any] | None, others: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    yield from first or ()
    for rows in others:
        yield from rows


def read_file(path: str, use: Use[T]) -> T:
    """
    Read the rows of a file, on this machine or in any storage that Airflow reaches.

    CSV begins with a line of names, after any that are empty; its separator is a comma, a semicolon or a
    tab. In JSON Lines (``.jsonl``, ``.ndjson``) every line is an object.

    :param path: As ``ObjectStoragePath`` takes it, such as ``s3://conn_id@bucket/guests.csv``.
    :raises AirflowException: The file cannot be read.
    """
    place = ObjectStoragePath(path)
    lines = place.name.lower().endswith(_LINES)
    try:
        with place.open("r", encoding="utf-8-sig", newline="" if not lines else None) as file:
            # Airflow before 3.1 gives files that cannot be iterated.
            read = iter(file.readline, "")
            if lines:
                return use(rows_of(json.loads(line) for line in read if line.strip()))
            reader = csv.reader(read, dialect=_dialect(file))
            rows = _filled(reader)
            names = next(rows, [])
            if not _are_names(names):
                raise AirflowException(
                    f"The file {mask_text(place.name)!r} must begin with a line of names of columns."
                )
            return use(rows_of(rows, names))
    except (SinchError, AirflowException):
        raise
    except Exception as error:
        reason = type(error).__name__
    raise AirflowException(f"The file {mask_text(place.name)!r} cannot be read ({reason})")


def _dialect(file: Any) -> type[csv.Dialect]:
    line = next((each for each in iter(file.readline, "") if each.strip(" ,;\t\r\n")), "")
    file.seek(0)
    separator = max(",;\t", key=line.count)
    return type("_Dialect", (csv.excel,), {"delimiter": separator, "strict": True})


def _filled(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    # Spreadsheets begin and end files with lines of nothing but separators.
    return (row for row in reader if any(map(str.strip, row)))
