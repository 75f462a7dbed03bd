"""
One contender of ``campaign.py``, a process of its own: it texts everybody in a table.

    python benchmarks/campaign_run.py CONTENDER URL SOURCE [JOURNAL]

The last line that it prints is its answer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import uuid4

import pendulum
import send
from running import PLAN, TOKEN
from tables import OPT_OUTS, PEOPLE, opened

from sinch_provider.operators.campaign import SinchCampaignOperator

Answer = dict[str, Any]

SIZE: Final = 1000
BODY: Final = "Hi ${name}, your table for tonight is number ${table_number}."
#: What an operator needs the first time, such as the libraries of the database, is not measured.
WARM_UP: Final = "select phone, name, table_number from people where phone = '+999000000000'"


class TaskState(send.CountedStore):
    """``context["task_state_store"]`` with one value."""

    def get(self, key: str) -> Any:  # type: ignore[override]
        return super().get()

    def set(self, key: str, value: Any, *, retention: Any) -> None:  # type: ignore[override]
        super().set(json.loads(json.dumps(value)))


def campaign(written: Any = None, *, sql: str = PEOPLE, dry_run: bool = False) -> Answer:
    """
    The operator, from its query to the last batch.

    :param written: What an earlier attempt has written into the journal; None: there was none.
    """
    operator = SinchCampaignOperator(
        task_id="campaign",
        sql=sql,
        sql_conn_id="people",
        number_column="phone",
        body=BODY,
        exclude_sql=OPT_OUTS,
        exclude_conn_id="people",
        max_recipients=2_000_000,
        dry_run=dry_run,
    )
    state = TaskState()
    state._value = written
    before = TaskState.writes
    operator.execute(_context(operator, state, 1 if written is None else 2))
    return {"writes": TaskState.writes - before, "journal": state._value}


def _context(operator: SinchCampaignOperator, state: TaskState, try_number: int) -> Any:
    now = pendulum.now("UTC")
    ti = SimpleNamespace(
        dag_id="benchmark", run_id="run", task_id=operator.task_id, map_index=-1, id=uuid4(),
        try_number=try_number, max_tries=0, state="running", start_date=now, task=operator,
    )  # fmt: skip
    run = SimpleNamespace(dag_id="benchmark", run_id="run", clear_number=0, run_after=now, start_date=now)
    return {"ti": ti, "dag_run": run, "task": operator, "task_state_store": state}


def _connect(url: str, source: str) -> None:
    """Give Airflow the connections of the operator."""
    extra = {"base_url": url, "from": "Bistro", "allow_insecure": True}
    sinch = {"conn_type": "sinch", "login": PLAN, "password": TOKEN, "extra": extra}
    kind, _, target = source.partition(":")
    if kind == "sqlite":
        people: dict[str, Any] = {"conn_type": "sqlite", "host": target}
    else:
        named = dict(each.split("=", 1) for each in target.split())
        people = {
            "conn_type": "postgres",
            "host": named["host"],
            "login": named["user"],
            "schema": named["dbname"],
        }
    os.environ["AIRFLOW_CONN_SINCH_DEFAULT"] = json.dumps(sinch)
    os.environ["AIRFLOW_CONN_PEOPLE"] = json.dumps(people)


def _in_batches(sender: Callable[[Any], AbstractContextManager[send.Sender]]) -> Callable[..., Answer]:
    """A contender that is given a thousand people of the table at a time."""

    def run(url: str, source: str) -> Answer:
        server: Any = SimpleNamespace(url=url, address=url.removeprefix("http://"))
        with sender(server) as one:
            for values in _batches(source):
                one(values)
        return {"writes": send.CountedStore.writes}

    return run


def _batches(source: str) -> Iterator[send.Values]:
    with opened(source, PEOPLE) as (_, rows):
        while portion := list(islice(rows, SIZE)):
            yield {
                "to": [phone for phone, _, _ in portion],
                "body": BODY,
                "parameters": {
                    "name": {phone: name for phone, name, _ in portion},
                    "table_number": {phone: str(number) for phone, _, number in portion},
                },
            }


PEERS: Final = {
    "mapped": _in_batches(send.provider),
    "sdk": _in_batches(send.official_sdk),
    "floor": _in_batches(send.floor),
}


def _peak() -> float:
    """The most memory that this process had, in MB. Other counters include the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main(contender: str, url: str, source: str, journal: str = "null") -> None:
    run: Callable[[], Answer]
    if contender in PEERS:
        run = partial(PEERS[contender], url, source)
    else:
        _connect(url, source)
        campaign(sql=WARM_UP, dry_run=True)
        run = partial(campaign, json.loads(journal), dry_run=contender == "check")
    wall, cpu = time.monotonic(), time.process_time()
    answer = run()
    answer |= {"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall, "peak": _peak()}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
