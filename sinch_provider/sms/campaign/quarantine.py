"""Bad rows: what is told of those that cannot be texted."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from typing import IO, NamedTuple


class BadRow(NamedTuple):
    """
    One fault of a row. A row may have several.

    :param row: The number of the row, from 1.
    :param id: What its id column says; empty: there is none, or it is the fault.
    :param column: The column, as the campaign names it.
    :param reason: A sentence that quotes nothing of the row.
    :param number: The phone number, masked.
    """

    row: int
    id: str
    column: str
    reason: str
    number: str

    def __repr__(self) -> str:
        # An id may be an address.
        return f"<row {self.row}: {self.column} {self.reason}>"


#: What takes bad rows, those of a portion at once, in the order of rows.
Quarantine = Callable[[Sequence[BadRow]], object]


def csv_quarantine(file: IO[str]) -> Quarantine:
    """
    Return what writes bad rows as CSV, after a line of names.

    :param file: Open for text, with ``newline=""``.
    """
    writer = csv.writer(file)
    writer.writerow(BadRow._fields)
    return writer.writerows
