"""Kills the campaign at one place after the other."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.system.campaign import schedule as at
from tests.system.campaign.places import Places
from tests.system.campaign.schedule import Kill, Schedule
from tests.system.campaign.sinch import Sinch
from tests.system.cluster import Airflow
from tests.system.processes import Service, SystemTestError, members, send
from tests.system.progress import elapsed, say

_SENDING: Final = (at.INTENT, at.ANSWER)
_WAITING: Final = (at.CANARY, at.DELIVERY)
#: Share of the batches at which the last kill of a task that sends waits for it.
_MOST_OF_IT: Final = 0.85
_RESTART: Final = 60.0
#: For Airflow to write what it was about to write when the task died.
_WRITTEN: Final = 10.0


@dataclass(frozen=True)
class Struck:
    """
    A kill that was carried out.

    :param batches: How many batches Sinch had accepted by then.
    :param attempt: Which attempt of the task it struck.
    """

    number: int
    kind: str
    place: str
    batches: int
    attempt: int
    seconds: float


class Striker:
    """
    Carries out a schedule.

    :param batches: How many batches the campaign will have, about.
    :param record: Where each kill is written down.
    :param look: Looks for what is private while the task waits: what Airflow keeps of a wait is gone then.
    """

    def __init__(
        self,
        airflow: Airflow,
        places: Places,
        sinch: Sinch,
        batches: int,
        chance: random.Random,
        record: Path,
        look: Callable[[], None],
    ) -> None:
        self.done: list[Struck] = []
        #: What was not as a kill wants it.
        self.missed: list[str] = []
        self._airflow = airflow
        self._places = places
        self._sinch = sinch
        self._batches = batches
        self._chance = chance
        self._record = record
        self._look = look
        #: Lets the task go on. It is called when the next place is ready.
        self._go_on: Callable[[], object] = lambda: None
        #: Waits until whoever was killed is there again. Meanwhile, the task may go on to the next place.
        self._recover: Callable[[], object] = lambda: None
        self._holds = ExitStack()

    def run(self, schedule: Schedule, trigger: Callable[[], object]) -> None:
        """
        Carry out all kills.

        :param trigger: Starts the campaign.
        """
        with self._holds:
            self._run(schedule, trigger)

    def _run(self, schedule: Schedule, trigger: Callable[[], object]) -> None:
        self._go_on = trigger
        with ExitStack() as reports:
            reports.enter_context(self._sinch.reports_held())
            for kill in (*schedule.first, *schedule.canary):
                self._strike(kill)
            self._then(reports.pop_all().close)
        sending = sum(kill.place in _SENDING for kill in schedule.sending)
        struck = 0
        for kill in schedule.sending:
            self._strike(kill, 1 + round(self._batches * _MOST_OF_IT * struck / sending))
            struck += kill.place in _SENDING
        self._release()
        with ExitStack() as reports:
            # Each attempt judges the canary once more, so its reports must come.
            reports.enter_context(self._sinch.reports_held(of_newest=True))
            for kill in schedule.delivery:
                self._strike(kill)
            self._then(reports.pop_all().close)
        for kill in schedule.last:
            self._strike(kill)
        self._release()
        self._recover()

    def _then(self, go_on: Callable[[], object]) -> None:
        before = self._go_on

        def both() -> None:
            before()
            go_on()

        self._go_on = both

    def _release(self) -> None:
        self._go_on()
        self._go_on = lambda: None

    def _strike(self, kill: Kill, batches: int = 0) -> None:
        if kill.place in _SENDING:
            self._release()
            self._places.wait_for_batches(batches)
        hold = self._holds.enter_context(ExitStack())
        self._places.hold(kill.place, hold)
        self._release()
        self._recover()
        self._places.arrive(kill.place)
        pids, service = self._find(kill)
        starts = service.starts if service else 0
        self._places.enter(kill.place, hold)
        # No `any`: all of them get it.
        if not sum(send(pid, signal.SIGKILL) for pid in pids):
            raise SystemTestError(f"There was no {kill.kind} any more, at the place: {kill.place}.")
        self._note(kill)
        if kill.place in _WAITING:
            self._look()
        if kill.ends_attempt:
            self._places.begin_attempt()
            hold.close()
            self._look_at_journal(kill)
        else:
            self._go_on = hold.close
        if service is not None:
            self._recover = partial(
                _until, lambda: service.starts > starts, f"{service.name} was not restarted"
            )

    def _find(self, kill: Kill) -> tuple[list[int], Service | None]:
        """Find whom to kill, and what is restarted then."""
        services = self._airflow.services
        if kill.kind in {at.SCHEDULER, at.TRIGGERER}:
            service = services[kill.kind]
            _until(lambda: service.running, f"there is no {kill.kind}")
            return [service.pid], service
        workers = [services["worker-1"], services["worker-2"]]
        if kill.place in _WAITING:
            idle = self._chance.choice(workers)
            return [each.pid for each in members({idle.pid})], idle
        _until(lambda: bool(self._airflow.supervisors()), "no task is running")
        pairs = self._airflow.supervisors()
        if kill.kind == at.SUPERVISOR:
            return [supervisor.pid for supervisor, _ in pairs], None
        for worker in workers:
            with suppress(ProcessLookupError):
                if os.getsid(pairs[0][1].pid) == worker.pid:
                    # Its tasks die with it, as with a machine.
                    return [each.pid for each in members({worker.pid})], worker
        raise SystemTestError("The task runs in no worker.")

    def _note(self, kill: Kill) -> None:
        batches, attempt = self._sinch.batches(), self._places.state()[1]
        struck = Struck(len(self.done) + 1, kill.kind, kill.place, batches, attempt, round(elapsed(), 1))
        self.done.append(struck)
        with self._record.open("a") as file:
            file.write(json.dumps(asdict(struck) | {"time": time.time()}) + "\n")
        say(f"kill {struck.number}: {kill.kind}, {kill.place}, {batches} batches, attempt {attempt}")

    def _look_at_journal(self, kill: Kill) -> None:
        if kill.place != at.INTENT:
            return
        try:
            _until(self._places.has_written, "", _WRITTEN)
        except SystemTestError:
            self.missed.append(f"kill {len(self.done)} came before its intent was written")


def _until(check: Callable[[], bool], otherwise: str, patience: float = _RESTART) -> None:
    end = time.monotonic() + patience
    while not check():
        if time.monotonic() > end:
            raise SystemTestError(f"After {patience:.0f} s, {otherwise}.")
        time.sleep(0.05)
