"""
``make demo-campaign``: a campaign to a dirty table of 5,000 rows, in a real Airflow. A sandbox is Sinch.

You see what the check found, how sending went on, what became of the texts, and that everybody got one. All
of it happens on this machine, and nothing is left of it.
"""

from __future__ import annotations

import csv
import json
import random
import re
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Final

from scripts.demo import (
    DemoError,
    airflow_environment,
    migrate,
    run_logged,
    sandbox,
    say,
    step,
)
from sinch_sandbox.client import SandboxClient

ROWS: Final = 5000
DAG_ID: Final = "demo_campaign"
TABLE: Final = "sms_results"
#: Area codes in four time zones of the United States. Nobody has the numbers 555 0100 to 0199 in any of them.
AREAS: Final = (
    212,
    202,
    305,
    404,
    617,
    312,
    214,
    713,
    314,
    504,
    303,
    505,
    801,
    406,
    307,
    213,
    415,
    206,
    503,
    702,
)

DAG: Final = """
import pendulum
from airflow.sdk import dag
from sinch_provider.operators.campaign import ResultsTable, SendWindow, SinchCampaignOperator

@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def demo_campaign():
    SinchCampaignOperator(
        task_id="invite",
        path="file://{folder}/guests.csv",
        number_column="phone",
        id_column="id",
        language_column="language",
        bodies={{
            "sv": "Hej ${{name}}! Dörrarna öppnas kl. 19:30.",
            "default": "Hi ${{name}}! Doors open at 19:30.",
        }},
        default_country="SE",
        max_invalid=0.05,
        quarantine_path="file://{folder}/bad.csv",
        exclude="file://{folder}/opt_outs.csv",
        window=SendWindow("00:00", "24:00"),
        max_recipients=5000,
        prices={{"US": 0.0075, "GB": 0.04, "SE": 0.05}},
        max_cost=100,
        results=ResultsTable("results", "sms_results"),
    )

demo_campaign()
"""
RUN: Final = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
folder = sys.argv[2]
bag = DagBag(folder, bundle_name="dags-folder", bundle_path=folder)
run = bag.dags["demo_campaign"].test()
with open(sys.argv[1], "w") as file:
    json.dump({"state": str(run.state), "summary": run.get_task_instance("invite").xcom_pull("invite")}, file)
"""


def people() -> Iterator[tuple[str, str]]:
    """Numbers that regulators reserve for fiction, and the language of their people."""
    yield from ((f"+1 {area} 555-{100 + number:04}", "en") for area in AREAS for number in range(100))
    yield from ((f"+44 7700 900{number:03}", "en") for number in range(1000) if not _magic(number))
    yield from ((f"070-174 06 {number:02}", "sv") for number in range(5, 100))


def _magic(number: int) -> bool:
    """Whether the sandbox has a fate of its own for the number."""
    return (
        number < 20 or number in {60, 150, 153, 158, 300, 360} or 400 <= number < 420 or 900 <= number < 910
    )


def write_tables(folder: Path) -> None:
    """Write a table of guests as tables are: with duplicates and typing errors; and the opt-outs."""
    draw = random.Random(7)
    guests = list(people())
    rows = [[phone, f"Guest {index}", language] for index, (phone, language) in enumerate(guests)]
    wrong = [[draw.choice(["", "12", "n/a", "+44 7700"]), "Typing error", "en"] for _ in range(60)]
    again = [list(draw.choice(rows)) for _ in range(ROWS - len(rows) - len(wrong))]
    table = [*rows, *wrong, *again]
    draw.shuffle(table)
    with (folder / "guests.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "phone", "name", "language"])
        writer.writerows([index, *row] for index, row in enumerate(table))
    with (folder / "opt_outs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["phone"], *([phone] for phone, _ in draw.sample(guests, 100))])


def told(log: Path) -> Iterator[str]:
    """What the task's log says about the campaign."""
    about = r"(Checked|Sent to|Waiting|\d+ (?:people|rows|numbers|SMS)|Wrote).*"
    for line in log.read_text().splitlines():
        text = re.sub(r"^\S+ \[\w+ *\] ", "", line)
        if re.match(about, text) and ("sinch_provider" in line):
            yield re.split(r" {2,}\[| \[(?:airflow|sinch)", text)[0]


def result_table(database: Path) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        query = f"select kind, status, code, count(*) from {TABLE} group by 1, 2, 3 order by 4 desc"
        for kind, status, code, number in connection.execute(query):
            yield f"{kind:<12}{status:<12}{code:>5}{number:>8}"


def demo(home: Path) -> None:
    environment = airflow_environment(home)
    dags = home / "dags"
    dags.mkdir()
    (dags / "demo_campaign.py").write_text(DAG.format(folder=home))
    say(
        f"A campaign to a table of {ROWS} rows. "
        f"Airflow {version('apache-airflow')} is real, Sinch is a sandbox.\n"
    )
    with step("Writing guests.csv and opt_outs.csv"):
        write_tables(home)
    with step("Making Airflow's metadata database"):
        migrate(home, environment)
    with sandbox(home) as phone:
        shares = {"delivered": 0.94, "temporary": 0.04, "permanent": 0.02}
        phone.script({"prefix": "+1", "shares": shares}, {"prefix": "+44", "shares": shares})
        result = home / "result.json"
        database = {"conn_type": "sqlite", "host": str(home / "results.db")}
        with step("Running the campaign"):
            run_logged(
                [sys.executable, "-c", RUN, str(result), str(dags)],
                {
                    **environment,
                    "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
                    "AIRFLOW_CONN_SINCH_DEFAULT": json.dumps(phone.connection),
                    "AIRFLOW_CONN_RESULTS": json.dumps(database),
                },
                home / "run.log",
                "The campaign",
            )
        found = json.loads(result.read_text())
        if found["state"] != "success":
            raise DemoError(f"The campaign ended {found['state']}:\n\n{(home / 'run.log').read_text()}")
        _show(home, phone, found["summary"])


def _show(home: Path, phone: SandboxClient, summary: dict[str, object]) -> None:
    say("\nWhat the task's log says\n")
    for line in told(home / "run.log"):
        say(f"  {line}")
    say("\nA few of the bad rows (bad.csv)\n")
    for line in (home / "bad.csv").read_text().splitlines()[:4]:
        say(f"  {line}")
    say(f"\nThe table {TABLE}\n")
    for line in result_table(home / "results.db"):
        say(f"  {line}")
    texts = Counter(message["to"] for message in phone.messages())
    say(f"\n{len(texts)} phones got a text. The most that one of them got: {max(texts.values())}.")
    say(f"The task returned: {json.dumps(summary)}")
    if max(texts.values()) > 1 or len(texts) != summary["reached"]:
        raise DemoError("Somebody got more than one text, or none.")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="sinch-demo-", ignore_cleanup_errors=True) as folder:
        try:
            demo(Path(folder))
        except DemoError as error:
            say(f"\n{error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
