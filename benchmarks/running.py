"""A sandbox in a process of its own, and what it costs that process."""

from __future__ import annotations

import http.client
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from figures import Figure

PLAN = "sandbox-plan"
TOKEN = "sandbox-token"

_TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """The command ``sinch-sandbox`` with a ledger of its own."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self._process = process

    @property
    def address(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_seconds(self) -> float:
        """What the process has used so far, of all cores."""
        # The name in the second field may hold blanks, so count from its closing bracket.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> tuple[float, float]:
        """Resident set in MB: now, and the highest so far."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        sizes = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        return int(sizes["VmRSS"][0]) / 1024, int(sizes["VmHWM"][0]) / 1024

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def server(db: Path, *arguments: str) -> Iterator[Server]:
    """Start a sandbox. If there are two cores, it has its own: it would empty the caches of its clients."""
    command = [sys.executable, "-m", "sinch_sandbox", "--port", "0", "--db", str(db), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, _apart(process.pid):
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url.startswith("http://"):
                raise SystemExit("The sandbox did not start; its message is above.")
            yield Server(url, process)
        finally:
            process.kill()


@contextmanager
def _apart(pid: int) -> Iterator[None]:
    """Keep another process and this one on different cores, where the system can do that."""
    if sys.platform != "linux" or len(cores := os.sched_getaffinity(0)) == 1:
        yield
        return
    os.sched_setaffinity(pid, {max(cores)})
    os.sched_setaffinity(0, cores - {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


#: A note for figures of :func:`figures_of`.
CPU_LIMIT: Final = (
    "The limit is for the CPU of the server, which has one thread: other programs change wall times."
)


def figures_of(
    name: str,
    what: str,
    unit: str,
    titles: Mapping[str, str],
    found: Mapping[str, Sequence[tuple[float, float]]],
    limit: float,
) -> list[Figure]:
    """
    Make figures of what a server took: by the wall clock, and of its own CPU, which has the limit.

    :param name: Of the benchmark.
    :param what: What one value is of.
    :param titles: What was measured, by key.
    :param found: Both values of each round, by the same keys.
    """
    clocks = (("wall", f"Wall time of {what}", None), ("cpu", f"The server's CPU of {what}", limit))
    return [
        Figure(f"{name}.{key}.{clock}", f"{of}, {title}", unit, [each[at] for each in found[key]], most)
        for at, (clock, of, most) in enumerate(clocks)
        for key, title in titles.items()
    ]


class RefusedError(Exception):
    """A call that had to succeed was answered otherwise."""


class Caller:
    """One client with one kept connection, as lean as Python allows: the server is what is measured."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection(server.address, timeout=60)
        self._headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, self._headers)
        reply = self._connection.getresponse()
        return reply.status, reply.read()

    def send(self, body: bytes) -> dict[str, Any]:
        """The accepted batch."""
        status, answer = self.call("POST", f"/xms/v1/{PLAN}/batches", body)
        if status != 201:
            raise RefusedError(f"send: {status} {answer[:300]!r}")
        batch: dict[str, Any] = json.loads(answer)
        return batch

    def close(self) -> None:
        self._connection.close()


def number(index: int) -> str:
    """One of a million numbers that nobody can have: no country has the code 999."""
    return f"+999000{index:06}"


def batch(first: int, size: int = 1000, **fields: Any) -> bytes:
    """The body of a send to consecutive numbers."""
    to = [number(index) for index in range(first, first + size)]
    return json.dumps({"to": to, "from": "Bistro", "body": "Doors open at 19:00.", **fields}).encode()


def chromium() -> str | None:
    """The path of the browser; None if there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def machine() -> str:
    """What a figure has to be read with."""
    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    return (
        f"{time.strftime('%Y-%m-%d')}, {cores} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load {load:.1f} before the run"
    )
