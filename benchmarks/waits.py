"""What waiting costs: up to 10,000 waits in one process, with a limit of 1,024 file descriptors."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from figures import Figure, Plot, Ratio, Result, main
from ledger import Controlled, Ledger, connection

SIZES: Final = (10, 100, 1000, 10_000)
MOST: Final = SIZES[-1]
#: As many sessions as file descriptors allow, less those that a process needs anyway.
SESSIONS: Final = 900
DESCRIPTORS: Final = 1024
#: Seconds for which CPU is counted: each wait looks about twice.
WINDOW: Final = 20.0
#: Seconds for the first wait to load what all need.
_LOADED: Final = 3.0
_TICK: Final = 0.01
_SAMPLE: Final = 0.25
_KINDS: Final = {
    "poller": ("sinch_provider.triggers.batches", "SinchBatchTrigger"),
    "session": ("idle_triggers", "SessionPerWait"),
    "empty": ("idle_triggers", "Empty"),
}


# --- the process that waits


class Waiting:
    """Runs triggers as Airflow's trigger runner does: a task each, which takes the events."""

    def __init__(self, kind: str, batch_ids: Sequence[str], url: str, watched: bool) -> None:
        module, name = _KINDS[kind]
        self._trigger: Any = getattr(import_module(module), name)
        self._batch_ids = batch_ids
        self._port = f":{int(url.rpartition(':')[2]):04X}"
        self._watched = watched
        self.fired: list[float] = []
        self.failed: list[str] = []
        self.late: list[float] = []
        # The same without the time that Python's garbage collector took.
        self.own: list[float] = []
        self._collecting = self._collected = 0.0
        self.connections = self.descriptors = 0

    async def run(self, commands: asyncio.Queue[str], answer: Any) -> None:
        before = _resident()
        # The first loads modules, once in the life of a triggerer.
        tasks = [asyncio.create_task(self._wait(self._batch_ids[0]))]
        await asyncio.sleep(_LOADED)
        watching = asyncio.create_task(self._watch()) if self._watched else None
        for id_ in self._batch_ids[1:]:
            tasks.append(asyncio.create_task(self._wait(id_)))
            # Twice, as the runner does for each trigger.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        answer({"started": True})
        while await commands.get() == "mark":
            if not self._watched:
                self._sample()
            answer({"cpu": time.process_time(), "memory": _resident() - before})
        await asyncio.wait(tasks, timeout=120)
        if watching:
            watching.cancel()
        answer(
            {
                "fired": self.fired,
                "failed": [*self.failed, *["did not fire"] * sum(not task.done() for task in tasks)],
                "late": self.late,
                "own": self.own,
                "connections": self.connections,
                "descriptors": self.descriptors,
            }
        )
        for task in tasks:
            task.cancel()

    async def _wait(self, id_: str) -> None:
        try:
            async for event in self._trigger(batch_ids=[id_]).run():
                if event.payload["status"] == "finished":
                    self.fired.append(time.time())
                else:
                    self.failed.append(event.payload["message"])
        except Exception as error:
            self.failed.append(type(error).__name__)

    async def _watch(self) -> None:
        """Note how late the event loop is, and how many connections there are."""
        gc.callbacks.append(self._collect)
        sample_at = 0.0
        while True:
            due, collected = time.perf_counter() + _TICK, self._collected
            await asyncio.sleep(_TICK)
            now = time.perf_counter()
            self.late.append(now - due)
            self.own.append(max(now - due - (self._collected - collected), 0.0))
            if now > sample_at:
                sample_at = now + _SAMPLE
                self._sample()

    def _collect(self, phase: str, details: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.perf_counter()
        else:
            self._collected += time.perf_counter() - self._collecting

    def _sample(self) -> None:
        # That file has the connections of all processes.
        lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
        inodes = {f"socket:[{line[9]}]" for line in lines if line[2].endswith(self._port)}
        open_files = []
        for each in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                open_files.append(os.readlink(each))
        self.connections = max(self.connections, sum(each in inodes for each in open_files))
        self.descriptors = max(self.descriptors, len(open_files))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wait_here(kind: str, url: str, ids: str, watched: str) -> None:
    """Wait, as the commands on stdin say; answer with a line of JSON each."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    out = os.fdopen(os.dup(1), "w")
    # What Airflow and the waits log goes nowhere: where it goes in a triggerer is Airflow's choice.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)

    def answer(found: dict[str, Any]) -> None:
        out.write(json.dumps(found) + "\n")
        out.flush()

    batch_ids = json.loads(Path(ids).read_text())

    async def run() -> None:
        commands: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def listen() -> None:
            for line in sys.stdin:
                loop.call_soon_threadsafe(commands.put_nowait, line.strip())

        threading.Thread(target=listen, daemon=True).start()
        await Waiting(kind, batch_ids, url, watched == "watched").run(commands, answer)

    asyncio.run(run())
    os._exit(0)


# --- the process that measures


@dataclass(frozen=True)
class Found:
    """What one run found. Times are seconds, sizes are bytes."""

    cpu: float
    memory: float
    failed: int
    connections: int
    descriptors: int
    late: list[float]
    own: list[float]
    delays: list[float]


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Run:
    """A process that waits for some batches of a sandbox."""

    def __init__(self, kind: str, sandbox: Controlled, ids: list[str], folder: Path, watched: bool) -> None:
        self.count = len(ids)
        file = folder / f"{kind}-{len(ids)}.json"
        file.write_text(json.dumps(ids))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW_CONN_SINCH_DEFAULT": connection(sandbox.server.url),
        }
        arguments = [kind, sandbox.server.url, str(file), "watched" if watched else "alone"]
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--wait", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._mark: dict[str, Any] = {}
        self._cpu = 0.0

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def say(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def begin(self) -> None:
        self.say("mark")
        self._mark = self.answer()

    def end(self) -> None:
        self.say("mark")
        mark = self.answer()
        self._cpu = mark["cpu"] - self._mark["cpu"]
        self._mark = mark

    def finish(self, delivered: float) -> Found:
        self.say("finish")
        end = self.answer()
        self._process.wait()
        return Found(
            cpu=self._cpu,
            memory=self._mark["memory"],
            failed=len(end["failed"]),
            connections=end["connections"],
            descriptors=end["descriptors"],
            late=end["late"],
            own=end["own"],
            delays=[fired - delivered for fired in end["fired"]],
        )


def run_together(
    ledger: Ledger, folder: Path, kinds: Sequence[tuple[str, int]], watched: bool
) -> tuple[list[Found], int]:
    """Wait in several processes at the same time; each waits for batches of its own."""
    with ledger.serve() as sandbox:
        first, runs = 0, []
        for kind, count in kinds:
            runs.append(Run(kind, sandbox, ledger.batch_ids[first : first + count], folder, watched))
            first += count
        for run in runs:
            run.answer()
        # Until every wait has looked at its batch.
        while sandbox.calls("get") < first:
            time.sleep(0.2)
        for run in runs:
            run.begin()
        time.sleep(WINDOW)
        for run in runs:
            run.end()
        delivered = time.time()
        sandbox.deliver()
        found = [run.finish(delivered) for run in runs]
        return found, sandbox.calls("token")


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The power of x with which y grows, fitted on logarithms."""
    return statistics.linear_regression(
        [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    ).slope


def measure(rounds: int) -> Result:
    small = [("poller", size) for size in SIZES[:-1]] + [("session", SESSIONS)]
    values: dict[str, list[float]] = {}

    def note(key: str, value: float) -> None:
        values.setdefault(key, []).append(value)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger = Ledger(folder, MOST)
        for _ in range(rounds):
            found, _ = run_together(ledger, folder, small, watched=False)
            [most], tokens = run_together(ledger, folder, [("poller", MOST)], watched=True)
            runs = dict(zip(SIZES, [*found[:-1], most], strict=True))
            per_minute = 60 / WINDOW
            for size, run in runs.items():
                note(f"cpu.{size}", 1000 * run.cpu * per_minute / size)
            session = found[-1]
            note("session.cpu", 1000 * session.cpu * per_minute / SESSIONS)
            note("session.memory", session.memory / SESSIONS / 1024)
            note("session.connections", session.connections)
            note("growth", exponent([(size, run.cpu) for size, run in runs.items()]))
            note("failed", most.failed)
            note("connections", most.connections)
            note("descriptors", most.descriptors)
            note("tokens", tokens)
            note("memory", most.memory / MOST / 1024)
            note("stall", 1000 * percentile(most.late, 0.999))
            note("stall.own", 1000 * percentile(most.own, 0.999))
            note("delay.median", percentile(most.delays, 0.5))
            note("delay.99", percentile(most.delays, 0.99))

    def figure(key: str, title: str, unit: str, limit: float | None = None) -> Figure:
        return Figure(f"waits.{key}", title, unit, values[key], limit)

    figures = [
        *(figure(f"cpu.{size}", f"CPU per minute of a wait, of {size:,}", "ms") for size in SIZES),
        figure("session.cpu", f"CPU per minute of a wait with a session of its own, of {SESSIONS}", "ms"),
        figure("growth", "exponent with which CPU grows, 10 to 10,000 waits", "", 1.1),
        figure("memory", f"memory per wait, of {MOST:,}", "kB"),
        figure("session.memory", f"memory per wait with a session of its own, of {SESSIONS}", "kB"),
        figure("connections", f"connections to Sinch of {MOST:,} waits, at most", "", 32),
        figure(
            "session.connections",
            f"connections to Sinch of {SESSIONS} waits with a session each, at most",
            "",
        ),
        figure("descriptors", f"file descriptors in use with {MOST:,} waits, at most", "", DESCRIPTORS),
        figure("tokens", f"tokens fetched by {MOST:,} waits", "", 1),
        figure("failed", f"waits that failed, of {MOST:,}", "", 0),
        figure("stall", "how late the event loop is, 99.9th percentile", "ms", 100),
        figure("stall.own", "how late the event loop is without Python's garbage collector", "ms"),
        figure("delay.median", "from the final status to the event, median", "s"),
        figure("delay.99", "from the final status to the event, 99th percentile", "s"),
    ]
    return Result(
        name="waits",
        title="Waiting for batches in one process",
        floor="A wait looks once in each poll interval, 10 s by default, so events are 5 s late on average.",
        figures=figures,
        ratios=[
            Ratio(
                "waits.memory/session",
                "memory per wait, shared poller to session per wait",
                "waits.memory",
                "waits.session.memory",
            ),
            Ratio(
                "waits.cpu/session",
                "CPU per wait, shared poller to session per wait",
                "waits.cpu.1000",
                "waits.session.cpu",
            ),
        ],
        plots=[
            Plot(
                "waits-cpu",
                "CPU per minute of all waits",
                "waits",
                "ms",
                {
                    "shared poller": [
                        (size, size * statistics.median(values[f"cpu.{size}"])) for size in SIZES
                    ]
                },
                log=True,
                kind="lines",
            ),
            Plot("waits-memory", "Memory per wait (kB)", bars=["waits.memory", "waits.session.memory"]),
        ],
        notes=[
            f"A session per wait needs a socket per wait, so {DESCRIPTORS:,} descriptors allow {SESSIONS}.",
            "How late the event loop is, is measured from the second wait on: the first loads modules.",
            "All batches get their final status at the same moment, which is the worst case for the delay.",
            "The sandbox runs on the same machine, and the sizes up to 1,000 run at the same time.",
        ],
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--wait"]:
        wait_here(*sys.argv[2:])
    else:
        main(measure)
