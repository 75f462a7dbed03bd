"""Rows of a source: names of columns, and portions of rows, of which only one is in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.rules import whole_number

#: Rows in a portion.
PORTION: Final = 1000
#: The name of the only column where a source has plain numbers.
NUMBER: Final = "number"

#: What databases, spreadsheets and data frames write in the place of a value. Written like this: somebody may
#: be called Null or Nan.
ABSENT: Final = frozenset(
    {"NULL", "null", "None", "nan", "NaN", "NAN", "NaT", "<NA>", "\\N", "#N/A", "#N/A N/A", "#NA"}
    | {"#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"}
)

WRONG_LENGTH: Final = "has more or fewer values than the table has columns"
NOT_A_ROW: Final = "is not a row of the same form as the first one"
NEW_COLUMN: Final = f"has a column that none of the first {PORTION} rows has"

_WITHOUT_NAMES: Final = "must have names for its columns: pass mappings, or tuples together with the names"
_NOT_ROWS: Final = "must be rows: mappings, tuples with names of columns, or plain numbers"


@dataclass(repr=False)
class Portion:
    """
    Some rows, each as long as there are columns.

    :param rows: Their values, in the order of the columns.
    :param numbers: The number of each row, from 1.
    :param wrong: Why a row cannot be read, by its number. It is not among the rows.
    """

    rows: Sequence[Sequence[Any]]
    numbers: Sequence[int]
    wrong: dict[int, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{len(self.rows)} rows>"


class Rows:
    """
    Rows that can be read once, a portion at a time.

    :param columns: The names of the columns; None: they are not known, because there is no row.
    :param portions: Portions of rows. A reader of its own kind makes them itself.
    """

    def __init__(self, columns: Sequence[str] | None, portions: Iterable[Portion]) -> None:
        self.columns = None if columns is None else tuple(map(str, columns))
        self._portions = iter(portions)

    def __repr__(self) -> str:
        return "<rows>"

    def __iter__(self) -> Iterator[Portion]:
        return self._portions


def rows_of(source: Iterable[Any], columns: Sequence[str] | None = None) -> Rows:
    """
    Read rows of any form. The first one shows which form they have.

    :param source: Mappings; tuples or lists; or plain numbers, as text or as whole numbers. Iterators are not
        read further than needed. What is neither counts as a number, which the check refuses.
    :param columns: The names of the columns of tuples, such as those of ``cursor.description``. Rows of one
        column need none.
    :raises SinchValidationError: They are no rows, or tuples have no names.
    """
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
        raise _refused(_NOT_ROWS)
    left = iter(source)
    begin = list(islice(left, 1))
    if not begin:
        return Rows(columns, ())
    first, rows = begin[0], chain(begin, left)
    if isinstance(first, Mapping):
        return from_mappings(rows)
    if _is_plain(first):
        return from_tuples(((each,) if _is_plain(each) else each for each in rows), columns or (NUMBER,))
    if columns is None and len(first) != 1:
        raise _refused(_WITHOUT_NAMES)
    return from_tuples(rows, columns or (NUMBER,))


def from_tuples(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> Rows:
    """
    Read rows that are tuples, as cursors of databases and readers of CSV give them.

    :param columns: The names of their columns.
    """
    return Rows(columns, _tuples(iter(rows), len(columns)))


def from_mappings(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """
    Read rows that are mappings. Their columns are those of the first portion.

    Where a row lacks a column, its value is missing. A later row with one more column is wrong: texts for the
    rows before it would have been written without it.
    """
    left = iter(rows)
    first = list(islice(left, PORTION))
    columns = tuple(dict.fromkeys(chain.from_iterable(each for each in first if isinstance(each, Mapping))))
    return Rows(columns if first else None, _mappings(first, left, columns))


def _tuples(left: Iterator[Any], width: int) -> Iterator[Portion]:
    start = 1
    while rows := list(islice(left, PORTION)):
        numbers: Sequence[int] = range(start, start + len(rows))
        wrong: dict[int, str] = {}
        if not _have_length(rows, width):
            for number, row in zip(numbers, rows, strict=True):
                if isinstance(row, (str, bytes, Mapping)) or not isinstance(row, Sequence):
                    wrong[number] = NOT_A_ROW
                elif len(row) != width:
                    wrong[number] = WRONG_LENGTH
        yield _portion(rows, numbers, wrong)
        start += len(rows)


def _have_length(rows: Sequence[Any], width: int) -> bool:
    return {tuple, list}.issuperset(map(type, rows)) and set(map(len, rows)) == {width}


def _mappings(first: Sequence[Any], left: Iterator[Any], columns: tuple[str, ...]) -> Iterator[Portion]:
    # With one column, `itemgetter` gives no tuple.
    values_of = itemgetter(*columns) if len(columns) > 1 else None
    known = frozenset(columns)
    start, rows = 1, first
    while rows:
        numbers = range(start, start + len(rows))
        wrong: dict[int, str] = {}
        for number, row in zip(numbers, rows, strict=True):
            if not isinstance(row, Mapping):
                wrong[number] = NOT_A_ROW
            elif len(row) > len(columns) or not known.issuperset(row):
                wrong[number] = NEW_COLUMN
        portion = _portion(rows, numbers, wrong)
        if values_of and all(len(row) == len(columns) for row in portion.rows):
            portion.rows = list(map(values_of, portion.rows))
        else:
            sparse: Sequence[Any] = portion.rows
            portion.rows = [tuple(row.get(name) for name in columns) for row in sparse]
        yield portion
        start += len(rows)
        rows = list(islice(left, PORTION))


def _portion(rows: Sequence[Any], numbers: Sequence[int], wrong: dict[int, str]) -> Portion:
    if not wrong:
        return Portion(rows, numbers)
    kept = [(row, number) for row, number in zip(rows, numbers, strict=True) if number not in wrong]
    return Portion([row for row, _ in kept], [number for _, number in kept], wrong)


def is_missing(value: Any) -> bool:
    """Whether it is what databases and data frames have in the place of a value, or blank."""
    if isinstance(value, str):
        text = value.strip()
        return not text or text in ABSENT
    if isinstance(value, Decimal):
        return value.is_nan()
    # Those of data frames differ from themselves.
    return value is None or (isinstance(value, (float, datetime)) and value != value)  # noqa: PLR0124


def texts_of(values: Collection[Any]) -> list[str | None]:
    """
    Write the values of a column as texts, without blanks around them.

    A missing value (None, NaN, or one of :data:`ABSENT`) and a blank one are the empty text. Whole numbers
    are written with digits, ``Decimal`` with all places that it has, dates and times as ISO 8601 with a blank
    in the middle, a UUID with dashes.

    :returns: None for everything else, such as floating-point numbers, whose digits may not be those that
        were meant, and true or false.
    """
    if {str}.issuperset(map(type, values)):
        # Most columns are text.
        texts: list[str | None] = [each.strip() for each in values]
        if ABSENT.isdisjoint(texts):
            return texts
    return list(map(_text, values))


def _text(value: Any) -> str | None:
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    if isinstance(value, (datetime, date, time, UUID)):
        return str(value)
    number = whole_number(value)
    # Python refuses to write integers with thousands of digits.
    return str(number) if number is not None and abs(number) < 10**100 else None


def _is_plain(value: Any) -> bool:
    """Whether it is one value, not a row of them."""
    return isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, Mapping))


def _refused(rule: str) -> SinchValidationError:
    return SinchValidationError([Fault("rows", rule)], "send")
