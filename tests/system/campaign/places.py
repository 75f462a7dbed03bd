"""
The places at which a campaign can be killed, and how the test knows that the task is there.

A lock in the users' or in Airflow's database, or a fault of the sandbox, holds the task up at the place. That
it is there is told by the activity of Postgres, by the counters of the sandbox, or by the state of the task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from tests.system.campaign import schedule as at
from tests.system.campaign.people import DATABASE, HALF_WAY
from tests.system.campaign.sinch import Sinch
from tests.system.metadata import Key, Metadata
from tests.system.processes import SystemTestError
from tests.system.services import Postgres

#: For a place to be reached: an attempt may wait a minute for what Sinch still has to list.
_PATIENCE: Final = 300.0
#: Of a wait at which no answer says more than that it is not over.
_PAUSE: Final = 0.005
_ENDED: Final = ("success", "failed")

#: Waits for a lock.
_BLOCKED: Final = "wait_event_type = 'Lock' and query ilike %(query)s"
#: Has got rows, and does something with them before it asks for more.
_AT_WORK: Final = "state = 'idle in transaction' and query ilike %(query)s"
#: Is in a transaction, whoever has to do something.
_OPEN: Final = "state <> 'idle' and query ilike %(query)s"


class Places:
    """
    Holds the task up at places, and waits until it is there.

    :param database: With Airflow's tables, and with the people.
    :param key: The task.
    :param people: How many people are to be texted.
    """

    def __init__(self, database: Postgres, metadata: Metadata, sinch: Sinch, key: Key, people: int) -> None:
        self._database = database
        self._metadata = metadata
        self._sinch = sinch
        self._key = key
        self._people = people
        self._eye = database.connect("postgres")
        self._answers = 0
        self._journal = ""
        #: Connections that are older belong to attempts that are over.
        self._since = datetime.min.replace(tzinfo=UTC)

    def begin_attempt(self) -> None:
        """Note that the attempt so far is over, although its process may go on."""
        self._since = self._eye.execute("select clock_timestamp()").fetchall()[0][0]

    def hold(self, place: str, hold: ExitStack) -> None:
        """
        Make the task stop at a place, when it comes there.

        :param hold: Its end lets the task go on.
        """
        match place:
            case at.READING:
                hold.enter_context(self._lock(DATABASE, "lock table people in access exclusive mode"))
            case at.CHECK:
                hold.enter_context(self._lock(DATABASE, f"select pg_advisory_xact_lock({HALF_WAY})"))
            case at.INTENT:
                hold.enter_context(self._lock("airflow", "lock table task_state_store in share mode"))
            case at.ANSWER:
                self._answers = hold.enter_context(self._sinch.answers_held(4))
            case at.RESULTS:
                hold.enter_context(self._lock(DATABASE, "lock table sms_results in share mode"))

    def arrive(self, place: str) -> None:
        """Wait until the task has come to a place where it is held."""
        match place:
            case at.READING:
                self._wait(place, lambda: self._sees(DATABASE, _BLOCKED, "%audience%"))
            case at.CHECK:
                self._wait(place, lambda: self._sees(DATABASE, _BLOCKED, "fetch%"))
            case at.INTENT:
                # Those connections are the API server's.
                self._wait(place, lambda: self._sees("airflow", _BLOCKED, "%task_state_store%", False))
                self._journal = self._read_journal()
            case at.ANSWER:
                self._wait(place, lambda: self._sinch.struck(self._answers) > 0)
            case at.CANARY | at.DELIVERY:
                if place == at.DELIVERY:
                    self._wait("all texts", lambda: self._sinch.texts() >= self._people, 0.2)
                self._wait(place, lambda: self._key in self._metadata.in_state("deferred"), 0.2)
                looks = self._sinch.looks()
                self._wait(f"{place}, with a trigger", lambda: self._sinch.looks() > looks)
            case at.RESULTS:
                self._wait(place, lambda: self._sees(DATABASE, _BLOCKED, "delete from sms_results%"))

    def enter(self, place: str, hold: ExitStack) -> None:
        """Let the task go on into a place, where it is at work and not held up."""
        match place:
            case at.CHECK:
                hold.close()
                self._wait(place, lambda: self._sees(DATABASE, _AT_WORK, "fetch%"))
            case at.RESULTS:
                hold.close()
                self._wait(place, lambda: self._sees(DATABASE, _OPEN, "insert into sms_results%"))

    def has_written(self) -> bool:
        """Whether the intent that was held up is in the journal."""
        return self._read_journal() != self._journal

    def _read_journal(self) -> str:
        return str(self._database.query("select value from task_state_store where run_id = %s", self._key[0]))

    @contextmanager
    def _lock(self, database: str, statement: str) -> Iterator[None]:
        with self._database.connect(database) as connection, connection.transaction():
            connection.execute(statement)
            yield

    def _sees(self, database: str, condition: str, query: str, new: bool = True) -> bool:
        values: dict[str, Any] = {"database": database, "query": query}
        sql = f"select 1 from pg_stat_activity where datname = %(database)s and {condition}"
        if new:
            sql += " and backend_start > %(since)s"
            values["since"] = self._since
        return bool(self._eye.execute(sql, values).fetchall())

    def wait_for_batches(self, number: int) -> None:
        """Wait until Sinch has accepted so many batches."""
        self._wait(f"batch {number}", lambda: self._sinch.batches() >= number, 0.2)

    def _wait(self, what: str, check: Callable[[], bool], pause: float = _PAUSE) -> None:
        began = looked = time.monotonic()
        while not check():
            time.sleep(pause)
            now = time.monotonic()
            if now > looked + 2:
                looked = now
                if (state := self.state()[0]) in _ENDED:
                    raise SystemTestError(f"The task has ended ({state}) before it came to: {what}.")
            if now > began + _PATIENCE:
                raise SystemTestError(f"The task has not come to this within {_PATIENCE:.0f} s: {what}.")

    def state(self) -> tuple[str, int]:
        """Return the state of the task, and the number of its attempt."""
        try:
            return self._metadata.states().get(self._key, ("not there", 0))
        except psycopg.OperationalError:
            return "not known", 0
