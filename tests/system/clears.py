"""Whose task instance is cleared, when and how: a schedule drawn from a seed."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psycopg

from sinch_sandbox.client import SandboxClient
from tests.system.cluster import KEEPS_TASK_STATE, Airflow
from tests.system.load import HELD, UNGUARDED, Load, Send
from tests.system.metadata import Metadata

RUNNING: Final = "running"
WAITING: Final = "waiting"
DEFERRED: Final = "deferred"
FINISHED: Final = "finished"
#: How far a send has come when its task is cleared: it is on its way, or about to leave; it was accepted, and
#: its task waits for delivery in its worker, or without one; its task is through with it.
STATES: Final = (RUNNING, WAITING, DEFERRED, FINISHED)
#: What Airflow calls them.
_AIRFLOWS: Final = {RUNNING: "running", WAITING: "running", DEFERRED: "deferred", FINISHED: "success"}
#: Share of the clears of running sends that look for one whose request is on its way.
_AIMED: Final = 0.6
#: Share of the clears that rather strike a send whose text will be another one.
_TIMED_FIRST: Final = 0.5
#: Airflow may be unable to answer for a while.
_PATIENCE: Final = 120.0


def schedule(count: int, chance: random.Random) -> list[tuple[str, bool]]:
    """Draw which states to clear, in equal parts, and each in half of the cases with its task state kept."""
    kinds = [
        (STATES[place % len(STATES)], KEEPS_TASK_STATE and place // len(STATES) % 2 == 1)
        for place in range(count)
    ]
    chance.shuffle(kinds)
    return kinds


@dataclass(frozen=True)
class Clear:
    """
    A clear that was carried out.

    :param kept: It asked for the task state to be kept; otherwise Airflow's default was taken.
    """

    executor: str
    at: float
    state: str
    kept: bool
    run_id: str
    task_id: str
    map_index: int

    @property
    def what(self) -> str:
        return f"{self.state}, state kept" if self.kept else self.state


class Clearer(threading.Thread):
    """Clears task instances of a load through Airflow's API, a random while apart."""

    def __init__(
        self,
        airflow: Airflow,
        metadata: Metadata,
        sandbox: SandboxClient,
        load: Load,
        count: int,
        seconds: float,
        seed: int,
        record: Path,
    ) -> None:
        super().__init__(name="clearer")
        self.done: list[Clear] = []
        #: States in which no send was found in time.
        self.missed: list[str] = []
        self.failed: BaseException | None = None
        self.stopping = threading.Event()
        self._airflow = airflow
        self._metadata = metadata
        self._sandbox = sandbox
        self._load = load
        self._chance = random.Random(f"{seed}/{airflow.executor}/clears")
        self._schedule = schedule(count, self._chance)
        self._mean_pause = seconds / max(count, 1)
        self._record = record
        self._began = time.monotonic()

    def run(self) -> None:
        self._began = time.monotonic()
        try:
            for state, kept in self._schedule:
                if self.stopping.wait(self._chance.uniform(0.3, 1.7) * self._mean_pause):
                    break
                self._strike(state, kept)
        except BaseException as error:
            self.failed = error

    def _strike(self, state: str, kept: bool) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self.stopping.wait(0.2):
            if time.monotonic() > deadline:
                self.missed.append(state)
                return
            try:
                send = self._choose(state)
                found = self._airflow.clear(send.key, kept) if send is not None else None
            except (OSError, psycopg.OperationalError):
                continue
            if send is None or found is None:
                continue
            # It may have gone on since it was chosen: then it counts as what it was, and another has to do.
            running = found == "restarting"
            was = state if running == (_AIRFLOWS[state] == "running") else RUNNING if running else FINISHED
            self._note(Clear(self._airflow.executor, self._now(), was, kept, *send.key))
            if was == state:
                return

    def _choose(self, state: str) -> Send | None:
        keys = set(self._metadata.in_state(_AIRFLOWS[state]))
        sends = [each for each in self._load.sends if each.task_id != UNGUARDED and each.key in keys]
        if state == RUNNING and self._chance.random() < _AIMED:
            on_their_way = self._metadata.keys_of(self._metadata.sending())
            sends = [each for each in sends if each.key in on_their_way]
        self._chance.shuffle(sends)
        if self._chance.random() < _TIMED_FIRST:
            sends.sort(key=lambda each: not each.timed)
        if state == WAITING:
            return next(self._accepted(each for each in sends if each.task_id == HELD), None)
        if state == RUNNING:
            accepted = {each.key for each in self._accepted(each for each in sends if each.task_id == HELD)}
            sends = [each for each in sends if each.key not in accepted]
        return sends[0] if sends else None

    def _accepted(self, sends: Iterable[Send]) -> Iterator[Send]:
        """Give those that Sinch has accepted."""
        return (each for each in sends if self._sandbox.latest(q=each.text) is not None)

    def _now(self) -> float:
        return round(time.monotonic() - self._began, 2)

    def _note(self, clear: Clear) -> None:
        self.done.append(clear)
        with self._record.open("a") as file:
            file.write(json.dumps(asdict(clear) | {"time": time.time()}) + "\n")
