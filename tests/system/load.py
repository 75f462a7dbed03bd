"""The load: runs of the Dag, in which every send has its own recipients."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from tests.system.cluster import Airflow
from tests.system.metadata import Key, Metadata
from tests.system.processes import SystemTestError

#: The sends of a run: task and number of mapped ones.
SENDS: Final = {"plain": 1, "deferred": 1, "held": 1, "mapped": 2, "unguarded": 1}
UNGUARDED: Final = "unguarded"
#: Waits in its worker.
HELD: Final = "held"
#: Between what a text says of its send and the time it was made, where it holds one.
MADE_AT: Final = " at "
#: Share of the single sends whose text differs in every attempt. Mapped sends are recognised by their text.
_TIMED: Final = 0.4
#: Numbers above end in special ways in the sandbox.
_NUMBERS: Final = 9000
_MOST_RECIPIENTS: Final = 3
#: Seconds without a new run.
_PAUSE: Final = 15.0


@dataclass(frozen=True)
class Send:
    """
    The send of one task instance.

    :param timed: Its text ends with the time of rendering, so every attempt has a different text.
    """

    executor: str
    run_id: str
    task_id: str
    map_index: int
    recipients: frozenset[str]
    timed: bool = False

    @property
    def text(self) -> str:
        """How its messages begin, or all they say; no other send says the same."""
        return f"{self.run_id} {self.task_id} {self.map_index}"

    @property
    def key(self) -> Key:
        return self.run_id, self.task_id, self.map_index


class Numbers:
    """Fictitious phone numbers, each used once."""

    def __init__(self) -> None:
        self._used = 0

    def take(self, count: int) -> list[str]:
        numbers = [f"9995010{number:04d}" for number in range(self._used, self._used + count)]
        self._used += count
        if self._used > _NUMBERS:
            raise SystemTestError(f"All {_NUMBERS} fictitious numbers are used up; ask for fewer kills.")
        return numbers


class Load(threading.Thread):
    """
    Triggers runs so that always a number of them is open.

    :param most: How many runs may be open at a time; half as many more after a pause.
    """

    def __init__(
        self, airflow: Airflow, metadata: Metadata, numbers: Numbers, seed: int, most: int = 8
    ) -> None:
        super().__init__(name="load")
        self.sends: list[Send] = []
        self.failed: BaseException | None = None
        self.stopping = threading.Event()
        self._airflow = airflow
        self._metadata = metadata
        self._numbers = numbers
        self._chance = random.Random(f"{seed}/{airflow.executor}/load")
        self._most = most
        self._runs = 0

    def run(self) -> None:
        try:
            triggered = 0.0
            while not self.stopping.wait(0.5):
                # Runs that only wait for retries must not leave the strikes without sends.
                late = time.monotonic() > triggered + _PAUSE
                if self.open_runs() < self._most + late * self._most // 2:
                    self._trigger()
                    triggered = time.monotonic()
        except BaseException as error:
            self.failed = error

    def open_runs(self) -> int:
        """Count the runs that have not ended."""
        try:
            return self._metadata.open_runs(f"{self._airflow.executor}-")
        except psycopg.OperationalError:
            return self._most

    def wait(self, patience: float) -> None:
        """Wait until all runs have ended, or patience has."""
        deadline = time.monotonic() + patience
        while self.open_runs() and time.monotonic() < deadline:
            time.sleep(1)

    def _trigger(self) -> None:
        run_id = f"{self._airflow.executor}-{self._runs + 1:04d}"
        conf: dict[str, Any] = {}
        sends = []
        for task, number in SENDS.items():
            timed = number == 1 and task != UNGUARDED and self._chance.random() < _TIMED
            lists = [self._numbers.take(self._chance.randint(1, _MOST_RECIPIENTS)) for _ in range(number)]
            conf[task] = [[f"+{each}" for each in to] for to in lists]
            for place, recipients in enumerate(lists):
                index = place if number > 1 else -1
                sends.append(Send(self._airflow.executor, run_id, task, index, frozenset(recipients), timed))
        conf["timed"] = sorted({each.task_id for each in sends if each.timed})
        # Its id makes triggering it again harmless.
        while not self._airflow.trigger(run_id, conf):
            if self.stopping.wait(1):
                return
        self._runs += 1
        self.sends += sends
