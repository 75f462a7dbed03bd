"""Messages as files."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import TO, Api

OTHER = "447700900333"
BEGINS_A_CELL = ";\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"


def restored(cell: str) -> str:
    """The text, as the page for users says to get it back."""
    return re.sub(f"(^|[{BEGINS_A_CELL}])'", r"\1", cell)


def export(sandbox: SandboxClient, name: str, **filters: str) -> requests.Response:
    response = requests.get(f"{sandbox.url}/sandbox/export.{name}", params=filters, timeout=30)
    assert response.status_code == 200
    assert response.headers["content-disposition"] == f'attachment; filename="messages.{name}"'
    return response


def rows(sandbox: SandboxClient, **filters: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export(sandbox, "csv", **filters).content.decode(), newline="")))


def test_json_holds_what_the_list_holds(api: Api, sinch_sandbox: SandboxClient) -> None:
    assert export(sinch_sandbox, "json").json() == []
    api.sent(to=[TO, OTHER], body="Two\nlines, Åsa ☕", client_reference="a")
    api.sent(to=[TO])
    sinch_sandbox.advance(3)
    assert export(sinch_sandbox, "json").json() == sinch_sandbox.messages()
    lines = export(sinch_sandbox, "json").text.splitlines()
    assert [json.loads(line.rstrip(",")) for line in lines[1:-1]] == sinch_sandbox.messages()
    for filters in ({"to": OTHER}, {"client_reference": "a"}, {"status": "Failed"}, {"from": "447700900111"}):
        found = requests.get(f"{sinch_sandbox.url}/sandbox/messages", params=filters, timeout=10).json()
        assert export(sinch_sandbox, "json", **filters).json() == found["messages"]
        assert [row["id"] for row in rows(sinch_sandbox, **filters)] == [
            each["id"] for each in found["messages"]
        ]


def test_csv_holds_the_same(api: Api, sinch_sandbox: SandboxClient) -> None:
    assert rows(sinch_sandbox) == []
    api.sent(body='Two\r\nlines, "quoted"; Åsa ☕')
    sinch_sandbox.advance(3)
    (message,) = sinch_sandbox.messages()
    words = {None: "", True: "true", False: "false"}
    assert rows(sinch_sandbox) == [
        {
            name: words[value] if value is None or value is True or value is False else str(value)
            for name, value in message.items()
        }
    ]
    assert export(sinch_sandbox, "csv").headers["content-type"] == "text/csv; charset=utf-8"


def test_more_than_one_portion(
    api: Api, sinch_sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinch_sandbox.control.export._PORTION", 2)
    for size in (1, 2, 3):
        api.sent(to=[TO, OTHER, "447700900444"][:size])
    assert export(sinch_sandbox, "json").json() == sinch_sandbox.messages()
    assert len(rows(sinch_sandbox)) == 6


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\ufeff=1",
        "＝1",
        "|calc",
        "%0A",
        "'=1",
        "\0=1",
        "\u00ad=1",
        "\u061c=1",
        "\u202e+1",
        "\u180e=1",
        "\u2061=1",
        "\ufe62" + "1",
    ],
)
def test_no_text_becomes_a_formula(api: Api, sinch_sandbox: SandboxClient, text: str) -> None:
    api.sent(body=text, client_reference=text, from_="=A1")
    (row,) = rows(sinch_sandbox)
    assert row["body"] == row["client_reference"]
    assert row["body"].startswith("'")
    assert restored(row["body"]) == text
    assert row["from"] == "'=A1"


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@pytest.mark.parametrize(
    "text",
    [
        "hej;=1+1;y",
        "hej\n=1+1\n",
        "hej\r\n=1+1",
        "x;=HYPERLINK(A1)",
        "a\t=1",
        "a\n\t =1",
        'a";=1+1',
        'a;"=1+1"',
        'a;" =1+1',
        "a; \u200b=1",
        "a;;-1",
        "a;@SUM(A1)",
        "a\u2028=1",
    ],
)
def test_no_cell_becomes_a_formula_whatever_parts_cells(
    api: Api, sinch_sandbox: SandboxClient, text: str, delimiter: str
) -> None:
    api.sent(body=text, client_reference=text)
    exported = export(sinch_sandbox, "csv").content.decode()
    for lines in (io.StringIO(exported, newline=""), exported.splitlines()):
        for row in csv.reader(lines, delimiter=delimiter):
            for cell in row:
                assert cell.strip('" \u200b\u2028\r\n')[:1] not in tuple("=+-@"), row
    (message,) = rows(sinch_sandbox)
    assert restored(message["body"]) == text


def test_harmless_texts_stay_as_they_are(api: Api, sinch_sandbox: SandboxClient) -> None:
    for text in ("Hi = you", "5 - 3", "", " two blanks", "a; b\n\nc\td"):
        sinch_sandbox.clear()
        api.sent(body=text)
        assert [row["body"] for row in rows(sinch_sandbox)] == [text]


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(st.sampled_from("=+-@'\"\n\r\t,; aÅ\0\u2028"), max_size=12))
def test_every_text_can_be_restored(api: Api, sinch_sandbox: SandboxClient, text: str) -> None:
    sinch_sandbox.clear()
    api.sent(body=text)
    (row,) = rows(sinch_sandbox)
    assert row["body"].lstrip()[:1] not in tuple("=+-@\t")
    assert restored(row["body"]) == text
