"""The sandbox in its own process, which is never killed, and its controls."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from sinch_sandbox.client import SandboxClient
from tests.unit.sms.proxying import Proxy

#: The sandbox closes connections that have been idle for five seconds.
_IDLE: Final = 2.0
#: The sandbox's name behind a proxy; no name server knows it.
_BEYOND: Final = "sinch.test"


class Sandbox:
    """A running sandbox with a manual clock."""

    def __enter__(self) -> Self:
        # The token endpoint's limit is about real time, which does not pass here.
        command = [
            "-m",
            "sinch_sandbox",
            "--port",
            "0",
            "--clock",
            "manual",
            "--allow-host",
            _BEYOND,
        ]
        self._process = subprocess.Popen(
            [sys.executable, *command, "--set", "token_rate_limit=false"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        client = SandboxClient(self.url)
        self.proxy = Proxy(urlsplit(self.url).port or 0).__enter__()
        self.url_beyond = f"http://{_BEYOND}:{urlsplit(self.url).port}"
        self.connections = {"plan": client.connection, "project": client.project_connection}
        self._wire = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        self._used = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._wire.close()
        self.proxy.__exit__(None, None, None)
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Make a control call."""
        data = None if body is None else json.dumps(body)
        status, content = self._call(method, f"/sandbox/{path}", data, {"Content-Type": "application/json"})
        if status != 200:
            raise RuntimeError(f"{method} {path}: {status} {content.decode()}")
        return json.loads(content)

    def _call(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        self._keep_open()
        try:
            self._wire.request(method, path, body, headers)
            answer = self._wire.getresponse()
            return answer.status, answer.read()
        except Exception:
            # The next call belongs to another schedule and opens a new connection.
            self._wire.close()
            raise

    def _keep_open(self) -> None:
        """Reconnect if the sandbox may soon close a connection that was idle."""
        now = time.monotonic()
        if now - self._used > _IDLE:
            self._wire.close()
        self._used = now

    def begin(self) -> str:
        """Reset the sandbox and return its time."""
        now: str = self.control("POST", "reset")["now"]
        return now

    def arm(self, faults: list[dict[str, Any]]) -> None:
        """Arm faults."""
        if faults:
            self.control("PUT", "faults", faults)

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self.control("POST", "clock", {"advance": seconds})

    def struck(self) -> list[dict[str, Any]]:
        """The armed faults, each with how often it struck."""
        found: list[dict[str, Any]] = self.control("GET", "faults")["faults"]
        return found

    def send(self, body: dict[str, Any]) -> str:
        """Send a batch as somebody else on the service plan does; give its id."""
        batch_id: str = json.loads(self._as_others("POST", "batches", json.dumps(body)))["id"]
        return batch_id

    def cancel(self, batch_id: str) -> None:
        """Cancel a batch as a person does, if it is the service plan's."""
        self._as_others("DELETE", f"batches/{batch_id}")

    def _as_others(self, method: str, path: str, body: str | None = None) -> bytes:
        details = self.connections["plan"]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {details['password']}"}
        return self._call(method, f"/xms/v1/{details['login']}/{path}", body, headers)[1]

    def batches(self) -> list[dict[str, Any]]:
        """All batches, of both accounts."""
        found: list[dict[str, Any]] = self.control("GET", "batches?limit=10000")["batches"]
        return found

    def finds_everybody_once(self, numbers: list[str]) -> bool:
        """The sandbox's own verdict."""
        verdict: bool = self.control("POST", "ledger", {"expected": numbers, "show": "none"})["valid"]
        return verdict

    def ledger(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """All batches and all messages."""
        return self.batches(), self.control("GET", "messages?limit=10000")["messages"]
