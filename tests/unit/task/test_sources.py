"""Files as spreadsheets write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from sinch_provider.sms.campaign.rows import Rows
from sinch_provider.task.sources import read_file


def read(place: Path, text: str) -> list[tuple[str, ...]]:
    """The names and the rows of a file."""

    def use(rows: Rows) -> list[tuple[str, ...]]:
        return [rows.columns or (), *(tuple(row) for portion in rows for row in portion.rows)]

    place.write_bytes(text.encode("utf-8-sig"))
    return read_file(f"file://{place}", use)


@pytest.mark.parametrize("empty", ["", "\n", "\r\n\r\n", ",\n", " , \n", " \n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_empty_lines_before_the_names_and_between_rows(tmp_path: Path, empty: str, separator: str) -> None:
    lines = [empty, "phone,name\n", "+447700900222,Maria\n", empty, "+447700900333,Johan\n", empty]
    assert read(tmp_path / "guests.csv", "".join(lines).replace(",", separator)) == [
        ("phone", "name"),
        ("+447700900222", "Maria"),
        ("+447700900333", "Johan"),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "\n+447700900222\n"])
def test_a_file_without_names_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(AirflowException, match="must begin with a line of names of columns"):
        read(tmp_path / "guests.csv", text)


@pytest.mark.parametrize(
    "first",
    [
        "tel:+447700900222",
        '="+447700900222"',
        "'+447700900222",
        "4.477E+11",
        "+447700900222 (mobile)",
        "Maria +44 7700 900222",
        "\u202a+447700900222\u202c",
    ],
)
def test_the_first_number_is_no_name_however_it_is_written(tmp_path: Path, first: str) -> None:
    with pytest.raises(AirflowException, match="must begin with a line of names of columns") as caught:
        read(tmp_path / "opt_outs.csv", f"{first}\n+447700900333\n")
    assert "900222" not in str(caught.value)


@pytest.mark.parametrize("names", ["phone", "phone 2026", "phone,visits 2026-11", "phone,order_20261127"])
def test_names_may_have_digits(tmp_path: Path, names: str) -> None:
    assert read(tmp_path / "guests.csv", f"{names}\n")[0] == tuple(names.split(","))
