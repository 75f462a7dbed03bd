"""Processes of the test, each in its own session, so that exactly these can be ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil


class SystemTestError(Exception):
    """The test cannot continue; the text says why."""


def stop_when_told() -> None:
    """Let the usual signals end this process as Ctrl-C does, with all that it has started."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def none_of(faults: Sequence[str]) -> bool:
    """Print what is wrong; whether nothing is."""
    for fault in faults:
        print(f"  WRONG  {fault}")
    return not faults


def free_port() -> int:
    """Find a port on the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def send(process: psutil.Process | int, number: int) -> bool:
    """Send a signal; whether the process was still there."""
    pid = process if isinstance(process, int) else process.pid
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def living(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def members(sessions: set[int]) -> list[psutil.Process]:
    """List the living processes of some sessions."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess, PermissionError):
            if os.getsid(process.pid) in sessions and living(process):
                found.append(process)
    return found


def title(process: psutil.Process) -> str:
    """Show what a process calls itself; Airflow's name the task instance they work for."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.NoSuchProcess:
        return ""


class Service:
    """
    A program that runs for the whole test, and is restarted when it dies.

    :param user: Run it as this user; None: as the user who runs the test.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.starts = 0
        #: Sessions of its earlier lives, in which children may have outlived it.
        self.former: set[int] = set()
        self._command = list(command)
        self._environment = dict(environment)
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it in its own session."""
        if self._process is not None:
            self.former.add(self._process.pid)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user,
                group=self._user,
            )
        self.starts += 1

    @property
    def sessions(self) -> set[int]:
        current = {self._process.pid} if self._process is not None else set()
        return current | self.former

    def bury(self) -> None:
        """End what its earlier lives have left behind."""
        for process in members(self.former):
            send(process, signal.SIGKILL)
        self.former.clear()

    def end(self, patience: float = 10) -> None:
        """End it and everything it has started."""
        if self.running and patience:
            send(self.pid, signal.SIGCONT)
            send(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)  # type: ignore[union-attr]
        for _ in range(50):
            left = members(self.sessions)
            for process in left:
                send(process, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.1)
        if self._process is not None:
            self._process.wait()

    def complaint(self) -> str:
        """Quote the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-30:])


def run(command: Sequence[str], environment: Mapping[str, str], log: Path, user: str | None = None) -> None:
    """Run a command to its end; its output matters only if it fails."""
    service = Service(log.stem, command, environment, log.parent, user)
    service.start()
    try:
        deadline = time.monotonic() + 300
        while service.running:
            if time.monotonic() > deadline:
                raise SystemTestError(f"{command[0]} did not end within 300 s:\n{service.complaint()}")
            time.sleep(0.1)
        code = service._process.returncode  # type: ignore[union-attr]
    finally:
        service.end(0)
    if code:
        raise SystemTestError(f"{' '.join(command)} failed ({code}):\n{service.complaint()}")
