"""Results in a table of SQLite and of Postgres, and in files."""

from __future__ import annotations

import csv
import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowException, BaseHook

from sinch_provider.sms.campaign.results import Result, hashed
from sinch_provider.sms.delivery.kinds import Kind
from sinch_provider.task.results import COLUMNS, ResultsFile, ResultsTable

SECRET = "plan-secret"
AT = pendulum.datetime(2026, 11, 26, 17, 0, 5)
MARIA = Result("447700900222", "1", "01A", "Delivered", 0, Kind.DELIVERED, 2, AT)
JOHAN = Result("447700900333", "", "01A", "Failed", 153, Kind.TEMPORARY, None, None)


class Database(ABC):
    """A database that tests look into."""

    placeholder = "%s"

    @abstractmethod
    def connect(self) -> Any:
        """Open a connection."""

    def query(self, sql: str) -> list[Any]:
        with closing(self.connect()) as database, closing(database.cursor()) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def run(self, sql: str) -> None:
        with closing(self.connect()) as database, closing(database.cursor()) as cursor:
            cursor.execute(sql)
            database.commit()


class Sqlite(Database):
    placeholder = "?"

    def __init__(self, path: Path) -> None:
        self.path = path

    def connect(self) -> Any:
        return sqlite3.connect(self.path)


class Postgres(Database):
    def __init__(self, server: Any) -> None:
        self.server = server

    def connect(self) -> Any:
        connection = self.server.connect("airflow")
        # As Airflow's hook opens it.
        connection.autocommit = False
        return connection


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    pytest.importorskip("psycopg")
    pytest.importorskip("redis")
    from tests.system import services

    if services.program("initdb") is None:
        pytest.skip("there is no Postgres here")
    # A path of its own: the server's user must be able to enter it.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="sinch-results-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        server = services.Postgres(Path(folder))
        server.start()
        yield Postgres(server)
        server.service.end()


@pytest.fixture(params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    found: Database = (
        Sqlite(tmp_path / "results.db") if request.param == "sqlite" else request.getfixturevalue("postgres")
    )
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    class Hook(DbApiHook):
        conn_name_attr = "warehouse_conn_id"
        default_conn_name = "warehouse"
        placeholder = found.placeholder
        supports_autocommit = request.param == "postgres"

        def __init__(self) -> None:
            super().__init__(log_sql=False)

        def get_conn(self) -> Any:
            return found.connect()

    connection = SimpleNamespace(conn_type=request.param, get_hook=lambda hook_params=None: Hook())
    monkeypatch.setattr(BaseHook, "get_connection", lambda conn_id: connection)
    yield found
    if request.param == "postgres":
        found.run("DROP TABLE IF EXISTS sms_results")


def rows(database: Database) -> list[dict[str, Any]]:
    names = list(COLUMNS)
    found = database.query(f"SELECT {', '.join(names)} FROM sms_results ORDER BY campaign, batch_id, code")
    return [dict(zip(names, row, strict=True)) for row in found]


class TestTable:
    def test_one_row_for_each_person(self, database):
        table = ResultsTable("warehouse", "sms_results")
        table.prepare()
        assert table.write("af-1", [MARIA, JOHAN], SECRET) == 2
        maria, johan = rows(database)
        assert maria.pop("updated_at")[:3] == "202"
        assert maria == {
            "campaign": "af-1",
            "recipient_hash": hashed(MARIA.number, SECRET),
            "recipient": None,
            "id": "1",
            "batch_id": "01A",
            "status": "Delivered",
            "code": 0,
            "kind": "delivered",
            "parts": 2,
            "status_at": "2026-11-26 17:00:05",
        }
        assert (johan["id"], johan["parts"], johan["status_at"]) == (None, None, None)

    def test_the_rows_of_the_campaign_are_replaced(self, database):
        table = ResultsTable("warehouse", "sms_results")
        table.write("af-1", [MARIA, JOHAN], SECRET)
        table.write("af-2", [MARIA], SECRET)
        table.write("af-1", [JOHAN._replace(kind=Kind.DELIVERED)], SECRET)
        assert [(each["campaign"], each["kind"]) for each in rows(database)] == [
            ("af-1", "delivered"),
            ("af-2", "delivered"),
        ]

    @pytest.mark.parametrize("numbers", ["plain", "masked", "hashed"])
    def test_numbers_as_asked_for(self, database, numbers):
        ResultsTable("warehouse", "sms_results", numbers=numbers).write("af-1", [MARIA], SECRET)
        shown = {"plain": "+447700900222", "masked": "+4477***0222", "hashed": None}
        assert rows(database)[0]["recipient"] == shown[numbers]

    def test_many_rows(self, database):
        people = [MARIA._replace(number=f"999{number:07}") for number in range(2500)]
        assert ResultsTable("warehouse", "sms_results").write("af-1", people, SECRET) == 2500
        assert database.query("SELECT COUNT(*) FROM sms_results")[0][0] == 2500

    def test_all_or_nothing_and_nobody_is_quoted(self, database):
        table = ResultsTable("warehouse", "sms_results", numbers="plain")
        table.write("af-1", [MARIA], SECRET)
        twice = [MARIA._replace(number=f"999{number:07}") for number in range(1500)] + [MARIA, MARIA]
        with pytest.raises(AirflowException) as caught:
            table.write("af-1", twice, SECRET)
        said = str(caught.value)
        assert "The texts were sent" in said
        assert "it texts nobody again" in said
        assert "900222" not in said
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert [each["recipient"] for each in rows(database)] == ["+447700900222"]

    def test_a_row_that_the_database_refuses_is_not_quoted(self, database):
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        database.run(f"CREATE TABLE sms_results ({columns}, CHECK (code < 100))")
        table = ResultsTable("warehouse", "sms_results", numbers="plain")
        with pytest.raises(
            AirflowException, match=r"\((CheckViolation 23514|IntegrityError SQLITE\w+)\)"
        ) as caught:
            table.write("af-1", [JOHAN._replace(id="Johan")], SECRET)
        assert "900333" not in str(caught.value)
        assert "Johan" not in str(caught.value)

    def test_a_failure_while_results_are_read_keeps_the_old_rows(self, database):
        table = ResultsTable("warehouse", "sms_results")
        table.write("af-1", [MARIA], SECRET)

        def broken() -> Iterator[Result]:
            yield JOHAN
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            table.write("af-1", broken(), SECRET)
        assert [each["code"] for each in rows(database)] == [0]

    def test_a_table_of_another_form_is_refused_before_anything_is_sent(self, database):
        database.run("CREATE TABLE sms_results (campaign VARCHAR(9))")
        with pytest.raises(AirflowException, match=r"already exists.*Nothing was sent"):
            ResultsTable("warehouse", "sms_results").prepare()

    def test_an_id_that_is_too_long_is_cut(self, database):
        ResultsTable("warehouse", "sms_results").write("af-1", [MARIA._replace(id="x" * 2000)], SECRET)
        assert rows(database)[0]["id"] == "x" * 1000


def test_a_database_that_is_down(monkeypatch):
    def down() -> Any:
        raise OSError("connection refused\nfor +447700900222")

    hook = SimpleNamespace(get_conn=down)
    connection = SimpleNamespace(conn_type="x", get_hook=lambda hook_params: hook)
    monkeypatch.setattr(BaseHook, "get_connection", lambda conn_id: connection)
    with pytest.raises(AirflowException, match=r"\(OSError: connection refused\). Nothing was sent"):
        ResultsTable("warehouse", "sms_results").prepare()


def test_no_connection(monkeypatch):
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    def missing(conn_id: str) -> Any:
        raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")

    monkeypatch.setattr(BaseHook, "get_connection", missing)
    with pytest.raises(AirflowException, match=r"`nowhere` isn't defined\). Nothing was sent"):
        ResultsTable("nowhere", "sms_results").prepare()


@pytest.mark.parametrize("table", ["sms_results", "marketing.sms_results", "db.s.t$1", "{{ var.value.t }}"])
def test_names_of_tables(table):
    assert ResultsTable("warehouse", table).faults() == []


@pytest.mark.parametrize("table", ["", "a b", "a;drop", 'a"b', "1a", "a.b.c.d", "a.", None, "x" * 64])
def test_wrong_names_of_tables(table):
    (fault,) = ResultsTable("warehouse", table).faults("results")
    assert fault.field == "results.table"


def test_wrong_targets():
    assert [fault.field for fault in ResultsTable("", "a", numbers="x").faults("r")] == [
        "r.numbers",
        "r.conn_id",
    ]
    assert [fault.field for fault in ResultsFile("a.xlsx", numbers="x").faults("r")] == [
        "r.numbers",
        "r.path",
    ]


def read(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    return [json.loads(line) for line in text.splitlines()]


class TestFile:
    @pytest.mark.parametrize("name", ["results.csv", "results.jsonl", "results.NDJSON"])
    def test_one_line_for_each_person(self, tmp_path, name):
        target = ResultsFile(f"file://{tmp_path / name}", numbers="plain", with_times=True)
        target.prepare()
        assert list(tmp_path.iterdir()) == []
        assert target.write("af-1", [MARIA._replace(id="Å;1"), JOHAN], SECRET) == 2
        maria, johan = read(tmp_path / name)
        assert list(maria) == list(COLUMNS)
        assert (maria["recipient"], maria["id"], str(maria["parts"])) == ("+447700900222", "Å;1", "2")
        assert maria["status_at"] == "2026-11-26 17:00:05"
        assert johan["id"] in {"", None}

    def test_without_numbers_and_times(self, tmp_path):
        ResultsFile(str(tmp_path / "results.csv")).write("af-1", [MARIA], SECRET)
        (maria,) = read(tmp_path / "results.csv")
        assert set(COLUMNS) - set(maria) == {"recipient", "status_at"}
        assert "900222" not in (tmp_path / "results.csv").read_text()

    def test_nobody_finds_half_a_file(self, tmp_path):
        target = ResultsFile(str(tmp_path / "results.csv"))
        target.write("af-1", [MARIA], SECRET)
        before = (tmp_path / "results.csv").read_bytes()

        def broken() -> Iterator[Result]:
            yield JOHAN
            assert (tmp_path / "results.csv").read_bytes() == before
            raise ValueError("+447700900222")

        with pytest.raises(
            AirflowException, match=r"The texts were sent.*'results.csv' \(ValueError\)"
        ) as caught:
            target.write("af-1", broken(), SECRET)
        assert "900222" not in str(caught.value)
        assert [each.name for each in tmp_path.iterdir()] == ["results.csv"]
        assert (tmp_path / "results.csv").read_bytes() == before
        target.write("af-1", [MARIA, JOHAN], SECRET)
        assert len(read(tmp_path / "results.csv")) == 2

    def test_a_folder_that_is_not_there_is_told_before_anything_is_sent(self, tmp_path):
        with pytest.raises(AirflowException, match=r"\(FileNotFoundError.*\). Nothing was sent"):
            ResultsFile(str(tmp_path / "nowhere" / "results.csv")).prepare()
