"""Rows of any form as portions, and values of databases as text."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from sinch_provider.sms.campaign.rows import (
    NEW_COLUMN,
    NOT_A_ROW,
    PORTION,
    WRONG_LENGTH,
    Rows,
    from_mappings,
    from_tuples,
    rows_of,
    texts_of,
)
from sinch_provider.sms.errors import SinchValidationError

MARIA, JOHAN = "+447700900222", "+447700900333"


def read(rows: Rows) -> list[tuple[Any, ...]]:
    return [tuple(row) for portion in rows for row in portion.rows]


def wrong(rows: Rows) -> dict[int, str]:
    return {number: reason for portion in rows for number, reason in portion.wrong.items()}


class TestForms:
    def test_mappings(self) -> None:
        rows = rows_of([{"phone": MARIA, "name": "Maria"}, {"name": "Johan", "phone": JOHAN}])
        assert rows.columns == ("phone", "name")
        assert read(rows) == [(MARIA, "Maria"), (JOHAN, "Johan")]

    def test_tuples_with_names(self) -> None:
        rows = rows_of([(MARIA, "Maria"), [JOHAN, "Johan"]], ["phone", "name"])
        assert rows.columns == ("phone", "name")
        assert read(rows) == [(MARIA, "Maria"), (JOHAN, "Johan")]

    def test_tuples_without_names(self) -> None:
        with pytest.raises(SinchValidationError, match="must have names for its columns"):
            rows_of([(MARIA, "Maria")])

    @pytest.mark.parametrize("number", [MARIA, 447700900222, Decimal(447700900222)])
    def test_plain_numbers_and_rows_of_one_column(self, number: Any) -> None:
        rows = rows_of([number, (JOHAN,)])
        assert rows.columns == ("number",)
        assert read(rows) == [(number,), (JOHAN,)]
        assert read(rows_of([(number,), (JOHAN,)])) == [(number,), (JOHAN,)]

    @pytest.mark.parametrize("source", [MARIA, b"x", {"phone": MARIA}, 5, None])
    def test_no_rows(self, source: Any) -> None:
        with pytest.raises(SinchValidationError) as error:
            rows_of(source)
        assert MARIA not in str(error.value)

    @pytest.mark.parametrize("first", [None, "", 3.5, b"x"])
    def test_a_first_number_that_is_none_hides_no_others(self, first: Any) -> None:
        assert read(rows_of([first, MARIA])) == [(first,), (MARIA,)]

    def test_rows_of_a_driver(self) -> None:
        connection = sqlite3.connect(":memory:")
        connection.row_factory = sqlite3.Row
        cursor = connection.execute("SELECT 1 AS id, 'Maria' AS name")
        rows = rows_of(cursor, [each[0] for each in cursor.description])
        assert rows.columns == ("id", "name")
        assert read(rows) == [(1, "Maria")]
        connection.close()

    def test_without_rows_only_given_columns_are_known(self) -> None:
        assert rows_of([]).columns is None
        assert from_mappings([]).columns is None
        assert rows_of([], ["phone"]).columns == ("phone",)
        assert read(rows_of([], ["phone"])) == []


class TestStreaming:
    def test_no_more_than_a_portion_is_read_ahead(self) -> None:
        taken = 0

        def source() -> Iterator[dict[str, Any]]:
            nonlocal taken
            for number in range(3 * PORTION):
                taken += 1
                yield {"phone": number}

        rows = rows_of(source())
        assert taken <= PORTION
        for count, portion in enumerate(rows, start=1):
            assert len(portion.rows) == PORTION
            assert taken <= count * PORTION

    def test_rows_are_numbered_from_one(self) -> None:
        portions = list(from_tuples(((each,) for each in range(PORTION + 2)), ["phone"]))
        assert [portion.numbers[0] for portion in portions] == [1, PORTION + 1]
        assert list(portions[1].numbers) == [PORTION + 1, PORTION + 2]

    def test_nothing_of_a_row_is_shown(self) -> None:
        rows = rows_of([(MARIA,)])
        assert MARIA not in repr(rows) + "".join(map(repr, rows))


class TestWrongRows:
    def test_tuples_of_another_length(self) -> None:
        rows: list[Any] = [
            (MARIA, "Maria"),
            (JOHAN,),
            (JOHAN, "Johan", 3),
            "ab",
            {"phone": 1, "name": 2},
            (JOHAN, "x"),
        ]
        portions = list(from_tuples(rows, ["phone", "name"]))
        assert [portion.wrong for portion in portions] == [
            {2: WRONG_LENGTH, 3: WRONG_LENGTH, 4: NOT_A_ROW, 5: NOT_A_ROW}
        ]
        assert portions[0].rows == [(MARIA, "Maria"), (JOHAN, "x")]
        assert portions[0].numbers == [1, 6]

    def test_columns_are_those_of_the_first_portion(self) -> None:
        rows: list[Any] = [{"phone": number} for number in range(PORTION - 1)]
        rows += [{"phone": 0, "name": 1}, {"phone": 0, "late": 1}, {"name": 2}, "x"]
        found = from_mappings(rows)
        assert found.columns == ("phone", "name")
        portions = list(found)
        assert portions[0].rows[-2:] == [(PORTION - 2, None), (0, 1)]
        assert portions[1].rows == [(None, 2)]
        assert portions[1].wrong == {PORTION + 1: NEW_COLUMN, PORTION + 3: NOT_A_ROW}


class TestTexts:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (" Maria\n", "Maria"),
            ("\u00a0", ""),
            (" NULL", ""),
            ("#N/A", ""),
            ("Null", "Null"),
            ("", ""),
            (None, ""),
            (float("nan"), ""),
            (Decimal("NaN"), ""),
            (Decimal("sNaN"), ""),
            (7, "7"),
            (-3, "-3"),
            (Decimal("12.50"), "12.50"),
            (Decimal("1E+3"), "1000"),
            (Decimal("Infinity"), None),
            (datetime(2026, 11, 26, 19, 30), "2026-11-26 19:30:00"),  # noqa: DTZ001  as databases have them
            (datetime(2026, 11, 26, 19, 30, tzinfo=UTC), "2026-11-26 19:30:00+00:00"),
            (date(2026, 11, 26), "2026-11-26"),
            (time(19, 30), "19:30:00"),
            (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
            (1.5, None),
            (True, None),
            (b"x", None),
            ([1], None),
            ({}, None),
            (10**4000, None),
        ],
    )
    def test_of_each_type(self, value: Any, text: str | None) -> None:
        assert texts_of([value]) == [text]
        assert texts_of([value, "x", 5]) == [text, "x", "5"]
