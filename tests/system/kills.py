"""Who is killed, when and how: a schedule drawn from a seed."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
import redis

from tests.system.cluster import HEARTBEAT_TIMEOUT, Airflow
from tests.system.metadata import Metadata
from tests.system.processes import members, send, title
from tests.system.services import Redis

KILL: Final = "KILL"
TERM: Final = "TERM"
STOP: Final = "STOP"
_NUMBERS: Final = {KILL: signal.SIGKILL, TERM: signal.SIGTERM, STOP: signal.SIGSTOP}

#: Share of the kills by target and signal, for both executors.
_COMMON: Final = {
    ("task", KILL): 22,
    ("task", TERM): 8,
    ("task", STOP): 5,
    ("supervisor", KILL): 18,
    ("supervisor", TERM): 4,
    ("supervisor", STOP): 4,
    ("supervisor and task", KILL): 10,
    ("supervisor and task", STOP): 8,
    ("triggerer", KILL): 7,
    ("triggerer", TERM): 2,
    ("scheduler", KILL): 5,
    ("scheduler", STOP): 1,
    ("api-server", KILL): 2,
}
_ONLY: Final = {
    "local": {("scheduler and workers", KILL): 4},
    "celery": {
        ("worker", KILL): 5,
        ("worker and tasks", KILL): 6,
        ("worker", TERM): 2,
        ("message redelivered", "-"): 8,
        ("message lost", "-"): 4,
        ("broker", KILL): 2,
    },
}
_PATIENCE: Final = 20.0
_TASK_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
#: Share of the strikes at tasks that look for one whose request is on its way.
_AIMED: Final = 0.6
#: Pauses end before Airflow gives a task up, after it, or after a retry has looked for a batch and sent.
_PAUSES: Final = {
    "alive": (1.0, HEARTBEAT_TIMEOUT - 3.0),
    "replaced": (HEARTBEAT_TIMEOUT + 2.0, 2.0 * HEARTBEAT_TIMEOUT),
    "succeeded": (75.0, 90.0),
}
#: Tasks so new have not sent yet, most likely.
_NEW_SECONDS: Final = 1.0
#: Tasks so young are still sending, most likely.
_YOUNG_SECONDS: Final = 8


def schedule(executor: str, count: int, chance: random.Random) -> list[tuple[str, str]]:
    """Draw what to kill, each kind by its share, in random order."""
    shares = {**_COMMON, **_ONLY[executor]}
    total = sum(shares.values())
    kinds = [kind for kind, share in shares.items() for _ in range(count * share // total)]
    # What rounding has left over goes to the kinds that got nothing, then by share.
    none = [kind for kind in shares if kind not in kinds]
    chance.shuffle(none)
    kinds += none[: count - len(kinds)]
    kinds += chance.choices(list(shares), list(shares.values()), k=count - len(kinds))
    chance.shuffle(kinds)
    return kinds


@dataclass(frozen=True)
class Kill:
    """One that was carried out."""

    executor: str
    at: float
    target: str
    signal: str
    pids: list[int]
    tasks: list[str]
    """Ids of the task instances that the processes worked for."""
    seconds: float | None = None


class Killer(threading.Thread):
    """Carries out a schedule of kills, a random while apart."""

    def __init__(
        self,
        airflow: Airflow,
        metadata: Metadata,
        broker: Redis | None,
        count: int,
        seconds: float,
        seed: int,
        record: Path,
    ) -> None:
        super().__init__(name="killer")
        self.done: list[Kill] = []
        self.failed: BaseException | None = None
        self.stopping = threading.Event()
        self._airflow = airflow
        self._metadata = metadata
        self._broker = broker
        self._chance = random.Random(f"{seed}/{airflow.executor}/kills")
        self._schedule = schedule(airflow.executor, count, self._chance)
        self._mean_pause = seconds / max(count, 1)
        self._record = record
        self._began = time.monotonic()
        self._to_wake: list[tuple[float, list[int]]] = []

    def run(self) -> None:
        self._began = time.monotonic()
        try:
            for target, how in self._schedule:
                self._pause(self._chance.uniform(0.3, 1.7) * self._mean_pause)
                if self.stopping.is_set():
                    break
                self._strike(target, how)
            while self._to_wake and not self.stopping.is_set():
                self._pause(0.5)
        except BaseException as error:
            self.failed = error
        finally:
            for _, pids in self._to_wake:
                _signal_all(pids, signal.SIGCONT)

    @property
    def table(self) -> Counter[tuple[str, str]]:
        return Counter((kill.target, kill.signal) for kill in self.done)

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.stopping.is_set():
            now = time.monotonic()
            for due, pids in self._to_wake:
                if due <= now:
                    _signal_all(pids, signal.SIGCONT)
            self._to_wake = [each for each in self._to_wake if each[0] > now]
            if now >= deadline:
                return
            self.stopping.wait(0.1)

    def _strike(self, target: str, how: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        pause = self._chance.choice(sorted(_PAUSES)) if target.startswith("supervisor") else "replaced"
        while not self.stopping.is_set():
            if struck := self._try(target, how, early=how == STOP and pause == "succeeded"):
                pids, tasks = struck
                seconds = None
                if how == STOP:
                    seconds = self._chance.uniform(*_PAUSES[pause])
                    self._to_wake.append((time.monotonic() + seconds, pids))
                self._note(Kill(self._airflow.executor, self._now(), target, how, pids, tasks, seconds))
                return
            if time.monotonic() > deadline:
                # Nobody of this kind is there: rather another than none.
                target, how, deadline = "task", KILL, deadline + _PATIENCE
            self._pause(0.3)

    def _now(self) -> float:
        return round(time.monotonic() - self._began, 2)

    def _note(self, kill: Kill) -> None:
        self.done.append(kill)
        with self._record.open("a") as file:
            file.write(json.dumps(asdict(kill) | {"time": time.time()}) + "\n")

    def _try(self, target: str, how: str, early: bool) -> tuple[list[int], list[str]] | None:
        """
        Strike a target; None if there is none at the moment.

        :param early: Only a task that has just begun, and has not sent yet.
        """
        if target.startswith("message"):
            return self._message(target)
        pids = self._pids(target, early)
        if not pids:
            return None
        tasks = _tasks_of(pids)
        return (pids, tasks) if _signal_all(pids, _NUMBERS[how]) else None

    def _pids(self, target: str, early: bool) -> list[int]:
        services = self._airflow.services
        match target:
            case "task" | "supervisor" | "supervisor and task":
                pair = self._pair(early)
                if pair is None:
                    return []
                supervisor, task = pair
                # The supervisor first: it must not see its task end.
                all_pids = {"task": [task.pid], "supervisor": [supervisor.pid]}
                return all_pids.get(target, [supervisor.pid, task.pid])
            case "scheduler and workers":
                service = services["scheduler"]
            case "worker" | "worker and tasks":
                service = services[self._chance.choice(["worker-1", "worker-2"])]
            case "broker":
                service = services["redis"]
            case _:
                service = services[target]
        if not service.running:
            return []
        # One that is still starting has nothing to lose.
        if _age(psutil.Process(service.pid)) < 5:
            return []
        if target in {"scheduler and workers", "worker and tasks"}:
            return [service.pid, *(each.pid for each in members({service.pid}) if each.pid != service.pid)]
        return [service.pid]

    def _pair(self, early: bool) -> tuple[psutil.Process, psutil.Process] | None:
        """Choose a supervisor with its task, most likely one that is sending."""
        pairs = [pair for pair in self._airflow.supervisors() if not _paused(pair)]
        if early:
            pairs = [pair for pair in pairs if _age(pair[1]) < _NEW_SECONDS]
        if not pairs:
            return None
        sending = self._sending() if not early and self._chance.random() < _AIMED else set()
        aimed = [pair for pair in pairs if sending.intersection(_tasks_of([pair[1].pid]))]
        young = [pair for pair in pairs if _age(pair[1]) < _YOUNG_SECONDS]
        return self._chance.choice(aimed or young or pairs)

    def _sending(self) -> set[str]:
        with contextlib.suppress(psycopg.OperationalError):
            return self._metadata.sending()
        return set()

    def _message(self, target: str) -> tuple[list[int], list[str]] | None:
        """Deliver a message twice, or lose it, behind the back of its worker."""
        assert self._broker is not None
        client: Any = self._broker.client
        try:
            held = list(client.hgetall("unacked").items())
            if not held:
                return None
            tag, value = self._chance.choice(held)
            message, _, queue = json.loads(value)
            if target == "message redelivered":
                client.lpush(queue, json.dumps(message))
            else:
                client.hdel("unacked", tag)
                client.zrem("unacked_index", tag)
        except redis.RedisError:
            return None
        return [], _TASK_ID.findall(base64.b64decode(message["body"]).decode(errors="replace"))[:1]


def _signal_all(pids: list[int], number: int) -> bool:
    # No `any`: all of them get it.
    return sum(send(pid, number) for pid in pids) > 0


def _paused(processes: Iterable[psutil.Process]) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(each.status() == psutil.STATUS_STOPPED for each in processes)
    return True


def _age(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        return time.time() - process.create_time()
    return 0.0


def _tasks_of(pids: list[int]) -> list[str]:
    """Read from the titles of processes whom they work for."""
    titles = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            titles.append(title(psutil.Process(pid)))
    return sorted(set(_TASK_ID.findall(" ".join(titles))))
